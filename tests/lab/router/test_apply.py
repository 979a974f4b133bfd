"""Plan, apply and verify on a real router: from nothing, after an edit, after damage."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from komando.lab.city import City
from tests.lab.conftest import komando, on_router
from tests.lab.desk import REPOSITORY

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No generation is known on the controller: what runs has to be fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def verb(name: str, city: City, *rest: str) -> subprocess.CompletedProcess[str]:
    return komando(name, "--inventory", "lab", "--lab", city.name, *rest, check=False)


@pytest.fixture
def applied(router: City) -> City:
    """The router with the policies of the repository in force."""
    done = verb("apply", router)
    assert done.returncode == 0, done.stderr + done.stdout
    return router


def edited(folder: Path) -> Path:
    policies = folder / "policies"
    shutil.copytree(REPOSITORY / "policies", policies)
    office = policies / "opd/dinas-kesehatan.yaml"
    text = office.read_text()
    assert "guarantee: 20 Mbit/s" in text
    office.write_text(text.replace("guarantee: 20 Mbit/s", "guarantee: 25 Mbit/s"))
    return policies


def test_the_second_apply_changes_nothing(applied: City) -> None:
    before = on_router(applied, "journalctl -q --no-pager _COMM=sudo | grep -c COMMAND")
    again = verb("apply", applied)
    assert again.returncode == 0
    assert "Nothing changes" in again.stdout
    after = on_router(applied, "journalctl -q --no-pager _COMM=sudo | grep -c COMMAND")
    assert int(after) - int(before) == 1, "the one question, and no exec beyond it"
    assert verb("plan", applied).returncode == 0


def test_the_shaper_sees_real_frames(applied: City) -> None:
    for interface in (*applied.router.interfaces.values(), "ifb0"):
        shown = on_router(applied, f"ethtool -k {interface}")
        for offload in ("tcp-segmentation", "generic-segmentation", "generic-receive"):
            assert f"{offload}-offload: off" in shown


def test_an_edit_goes_there_and_back_in_place(applied: City, tmp_path: Path) -> None:
    policies = str(edited(tmp_path))
    plan = verb("plan", applied, "--policies", policies, "--no-diff")
    assert plan.returncode == 2, plan.stderr
    assert "Dinas Kesehatan (dinas-kesehatan)" in plan.stdout
    assert "20 Mbit/s -> 25 Mbit/s" in plan.stdout
    assert f"{policies}/opd/dinas-kesehatan.yaml:" in plan.stdout
    there = verb("apply", applied, "--policies", policies)
    assert there.returncode == 0, there.stderr
    assert "classes changed in place" in there.stdout
    assert verb("verify", applied).returncode == 1, "the policies of the repository do not run"
    back = verb("apply", applied)
    assert back.returncode == 0, back.stderr
    assert "25 Mbit/s -> 20 Mbit/s" in back.stdout


DAMAGE = {
    "tc qdisc del dev ifb0 root": "every class stands where it should with its rates (down)",
    "nft delete table inet shaper": "the kernel holds all that the host program put there",
    "tc qdisc del dev lan0 clsact": "downloads pass the tree on each lan",
    "ip route flush proto 75": "every network has its route",
    "sysctl -qw net.ipv4.ip_forward=0": "settings are in force",
    # first of all, else it would repair the rest before anybody looks
    "systemctl stop komando-hours.timer": "the host program is ours and looks every minute",
}


def test_damage_is_seen_and_repaired(applied: City) -> None:
    try:
        on_router(applied, " && ".join(reversed(DAMAGE)))
        done = verb("verify", applied, "--format", "json")
        assert done.returncode == 1
        broken = {one["name"] for one in json.loads(done.stdout) if one["trouble"]}
        assert broken >= set(DAMAGE.values())
        plan = verb("plan", applied)
        assert plan.returncode == 2
        assert "to be repaired; the host says: missing" in plan.stdout
    finally:
        on_router(applied, "systemctl start komando-hours.timer")
    mended = verb("apply", applied)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert verb("verify", applied).returncode == 0


def test_a_city_that_is_not_up_says_how_to_make_it(spare: str) -> None:
    done = komando("plan", "--inventory", "lab", "--lab", spare, check=False)
    assert done.returncode == 1
    assert f"komando lab up --name {spare}" in done.stderr
