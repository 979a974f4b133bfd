"""The kinds of values in policy files that the standard library has a type for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Any
from unicodedata import category

from komando.policy.zones import read_zone
from komando.units import Spelling, Unfit
from komando.units.misspelt import fits

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458", "aeopcyxisj"
)
"""Cyrillic letters that look like Latin ones; a name with them is meant to be Latin."""
SLUG_EXPECTED = "words of a-z and 0-9 joined by `-`, at most 60 characters"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that Unicode counts among letters and symbols, and that show nothing."""

_LENGTHS = tuple(f"/{length}" for length in range(129))
_NO_SOURCE = {
    IPv4Network("0.0.0.0/8"): "this network (RFC 791)",
    IPv4Network("127.0.0.0/8"): "loopback (RFC 1122)",
    IPv4Network("169.254.0.0/16"): "link-local (RFC 3927)",
    IPv4Network("224.0.0.0/4"): "multicast (RFC 5771)",
    IPv4Network("240.0.0.0/4"): "reserved (RFC 1112)",
}


def is_slug(text: str) -> bool:
    """Whether this text may name an office, a calendar, a segment, a host or a file."""
    return len(text) <= 60 and _SLUG.fullmatch(text) is not None


def near_slug(text: str) -> str:
    """The slug that a name was probably meant to be; "" when it has other letters, or too many."""
    plain = unicodedata.normalize("NFKD", text[:1000]).translate(_LOOKALIKES).lower()
    if any(mark.isalnum() and not mark.isascii() for mark in plain):
        return ""
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))
    return slug if len(slug) <= 60 else ""


def _slug(value: Any) -> str:
    if isinstance(value, str) and is_slug(value):
        return value
    raise Unfit(
        "slug",
        "not a proper short name",
        expected=SLUG_EXPECTED,
        remedy=_slug_remedy(value if isinstance(value, str) else ""),
    )


def _slug_remedy(text: str) -> str:
    near = near_slug(text)
    other = next((mark for mark in text if mark.isalpha() and not mark.isascii()), "")
    said = f"`{other}` (U+{ord(other):04X}) is no letter of a-z: " if other else ""
    if near:
        return f"{said}write `{near}`"
    if len(text) > 60:
        return "shorten it"
    return f"{said}take the short name of the thing that is meant"


def _text(value: Any, expected: str, least: int, most: int) -> str:
    if not isinstance(value, str):
        raise Unfit(
            "value-type",
            "not text",
            expected=expected,
            remedy="put it in double quotes if it is meant as text",
        )
    if not least <= len(value) <= most:
        raise Unfit(
            "text-length",
            "text that is too short" if len(value) < least else "text that is too long",
            expected=f"{expected} of {least} to {most} characters",
            remedy="say enough for a reader who was not there"
            if len(value) < least
            else "keep to what matters, and refer to the letter for the rest",
        )
    return value


def _seen(text: str) -> str:
    """The text itself. Refused are characters that nobody sees, or that turn what one reads."""
    if text.isascii() and text.isprintable():
        return text
    hidden = next((mark for mark in text if not _shows(mark)), "")
    if hidden:
        raise Unfit(
            "text-invisible",
            f"text with an invisible character, U+{ord(hidden):04X}",
            expected="text that says what it shows",
            remedy="type the text anew; an editor may hide the character",
        )
    return text


def _shows(mark: str) -> bool:
    spaces = category(mark) == "Zs"
    return (spaces or mark.isprintable()) and mark not in _BLANK_LETTERS


def _line(value: Any) -> str:
    text = _text(value, "one line of text", 1, 120)
    if _CONTROL.search(text):
        raise Unfit(
            "text-line",
            "text with a line break or a control character",
            expected="one line of text",
            remedy="write it on one line",
        )
    return _seen(text).strip() or _line("")


def _prose(least: int) -> Spelling:
    def read(value: Any) -> str:
        plain = " ".join(_CONTROL.sub(" ", value).split()) if isinstance(value, str) else value
        return _seen(_text(plain, "text", least, 2000))

    description = "Text for people; line breaks count as spaces."
    return Spelling(read, description, (), rf"^[\s\S]{{{least},}}$")


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Unfit(
                "date",
                "a day that no calendar has",
                expected="a day, as `2026-11-24`",
                remedy="look at the month and the number of its days",
            ) from None
    raise Unfit(
        "date",
        "not a date",
        expected="a day, as `2026-11-24`",
        remedy="year, month and day with dashes, two digits each for month and day",
    )


def _network(value: Any) -> Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = value if isinstance(value, str) else ""
    if "/" in text and "%" not in text:
        try:
            found = IPv6Network(text) if ":" in text else IPv4Network(text)
        except ValueError:
            pass
        else:
            if text.endswith(_LENGTHS[found.prefixlen]):
                return found
    raise _refused_network(text)


def _refused_network(text: str) -> Unfit:
    if "%" in text:
        return Unfit(
            "network",
            "a network with a scope",
            expected="an IPv4 or IPv6 network, as `10.20.5.0/24` or `2001:db8:1005::/48`",
            remedy="leave out the `%` and what follows it up to the slash",
        )
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return Unfit(
            "network",
            "not a network",
            expected="an IPv4 or IPv6 network, as `10.20.5.0/24` or `2001:db8:1005::/48`",
            remedy=_broken_address(text, _network),
        )
    if "/" not in text:
        return Unfit(
            "network",
            "a network without its length",
            expected="an address, a slash and a prefix length",
            remedy=f"write `{found}` for this one address, or the length that is meant",
        )
    if not text.endswith(_LENGTHS[found.prefixlen]):
        return Unfit(
            "network",
            "a network whose length is spelt in another way",
            expected="the number of its leading bits after the slash, as `10.20.5.0/24`",
            remedy=f"write `{found}`",
        )
    return Unfit(
        "network-host-bits",
        "a network with host bits set",
        expected=f"the first address of the network, here `{found}`",
        remedy=f"write `{found}`, or the longer prefix that is meant",
    )


def _broken_address(text: str, accepted: Callable[[str], object]) -> str:
    """What is wrong with the letters and digits of an address or a network."""
    neat = "".join(text.split()).replace("\\", "/")
    if neat != text and fits(accepted, neat):
        why = "the length stands behind a slash" if "\\" in text else "no spaces belong in it"
        return f"{why}: write `{neat}`"
    if any(part[:2].lower() == "0x" for part in neat.split(".")):
        return "write the numbers in decimal"
    return _wrong_number(neat) or (
        "no spaces belong in it"
        if neat != text
        else "look for a missing number, a letter too many, or a comma in place of a point"
    )


def _wrong_number(text: str) -> str:
    """Which number of an address or of its length cannot stand; "" where all can."""
    address, slash, length = text.partition("/")
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        if any(len(part) > 1 and part.startswith("0") for part in parts):
            return "write the numbers without leading zeros"
        if any(len(part) > 3 or int(part) > 255 for part in parts):
            return "each number is 0 to 255"
    if slash and fits(_address, address):
        most = 128 if ":" in address else 32
        if not re.fullmatch("[0-9]{1,3}", length) or int(length) > most:
            return f"the prefix length is a number from 0 to {most}"
    return ""


def _address(value: Any) -> Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    text = value if isinstance(value, str) else ""
    try:
        if "%" not in text:
            return ip_address(text)
    except ValueError:
        pass
    if "%" in text:
        remedy = "leave out the `%` and what follows it"
    elif "/" in text:
        remedy = "leave out the slash and the length"
    else:
        remedy = _broken_address(text, _address)
    raise Unfit(
        "address",
        "an address with a scope" if "%" in text else "not an address",
        expected="one IPv4 or IPv6 address, as `172.20.1.5` or `2001:db8:f000::1:5`",
        remedy=remedy,
    )


def _source4(value: Any) -> IPv4Address:
    """An address that the internet can answer to."""
    found = _address(value)
    if isinstance(found, IPv6Address):
        raise Unfit(
            "address",
            "not an IPv4 address",
            expected="one IPv4 address, as `203.0.113.10`",
            remedy="IPv6 is not translated: it needs no address here",
        )
    for network, what in _NO_SOURCE.items():
        if found in network:
            raise Unfit(
                "address",
                f"an address that nobody can answer to: {what}",
                expected="one IPv4 address that the provider routes to us, as `203.0.113.10`",
                remedy="write the address that stands in the provider's papers",
            )
    return found


def _interface(value: Any) -> Interface:
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    try:
        if not isinstance(value, str) or "/" not in value or "%" in value:
            raise ValueError
        found = ip_interface(value)
        if not value.endswith(_LENGTHS[found.network.prefixlen]):
            raise ValueError
    except ValueError:
        raise Unfit(
            "address",
            "not an interface's address",
            expected="an address with the length of its network, as `172.20.0.1/22`",
            remedy="write the router's own address, a slash and the prefix length",
        ) from None
    if found.ip == found.network.network_address and found.network.num_addresses > 2:
        raise Unfit(
            "address",
            "a network in place of an interface's address",
            expected="the router's own address in that network, as `172.20.0.1/22`",
            remedy=f"`{found.network[1]}/{found.network.prefixlen}` is its first address",
        )
    if (
        found.version == 4
        and found.ip == found.network.broadcast_address
        and found.network.num_addresses > 2
    ):
        raise Unfit(
            "address",
            "the broadcast address of its network in place of an interface's address",
            expected="the router's own address in that network, as `172.20.0.1/22`",
            remedy=f"`{found.network[-2]}/{found.network.prefixlen}` is its last address",
        )
    return found


Slug = Annotated[
    str,
    Spelling(
        _slug,
        "A short name: words of a-z and 0-9 joined by dashes.",
        ("dinas-kesehatan",),
        r"^[a-z0-9]+(-[a-z0-9]+)*$",
    ),
]
Line = Annotated[str, Spelling(_line, "One line of text.", (), r"^.{1,120}$")]
Prose = Annotated[str, _prose(1)]
Reason = Annotated[str, _prose(20)]
Day = Annotated[date, Spelling(_date, "A day.", ("2026-11-24",), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Zone = Annotated[str, Spelling(read_zone, "A zone of the IANA database.", ("Asia/Pontianak",))]
NetworkField = Annotated[
    Network,
    Spelling(_network, "An IPv4 or IPv6 network.", ("10.20.5.0/24", "2001:db8:1005::/48")),
]
AddressField = Annotated[
    Address, Spelling(_address, "An IPv4 or IPv6 address.", ("172.20.1.5", "2001:db8:f000::1:5"))
]
Address4Field = Annotated[IPv4Address, Spelling(_source4, "An IPv4 address.", ("203.0.113.10",))]
InterfaceField = Annotated[
    Interface,
    Spelling(
        _interface,
        "An interface's own address with the length of its network.",
        ("172.20.0.1/22", "2001:db8:f000::1/64"),
    ),
]
