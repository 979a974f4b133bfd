"""Why an office is slow: what its numbers come to, case by case."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from komando.status import Flow, Line, judge, office_notes, router_notes
from komando.status.answer import Answering
from komando.status.rules import PAGE
from tests.lab.desk import REPOSITORY
from tests.unit.one_office import LINE, MBIT, OFFICE, QUIET, ROUTER, UPLINK, flow, mbit

BUSY = {"down": flow(21, waits=30_000), "up": flow(1)}
CUT = replace(LINE, carrier=False)
BRIM = replace(UPLINK, rate={"down": 985 * MBIT, "up": 0})


def gateways(*states: Answering) -> Line:
    """Of the gateway by IPv4, and of that by IPv6 where there is one."""
    return replace(LINE, gateways=dict(zip(LINE.gateways, states, strict=False)))


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("all-it-asks-for", {}, {}, "it gets all that it asks for"),
    ("half-silent", {}, {"line": gateways("unknown", "silent")},
     "it gets all that it asks for, and its IPv6 gateway 2001:db8::1 does not answer"),
    ("at-its-ceiling", {}, {"flows": {"down": flow(49.6, waits=9_000), "up": flow(1)}},
     "it uses all of its ceiling: 50 Mbit/s (download)"),
    ("at-its-ceiling", {}, {"flows": {"down": flow(3), "up": flow(39)}},
     "it uses all of its ceiling: 40 Mbit/s (upload)"),
    ("at-its-ceiling", {}, {"ceiling": mbit(50), "flows": {"down": flow(49), "up": flow(50)}},
     "it uses all of its ceiling: 50 Mbit/s (download and upload)"),
    ("at-its-ceiling", {"uplink": BRIM}, {"flows": {"down": flow(49.6), "up": flow(1)}},
     "it uses all of its ceiling: 50 Mbit/s (download)"),
    ("pool-full", {}, {"flows": BUSY},
     "it wants more than its guarantee and the pool is full: everyone shares"),
    ("pool-full", {}, {"flows": {"down": flow(19, dropped=40), "up": flow(1)}},
     "it wants more than its guarantee and the pool is full: everyone shares"),
    ("pool-full", {}, {"kind": "hotspot", "calendar": None, "flows": BUSY},
     "it wants more than its least share and the pool is full: everyone shares"),
    ("outside-its-hours", {"open": ("around-the-clock",)}, {"promised": mbit(5),
     "flows": {"down": flow(5, waits=9_000), "up": flow(1)}},
     "it is outside of its hours, and wants more than is left to it then: everyone shares"),
    ("pool-full", {"open": ("around-the-clock",)}, {"exceptions": ("dinas-kesehatan@2026-11-24",),
     "flows": BUSY}, "it wants more than its guarantee and the pool is full: everyone shares"),
    ("below-its-promise", {}, {"flows": {"down": flow(11, waits=9_000), "up": flow(1)}},
     "it wants more, and gets less than it is promised: 11 Mbit/s of 20 Mbit/s (download)"),
    ("provider-full", {"uplink": BRIM}, {"flows": BUSY},
     "the provider's line itself is full: 1 Gbit/s (download)"),
    ("provider-full", {"uplink": BRIM}, {"mode": "observe", "flows": BUSY},
     "the provider's line itself is full: 1 Gbit/s (download)"),
    ("all-it-asks-for", {"uplink": BRIM}, {}, "it gets all that it asks for"),
    ("observed", {}, {"mode": "observe"}, "it is only observed, not limited"),
    ("observed", {}, {"mode": "observe", "flows": {"down": flow(80, waits=9_000), "up": flow(1)}},
     "it is only observed, not limited"),
    ("nothing-comes", {}, {"flows": {"down": QUIET, "up": QUIET}},
     "nothing comes from it, though its gateway 10.1.2.1 answers"),
    ("nothing-comes", {}, {"flows": {"down": QUIET, "up": QUIET}, "line": gateways("unknown")},
     "nothing comes from it"),
    ("gateway-silent", {}, {"line": gateways("silent"),
     "flows": {"down": QUIET, "up": QUIET}},
     "nothing comes from it: the gateway 10.1.2.1 does not answer"),
    ("gateway-silent", {}, {"line": gateways("silent", "silent"), "flows": BUSY},
     "nothing comes from it: the gateways 10.1.2.1 and 2001:db8::1 do not answer"),
    ("half-silent", {}, {"line": gateways("silent", "answers")},
     "it gets all that it asks for, and its IPv4 gateway 10.1.2.1 does not answer"),
    ("cable-out", {}, {"line": CUT},
     "the cable of segment metro is out: lan0 has no signal"),
    ("provider-cable-out", {"uplink": replace(UPLINK, line=CUT)}, {"line": CUT},
     "the cable to the provider is out: lan0 has no signal"),
    ("provider-silent", {"uplink": replace(UPLINK, line=gateways("silent"))},
     {"line": gateways("silent", "silent")}, "the provider's gateway 10.1.2.1 does not answer"),
    ("bypassed", {"bypass": "2026-11-24T01:00:00Z"}, {"flows": {}, "line": CUT},
     "the policy is bypassed since 2026-11-24T01:00:00Z: nobody is limited, and nobody is guarded"),
    ("no-class", {}, {"flows": {"up": QUIET}},
     "the router has no class for it: its tree is gone, or is being built"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "router", "office", "sentence"), CASES)
def test_numbers_come_to_one_sentence(
    name: str, router: dict[str, Any], office: dict[str, Any], sentence: str
) -> None:
    found = judge(replace(ROUTER, **router), replace(OFFICE, **office))
    assert (found.id, found.sentence) == (name, sentence)
    assert found.next.endswith((".", "?"))


def test_every_verdict_has_its_paragraph_in_the_runbook() -> None:
    page = (REPOSITORY / PAGE).read_text()
    anchors = set(re.findall('<a id="([a-z-]+)">', page))
    assert anchors == {name for name, *_ in CASES}


def test_what_waits_is_told_in_milliseconds() -> None:
    assert Flow(8_000_000, 800, 8, 40_000, 1.0).waiting == 40
    assert Flow(8_000_000, 792, 8, 40_000, 1.0).lost == 0.01
    assert QUIET.waiting == 0


@pytest.mark.parametrize(
    ("router", "note"),
    [
        ({"clock": "2026-12-25T03:00:00Z"},
         "the router's clock is rehearsed: it lives at 2026-12-25T03:00:00Z"),
        ({"due": "closed"},
         "profile closed should be in force: docs/runbooks/hours-did-not-switch.md"),
        ({"waits": 42.4}, "a change waits for its confirmation, and reverts in 42 s"),
        ({"divisor": 20}, "a lab: every rate is divided by 20"),
    ],
)  # fmt: skip
def test_what_is_so_of_a_whole_router_is_noted(router: dict[str, Any], note: str) -> None:
    assert list(router_notes(ROUTER)) == []
    assert list(router_notes(replace(ROUTER, **router))) == [note]


@pytest.mark.parametrize(
    ("office", "note"),
    [
        ({"exceptions": ("dinas-kesehatan@2026-11-24",)},
         "the exception dinas-kesehatan@2026-11-24 is in force"),
        ({"networks": (ip_network("172.30.0.8/29"), ip_network("2001:db8:1005::/48"))},
         "it is behind a NAT of its own: of its hosts only that router is seen"),
    ],
)  # fmt: skip
def test_what_explains_the_numbers_of_an_office_is_noted(office: dict[str, Any], note: str) -> None:
    assert list(office_notes(OFFICE)) == []
    assert list(office_notes(replace(OFFICE, **office))) == [note]
