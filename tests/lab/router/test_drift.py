"""Changes by hand on a real router: seen by `komando drift`, shown as diffs, repaired."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest

from komando.lab.city import City
from tests.lab.conftest import komando, on_router

pytestmark = pytest.mark.lab

STOP = "systemctl disable --now --quiet komando-hours.timer"
"""First of all: else the minute's look would mend the kernel before anybody sees it."""

BY_HAND = {
    "sed -i 's/^# .*/# mine/' /etc/komando/network": "file etc/komando/network",
    "nft insert rule inet shaper post ip saddr 10.20.5.0/24 drop": "table inet shaper",
    "tc class change dev ifb0 parent 1:10 classid 1:414 htb rate 1mbit ceil 2mbit": "tree ifb0",
    "ip route del default proto 75": "route of our protocol number (75)",
    "sysctl -qw net.ipv4.ip_forward=0": "setting net.ipv4.ip_forward",
    STOP: "unit komando-hours.timer",
}
LINES = (
    "+# mine",
    "+\t\tip saddr 10.20.5.0/24 drop",
    "-net.ipv4.ip_forward = 1",
    "+net.ipv4.ip_forward = 0",
    "-0.0.0.0/0 via",
    "-class htb 1:414 parent 1:10 leaf 414: ",
    "+class htb 1:414 parent 1:10 leaf 414: ",
    " rate 1Mbit ceil 2Mbit ",
)


@pytest.fixture(scope="module")
def router(router: City) -> City:
    """It runs what the policies of the repository say."""
    komando("apply", "--inventory", "lab", "--lab", router.name, "--no-verify")
    return router


def drift(city: City, *rest: str) -> subprocess.CompletedProcess[str]:
    return komando("drift", "--inventory", "lab", "--lab", city.name, *rest, check=False)


def as_json(city: City, *rest: str) -> dict[str, Any]:
    done = drift(city, "--format", "json", *rest)
    assert done.returncode in (0, 2), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def asked(city: City) -> int:
    return int(on_router(city, "journalctl -q --no-pager _COMM=sudo | grep -c COMMAND"))


def test_a_router_that_nobody_touched_has_no_drift_and_is_asked_once(router: City) -> None:
    before = asked(router)
    done = drift(router)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No drift: the host stands as generated." in done.stdout
    assert asked(router) - before == 1
    (host,) = as_json(router)["hosts"]
    assert [one for one in host["findings"] if one["drift"]] == []
    assert host["generation"] == host["wanted"]


def test_changes_by_hand_are_seen_in_every_form_and_repaired(router: City) -> None:
    on_router(router, "; ".join([STOP, *BY_HAND]))
    said = as_json(router)
    assert said["drift"]
    (host,) = said["hosts"]
    places = {f"{one['kind']} {one['where']}" for one in host["findings"] if one["drift"]}
    assert places == set(BY_HAND.values())
    diffs = "\n".join(one["diff"] for one in host["findings"])
    text, markdown = drift(router), drift(router, "--format", "markdown")
    assert (text.returncode, markdown.returncode) == (2, 2)
    for line in LINES:
        assert line in diffs
        assert line.expandtabs(4) in text.stdout
    for place in BY_HAND.values():
        assert place in text.stdout
        assert "**{}** `{}`".format(*place.split(" ", 1)) in markdown.stdout
    assert markdown.stdout.startswith("### Drift: `core-1`\n\n| host | runs | |\n")
    assert "Drift on core-1. `komando drift --repair` mends it." in text.stdout
    mended = drift(router, "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "core-1: given its generation once more" in mended.stdout
    assert mended.stdout.endswith("No drift: the host stands as generated.\n")
    assert drift(router).returncode == 0
    assert "komando-hours.timer" in on_router(router, "systemctl list-timers --no-pager")


def test_what_no_repair_mends_stays_and_says_who_does(router: City) -> None:
    program = "/usr/local/lib/komando/komando_host/record.py"
    override = "/etc/systemd/system/komando-hours.service.d"
    on_router(
        router,
        f"cp -p {program} /root/; echo '# mine' >> {program}; mkdir {override}; "
        f"printf '[Service]\\nNice=7\\n' > {override}/mine.conf; systemctl daemon-reload; "
        "mv /etc/komando /etc/komando.away; nft 'table inet mine { chain c { "
        "type filter hook forward priority 0 ; policy drop ; } ; }'",
    )
    try:
        done = drift(router, "--repair")
        assert done.returncode == 2, done.stderr
        for words in (
            "program the host program: ",
            "+record.py ",
            "unit komando-hours.service: ",
            "+Nice=7",
            "link /etc/komando: it is missing; expected: -> /var/lib/komando/current/etc/komando",
            "(komando prepare mends it)",
            "table inet mine: a table of somebody else at forward, which can drop",
            "(for a person to decide, at the console)",
        ):
            assert words in done.stdout
    finally:
        on_router(
            router,
            f"cp -p /root/record.py {program}; rm -r {override}; systemctl daemon-reload; "
            "mv /etc/komando.away /etc/komando; nft delete table inet mine",
        )
    assert drift(router).returncode == 0


def test_what_the_minute_mended_is_told_though_nothing_is_left_of_it(router: City) -> None:
    on_router(router, "nft delete table inet shaper; systemctl start komando-hours.service")
    done = drift(router)
    assert done.returncode == 0
    assert "mended by itself" in done.stdout
    assert "table inet shaper: it is missing" in done.stdout


def test_a_bypass_at_the_console_is_told_and_no_repair_is_tried(router: City) -> None:
    on_router(router, "komando-host bypass on")
    try:
        done = drift(router, "--repair")
        assert done.returncode == 2
        assert "bypass the policy: bypassed since" in done.stdout
        assert "After the repair" not in done.stdout, "it would be refused"
    finally:
        on_router(router, "komando-host bypass off")
    assert drift(router).returncode == 0


def test_asking_for_drift_takes_no_more_than_three_times_as_long_as_to_observe(
    router: City,
) -> None:
    took = {}
    for verb in ("observe", "drift"):
        begun = time.monotonic()
        on_router(router, f"for n in 1 2 3 4 5; do komando-host {verb} >/dev/null; done")
        took[verb] = time.monotonic() - begun
    assert took["drift"] < 3 * took["observe"], took
