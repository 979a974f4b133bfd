"""A controller at work: in its own container, as its user, with its own key, code and packages.

Its inventory is of production's form, in a folder of its user; no namespace is entered for it.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from komando.lab.prepare import preparation, prepare_machines
from komando.wheelhouse import LOCK
from tests.lab.conftest import CONTROLLER_1 as NAME
from tests.lab.conftest import FORGE, HOME, Controller, Members, on_machine
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

PATIENCE = 20.0
"""Seconds until Prometheus has asked everyone; it asks every two."""

NUMBERS = (
    "komando_site_info",
    "komando_site_guarantee_bytes_per_second",
    "komando_site_ceiling_bytes_per_second",
    "komando_site_sent_bytes_total",
    "komando_site_sent_packets_total",
    "komando_site_dropped_packets_total",
    "komando_site_backlog_bytes",
)


def test_a_new_one_tells_the_keys_that_others_have_to_know(members: Members) -> None:
    said = " ".join(members.prepared[NAME]["said"])
    for name in ("deploy", "forge"):
        assert on_machine(members.city, NAME, f"cat {HOME}/.ssh/{name}.pub").strip() in said
        found = on_machine(members.city, NAME, f"stat -c '%U %a' {HOME}/.ssh/{name}")
        assert found == "controller 600\n"


def test_it_has_a_way_to_the_machines_and_to_nothing_else(controller: Controller) -> None:
    assert controller.root("ip route").splitlines() == [
        "10.255.0.0/24 dev mgmt0 proto kernel scope link src 10.255.0.3 "
    ]
    assert controller.root("ip -6 route show default") == ""


def test_it_plans_and_applies_by_itself(controller: Controller) -> None:
    where = f"--inventory {HOME}/kota"
    planned = controller.run(f"komando plan {where} --out plan.json")
    assert planned.returncode == 2, planned.stderr
    applied = controller.run(f"komando apply {where} plan.json")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert re.search(r"(?m)^core-1 runs ", applied.stdout)
    assert re.search(r"(?m)^core-1: \d+ checks hold$", applied.stdout)
    again = controller.run(f"komando plan {where}")
    assert again.returncode == 0, again.stdout + again.stderr
    entry = controller.run("git log --format=%an%n%s -1 origin/deployments/kota").stdout
    assert "root" in entry, "the ledger names whoever became the user"


def test_its_prometheus_has_each_number_of_each_office(controller: Controller) -> None:
    on_machine(controller.members.city, "core-1", "/usr/local/sbin/komando-host hours")
    sites = {path.stem for kind in ("opd", "hotspots") for path in _policies(kind)}
    everyone = set(controller.members.city.machines)
    until = time.monotonic() + PATIENCE
    while True:
        up = {one["instance"] for one in controller.query("up == 1")}
        found = controller.query('{__name__=~"komando_site_.*"}')
        seen = {name: {one["slug"] for one in found if one[""] == name} for name in NUMBERS}
        if up == everyone and all(slugs == sites for slugs in seen.values()):
            return
        assert time.monotonic() < until, (up, {name: sites - seen[name] for name in NUMBERS})
        time.sleep(0.5)


def test_its_clone_only_goes_forward(controller: Controller) -> None:
    begun = controller.run(
        "git push -q origin HEAD:refs/heads/main;"
        f"git -C {FORGE} symbolic-ref HEAD refs/heads/main; komando-pull"
    )
    assert begun.stdout.startswith("already at "), begun.stderr
    here = controller.run("git rev-parse HEAD").stdout
    made = "git -c user.name=n -c user.email=n commit-tree -m change"
    forward = controller.run(
        f"git push -q origin $({made} -p HEAD HEAD^{{tree}}):refs/heads/main; komando-pull"
    )
    assert " -> " in forward.stdout, forward.stderr
    ahead = controller.run("git rev-parse HEAD").stdout
    assert ahead != here

    for what in (
        f"{made} HEAD^{{tree}}",
        f"echo {here.strip()}",
    ):  # another history; its end cut off
        refused = controller.run(
            f"git push -q --force origin $({what}):refs/heads/main; komando-pull"
        )
        assert refused.returncode == 1
        assert "does not go on from it; the clone stays at" in refused.stderr
        assert controller.run("git rev-parse HEAD").stdout == ahead

    controller.run(f"git -C {FORGE} update-ref refs/heads/main {ahead.strip()}")
    changed = controller.run(
        f"git push -q origin $({made} -p HEAD HEAD~2^{{tree}}):refs/heads/main;"
        "echo >>README.md; komando-pull; code=$?; git checkout -q README.md; exit $code"
    )
    assert (changed.returncode, changed.stdout) == (1, ""), changed.stderr
    assert "files were changed here by hand" in changed.stderr


def test_a_lock_that_came_with_a_pull_is_told(controller: Controller) -> None:
    lock = f"roles/controller/files/{LOCK}"
    told = controller.run(
        f"git push -q --force origin HEAD:refs/heads/main; echo >>{lock}; komando-pull;"
        f"git checkout -q {lock}"
    )
    assert "the environment is another than the lock asks for" in told.stderr


def test_what_a_run_left_undone_the_next_one_does(controller: Controller) -> None:
    """Cut off after Prometheus' settings were laid, and before it was restarted with them."""
    city = controller.members.city
    settings = "/etc/default/prometheus"
    controller.root(
        f"cp {settings} /root/kept; sed -i s/400d/1d/ {settings}; systemctl restart prometheus;"
        f"cat /root/kept >{settings}; rm /root/kept"
    )
    folder = REPOSITORY / "inventories/lab"
    order = preparation(city.place, folder, [city.machines[NAME]], REPOSITORY / "roles")
    assert prepare_machines(order, lambda _, __: None) == 1
    assert "retention.time=400d" in controller.root("ps -o args= -C prometheus")


def _policies(kind: str) -> list[Any]:
    return list((REPOSITORY / "policies" / kind).glob("*.yaml"))
