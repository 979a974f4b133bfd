"""A week's hours: `{mon-thu: ["07:00-15:30"], fri: ["07:00-14:30"]}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, ValidationError, core_schema

from komando.documents.near import nearest
from komando.units import Unfit, Window

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXPECTED = "a weekday or a range of them, as `fri` or `mon-thu`"
_NAMES = (
    ("monday", "senin"),
    ("tuesday", "selasa"),
    ("wednesday", "rabu"),
    ("thursday", "kamis"),
    ("friday", "jumat"),
    ("saturday", "sabtu"),
    ("sunday", "minggu", "ahad"),
)
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"


def weekdays(key: str) -> tuple[int, ...]:
    """The days (0 is Monday) that a key of a week names. Raises `Unfit`."""
    first, dash, last = key.partition("-")
    if first in WEEKDAYS and (not dash or last in WEEKDAYS):
        start = WEEKDAYS.index(first)
        end = WEEKDAYS.index(last) if dash else start
        if start < end or not dash:
            return tuple(range(start, end + 1))
        raise Unfit(
            "week-day",
            "a range of days that does not go forward",
            expected=_EXPECTED,
            remedy=f"write `{first}`" if start == end else _around_sunday(start, end),
        )
    raise Unfit("week-day", "an unknown day", expected=_EXPECTED, remedy=_near_days(key))


def _range(start: int, end: int) -> str:
    return WEEKDAYS[start] if start == end else f"{WEEKDAYS[start]}-{WEEKDAYS[end]}"


def _around_sunday(start: int, end: int) -> str:
    return f"a week ends with sun: write `{_range(start, 6)}` and `{_range(0, end)}` as two keys"


def _near_days(key: str) -> str:
    """The key or keys that were probably meant."""
    words = [word for word in re.split(r"[\s,;&+/\u2013\u2014-]+", key) if word]
    days = [_near_day(word) for word in words]
    known = list(dict.fromkeys(day for day in days if day is not None))
    if not known or None in days:
        return f"the days are {', '.join(WEEKDAYS)}"
    if len(known) == 2 and not re.search("[,;&+/]", key):
        start, end = known
        return f"write `{_range(start, end)}`" if start <= end else _around_sunday(start, end)
    if known == list(range(known[0], known[-1] + 1)):
        return f"write `{_range(known[0], known[-1])}`"
    return f"write {' and '.join(f'`{WEEKDAYS[day]}`' for day in known)} as keys of their own"


def _near_day(word: str) -> int | None:
    """Monday, Mon., Senin, and words that are one slip of the keyboard away from `mon`."""
    word = word.lower().strip(".")
    for number, (short, names) in enumerate(zip(WEEKDAYS, _NAMES, strict=True)):
        if word == short or (len(word) > 3 and any(name.startswith(word) for name in names)):
            return number
    near = nearest(word, WEEKDAYS) if len(word) == 3 else ""
    return WEEKDAYS.index(near) if near else None


class _WeekSpelling:
    """Reads a mapping of days to windows into windows by weekday."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = core_schema.dict_schema(
            core_schema.no_info_plain_validator_function(_day_key),
            core_schema.list_schema(Window.spelling.as_core(), min_length=1),
        )
        return core_schema.no_info_wrap_validator_function(_week, inner)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        windows = {"type": "array", "minItems": 1, "items": Window.spelling.as_json()}
        return {
            "type": "object",
            "description": "Hours by weekday; a day that is not named is closed.",
            "examples": [{"mon-thu": ["07:00-15:30"], "fri": ["07:00-14:30"]}],
            "patternProperties": {f"^{_DAY}(-{_DAY})?$": windows},
            "additionalProperties": False,
        }


def _day_key(value: Any) -> str:
    weekdays(value)
    return str(value)


def _week(
    value: Any, read: core_schema.ValidatorFunctionWrapHandler
) -> dict[int, tuple[Window, ...]]:
    """The windows by weekday. All that is wrong is raised together, each part at its own place."""
    wrong: list[InitErrorDetails] = []
    try:
        days = {key: dict(enumerate(windows)) for key, windows in read(value).items()}
    except ValidationError as error:
        wrong += (
            {
                "type": one["type"],
                "loc": one["loc"],
                "input": one["input"],
                "ctx": one.get("ctx", {}),
            }
            for one in error.errors(include_url=False)
        )
        days = _readable(value)
    for unfit in (*_overlaps(days), *_twice(days)):
        wrong.append({"type": "value_error", "input": value, "ctx": {"error": unfit}})
    if wrong:
        raise ValidationError.from_exception_data("Week", wrong)
    found = {day: tuple(sorted(days[key].values())) for key in days for day in weekdays(key)}
    return dict(sorted(found.items()))


_Windows = dict[int, Window]
"""Windows by their place in the list."""


def _readable(value: Any) -> dict[str, _Windows]:
    """What can be read of a week in which something is refused."""
    days: dict[str, _Windows] = {}
    for key, windows in value.items() if isinstance(value, dict) else ():
        with suppress(Unfit):
            weekdays(key)
            days[key] = {}
            for place, text in enumerate(windows if isinstance(windows, list) else ()):
                with suppress(Unfit):
                    days[key][place] = Window.parse(text if isinstance(text, str) else "")
    return days


def _twice(days: dict[str, _Windows]) -> Iterator[Unfit]:
    """Keys with a day that an earlier key has."""
    seen: set[int] = set()
    for key in days:
        again = next((day for day in weekdays(key) if day in seen), None)
        seen.update(weekdays(key))
        if again is not None:
            yield Unfit(
                "week-twice",
                f"hours for `{WEEKDAYS[again]}` a second time",
                expected="each day once",
                remedy="name the day in one key only",
                path=(key, "[key]"),
            )


def _overlaps(days: dict[str, _Windows]) -> Iterator[Unfit]:
    """Windows of one key that overlap another: of the two the one that stands later."""
    for key, windows in days.items():
        told = set()
        longest: int | None = None
        for place in sorted(windows, key=windows.__getitem__):
            if longest is not None and windows[place].start < windows[longest].end:
                first, later = sorted((place, longest))
                if later not in told:
                    told.add(later)
                    yield Unfit(
                        "window-overlap",
                        f"a window that overlaps `{windows[first]}`",
                        expected="windows of a day that stand apart",
                        remedy="join the two, or let one begin when the other has ended",
                        path=(key, later),
                    )
            if longest is None or windows[place].end > windows[longest].end:
                longest = place


Week = Annotated[dict[int, tuple[Window, ...]], _WeekSpelling()]
