"""The judge of hostile applies: what was said, held against what the routers say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from benchmarks.judge import BROKE_OFF, NOTHING_CHANGED, Ambiguous, judge_ledger, judge_words
from benchmarks.rounds import Try
from komando.ledger.chain import Link
from komando.ledger.entries import Finished, HostResult
from tests.lab.desk import Done

OLD, NEW = "a" * 64, "b" * 64
BEFORE = {"router-1": OLD, "router-2": OLD}
WANTED = {"router-1": NEW, "router-2": NEW}

CARRIED = "router-1 runs bbbbbbbbbbbb: 1 classes changed in place\n"
REVERTED = "router-1 was taken back and runs aaaaaaaaaaaa again: why\n"
UNKNOWN = "router-1 is not known to run the one or the other; `komando plan` asks it: why\n"
UNREACHED = "router-1 was not reached: why\n"


def said(code: int, words: str, *, killed: bool = False, interrupted: int = 0) -> Try:
    return Try(WANTED, Done(code, words, ""), killed=killed, interrupted=interrupted)


def runs(first: str) -> Mapping[str, str | None]:
    return {"router-1": first, "router-2": OLD}


@pytest.mark.parametrize(
    ("one", "first"),
    [
        (said(0, CARRIED), NEW),
        (said(1, REVERTED), OLD),
        (said(1, UNKNOWN), OLD),
        (said(1, UNKNOWN), NEW),
        (said(3, UNREACHED), OLD),
        (said(0, "Nothing changes: all run what the policies say.\n"), OLD),
        (said(1, f"Error: {NOTHING_CHANGED}: somebody is at it\n"), OLD),
        (said(-9, "", killed=True), NEW),
        (said(1, f"Error: {BROKE_OFF}\n"), NEW),
        (said(1, CARRIED, interrupted=1), NEW),
    ],
)
def test_what_the_routers_bear_out_is_not_ambiguous(one: Try, first: str) -> None:
    judge_words([one], BEFORE, runs(first))


@pytest.mark.parametrize(
    ("one", "first"),
    [
        (said(0, CARRIED), OLD),
        (said(1, REVERTED), NEW),
        (said(3, UNREACHED), NEW),
        (said(1, UNKNOWN), "c" * 64),
        (said(1, CARRIED), NEW),
        (said(0, REVERTED), OLD),
        (said(0, UNREACHED), OLD),
        (said(0, ""), OLD),
        (said(1, ""), OLD),
        (said(1, f"Error: {NOTHING_CHANGED}: somebody is at it\n"), NEW),
        (said(1, REVERTED + "Traceback (most recent call last):\n"), OLD),
    ],
)
def test_what_the_routers_or_the_exit_code_belie_is_ambiguous(one: Try, first: str) -> None:
    with pytest.raises(Ambiguous):
        judge_words([one], BEFORE, runs(first))


def test_the_last_of_two_applies_counts() -> None:
    second = Try({"router-1": "c" * 64, "router-2": OLD}, Done(0, CARRIED, ""))
    judge_words([said(0, CARRIED), second], BEFORE, runs("c" * 64))
    with pytest.raises(Ambiguous):
        judge_words([said(0, CARRIED), second], BEFORE, runs(NEW))


def link(result: str, after: str | None, head: str = "") -> Link:
    entry = Finished(
        number=4,
        environment="lab",
        time=datetime(2026, 11, 24, tzinfo=UTC),
        turn="0" * 16,
        sequence=1,
        result="failed",
        hosts={"router-1": HostResult(before=OLD, after=after, result=result, head=head)},  # type: ignore[arg-type]
    )
    return Link("", (), b"", entry)


HEADS = {"router-1": {"d" * 64}, "router-2": set[str]()}


def test_a_ledger_that_says_what_the_words_say_is_not_ambiguous() -> None:
    judge_ledger([said(1, REVERTED)], [link("reverted", OLD, "d" * 64)], 3, runs(OLD), HEADS)
    judge_ledger([said(1, UNKNOWN)], [link("unknown", None)], 3, runs(NEW), HEADS)


@pytest.mark.parametrize(
    "written",
    [
        [link("carried", OLD)],
        [link("reverted", NEW)],
        [link("reverted", OLD, "e" * 64)],
        [],
        [Link("", (), b"?", None, "no JSON")],
    ],
    ids=["result", "after", "head", "nothing", "unreadable"],
)
def test_a_ledger_that_says_otherwise_is_ambiguous(written: list[Link]) -> None:
    with pytest.raises(Ambiguous):
        judge_ledger([said(1, REVERTED)], written, 3, runs(OLD), HEADS)
