from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from komando.diagnostics import token_at
from komando.documents.addresses import (
    Address4Field,
    AddressField,
    InterfaceField,
    NetworkField,
)
from komando.documents.fields import Day, Line, Prose, Slug
from komando.documents.near import nearest
from komando.documents.scalars import resolved
from komando.documents.zones import read_zone, zones
from komando.policy.week import weekdays
from komando.units import Percent, Price, Rate, Unfit, Window


def reader(field: Any) -> Callable[[Any], Any]:
    """What reads the values of an annotated field."""
    found: Callable[[Any], Any] = field.__metadata__[0].parse
    return found


READERS: dict[str, Callable[[str], Any]] = {
    "rate": Rate.parse,
    "percent": Percent.parse,
    "price": Price.parse,
    "window": Window.parse,
    "slug": reader(Slug),
    "day": reader(Day),
    "zone": read_zone,
    "network": reader(NetworkField),
    "address": reader(AddressField),
    "interface": reader(InterfaceField),
    "line": reader(Line),
    "prose": reader(Prose),
    "weekday": weekdays,
    "scalar": resolved,
    "key": lambda text: nearest(text, ("guarantee", "floor", "ceiling")),
    "caret": lambda text: token_at(text, 1),
}
HEADS = ("", "20", "20 M", "1.", "0x", "07:00", "2001:db8:", "10.0.0.", '"', "-")
BODIES = (
    "1",
    " ",
    "_",
    "1 ",
    "1_",
    ".1",
    "a-",
    ":",
    "1:",
    "e",
    "/1",
    "\t",
    "x y",
    "07:00-",
    "\u200b",
)
TAILS = ("", " x y", " Mbit/s", "%", "/24", "\n!")


@pytest.mark.parametrize("kind", sorted(READERS))
def test_a_long_text_costs_no_more_than_its_length(kind: str) -> None:
    read = READERS[kind]
    for head in HEADS:
        for body in BODIES:
            for tail in TAILS:
                text = head + body * (4_000 // len(body)) + tail
                began = time.process_time()
                with suppress(Unfit):
                    read(text)
                # one that takes a text apart in all ways needs minutes for this
                assert time.process_time() - began < 5, (head, body, tail)


def refusal(field: Any, value: str) -> str:
    with pytest.raises(Unfit) as caught:
        reader(field)(value)
    return caught.value.check


@pytest.mark.parametrize("scope", ["%eth0", "%$(reboot)", "%a\nb"])
def test_no_address_and_no_network_has_a_scope(scope: str) -> None:
    assert refusal(AddressField, f"2001:db8::5{scope}") == "address"
    assert refusal(InterfaceField, f"2001:db8::5{scope}/64") == "address"
    assert refusal(NetworkField, f"2001:db8:1::{scope}/48") == "network"


@pytest.mark.parametrize(
    "text", ["10.20.5.0/255.255.255.0", "10.20.5.0/0.0.0.255", "10.20.5.0/024", "2001:db8::/032"]
)
def test_a_networks_length_is_a_plain_number(text: str) -> None:
    assert refusal(NetworkField, text) == "network"


@pytest.mark.parametrize(
    "text", ["172.20.0.1/255.255.252.0", "172.20.0.1/022", "172.20.3.255/22", "172.20.0.0/22"]
)
def test_an_interfaces_address_is_a_host_with_a_plain_length(text: str) -> None:
    assert refusal(InterfaceField, text) == "address"


@pytest.mark.parametrize("text", ["198.51.100.3/31", "198.51.100.2/31", "172.20.0.1/32"])
def test_networks_of_two_hosts_or_one_have_no_broadcast(text: str) -> None:
    assert str(reader(InterfaceField)(text)) == text


@pytest.mark.parametrize(
    "text", ["0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255"]
)
def test_a_source_address_is_one_that_can_be_answered(text: str) -> None:
    assert refusal(Address4Field, text) == "address"


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u202e", "\u2066", "\u00ad", "\u3164", "\u2800", "\ufeff", "\ue000"]
)
def test_text_for_people_has_no_invisible_characters(mark: str) -> None:
    assert refusal(Line, f"Dinas{mark} Kesehatan") == "text-invisible"
    assert refusal(Line, mark) == "text-invisible"
    assert refusal(Prose, f"Forty{mark} people.") == "text-invisible"


@pytest.mark.parametrize("text", ["Dinas Kesehatan", "Café\u00a0Sampit", "日本語", "ꦗꦮ", "Ё 🙂"])
def test_text_for_people_may_be_in_any_script(text: str) -> None:
    assert reader(Line)(text) == text


@pytest.mark.parametrize(
    "name",
    ["localtime", "posixrules", "Factory", "posix/Asia/Jakarta", "right/Asia/Jakarta",
     "US/Eastern", "../Asia/Jakarta", "asia/jakarta", "", "1" + ".1" * 5000, "Asia"],
)  # fmt: skip
def test_zones_are_the_same_on_every_machine(name: str) -> None:
    with pytest.raises(Unfit, match="an unknown time zone"):
        read_zone(name)


def test_each_zone_that_may_be_written_is_known_here() -> None:
    assert {"Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"} < zones()
    assert [ZoneInfo(name).key for name in sorted(zones())] == sorted(zones())
    assert read_zone("UTC") == "UTC"


def test_a_zone_without_data_on_this_machine_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> ZoneInfo:
        raise LookupError(name)

    monkeypatch.setattr("komando.documents.zones.ZoneInfo", missing)
    with pytest.raises(Unfit) as caught:
        read_zone("Asia/Pontianak")
    assert "tzdata" in caught.value.remedy
