"""The hosts' own records beside the ledger: where the two differ, the place is named."""

from __future__ import annotations

import hashlib
import json

import pytest

from komando.ledger import HostResult, Ledger, verify
from komando.ledger.entries import Finished, from_bytes
from tests.ledger.conftest import NEW, OLD, Clone, change, ledger_of, told


def record(*events: tuple[str, str, str, int]) -> list[str]:
    """A host's record: event, generation, previous, sequence."""
    lines: list[str] = []
    for number, (event, generation, previous, sequence) in enumerate(events, 1):
        line = {
            "number": number,
            "time": "2026-11-24T08:00:00+00:00",
            "event": event,
            "generation": generation,
            "previous": previous,
            "sequence": sequence,
            "reason": "",
            "before": hashlib.sha256(lines[-1].encode()).hexdigest() if lines else "",
        }
        lines.append(json.dumps(line))
    return lines


def applied(ledger: Ledger, lines: list[str], **said: object) -> None:
    """One apply on core-1, of which the ledger says `said`."""
    turn = ledger.begin(change())
    fields = {"before": OLD, "after": NEW, "result": "carried"} | said
    fields.setdefault("head", hashlib.sha256(lines[-1].encode()).hexdigest())
    turn.finish({"core-1": HostResult(**fields)}, "done")  # type: ignore[arg-type]


GOOD = record(("armed", NEW, OLD, 1), ("confirmed", NEW, OLD, 1))
BACK = record(("armed", NEW, OLD, 1), ("reverted", NEW, OLD, 1))


def test_a_record_that_says_the_same_has_nothing_to_say(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    applied(ledger, GOOD)
    assert told(ledger, records={"core-1": GOOD}) == ""
    assert verify(ledger, {}).notes == ("no record of core-1 was given",)
    other = ledger_of(clone("two"))
    other.branch = type(other.branch)(other.git, "lab-2", "origin")
    other.spool = type(other.spool)(other.git, "lab-2")
    applied(other, BACK, result="reverted", after=OLD)
    assert told(other, records={"core-1": BACK}) == ""


OTHER_REASON = [GOOD[0], GOOD[1].replace('"reason": ""', '"reason": "x"')]
OTHER_BEGINNING = [GOOD[0].replace('"reason": ""', '"reason": "x"'), GOOD[1]]
OTHER_GENERATION = record(("confirmed", "d" * 64, OLD, 1))
ONE_MORE = record(("confirmed", NEW, OLD, 1), ("confirmed", OLD, NEW, 2))
IT_WENT_BACK = {"result": "reverted", "after": OLD}


@pytest.mark.parametrize(
    ("lines", "heard", "said", "expected"),
    [
        (BACK, BACK, {}, "entry 2, commit {1}, host core-1: its record ends sequence 1 with"),
        (GOOD, GOOD, IT_WENT_BACK, "found:    confirmed, so that it runs bbbbbbbbbbbb"),
        (GOOD[:1], GOOD[:1], {}, "its record knows nothing of sequence 1"),
        ([], GOOD, {}, "its record knows nothing of sequence 1"),
        (GOOD[:1], GOOD, {}, "the head that it told is no line of its record"),
        (OTHER_REASON, GOOD, {}, "the head that it told is no line of its record"),
        (OTHER_BEGINNING, GOOD, {}, "its record's line 2 does not follow the line before"),
        (OTHER_GENERATION, OTHER_GENERATION, {}, "says another thing of sequence 1"),
        (ONE_MORE, ONE_MORE, {}, "host core-1: its record has sequence 2, the ledger has not"),
        ([GOOD[0], "}", GOOD[1]], GOOD, {}, "its record cannot be read"),
        (GOOD[1:], GOOD, {}, ""),  # its beginning was pruned
    ],
)
def test_where_ledger_and_record_differ_the_place_is_named(
    clone: Clone, lines: list[str], heard: list[str], said: dict[str, str], expected: str
) -> None:
    ledger = ledger_of(clone("one"))
    applied(ledger, heard, **said)
    commits = [link.commit[:12] for link in ledger.links()]
    text = told(ledger, records={"core-1": lines})
    assert (expected.format(*commits) in text) if expected else text == ""


def test_what_people_did_at_the_console_is_told_and_fits(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    lines = record(
        ("armed", NEW, OLD, 1),
        ("confirmed", NEW, OLD, 1),
        ("activated", NEW, NEW, 1),  # a repair
        ("bypassed", NEW, "", 1),
        ("restored", NEW, "", 1),
        ("activated", OLD, NEW, 1),
    )
    head = hashlib.sha256(lines[1].encode()).hexdigest()
    applied(ledger, lines, head=head)
    found = verify(ledger, {"core-1": lines})
    assert found.disagreements == ()
    when = "core-1, at its console at 2026-11-24 08:00:00 UTC: "
    assert found.notes == (
        f"{when}the policy was taken out of the traffic's way",
        f"{when}and back",
        f"{when}{OLD[:12]} in place of {NEW[:12]}",
    )


def test_entries_that_tell_no_time_of_a_host_are_read_for_ever(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    applied(ledger, GOOD)
    raw = ledger.links()[-1].raw
    assert b'"time": null' in raw
    for old in (raw, raw.replace(b',\n   "time": null', b"")):
        entry = from_bytes(old)
        assert isinstance(entry, Finished)
        assert entry.hosts["core-1"].time is None


def test_a_host_that_an_emergency_took_from_a_slow_holder_fits_both_turns(clone: Clone) -> None:
    slow = ledger_of(clone("one"))
    slow.holder = slow.holder.model_copy(update={"machine": "controller-2", "process": 77})
    overtaken = slow.begin(change())
    lines = record(
        ("armed", NEW, OLD, 1), ("reverted", NEW, OLD, 1),
        ("armed", NEW, OLD, 2), ("confirmed", NEW, OLD, 2),
    )  # fmt: skip
    urgent = ledger_of(clone("two"))
    turn = urgent.begin(change(kind="emergency"), emergency=True)
    head = hashlib.sha256(lines[-1].encode()).hexdigest()
    turn.finish({"core-1": HostResult(before=OLD, after=NEW, result="carried", head=head)}, "done")
    assert told(urgent, records={"core-1": lines}) == "", "before the other comes to its end"
    lost = HostResult(before=OLD, after=None, result="unknown", reason="it was overtaken")
    overtaken.finish({"core-1": lost}, "failed")
    assert told(urgent, records={"core-1": lines}) == "", "and after"
