"""Text, names and days as people write them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Any

from komando.documents.zones import read_zone
from komando.units import Spelling, Unfit

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
    spaces = unicodedata.category(mark) == "Zs"
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


def read_day(value: Any) -> date:
    """A day as a policy file has it; raises Unfit."""
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
Day = Annotated[
    date,
    Spelling(
        read_day, "A day as year-month-day.", ("2026-11-24",), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    ),
]
Zone = Annotated[str, Spelling(read_zone, "A zone of the IANA database.", ("Asia/Pontianak",))]
