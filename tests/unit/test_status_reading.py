"""What a router says of its offices: nothing steers a terminal, and nothing odd is vouched for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from komando.cli.status_text import as_data, named_lines, table_lines
from komando.status import RouterStatus, read_status

BOTH = {"down": 20_000_000, "up": 20_000_000}
FLOW = {"rate": 19_000_000, "packets": 990, "dropped": 10, "backlog": 9000, "queued": 1.0}

ANSWER: dict[str, Any] = {
    "generation": "a" * 64,
    "profile": "closed",
    "due": "six-days+working-week",
    "now": "2026-11-24T02:00:00Z",
    "clock": "2026-11-24T02:00:00Z",
    "bypass": "2026-11-24T01:00:00Z",
    "pending": {"left": 42.5},
    "divisor": 1,
    "seconds": 1.002,
    "open": ["around-the-clock"],
    "known": ["opd/bpbd", "hotspot/taman"],
    "uplink": {
        "name": "main",
        "device": "wan0",
        "carrier": True,
        "gateways": {"198.51.100.1": "answers"},
        "capacity": BOTH,
        "link": BOTH,
        "rate": {"down": 300, "up": 100},
    },
    "leaves": [
        {
            "slug": "bpbd",
            "kind": "opd",
            "name": "BPBD",
            "pool": "working-week",
            "segment": "metro",
            "mode": "enforce",
            "calendar": "working-week",
            "networks": ["10.20.5.0/24", "2001:db8:1005::/48"],
            "exceptions": ["bpbd@2026-11-24"],
            "device": "lan0",
            "carrier": True,
            "gateways": {"10.1.2.1": "silent", "2001:db8::1": "answers"},
            **dict.fromkeys(("promised", "guarantee", "floor", "ceiling"), BOTH),
            **dict.fromkeys(("down", "up"), FLOW),
        }
    ],
    "pools": [{"slug": "working-week", "size": BOTH, "rate": {"down": 300, "up": None}}],
    "top": {
        "hosts": [{"address": "10.20.5.17", "down": 900, "up": 100, "connections": 3}],
        "others": 4,
        "why": "",
    },
}

Place = tuple[str | int, ...]


def places(value: Any, *where: str | int) -> Iterator[tuple[Place, Any]]:
    """Each value that an answer has, and where."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inside:
        if isinstance(one, dict | list):
            yield from places(one, *where, key)
        else:
            yield (*where, key), one


def changed(place: Place, value: Any) -> dict[str, Any]:
    """The answer with another value in one place; `gateways` stand as keys, and are renamed."""
    answer = deepcopy(ANSWER)
    *path, last = place
    inside: Any = answer
    for key in path:
        inside = inside[key]
    if path[-1:] == ["gateways"]:
        inside[value] = inside.pop(last)
    else:
        inside[last] = value
    return answer


def shown(router: RouterStatus) -> str:
    """All that is printed of a router, as text and for programs."""
    lines = [line.plain for line in named_lines([router], bars=True)]
    lines += [line.plain for line in table_lines([router], bars=True)]
    return "".join((*lines, json.dumps(as_data([router], {}, ""), ensure_ascii=False)))


TEXTS = [(place, one) for place, one in places(ANSWER) if isinstance(one, str)]
NUMBERS = [place for place, one in places(ANSWER) if isinstance(one, int | float)]


@pytest.mark.parametrize(("place", "text"), TEXTS, ids=str)
def test_no_text_steers_a_terminal(place: Place, text: str) -> None:
    key = place[-1] if "gateways" in place else text
    try:
        told = shown(read_status("core-1", changed(place, f"{key}\x1b[31m\x9b")))
    except ValueError as error:
        told = str(error)
    assert not {"\x1b", "\x9b"} & {*told}


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, 10**400, "x"], ids=str)
@pytest.mark.parametrize("place", NUMBERS, ids=str)
def test_a_number_that_cannot_be_is_refused(place: Place, value: Any) -> None:
    with pytest.raises(ValueError, match="status is not understood: "):
        read_status("core-1", changed(place, value))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("leaves", 0, "networks", 0), "10.20.5.0/33"),
        (("leaves", 0, "networks", 1), 5),
        (("leaves", 0, "gateways", "10.1.2.1"), "lan0"),
        (("leaves", 0, "slug"), "../bpbd"),
        (("leaves", 0, "slug"), ["bpbd"]),
        (("leaves", 0, "kind"), "school"),
        (("leaves", 0, "mode"), "dream"),
        (("leaves", 0, "carrier"), "no"),
        (("leaves", 0, "ceiling", "down"), 0),
        (("top", "hosts", 0, "address"), "10.20.5"),
        (("known", 0), "school/bpbd"),
        (("known", 0), "bpbd"),
        (("open", 0), "A b"),
    ],
)
def test_what_is_no_name_and_no_address_is_refused(place: Place, value: Any) -> None:
    with pytest.raises(ValueError, match="status is not understood: "):
        read_status("core-1", changed(place, value))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"pending": None},
        {**ANSWER, "leaves": [{}]},
        {**ANSWER, "leaves": ANSWER["leaves"] * 2},
        {**ANSWER, "top": ["x"]},
    ],
)
def test_a_strange_answer_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="status is not understood: "):
        read_status("core-1", answer)


def test_an_answer_is_read_as_it_was_meant() -> None:
    router = read_status("core-1", ANSWER)
    (office,) = router.offices
    assert (office.path, office.calendar) == ("opd/bpbd", "working-week")
    assert office.line.silent == ("10.1.2.1",)
    assert router.known == ("opd/bpbd", "hotspots/taman")
    assert router.pools[0].rate == {"down": 300}
    said = as_data([router], {}, "")["routers"][0]
    assert said["uplink"]["device"] == "wan0"
    assert said["offices"][0]["networks"] == ["10.20.5.0/24", "2001:db8:1005::/48"]
    assert said["offices"][0]["gateways"] == {"10.1.2.1": "silent", "2001:db8::1": "answers"}
