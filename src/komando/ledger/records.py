"""The hosts' own records against the ledger: two chains, kept by two machines, say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from komando.ledger.chain import Link
from komando.ledger.check import Disagreement
from komando.ledger.entries import Finished, HostResult, Move, Started
from komando.ledger.errors import written

SETTLING = ("confirmed", "reverted")
"""The events after which a host runs another generation than before, or the same for good."""

BY_HAND = {"bypassed": "the policy was taken out of the traffic's way", "restored": "and back"}
"""What a person at the console did, in words; a change there is `activated`, like a repair."""


class Event(BaseModel):
    """One line of a host's record; digests are None or "" where there is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    time: AwareDatetime
    event: str
    generation: str | None = None
    previous: str | None = None
    sequence: int | None = None
    reason: str | None = None
    before: str

    @property
    def runs(self) -> str:
        """What the host runs after it."""
        kept = self.generation if self.event == "confirmed" else self.previous
        return kept or ""


@dataclass
class _Told:
    """What the ledger says of one host under one sequence; two turns may bear the same one."""

    number: int
    commit: str
    started: Started
    move: Move
    result: HostResult | None = None
    landed: tuple[int, str] = (0, "")
    finished: Finished | None = None
    events: list[Event] = field(default_factory=list)


def record_disagreements(
    links: Sequence[Link], records: Mapping[str, Sequence[str]]
) -> tuple[list[Disagreement], list[str]]:
    """All in which the hosts' records and the ledger differ; and what was done by hand.

    The latter is what people did at the hosts' consoles, in words: no apply asked for it.

    `records` has the lines of each host's record, oldest first, by the host's name. A record may
    lack its beginning; what is older than its first line is not compared.
    """
    told = _told(links)
    found: list[Disagreement] = []
    by_hand: list[str] = []
    for host, lines in sorted(records.items()):
        events: list[Event] = []
        found += _read(host, lines, events)
        by_hand += _done_by_hand(host, events)
        mine = [one for (name, _), many in told.items() if name == host for one in many]
        found += _events(host, events, told)
        hashes = {_hash(line) for line in lines}
        for one in mine:
            found += _result(host, one, events, hashes)
    return found, by_hand


def _done_by_hand(host: str, events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        words = BY_HAND.get(event.event, "")
        if event.event == "activated" and event.generation != event.previous:
            words = f"{_short(event.generation)} in place of {_short(event.previous)}"
        if words:
            yield f"{host}, at its console at {written(event.time)}: {words}"


def _told(links: Sequence[Link]) -> dict[tuple[str, int], list[_Told]]:
    by_turn: dict[tuple[str, str], _Told] = {}
    found: dict[tuple[str, int], list[_Told]] = {}
    for number, link in enumerate(links, 1):
        entry = link.entry
        if isinstance(entry, Started):
            for host, move in entry.hosts.items():
                one = _Told(number, link.commit, entry, move)
                by_turn[entry.turn, host] = one
                found.setdefault((host, entry.sequence), []).append(one)
        elif isinstance(entry, Finished):
            for host, result in entry.hosts.items():
                if (known := by_turn.get((entry.turn, host))) is not None:
                    known.result, known.finished = result, entry
                    known.landed = number, link.commit
    return found


def _read(host: str, lines: Sequence[str], events: list[Event]) -> Iterator[Disagreement]:
    """Fill `events`; tell where the record's own chain breaks."""
    before, number = None, None
    for at, line in enumerate(lines, 1):
        try:
            event = Event.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            words = f"line {at}: {first['msg']}"
            yield Disagreement("its record cannot be read", words, "an event", host=host)
            before, number = _hash(line), None
            continue
        if before is None and event.number == 1:
            before = ""
        if number is not None and event.number != number + 1:
            yield Disagreement(
                "its record has a gap", f"{event.number} after {number}", str(number + 1), host=host
            )
        if before is not None and event.before != before:
            yield Disagreement(
                f"its record's line {event.number} does not follow the line before",
                f"before {event.before or 'nothing'}",
                before or "nothing",
                host=host,
            )
        before, number = _hash(line), event.number
        events.append(event)


def _events(
    host: str, events: Sequence[Event], told: Mapping[tuple[str, int], list[_Told]]
) -> Iterator[Disagreement]:
    """Each settled event has to be in the ledger, with the same digests."""
    for event in events:
        if event.event not in SETTLING or not event.sequence:
            continue
        known = told.get((host, event.sequence), [])
        says = f"{event.event} {_short(event.generation)} instead of {_short(event.previous)}"
        if not known:
            what = f"its record has sequence {event.sequence}, the ledger has not"
            yield Disagreement(
                what, f"{says} at {written(event.time)}", "an entry of it", host=host
            )
            continue
        fitting = [one for one in known if _same_move(event, one.move)]
        for one in fitting:
            one.events.append(event)
        if not fitting:
            one = known[-1]
            yield Disagreement(
                f"its record says another thing of sequence {event.sequence}",
                says,
                f"{_short(one.move.after)} instead of {_short(one.move.before)}",
                one.number,
                one.commit,
                host,
            )


def _result(
    host: str, one: _Told, events: Sequence[Event], hashes: set[str]
) -> Iterator[Disagreement]:
    """What the ledger says became of a host has to be the record's last word on it."""
    result = one.result
    if result is None or one.finished is None:
        return
    settled = result.time or one.finished.time
    if events and events[0].number > 1 and settled < events[0].time:
        return
    at = (*one.landed, host)
    if result.head and result.head not in hashes:
        what = "the head that it told is no line of its record"
        yield Disagreement(what, f"no line with hash {result.head[:12]}", "such a line", *at)
    if one.events:
        last = one.events[-1]
        if result.after is not None and last.runs != result.after:
            yield Disagreement(
                f"its record ends sequence {one.started.sequence} with another generation",
                f"{last.event}, so that it runs {_short(last.runs)}",
                f"{result.result}, so that it runs {_short(result.after)}",
                *at,
            )
    elif result.result == "carried" and one.move.before != one.move.after:
        what = f"its record knows nothing of sequence {one.started.sequence}"
        yield Disagreement(what, "no event", f"confirmed {_short(result.after)}", *at)


def _same_move(event: Event, move: Move) -> bool:
    """Whether both speak of the same two generations; a wave goes back by the same sequence."""
    seen = {event.generation or "", event.previous or ""}
    meant = {move.before, move.after} - {None}
    return meant <= seen if None in (move.before, move.after) else seen == meant


def _short(digest: str | None) -> str:
    return "an unknown one" if digest is None else digest[:12] or "none"


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
