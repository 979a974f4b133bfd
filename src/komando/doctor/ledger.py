"""The ledger: what the last apply came to, what waits, and who else has seen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from komando.doctor.symptom import Symptom, counted, days
from komando.ledger.chain import Link
from komando.ledger.entries import Finished, Started
from komando.ledger.errors import at_work, written
from komando.ledger.turns import GRACE, open_turns

FAR_BEHIND: Final = 35
"""Days that the newest witness may be behind: a month, and the holiday at its end."""

_BY_RUNBOOK: Final = "docs/runbooks/lost-ledger.md"


@dataclass(frozen=True)
class Seen:
    """A ledger as it was read, oldest entry first.

    `waiting`: entries in this clone's spool. `witnesses` are the heads that others have seen, by
    their names. `away`: why the forge could not be asked, "" where it could; `asked`: whether it
    was. `broken`: what does not fit.
    """

    links: Sequence[Link] = ()
    waiting: int = 0
    witnesses: Mapping[str, str] = field(default_factory=dict)
    away: str = ""
    broken: Sequence[str] = ()
    asked: bool = True


def ledger(seen: Seen, now: datetime) -> Iterator[Symptom]:
    """What a ledger comes to at a moment (aware)."""
    if seen.away:
        yield Symptom(
            "ledger-away",
            "warning",
            f"{seen.away.rstrip('.')}. What this clone last knew was looked at",
            "look whether the forge can be reached, or name the ledger's place with --remote",
        )
    if seen.broken:
        rest = len(seen.broken) - 1
        more = f", and {counted(rest, 'thing', 'things')} more" if rest else ""
        first = seen.broken[0].replace("\n ", ",")
        yield Symptom(
            "ledger-broken",
            "error",
            f"the ledger does not hold: {' '.join(first.split())}{more}",
            f"`komando ledger verify`, then {_BY_RUNBOOK}",
        )
    if seen.waiting:
        yield Symptom(
            "ledger-spool",
            "warning",
            f"{counted(seen.waiting, 'entry waits', 'entries wait')} in this clone alone",
            "`komando ledger push`",
        )
    yield from _turns(seen, now)
    if seen.links:
        yield from _witnesses(seen)


def _turns(seen: Seen, now: datetime) -> Iterator[Symptom]:
    entries = [link.entry for link in seen.links if link.entry is not None]
    for turn in open_turns(entries):
        over = now >= turn.expires + GRACE
        yield Symptom(
            "ledger-open",
            "warning" if over else "note",
            f"a turn stands open: {at_work(turn)}",
            "find out what became of it; the next `komando apply` takes over" if over else "",
        )
    last = next((entry for entry in reversed(entries) if isinstance(entry, Finished)), None)
    if last is None:
        known = "nobody has applied yet" if seen.asked else "this clone knows of no apply"
        yield Symptom("ledger-empty", "note", known, "`komando plan`, then `komando apply`")
    elif last.result == "done":
        yield Symptom("ledger-last", "ok", f"the last apply was done at {written(last.time)}")
    else:
        hosts = ", ".join(f"{name} {it.result}" for name, it in sorted(last.hosts.items())
                          if it.result != "carried")  # fmt: skip
        began = next(
            (it for it in entries if isinstance(it, Started) and it.turn == last.turn), None
        )
        kind = began.kind if began is not None else "apply"
        yield Symptom(
            "ledger-last",
            "warning",
            f"the last {kind} ended {last.result} at {written(last.time)}"
            + (f": {hosts}" if hosts else ""),
            "docs/runbooks/rollout-failed.md",
        )


def _witnesses(seen: Seen) -> Iterator[Symptom]:
    places = {link.commit: at for at, link in enumerate(seen.links)}
    strange = [name for name, commit in seen.witnesses.items() if commit not in places]
    for name in sorted(strange):
        yield Symptom(
            "ledger-witness",
            "error",
            f"the witness {name} has seen {seen.witnesses[name][:12]}, which the ledger does not "
            "have: somebody has rewritten it, or that branch",
            _BY_RUNBOOK,
        )
    good = {name: places[it] for name, it in seen.witnesses.items() if it in places}
    if not good:
        if not strange:
            yield Symptom(
                "ledger-witness",
                "warning",
                "no second party has fetched the ledger: whoever rewrote it would not be seen",
                "let an auditor keep a clone, and run `komando ledger witness NAME` there each "
                "month; docs/runbooks/witness-the-ledger.md",
            )
        return
    name = max(sorted(good), key=lambda one: good[one])
    behind = len(seen.links) - 1 - good[name]
    late = _days_behind(seen.links, good[name])
    told = "; ".join(
        f"{one} is {counted(len(seen.links) - 1 - at, 'entry', 'entries')} and "
        f"{days(_days_behind(seen.links, at))} behind"
        for one, at in sorted(good.items())
    )
    if late > FAR_BEHIND:
        yield Symptom(
            "ledger-witness",
            "warning",
            f"no witness has seen the newest entries of the ledger: {told}",
            f"`komando ledger witness {name}` in that party's clone",
        )
    else:
        yield Symptom("ledger-witness", "note" if behind else "ok", f"the witness {told}")


def _days_behind(links: Sequence[Link], at: int) -> int:
    """Days between what a witness has seen and the newest entry, by the entries' own times."""
    seen, newest = links[at].entry, links[-1].entry
    if seen is None or newest is None:
        return 0
    return max(0, (newest.time - seen.time).days)
