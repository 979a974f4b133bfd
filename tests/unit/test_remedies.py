"""What a message tells people to write is accepted when they write it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from komando.documents import addresses, fields, zones
from komando.policy import people
from komando.policy.week import weekdays
from komando.units import Percent, Price, Rate, Unfit, Window

_WRITE = re.compile(r"""write [`"]([^`"]+)[`"]|(?:, or| and) `([^`]+)`""")

PARSERS: dict[str, tuple[Callable[[str], object], list[str]]] = {
    "rate": (
        Rate.parse,
        ["20", ",", ".", " ", "0", "000", "e3", "^", "_", "-", "Mbit/s", "kbps", "TB/s", "MiB"],
    ),
    "percent": (Percent.parse, ["0", "9", ".", ",", "1e2", " ", "%", "100", "-", "percent"]),
    "price": (Price.parse, ["9", "500", ",", ".", " ", "000", "IDR", "/", "month", "year", "Rp"]),
    "window": (
        Window.parse,
        ["0", "7", "24", ":", ".", "00", "30", "60", "-", " ", "15:30", "24:00", "00:00", "to"],
    ),
    "weekday": (
        weekdays,
        ["mon", "tue", "-", ",", " ", "sun", "Monday", "frj", "sat", "kamis", "month", "&", "x"],
    ),
    "slug": (
        fields._slug,
        ["a", "-", " ", "B", "\u0435", "\u00e9", "\u0414", "9", ".", "\u00df", "\u0130", "x" * 30],
    ),
    "network": (
        addresses._network,
        ["10", ".", "20", "0", "/", "24", " ", "\\", "256", "2001:db8", "::", ":", "48", "0x0a"],
    ),
    "address": (addresses._address, ["10", ".", "20", "0", "/", " ", "2001:db8", "::", "1", "05"]),
    "interface": (addresses._interface, ["10", ".", "20", "0", "/", "24", " ", "2001:db8", "::"]),
    "login": (people._login, ["@", "a", "-", "1", "_", "B", "x" * 20, " "]),
    "zone": (zones.read_zone, ["GMT", "UTC", "+", "7", "asia", "/", "Jakarta", "WIB", "Etc"]),
}
"""By kind of value: how it is read, and pieces of which nearly right ones are made."""


def suggested(remedy: str) -> list[str]:
    """Values that a remedy tells people to write."""
    found = [one or other for one, other in _WRITE.findall(remedy)] if "write " in remedy else []
    return found + re.findall(r"did you mean `([^`]+)`", remedy)


@pytest.mark.parametrize("kind", PARSERS)
@given(data=st.data())
def test_what_is_suggested_for_a_value_is_accepted(kind: str, data: st.DataObject) -> None:
    parse, pieces = PARSERS[kind]
    text = data.draw(st.lists(st.sampled_from(pieces), max_size=9).map("".join))
    try:
        parse(text)
    except Unfit as refusal:
        for value in suggested(refusal.remedy):
            parse(value)


@given(st.text(max_size=12))
@example("\u2028")
@pytest.mark.parametrize("kind", PARSERS)
def test_any_text_is_accepted_or_refused(kind: str, text: str) -> None:
    parse, _ = PARSERS[kind]
    try:
        parse(text)
    except Unfit as refusal:
        for value in suggested(refusal.remedy):
            parse(value)
