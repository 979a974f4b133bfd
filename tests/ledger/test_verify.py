"""A ledger that somebody has laid hands on: each way of it is found, and named."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from komando.ledger import HostResult, Ledger, Move, Signers, Undertaking, verify
from komando.ledger.chain import Pen, append, read
from komando.ledger.entries import Anew, Finished, Started, to_bytes
from komando.ledger.errors import LedgerError, LostBranchError, RewrittenError
from komando.ledger.git import Answer, Git
from komando.ledger.restore import begin_anew, restore
from tests.ledger.conftest import NEW, Clone, carried, change, git, ledger_of, told

BRANCH = "refs/heads/deployments/lab"


@pytest.fixture
def three(clone: Clone) -> Ledger:
    """Three applies, six entries."""
    ledger = ledger_of(clone("one"))
    for _ in range(3):
        ledger.begin(change()).finish(carried(), "done")
    return ledger


def commit(forge: Path, raw: bytes, parent: str | None) -> str:
    """A commit with any content, as somebody with git at hand would make it."""
    blob = git(forge, "hash-object", "-w", "--stdin", data=raw)
    tree = git(forge, "mktree", data=f"100644 blob {blob}\tentry.json\n".encode())
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    return git(forge, *who, "commit-tree", tree, "-m", "x", *(["-p", parent] if parent else []))


def rewrite(forge: Path, raws: Sequence[bytes]) -> None:
    """Let the branch have these contents, from its first entry on."""
    tip: str | None = None
    for raw in raws:
        tip = commit(forge, raw, tip)
    assert tip
    git(forge, "update-ref", BRANCH, tip)


def rechain(raws: Sequence[bytes]) -> list[bytes]:
    """Contents whose numbers and hashes fit, whatever they say."""
    made: list[bytes] = []
    for number, raw in enumerate(raws, 1):
        entry = json.loads(raw) | {"number": number}
        entry["before"] = hashlib.sha256(made[-1]).hexdigest() if made else ""
        made.append((json.dumps(entry, indent=1) + "\n").encode())
    return made


def raws(ledger: Ledger) -> list[bytes]:
    return [link.raw for link in ledger.links()]


def test_a_whole_ledger_has_nothing_to_say(three: Ledger, clone: Clone) -> None:
    assert told(three) == ""
    fresh = verify(ledger_of(clone("fresh")))
    assert (fresh.entries, fresh.disagreements, fresh.notes) == (6, (), ())


def one_byte(entries: list[bytes]) -> list[bytes]:
    entries[1] = entries[1].replace(b'"sequence": 1', b'"sequence": 2')
    return entries


def dropped(entries: list[bytes]) -> list[bytes]:
    return entries[:2] + entries[4:]


def reordered(entries: list[bytes]) -> list[bytes]:
    return entries[:2] + entries[4:] + entries[2:4]


def garbage(entries: list[bytes]) -> list[bytes]:
    return [*entries[:3], b"{}\n", *entries[4:]]


@pytest.mark.parametrize(
    ("hands", "expected"),
    [
        (one_byte, "entry 3, commit {2}: its `before` is not the hash of the entry before"),
        (dropped, "entry 3, commit {2}: the numbers have a gap\n  found:    5\n  expected: 3"),
        (reordered, "entry 5, commit {4}: the numbers have a gap\n  found:    3\n  expected: 5"),
        (garbage, "entry 4, commit {3}: the commit holds no good entry"),
    ],
)
def test_a_fresh_clone_finds_what_does_not_chain(
    three: Ledger,
    clone: Clone,
    forge: Path,
    hands: Callable[[list[bytes]], list[bytes]],
    expected: str,
) -> None:
    rewrite(forge, hands(raws(three)))
    commits = git(forge, "rev-list", "--reverse", BRANCH).split()
    text = told(ledger_of(clone("fresh")))
    assert expected.format(*(it[:12] for it in commits)) in text


def test_a_clone_that_knew_it_finds_one_that_was_chained_anew(three: Ledger, forge: Path) -> None:
    mine = raws(three)
    mine[3] = mine[3].replace(b"carried", b"unknown")
    rewrite(forge, rechain(mine))
    text = told(three)
    assert "entry 1, commit" in text
    assert "does not go on from what this clone knew" in text
    with pytest.raises(RewrittenError, match=r"compare the two.*lost-ledger\.md"):
        three.begin(change())
    with pytest.raises(RewrittenError):
        restore(three)


def test_a_clone_that_knew_it_finds_its_end_cut_off_and_pushes_it_back(
    three: Ledger, forge: Path
) -> None:
    git(forge, "update-ref", BRANCH, f"{BRANCH}~2")
    assert "found:    an end after entry 4" in told(three)
    with pytest.raises(RewrittenError, match="goes back behind"):
        three.begin(change())
    assert [it.entry.number for it in restore(three) if it.entry] == [5, 6]
    assert told(three) == ""


def test_a_lost_branch_is_never_begun_anew_by_itself(
    three: Ledger, clone: Clone, forge: Path
) -> None:
    fresh = clone("fresh")
    git(fresh, "update-ref", "-d", "refs/remotes/origin/deployments/lab")
    git(forge, "update-ref", "-d", BRANCH)
    with pytest.raises(LostBranchError, match=r"knows it as refs/komando/known/lab.*lost-ledger"):
        three.begin(change())
    with pytest.raises(LostBranchError, match="a host has already seen sequence 3"):
        ledger_of(fresh).begin(change(), least=3)
    with pytest.raises(LostBranchError, match=r"this clone has none.*--anew"):
        restore(ledger_of(fresh))
    git(three.git.folder, "fetch", "--quiet", "--prune")
    assert len(restore(three)) == 6
    assert ledger_of(fresh).begin(change(), least=3).sequence == 4


def test_a_clone_that_only_fetched_by_hand_can_restore_it(
    three: Ledger, clone: Clone, forge: Path
) -> None:
    auditor = clone("auditor")
    git(forge, "update-ref", "-d", BRANCH)
    with pytest.raises(LostBranchError, match="refs/remotes/origin/deployments/lab"):
        ledger_of(auditor).begin(change())
    assert len(restore(ledger_of(auditor))) == 6
    assert told(three) == ""


def test_where_nobody_has_it_a_new_one_says_that_it_is_new(
    three: Ledger, clone: Clone, forge: Path
) -> None:
    with pytest.raises(LedgerError, match="nothing is lost"):
        begin_anew(three, "x")
    git(forge, "update-ref", "-d", BRANCH)
    with pytest.raises(LedgerError, match="this clone still has"):
        begin_anew(three, "x")
    fresh = ledger_of(clone("fresh"))
    begin_anew(fresh, "the forge burned, and every clone with it")
    assert fresh.begin(change(), least=3).sequence == 4
    assert isinstance(fresh.links()[0].entry, Anew)
    assert told(fresh) == ""


def test_turns_that_do_not_pair_are_named(three: Ledger, clone: Clone, forge: Path) -> None:
    mine = raws(three)
    rewrite(forge, rechain([mine[0], mine[2], mine[3], mine[3], mine[5]]))
    text = told(ledger_of(clone("fresh")))
    assert "entry 2, commit" in text
    assert "it starts while another turn is open" in text
    assert "entry 4" in text
    assert "a turn finishes twice" in text
    assert "entry 5" in text
    assert "`finished` of a turn that never started" in text


# --- signatures ----------------------------------------------------------------------------------


def key(folder: Path, name: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder / name


def test_signed_entries_hold_and_others_are_named(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    ours, theirs = key(tmp_path, "ours"), key(tmp_path, "theirs")
    public = ours.with_suffix(".pub").read_text()
    allowed = tmp_path / "allowed"
    allowed.write_text(f"controller-1 {public}")
    ledger = ledger_of(clone("one"), key=ours)
    git(ledger.git.folder, "config", "log.showSignature", "true")
    ledger.begin(change()).finish(carried(), "done")
    assert told(ledger, signers=Signers(allowed)) == ""
    trust = ("-c", f"gpg.ssh.allowedSignersFile={allowed}")
    git(ledger.git.folder, *trust, "verify-commit", ledger.branch.known() or "")
    ledger_of(clone("two"), key=theirs).begin(change()).finish(carried(), "done")
    ledger_of(clone("three")).begin(change()).finish(carried(), "done")
    text = told(ledger, signers=Signers(allowed))
    assert text.count("not signed") == 4
    assert text.count("of a key that is not allowed (SHA256:") == 2
    assert "entry 5" in text
    assert "found:    no signature" in text
    assert told(ledger, signers=Signers(allowed, since=7)) == ""
    tip = git(forge, "rev-parse", BRANCH)
    signed = git(forge, "cat-file", "commit", f"{tip}~4") + "\n"
    forged = git(
        forge, "hash-object", "-t", "commit", "-w", "--stdin",
        data=signed.replace("lab 1: done", "lab 1: gone").encode(),
    )  # fmt: skip
    git(forge, "update-ref", BRANCH, forged)
    assert "does not fit what it signs" in told(ledger_of(clone("four")), signers=Signers(allowed))


def test_a_key_that_cannot_sign_is_told_and_nothing_is_pushed(
    clone: Clone, forge: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.write_text("no key\n")
    with pytest.raises(LedgerError, match=r"no entry could be written signed with .*bad"):
        ledger_of(clone("one"), key=bad).begin(change())
    assert "deployments" not in git(forge, "for-each-ref")


# --- size ----------------------------------------------------------------------------------------


def test_ten_thousand_entries_are_read_by_a_few_processes(
    clone: Clone, forge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built by `git fast-import`; to begin, only the newest are read."""
    ledger = ledger_of(clone("one"))
    template = ledger.begin(change(*(f"core-{n}" for n in range(8)))).started
    done = Finished(
        environment="lab", time=template.time, turn=template.turn, sequence=1, result="done",
        hosts=carried(*template.hosts),
    )  # fmt: skip
    stream: list[bytes] = []
    before, number = "", 0
    for sequence in range(1, 5001):
        turn = {"turn": f"{sequence:016x}", "sequence": sequence}
        for entry in (template, done):
            number += 1
            raw = to_bytes(entry.model_copy(update={**turn, "number": number, "before": before}))
            before = hashlib.sha256(raw).hexdigest()
            stream.append(
                b"commit refs/heads/deployments/lab\ncommitter x <x@example.org> 1 +0000\n"
                b"data 1\nx\nM 100644 inline entry.json\ndata %d\n%s\n" % (len(raw), raw)
            )
    git(forge, "update-ref", "-d", BRANCH)
    git(forge, "fast-import", "--quiet", "--force", data=b"".join(stream))
    fresh = ledger_of(clone("fresh"))
    answers: list[Answer] = []
    run = fresh.git.run

    def counted(*words: Any, **more: Any) -> Answer:
        answers.append(run(*words, **more))
        return answers[-1]

    monkeypatch.setattr(fresh.git, "run", counted)
    found = verify(fresh)
    assert (found.entries, found.disagreements) == (10_000, ())
    assert len(answers) < 20
    assert max(len(one.out) for one in answers) > 1_000_000, "all entries are looked at"
    answers.clear()
    assert fresh.begin(change()).sequence == 5001
    assert len(answers) < 20
    assert sum(len(one.out) for one in answers) < 100_000


def test_entries_of_any_words_are_kept(clone: Clone) -> None:
    ledger = ledger_of(clone("one"))
    turn = ledger.begin(
        Undertaking("apply", {"core-1": Move(before=None, after=NEW)}, timedelta(minutes=15))
    )
    words = "é\udc80\n" + "x" * 9000
    result = HostResult(before=None, after=None, result="unknown", reason=words)
    assert not turn.finish({"core-1": result}, "failed").spooled
    last = ledger.links()[-1].entry
    assert isinstance(last, Finished)
    assert len(last.hosts["core-1"].reason) == 2000
    assert isinstance(ledger.links()[0].entry, Started)
    assert append(ledger.git, [], [], Pen(ledger.pen.person)) == []
    assert len(read(Git(ledger.git.folder), ledger.branch.known() or "", 1)) == 1
