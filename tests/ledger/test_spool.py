"""Without the forge: what waits in the clone, and how it lands."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from komando.ledger import HeldError, Ledger, UnreachedError, verify
from komando.ledger.entries import Finished, Holder, Started
from komando.ledger.errors import EnvironmentNameError, NoRemoteError, NotRepositoryError
from komando.ledger.holder import _born
from tests.ledger.conftest import Clone, carried, change, git, ledger_of


def away(forge: Path) -> Path:
    return forge.rename(forge.with_name("gone.git"))


def back(forge: Path) -> None:
    forge.with_name("gone.git").rename(forge)


def numbers(ledger: Ledger) -> list[tuple[int, int, bool]]:
    """Number, sequence and whether it was spooled, of each entry on the forge."""
    ledger.fetch()
    found = []
    for link in ledger.links():
        assert isinstance(link.entry, Started | Finished)
        found.append((link.entry.number, link.entry.sequence, link.entry.spooled))
    return found


def parent(ledger: Ledger) -> Holder:
    """A process of this machine that lives, and is not this one."""
    born = _born(os.getppid())
    return ledger.holder.model_copy(update={"process": os.getppid(), "born": born})


def test_a_normal_apply_without_the_forge_is_refused_and_told_the_way(
    clone: Clone, forge: Path
) -> None:
    ledger = ledger_of(clone("one"))
    away(forge)
    with pytest.raises(
        UnreachedError, match=r"cannot be reached.*nothing was changed.*--emergency"
    ):
        ledger.begin(change())
    assert ledger.spool.links() == []


def test_an_emergency_waits_in_the_clone_and_lands_behind_what_came_meanwhile(
    clone: Clone, forge: Path
) -> None:
    one, two = ledger_of(clone("one")), ledger_of(clone("two"))
    one.begin(change()).finish(carried(), "done")
    away(forge)
    turn = one.begin(change(kind="rollback"), emergency=True)
    assert turn.spooled
    assert turn.sequence == 2
    assert "komando ledger push" in turn.notes[0]
    landing = turn.finish(carried(), "done", pauses=())
    assert landing.spooled
    assert "waits in this clone" in landing.why
    back(forge)
    two.begin(change(), least=2).finish(carried(), "done")
    assert one.push() == 2
    assert one.push() == 0
    assert numbers(two) == [
        (1, 1, False),
        (2, 1, False),
        (3, 3, False),
        (4, 3, False),
        (5, 2, True),
        (6, 2, True),
    ]
    assert verify(two).disagreements == ()


def test_the_next_apply_lands_what_waits_before_it_begins(clone: Clone, forge: Path) -> None:
    ledger = ledger_of(clone("one"))
    away(forge)
    ledger.begin(change(kind="emergency"), emergency=True).finish(carried(), "done", pauses=())
    back(forge)
    turn = ledger.begin(change())
    assert turn.sequence == 2
    assert numbers(ledger) == [(1, 1, True), (2, 1, True), (3, 2, False)]
    assert ledger.spool.links() == []


def test_a_result_waits_when_the_forge_goes_away_in_the_midst(clone: Clone, forge: Path) -> None:
    ledger = ledger_of(clone("one"))
    turn = ledger.begin(change())
    away(forge)
    assert turn.finish(carried(), "done", pauses=(0.01,)).spooled
    back(forge)
    ledger.begin(change())
    assert numbers(ledger) == [(1, 1, False), (2, 1, True), (3, 2, False)]


def test_a_result_whose_forge_comes_back_in_time_is_pushed(clone: Clone, forge: Path) -> None:
    ledger = ledger_of(clone("one"))
    turn = ledger.begin(change())
    away(forge)
    timer = threading.Timer(0.5, back, [forge])
    timer.start()
    landing = turn.finish(carried(), "done", pauses=(1.5,))
    timer.join()
    assert not landing.spooled
    assert numbers(ledger) == [(1, 1, False), (2, 1, False)]


def test_what_landed_is_not_landed_again_after_a_crash_before_the_spool_was_emptied(
    clone: Clone, forge: Path
) -> None:
    ledger = ledger_of(clone("one"))
    away(forge)
    ledger.begin(change(), emergency=True).finish(carried(), "done", pauses=())
    back(forge)
    waiting = git(ledger.git.folder, "rev-parse", ledger.spool.reference)
    assert ledger.push() == 2
    git(ledger.git.folder, "update-ref", ledger.spool.reference, waiting)
    assert ledger.push() == 0
    assert len(numbers(ledger)) == 2
    assert ledger.spool.links() == []


def test_an_emergency_beside_a_turn_that_was_last_seen_open_says_so(
    clone: Clone, forge: Path
) -> None:
    other = ledger_of(clone("one"))
    other.holder = other.holder.model_copy(update={"machine": "controller-2", "process": 77})
    other.begin(change())
    ledger = ledger_of(clone("two"))
    for offline in (False, True):
        with pytest.raises(HeldError):
            ledger.begin(change(), offline=offline)
    away(forge)
    turn = ledger.begin(change(), offline=True)
    assert turn.sequence == 2
    assert "controller-2 held sequence 1" in turn.notes[1]


def test_a_second_emergency_of_the_same_clone_waits_for_the_first(
    clone: Clone, forge: Path
) -> None:
    folder = clone("one")
    away(forge)
    first = ledger_of(folder)
    first.holder = parent(first)
    first.begin(change(), emergency=True)
    with pytest.raises(HeldError, match=f"lives on this machine: end it .`kill {os.getppid()}`"):
        ledger_of(folder).begin(change(), emergency=True)


def test_a_second_emergency_takes_over_where_nobody_can_see_whether_the_first_lives(
    clone: Clone, forge: Path
) -> None:
    folder = clone("one")
    away(forge)
    first = ledger_of(folder)
    first.holder = parent(first).model_copy(update={"namespace": "another container's"})
    first.begin(change(), emergency=True)
    second = ledger_of(folder)
    with pytest.raises(HeldError):
        second.begin(change(), offline=True)
    turn = second.begin(change(), emergency=True)
    assert turn.sequence == 2
    assert turn.notes[1].startswith("EMERGENCY: took the turn over from ")
    turn.finish(carried(), "done", pauses=())
    back(forge)
    assert second.push() == 4
    assert verify(second).disagreements == ()


def test_no_repository_no_remote_and_no_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotRepositoryError, match=r"is in no git repository.*--repository"):
        ledger_of(tmp_path)
    with pytest.raises(NotRepositoryError, match="is no folder"):
        ledger_of(tmp_path / "missing")
    git(tmp_path, "init", "--quiet")
    ledger = ledger_of(tmp_path)
    with pytest.raises(NoRemoteError, match=r"has no remote 'origin'.*git remote add origin URL"):
        ledger.begin(change())
    assert ledger.begin(change(), emergency=True).spooled


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", "a/b", "-a", "a-", "A", "a b", "a.lock", "ä", "a\n", "x" * 64]
)
def test_odd_names_of_environments_are_refused(tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(EnvironmentNameError, match="small letters"):
        Ledger.open(tmp_path, name)


@pytest.mark.parametrize("remote", ["", "--upload-pack=touch x"])
def test_an_option_is_no_remote(tmp_path: Path, remote: str) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(NoRemoteError):
        ledger_of(tmp_path, remote=remote)


def test_a_lock_that_a_killed_git_left_keeps_nobody(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    turn = ledger.begin(change())
    lock = ledger.git.common / f"{ledger.spool.reference}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    assert not turn.finish(carried(), "done").spooled
    assert not lock.exists()


def test_a_git_that_takes_too_long_may_take_its_locks_away(clone: Clone) -> None:
    folder = clone("one")
    slow = "alias.slow=!trap 'rm held; exit' TERM; touch held; sleep 30 & wait"
    begun = time.monotonic()
    assert ledger_of(folder).git.run("-c", slow, "slow", timeout=0.5).status is None
    assert time.monotonic() - begun < 20
    assert not (folder / "held").exists()
