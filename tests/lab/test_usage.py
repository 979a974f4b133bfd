"""From observe to enforce on a real router: the plan tells what the office used meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from komando.lab.city import City
from tests.lab.conftest import komando, on_router, own_city
from tests.lab.desk import REPOSITORY

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

OFFICE = "inspektorat"
CEILING = "ceiling: 60 Mbit/s"
PORT = 20900
HOURS = "sudo komando-host hours"

LOAD = 50_000_000
"""bit/s as the policy states rates; the lab divides them."""


@pytest.fixture(scope="module")
def router() -> Iterator[City]:
    with own_city("u", "--offices", "3") as made:
        yield made


def policies(folder: Path, mode: str) -> str:
    shutil.copytree(REPOSITORY / "policies", folder)
    office = folder / "opd" / f"{OFFICE}.yaml"
    text = office.read_text()
    assert CEILING in text
    assert "mode:" not in text
    office.write_text(text.replace(CEILING, f"ceiling: 40 Mbit/s\nmode: {mode}"))
    return str(folder)


def plan(city: City, folder: str, *rest: str) -> subprocess.CompletedProcess[str]:
    done = komando(
        "plan", "--inventory", "lab", "--lab", city.name, "--policies", folder, "--no-diff", *rest,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    return done


def overuse(city: City, folder: str) -> dict[str, dict[str, Any]]:
    (host,) = json.loads(plan(city, folder, "--format", "json").stdout)["hosts"]
    return {one["direction"]: one for one in host["overuse"]}


def questions(city: City) -> int:
    log = on_router(city, "journalctl -q --no-pager _COMM=sudo | grep -c 'komando-host usage'",
                    check=False)  # fmt: skip
    return int(log)


def test_a_plan_to_enforce_tells_what_the_office_used_while_it_was_observed(
    router: City, tmp_path: Path
) -> None:
    observed, enforced = policies(tmp_path / "o", "observe"), policies(tmp_path / "e", "enforce")
    lab = ("--inventory", "lab", "--lab", router.name, "--no-verify")
    komando("apply", *lab, "--policies", observed)
    assert questions(router) == 0
    unmeasured = plan(router, enforced).stdout
    assert "download: not measured yet: observe it for a week first" in unmeasured
    assert questions(router) == 1
    on_router(router, HOURS)
    with downloading(router):
        for _ in range(3):
            time.sleep(33)
            on_router(router, HOURS)
    said = overuse(router, enforced)
    down, up = said["down"], said["up"]
    assert (down["slug"], down["enforced"], down["ceiling"]) == (OFFICE, True, "40 Mbit/s")
    assert down["minutes"] >= 1
    assert 1 <= down["above"] <= down["minutes"]
    number, unit = down["most"].split()
    assert unit == "Mbit/s"
    assert 44 < float(number) < 55, "50 Mbit/s and headers, less what the first reading lacks"
    assert up["above"] == 0
    text = plan(router, enforced).stdout
    assert "What would have been cut in the last week" in text
    assert f"({OFFICE}), download: above the new ceiling of 40 Mbit/s in {down['above']} of" in text
    assert "which is less than a week" in text
    asked = questions(router)
    komando("plan", "--inventory", "lab", "--lab", router.name, "--policies", observed)
    assert questions(router) == asked, "nobody is asked where nobody is held back"


class downloading:  # noqa: N801 - it reads as `with downloading(city)`
    """A paced stream from the internet to the office."""

    def __init__(self, city: City) -> None:
        inside = city.place.enter
        self.server = [*inside("internet"), "iperf3", "-s", "-1", "-p", str(PORT)]
        self.client = [
            *inside(OFFICE), "iperf3", "-c", city.internet_v4, "-p", str(PORT), "-t", "600",
            "-R", "-u", "-l", "1400", "-b", str(LOAD // city.divisor), "--pacing-timer",
            "20000",
        ]  # fmt: skip

    def __enter__(self) -> None:
        quiet = subprocess.DEVNULL
        self.running = [subprocess.Popen(self.server, stdout=quiet, stderr=quiet)]
        time.sleep(1)
        self.running.append(subprocess.Popen(self.client, stdout=quiet, stderr=quiet))
        time.sleep(1)
        assert all(one.poll() is None for one in self.running)

    def __exit__(self, *_: object) -> None:
        for one in reversed(self.running):
            one.kill()
            one.wait()
