"""What was applied last by the ledger, and a live plan held against the reviewed one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from komando.ledger.entries import Entry, Finished, Holder, HostResult, Move, Started
from komando.plan import Change, Detail, FileChange, HostPlan, Plan
from komando.review.since import last_applied
from komando.review.stands import unreviewed

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def _holder() -> Holder:
    return Holder(person="p", machine="m", process=1, born=1, boot="b", namespace="n")


def _apply(number: int, commit: str, after: str | None, **how: object) -> list[Entry]:
    """The two entries of one apply of core-1."""
    turn = f"{number:016x}"
    started = Started(
        environment="production", time=NOW, turn=turn, sequence=number, kind="apply",
        holder=_holder(), expires=NOW + timedelta(minutes=5), policy=commit,
        hosts={"core-1": Move(before="", after=None)},
    )  # fmt: skip
    finished = Finished(
        environment="production", time=NOW, turn=turn, sequence=number, result="done",
        hosts={"core-1": HostResult(before="", after=after, result="carried")},
    )  # fmt: skip
    begun = {key: it for key, it in how.items() if key in Started.model_fields}
    return [
        started.model_copy(update=begun),
        finished.model_copy(update={key: it for key, it in how.items() if key not in begun}),
    ]


ONE, TWO = "1" * 40, "2" * 40
A, B = "a" * 64, "b" * 64


class TestSince:
    def test_the_newest_that_is_done(self) -> None:
        found = last_applied([*_apply(1, ONE, A), *_apply(2, TWO, B)], lambda _: True)
        assert found is not None
        assert (found.commit, found.sequence, found.running) == (TWO, 2, {"core-1": B})

    @pytest.mark.parametrize(
        "how",
        [
            {"result": "failed"},
            {"result": "partial"},
            {"result": "interrupted"},
            {"kind": "rollback"},
            {"kind": "repair"},
            {"limit": ("core-1",)},
            {"policy_changed": True},
            {"policy": ""},
        ],
    )
    def test_what_does_not_count(self, how: dict[str, object]) -> None:
        found = last_applied([*_apply(1, ONE, A), *_apply(2, TWO, B, **how)], lambda _: True)
        assert found is not None
        assert found.commit == ONE
        assert found.running == {"core-1": B}, "what a host runs is told by every entry"

    def test_a_commit_that_leads_elsewhere(self) -> None:
        entries = [*_apply(1, ONE, A), *_apply(2, TWO, B, kind="emergency")]
        found = last_applied(entries, lambda commit: commit == ONE)
        assert found is not None
        assert found.commit == ONE

    def test_a_host_of_which_nobody_knows(self) -> None:
        found = last_applied([*_apply(1, ONE, A), *_apply(2, TWO, None)], lambda _: True)
        assert found is not None
        assert found.running == {}

    def test_a_turn_that_stands_open(self) -> None:
        assert last_applied(_apply(1, ONE, A)[:1], lambda _: True) is None


def _change(slug: str, after: str, before: str = "20 Mbit/s") -> Change:
    detail = Detail("guarantee", before, after)
    return Change("change", "opd", slug, slug.title(), (detail,))


def _host(before: str | None = A, after: str = B, *changes: Change) -> HostPlan:
    return HostPlan("core-1", "change", before, after, "", changes=changes,
                    files=(FileChange("etc/x", "change", 1, 1),))  # fmt: skip


class TestStands:
    def test_the_same_digests_are_the_same_change(self) -> None:
        assert unreviewed(Plan((_host(),)), Plan((_host(),))) == []

    def test_nothing_to_change_is_always_reviewed(self) -> None:
        live = Plan((replace(_host(), state="same"),))
        assert unreviewed(live, Plan(())) == []

    def test_another_start_with_changes_that_were_all_reviewed(self) -> None:
        c = "c" * 64
        reviewed = Plan((_host(A, B, _change("dlh", "30 Mbit/s"), _change("bkad", "9 Mbit/s")),))
        live = Plan((_host(c, B, _change("dlh", "30 Mbit/s", "25 Mbit/s")),))
        assert unreviewed(live, reviewed) == []

    def test_another_start_with_a_change_that_nobody_saw(self) -> None:
        c = "c" * 64
        reviewed = Plan((_host(A, B, _change("dlh", "30 Mbit/s")),))
        live = Plan((_host(c, B, _change("dlh", "30 Mbit/s"), _change("bkad", "9 Mbit/s")),))
        first, second = unreviewed(live, reviewed)
        assert first == (
            "core-1: Bkad (bkad): guarantee 9 Mbit/s, which stands in no reviewed plan"
        )
        assert second.startswith(
            "core-1: by the ledger it runs aaaaaaaaaaaa, and it runs cccccccccccc"
        )

    def test_a_host_that_is_new_or_should_stay(self) -> None:
        for reviewed in (Plan(()), Plan((replace(_host(), state="same", before=B),))):
            first, *_ = unreviewed(Plan((_host(),)), reviewed)
            assert "no reviewed plan touches it" in first

    def test_another_end_is_another_program(self) -> None:
        (found,) = unreviewed(Plan((_host(A, "c" * 64),)), Plan((_host(A, B),)))
        assert "renders otherwise" in found

    def test_a_host_to_be_repaired_is_no_change_of_policy(self) -> None:
        live = Plan((replace(_host(), state="repair", summary="to be repaired"),))
        (found,) = unreviewed(live, Plan((_host(),)))
        assert "komando drift --repair" in found

    def test_a_reviewed_plan_that_could_not_tell(self) -> None:
        reviewed = Plan((replace(_host(), state="unread", compared=False),))
        (found,) = unreviewed(Plan((_host(),)), reviewed)
        assert "could not be told from git" in found

    def test_a_host_that_cannot_be_read(self) -> None:
        live = Plan((replace(_host("c" * 64), compared=False),))
        first, _ = unreviewed(live, Plan((_host(),)))
        assert "cannot be read" in first
