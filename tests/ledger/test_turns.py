"""One apply at a time: who gets the turn, who waits, and what a crash leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from komando.ledger import HeldError, Ledger, UnreachedError, verify
from komando.ledger.entries import Abandoned, Finished, Started
from komando.ledger.errors import FarAheadError, RefusedError
from komando.ledger.git import Git
from komando.ledger.holder import has_died, is_same, person_of, this_process
from tests.ledger.conftest import Clone, carried, change, git, ledger_of

RACER = """
import sys
from datetime import timedelta
from pathlib import Path
from komando.ledger import HeldError, Ledger, Move, Undertaking
ledger = Ledger.open(Path(sys.argv[1]), "lab")
what = Undertaking("apply", {"core-1": Move(before="", after="b" * 64)}, timedelta(minutes=15))
print("ready", flush=True)
for line in sys.stdin:
    try:
        turn = ledger.begin(what)
    except HeldError as error:
        print("held", error.started.sequence, flush=True)
    else:
        print("won", turn.sequence, flush=True)
        sys.stdin.readline()
        turn.finish({}, "done")
        print("finished", flush=True)
"""


def racer(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", RACER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert heard(child) == "ready"
    return child


def heard(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")


def end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()


def test_of_two_that_begin_at_once_exactly_one_wins_each_time(clone: Clone) -> None:
    """Two processes in two clones, and two in one clone: the remote's lock, and the clone's."""
    one, two = clone("one"), clone("two")
    children = [racer(folder) for folder in (one, two, two)]
    try:
        for number in range(1, 13):
            for child in children:
                tell(child)
            said = [heard(child) for child in children]
            assert sorted(it.split()[0] for it in said) == ["held", "held", "won"], said
            assert {int(it.split()[1]) for it in said} == {number}
            winner = children[next(n for n, it in enumerate(said) if it.startswith("won"))]
            tell(winner)
            assert heard(winner) == "finished"
    finally:
        for child in children:
            end(child)
    ledger = ledger_of(one)
    ledger.fetch()
    assert [type(it.entry) for it in ledger.links()] == [Started, Finished] * 12


def test_who_is_refused_learns_who_since_when_until_when_and_what_to_do(clone: Clone) -> None:
    child = racer(clone("one"))
    try:
        tell(child)
        assert heard(child) == "won 1"
        with pytest.raises(HeldError) as caught:
            ledger_of(clone("two")).begin(change())
    finally:
        end(child)
    text = str(caught.value)
    started = caught.value.started
    assert f"process {child.pid}" in text
    assert started.holder.machine in text
    assert started.time.strftime("%H:%M:%S UTC") in text
    assert caught.value.started.expires.strftime("%H:%M:%S UTC") in text
    assert "takes over at once" in text


@pytest.mark.parametrize("buried", [True, False], ids=["gone", "a zombie"])
def test_a_killed_apply_of_this_machine_is_taken_over_at_once(
    clone: Clone, *, buried: bool
) -> None:
    child = racer(clone("one"))
    tell(child)
    assert heard(child) == "won 1"
    os.kill(child.pid, signal.SIGKILL)
    if buried:
        child.wait()
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    ledger = ledger_of(clone("two"))
    turn = ledger.begin(change())
    end(child)
    assert turn.sequence == 2
    assert "is no more" in turn.notes[0]
    closing = ledger.links()[1].entry
    assert isinstance(closing, Abandoned)
    assert closing.sequence == 1
    assert str(child.pid) in closing.why


def test_a_process_that_bears_the_number_of_a_dead_one_is_not_it(clone: Clone) -> None:
    me = this_process(person_of(Git(clone("one"))))
    other = me.model_copy(update={"born": me.born - 1})
    assert not is_same(me, other)
    assert has_died(other, me)
    assert not has_died(me, me)
    for stranger in ({"boot": "x"}, {"namespace": "pid:[1]"}, {"machine": "elsewhere"}):
        assert not has_died(other.model_copy(update=stranger), me)


def elsewhere(ledger: Ledger) -> Ledger:
    """The same clone as another machine would have it."""
    ledger.holder = ledger.holder.model_copy(update={"machine": "controller-2", "process": 77})
    return ledger


def test_a_turn_of_another_machine_holds_until_its_time_and_the_clocks_allowance(
    clone: Clone,
) -> None:
    other = elsewhere(ledger_of(clone("one")))
    begun = other.begin(change(lease=timedelta(minutes=5)))
    ledger = ledger_of(clone("two"))
    until = begun.started.expires
    ledger.clock = lambda: until + timedelta(seconds=29)
    with pytest.raises(HeldError):
        ledger.begin(change())
    ledger.clock = lambda: until + timedelta(seconds=30)
    turn = ledger.begin(change())
    assert turn.notes == (
        f"took over sequence 1: its time ran out at {until:%Y-%m-%d %H:%M:%S} UTC",
    )
    landing = begun.finish(carried(), "done")
    assert not landing.spooled
    assert landing.number == 4


def test_an_emergency_does_not_wait_for_another_machine_and_verify_tells_who_came_late(
    clone: Clone,
) -> None:
    other = elsewhere(ledger_of(clone("one")))
    begun = other.begin(change())
    ledger = ledger_of(clone("two"))
    for offline in (False, True):  # an apply, and a rollback
        with pytest.raises(HeldError, match=r"after that time.*`--emergency` takes over"):
            ledger.begin(change(), offline=offline)
    turn = ledger.begin(change(kind="emergency"), emergency=True)
    assert turn.sequence == 2
    (note,) = turn.notes
    assert note.startswith(f"EMERGENCY: took the turn over from {other.holder.person} on control")
    assert "controller-2 (process 77): apply with sequence 1, since " in note
    assert "Hosts refuse the older of two sequences" in note
    closing = ledger.links()[1].entry
    assert isinstance(closing, Abandoned)
    assert closing.why.startswith("an emergency did not wait for ")
    assert "process 77" in closing.why
    assert verify(ledger).notes == ()
    assert begun.finish({}, "failed").number == 4
    turn.finish(carried(), "done")
    found = verify(ledger)
    assert found.disagreements == ()
    (late,) = found.notes
    assert late == (
        f"entry 4: the holder of sequence 1 came to an end (failed) after {ledger.holder.person} "
        f"on {ledger.holder.machine} had taken over (entry 2: {closing.why})"
    )
    assert ledger.begin(change()).sequence == 3


def test_an_emergency_waits_for_a_process_that_lives_here(clone: Clone) -> None:
    child = racer(clone("one"))
    try:
        tell(child)
        assert heard(child) == "won 1"
        ledger = ledger_of(clone("two"))
        with pytest.raises(HeldError, match=f"lives on this machine: end it .`kill {child.pid}`"):
            ledger.begin(change(), emergency=True)
    finally:
        end(child)
    assert "is no more" in ledger.begin(change(), emergency=True).notes[0]


def test_the_sequence_is_above_the_ledgers_and_above_what_hosts_have_seen(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    ledger.begin(change()).finish(carried(), "done")
    turn = ledger.begin(change(), least=41)
    assert turn.sequence == 42
    assert "a host has seen sequence 41" in turn.notes[-1]
    turn.finish(carried(), "done")
    assert ledger.begin(change()).sequence == 43


def test_an_entry_is_one_commit_with_one_readable_file(clone: Clone, forge: Path) -> None:
    folder = clone("one")
    ledger = ledger_of(folder)
    turn = ledger.begin(change("core-2", "core-1"))
    turn.finish(carried("core-1", "core-2"), "done")
    assert git(forge, "ls-tree", "--name-only", "deployments/lab") == "entry.json"
    entry = json.loads(git(forge, "show", "deployments/lab~:entry.json"))
    assert list(entry["hosts"]) == ["core-1", "core-2"]
    assert entry["time"].endswith("Z")
    assert entry["holder"]["process"] == os.getpid()
    assert git(forge, "log", "-1", "--format=%s", "deployments/lab") == "lab 1: done"


def test_work_tree_index_and_head_stay_as_they_are(clone: Clone) -> None:
    folder = clone("one")
    (folder / "policies" / "region.yaml").write_text("name: changed\n")
    (folder / "new").write_text("x")
    git(folder, "add", "new")
    watched = [folder / ".git" / name for name in ("index", "HEAD", "config")]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in watched]
    ledger = ledger_of(folder)
    policy = ledger.policy("policies")
    assert policy.changed
    assert policy.commit == git(folder, "rev-parse", "HEAD")
    assert not ledger.policy("inventories").changed
    ledger.begin(change()).finish(carried(), "done")
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in watched] == before
    assert (folder / "policies" / "region.yaml").read_text() == "name: changed\n"
    assert not (folder / ".git" / "FETCH_HEAD").exists()


@pytest.mark.parametrize(
    "arguments",
    [("--bare",), ("--depth=1",), ("--depth=1", "--no-single-branch")],
    ids=["bare", "shallow", "shallow with the ledger's tip"],
)
def test_any_kind_of_clone_will_do(clone: Clone, arguments: tuple[str, ...]) -> None:
    first = ledger_of(clone("first-one"))
    first.begin(change()).finish(carried(), "done")
    folder = clone("other", *arguments)
    if "--bare" not in arguments:
        git(folder, "checkout", "--quiet", "--detach")
    ledger = ledger_of(folder)
    assert ledger.begin(change()).sequence == 2
    assert [it.entry.number for it in ledger.links() if it.entry] == [1, 2, 3]


def test_neither_identity_nor_hooks_nor_settings_of_the_user_get_in_the_way(
    clone: Clone, tmp_path: Path
) -> None:
    folder = clone("one")
    for name in ("pre-push", "reference-transaction"):
        hook = folder / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\nexit 1\n")
        hook.chmod(0o755)
    for name, value in (
        ("fetch.prune", "true"),
        ("commit.gpgSign", "true"),
        ("push.followTags", "true"),
        ("user.useConfigOnly", "true"),
    ):
        git(folder, "config", name, value)
    ledger = ledger_of(folder)
    ledger.begin(change()).finish(carried(), "done")
    assert not (tmp_path / "hooked").exists()
    assert len(ledger.links()) == 2
    assert "@" in ledger.holder.person


def test_a_rule_of_the_forge_is_told_in_its_own_words(clone: Clone, forge: Path) -> None:
    hook = forge / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'reviews are required' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(RefusedError, match="reviews are required"):
        ledger_of(clone("one")).begin(change())


def test_a_push_whose_answer_is_lost_has_landed_all_the_same(clone: Clone, forge: Path) -> None:
    """The forge takes the entry, and then never says so."""
    ledger = ledger_of(clone("one"), timeout=2)
    hook = forge / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nsleep 30\n")
    hook.chmod(0o755)
    turn = ledger.begin(change())
    hook.unlink()
    assert not turn.finish(carried(), "done").spooled
    assert [type(it.entry) for it in ledger.links()] == [Started, Finished]


def test_a_remote_that_hangs_is_given_up(clone: Clone, tmp_path: Path) -> None:
    folder = clone("one")
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 60\n")
    sleeper.chmod(0o755)
    git(folder, "config", "core.sshCommand", str(sleeper))
    git(folder, "remote", "set-url", "origin", "ssh://forge.invalid/policies")
    begun = time.monotonic()
    with pytest.raises(UnreachedError, match=r"no answer in time.*--emergency"):
        ledger_of(folder, timeout=1).begin(change())
    assert time.monotonic() - begun < 5
    pid = int((tmp_path / "pid").read_text())
    assert not runs(pid)


def runs(pid: int) -> bool:
    """Whether a process is more than a dead one that nobody has buried."""
    stat = Path("/proc") / str(pid) / "stat"
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_host_that_is_far_ahead_does_not_take_the_numbers_from_all(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    ledger.begin(change()).finish(carried(), "done")
    with pytest.raises(FarAheadError, match=r"sequence 999999999, and the ledger ends at 1:"):
        ledger.begin(change(), least=999_999_999)
    turn = ledger.begin(change(), least=9_000)
    assert turn.sequence == 9_001
