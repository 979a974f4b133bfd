"""What the offices really use: the rate of each minute, counted for a week.

Every minute reads the kernel's counters and appends one line of rates below /run, which is memory.
Once an hour those lines are folded into the day's file on the disk, so a restart loses an hour at
most, and a disk of flash is written 24 times a day. A minute that was not measured is a gap, and
never a zero: nothing is known of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from .calendar import iso
from .counters import Counter, counters
from .durable import write
from .errors import HostError
from .frozen import Frozen, replace
from .layout import Paths
from .rates import LEAST, STEP, Seen
from .records import Applied
from .typed import Any
from .window import boot_id, seconds_up

SHORTEST, LONGEST = 30.0, 120.0
"""Seconds between two readings of which a rate is made. A shorter time waits for the next reading,
as one burst would be its rate; a longer one is a gap, as its mean would hide what people felt."""

FOLDED = 60
"""Readings after which the lines in memory go into the day's file."""

MOST_LINES = 3 * FOLDED
"""Lines that are kept in memory while the disk takes nothing: 3 MB with 500 offices."""

DAYS = 8
"""Days of UTC that are kept, today among them: seven whole ones."""

MOST_ROWS = 20_000
"""Rows of a day's file. 500 offices with two profiles have 2,000."""

Rows = dict[str, Seen]
"""By `class direction profile ceiling`, the ceiling in bit/s: a rate tells nothing of demand
without the ceiling under which it was measured."""

_TREES = ("down", "up")

_MALFORMED = (ValueError, TypeError, KeyError, AttributeError)


class Reading(Frozen):
    """The counters of both trees at a moment: `seconds` since the boot `boot`.

    What was in force from here on is `profile` of `generation`. `number` counts the lines that
    wait in memory.
    """

    boot: str
    seconds: float
    generation: str
    profile: str
    down: Mapping[str, Counter]
    up: Mapping[str, Counter]
    number: int = 0

    @property
    def applied(self) -> Applied:
        """What was in force from here on, as the records say it."""
        return Applied(self.generation, self.profile)


class Usage:
    """The readings and the days of one host."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def read(self, ifb: str, uplink: str) -> tuple[Mapping[str, Counter], Mapping[str, Counter]]:
        """The counters of both trees now, and none of what cannot be read."""
        try:
            return counters(ifb), counters(uplink)
        except (HostError, OSError):
            return {}, {}

    def note(
        self,
        found: tuple[Mapping[str, Counter], Mapping[str, Counter]],
        before: Applied | None,
        after: Applied,
        *,
        rebuilt: bool = False,
    ) -> None:
        """Counts what was sent since the last reading, and keeps this one for the next.

        `before` was in force until now, and `after` is from now on: an hour switch falls between
        two minutes. A time in which something else came in force belongs to neither and is left
        out. Where a tree was built anew its counters begin again, and the next reading with them.
        Nothing is raised: a full disk must not keep the hours from their work.
        """
        with suppress(OSError):
            last = self._last()
            down, up = ({key: one for key, one in it.items() if one.leaf} for it in found)
            now = Reading(boot_id(), seconds_up(), after.generation, after.profile, down, up)
            number = last.number if last else 0
            if last and last.boot == now.boot and last.applied == before:
                took = now.seconds - last.seconds
                if took < SHORTEST and before == after and not rebuilt:
                    return
                if SHORTEST <= took <= LONGEST:
                    number = self._append(last, now, took)
            if rebuilt or before is None or before.generation != after.generation:
                now = replace(now, down={}, up={})
            self._keep(replace(now, number=number))

    def forget(self) -> None:
        """The trees may have been touched: the next reading is the first of another time."""
        with suppress(OSError):
            if last := self._last():
                self._keep(replace(last, down={}, up={}))

    def told(self, now: datetime) -> dict[str, Any]:
        """All that is known of the last seven days and of today: `komando-host usage`.

        Rates in bit/s. Bin 0 is below `least`; bin n begins at least * step ** (n - 1).
        """
        rows: Rows = {}
        folded = ""
        first = _day(now - timedelta(days=DAYS - 1))
        for path in self._days():
            if first <= path.stem <= _day(now):
                found, until = _read_day(path)
                _join(rows, found)
                folded = max(folded, until)
        _join(rows, _counted(line for line in self._lines() if line["at"] > folded))
        return {
            "least": LEAST,
            "step": STEP,
            "rows": [
                dict(zip(("class", "direction", "profile", "ceiling"), _parts(key), strict=True))
                | vars(seen)
                for key, seen in sorted(rows.items())
            ],
        }

    # --- readings ----------------------------------------------------------------------------

    def _last(self) -> Reading | None:
        try:
            fields = json.loads(self.paths.reading.read_text())
            for tree in _TREES:
                fields[tree] = {key: Counter(*pair) for key, pair in fields[tree].items()}
            return Reading(**fields)
        except (OSError, *_MALFORMED):
            return None

    def _keep(self, reading: Reading) -> None:
        trees = {
            tree: {key: [one.sent, one.ceiling] for key, one in getattr(reading, tree).items()}
            for tree in _TREES
        }
        self.paths.run.mkdir(parents=True, exist_ok=True)
        side = self.paths.reading.with_suffix(".new")
        side.write_text(json.dumps(vars(reading) | trees, separators=(",", ":")))
        side.replace(self.paths.reading)

    def _append(self, last: Reading, now: Reading, took: float) -> int:
        """Writes the rates of one time down; how many such lines wait in memory."""
        down, up = dict(_rates(last.down, now.down, took)), dict(_rates(last.up, now.up, took))
        if not down and not up:
            return last.number
        said = {"at": iso(datetime.now(UTC)), "seconds": round(took), "profile": last.profile}
        with self.paths.minutes.open("a") as stream:
            line = json.dumps({**said, "down": down, "up": up}, separators=(",", ":"))
            stream.write(f"\n{line}\n")  # a run that was killed may have left half a line
        number = last.number + 1
        return number if number % FOLDED else self._fold(number)

    # --- days --------------------------------------------------------------------------------

    def _fold(self, number: int) -> int:
        """Takes the lines in memory into the files of their days; how many then still wait."""
        by_day: dict[str, list[Any]] = {}
        for line in self._lines():
            with suppress(*_MALFORMED):
                by_day.setdefault(_day(datetime.fromisoformat(line["at"])), []).append(line)
        try:
            self.paths.usage.mkdir(parents=True, exist_ok=True)
            for day, lines in by_day.items():
                self._write_day(self.paths.usage / f"{day}.json", lines)
        except OSError:
            if number < MOST_LINES:
                return number
        self.paths.minutes.unlink(missing_ok=True)
        self._drop(datetime.now(UTC))
        return 0

    def _write_day(self, path: Path, lines: list[Any]) -> None:
        """`until` keeps a run that is killed before it lets the lines go from counting twice."""
        rows, until = _read_day(path)
        _join(rows, _counted(line for line in lines if line["at"] > until))
        kept = dict(list(rows.items())[:MOST_ROWS])
        said = {
            "until": max(until, *(line["at"] for line in lines)),
            "rows": {key: vars(seen) for key, seen in kept.items()},
        }
        write(path, json.dumps(said, separators=(",", ":")) + "\n")

    def _drop(self, now: datetime) -> None:
        """Lets the oldest days go; of a clock that was wrong for a while, its days first."""
        days = self._days()
        ahead = [path for path in days if path.stem > _day(now)]
        behind = [path for path in days if path not in ahead]
        for path in [*ahead, *behind][: max(0, len(days) - DAYS)]:
            path.unlink(missing_ok=True)

    def _days(self) -> list[Path]:
        return sorted(path for path in self.paths.usage.glob("*.json") if _is_day(path.stem))

    def _lines(self) -> Iterator[Any]:
        try:
            text = self.paths.minutes.read_text()
        except OSError:
            return
        for line in text.splitlines():
            with suppress(ValueError):  # half a line of a run that was killed
                found = json.loads(line)
                if isinstance(found, dict) and isinstance(found.get("at"), str):
                    yield found


def _rates(
    before: Mapping[str, Counter], after: Mapping[str, Counter], took: float
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Rate and ceiling of each class that stood all the time, under one ceiling."""
    for key, now in after.items():
        then = before.get(key)
        if then and then.ceiling == now.ceiling and now.sent >= then.sent:
            yield key, (round((now.sent - then.sent) * 8 / took), now.ceiling)


def _counted(lines: Iterable[Any]) -> Rows:
    rows: Rows = {}
    for line in lines:
        with suppress(*_MALFORMED):
            at, seconds, profile = str(line["at"]), int(line["seconds"]), line["profile"]
            for direction in ("down", "up"):
                for name, (rate, ceiling) in line[direction].items():
                    key = f"{name} {direction} {profile} {ceiling}"
                    seen = rows.get(key)
                    if seen is None:
                        seen = rows[key] = Seen(at)
                    seen.add(rate, seconds, at)
    return rows


def _join(rows: Rows, others: Rows) -> None:
    for key, seen in others.items():
        if key in rows:
            rows[key].join(seen)
        else:
            rows[key] = seen


def _read_day(path: Path) -> tuple[Rows, str]:
    """The rows of one day, and until when; a file that cannot be read counts as none."""
    try:
        found = json.loads(path.read_text())
        rows = {key: Seen.from_fields(fields) for key, fields in found["rows"].items()}
        for key in rows:
            _parts(key)
        return rows, str(found["until"])
    except (OSError, *_MALFORMED):
        return {}, ""


def _parts(key: str) -> tuple[str, str, str, int]:
    name, direction, profile, ceiling = key.split(" ")
    return name, direction, profile, int(ceiling)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
