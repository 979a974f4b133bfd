"""Reads `komando-host status`. A router is not believed blindly: what could not be so is refused.

Texts that are nobody's names are made fit for a terminal here, once for all who print them.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from komando.diagnostics import printable
from komando.documents.fields import is_slug
from komando.status.answer import (
    Address,
    Answering,
    Flow,
    Kind,
    Line,
    Mode,
    Office,
    Pool,
    RouterStatus,
    Uplink,
    path_of,
)
from komando.units import DIRECTIONS, Direction, Pair, Rate

MOST = 10**15
"""Counts, sizes and rates are below: a hundred times the largest rate that is believed."""

_KINDS: Mapping[str, Kind] = {"opd": "opd", "hotspot": "hotspot"}
_MODES: Mapping[str, Mode] = {"observe": "observe", "enforce": "enforce"}
_STATES: Mapping[str, Answering] = {"answers": "answers", "silent": "silent"}


def read_status(host: str, answer: Mapping[str, Any]) -> RouterStatus:
    """Reads an answer of the host program. Raises ValueError for one that is not understood."""
    try:
        return _status(host, answer)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"status is not understood: {repr(error)[:200]}") from error


def _status(host: str, answer: Mapping[str, Any]) -> RouterStatus:
    pending, top = answer["pending"], answer.get("top") or {}
    uplink = answer.get("uplink")
    return RouterStatus(
        host=host,
        generation=_maybe(answer["generation"]),
        profile=_maybe(answer["profile"]),
        due=_maybe(answer.get("due")),
        now=_text(answer["now"]),
        clock=_maybe(answer["clock"]),
        bypass=_maybe(answer["bypass"]),
        waits=_number(pending["left"]) if pending else None,
        divisor=_count(answer.get("divisor", 1)),
        seconds=_number(answer.get("seconds", 0.0)),
        open=tuple(map(_slug, answer.get("open", ()))),
        known=tuple(map(_known, answer.get("known", ()))),
        uplink=_uplink(uplink) if uplink else None,
        offices=_offices(answer["leaves"]),
        pools=tuple(map(_pool, answer.get("pools", ()))),
        top=tuple(map(_top, top.get("hosts", ()))),
        others=_count(top.get("others", 0)),
        unseen=_text(top.get("why", "")),
    )


def _offices(told: Any) -> tuple[Office, ...]:
    offices = {one.path: one for one in map(_office, told)}
    if len(offices) < len(told):
        raise ValueError("it tells of an office twice")
    return tuple(offices.values())


def _office(told: Mapping[str, Any]) -> Office:
    return Office(
        slug=_slug(told["slug"]),
        kind=_KINDS[told["kind"]],
        name=_text(told["name"]),
        pool=_slug(told["pool"]),
        segment=_slug(told["segment"]),
        mode=_MODES[told["mode"]],
        calendar=None if told["calendar"] is None else _slug(told["calendar"]),
        networks=tuple(ip_network(str(one)) for one in told["networks"]),
        promised=_pair(told["promised"]),
        guarantee=_pair(told["guarantee"]),
        floor=_pair(told["floor"]),
        ceiling=_pair(told["ceiling"]),
        exceptions=tuple(map(_text, told["exceptions"])),
        line=_line(told),
        flows={way: _flow(told[way]) for way in DIRECTIONS if told[way] is not None},
    )


def _line(told: Mapping[str, Any]) -> Line:
    if not isinstance(told["carrier"], bool):
        raise TypeError(f"carrier is {told['carrier']!r}")
    return Line(
        device=_text(told["device"]),
        carrier=told["carrier"],
        gateways={
            _address(one): _STATES.get(state, "unknown") for one, state in told["gateways"].items()
        },
    )


def _uplink(told: Mapping[str, Any]) -> Uplink:
    return Uplink(
        name=_text(told["name"]),
        line=_line(told),
        capacity=_pair(told["capacity"]),
        link=_pair(told["link"]),
        rate={way: _count(told["rate"].get(way, 0)) for way in DIRECTIONS},
    )


def _pool(told: Mapping[str, Any]) -> Pool:
    rate: dict[Direction, int] = {
        way: _count(told["rate"][way]) for way in DIRECTIONS if told["rate"][way] is not None
    }
    return Pool(_slug(told["slug"]), _pair(told["size"]), rate)


def _flow(told: Mapping[str, Any]) -> Flow:
    return Flow(
        rate=_count(told["rate"]),
        packets=_count(told["packets"]),
        dropped=_count(told["dropped"]),
        backlog=_count(told["backlog"]),
        queued=_number(told["queued"], most=1),
    )


def _top(told: Mapping[str, Any]) -> Address:
    down, up, connections = (_count(told[key]) for key in ("down", "up", "connections"))
    return Address(_address(told["address"]), down, up, connections)


def _known(told: str) -> str:
    kind, _, slug = told.partition("/")
    return path_of(_KINDS[kind], _slug(slug))


def _pair(told: Mapping[str, Any]) -> Pair:
    return Pair(down=Rate(_count(told["down"])), up=Rate(_count(told["up"])))


def _count(told: Any) -> int:
    return int(_number(told))


def _number(told: Any, most: float = MOST) -> float:
    number = float(told)
    if not 0 <= number <= most:  # nor is NaN
        raise ValueError(f"{number} is not within 0 to {most}")
    return number


def _address(told: object) -> str:
    return str(ip_address(_text(told)))


def _slug(told: object) -> str:
    if not isinstance(told, str) or not is_slug(told):
        raise ValueError(f"{told!r} is no short name")
    return told


def _text(told: object) -> str:
    return printable(str(told))


def _maybe(told: object) -> str | None:
    return None if told is None else _text(told)
