"""The two-person rule and the owners of paths: those of the base, by both names of a file."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from komando.forge.judges import Judges, judges_of
from komando.forge.model import Push
from komando.forge.owners import read_owners
from komando.forge.rule import Missing, judge
from tests.unit.proposed import (
    FILE,
    HEAD,
    JUDGES,
    PEOPLE,
    REQUEST,
    STATED,
    ZONE,
    at,
    counted,
    judged,
    review,
)

OWNERS = b"""\
/policies/                @approver-1 @Approver-2
/policies/people.yaml     @approver-1
/.github/                 @approver-2
/docs/
"""


def owned(text: bytes = OWNERS) -> Judges:
    owners, diagnostics = read_owners(text, ".github/CODEOWNERS", PEOPLE)
    assert diagnostics == []
    return Judges(PEOPLE, ZONE, owners)


def test_each_path_needs_one_of_its_owners() -> None:
    assert judged(judges=owned()).passes
    verdict = judged(judges=owned(), reviews=(review("approver-3"),))
    assert counted(verdict) == ["approver-3"]
    assert verdict.missing == (Missing(("approver-1", "approver-2"), (FILE,)),)
    (fault,) = verdict.faults
    assert fault.startswith(f"{FILE} needs an approval of an owner (.github/CODEOWNERS): ")
    assert fault.endswith("approver-1 or approver-2 may approve bbbbbbb.")
    assert judged(judges=owned(), reviews=(review("approver-3"), review("approver-2"))).passes


def test_paths_of_different_owners_need_both() -> None:
    paths = (".github/workflows/apply.yml", "docs/glossary.md", FILE, "policies/people.yaml")
    verdict = judged(judges=owned(), paths=paths, reviews=(review("approver-2"),))
    assert verdict.missing == (Missing(("approver-1",), ("policies/people.yaml",)),)
    both = (review("approver-1"), review("approver-2"))
    assert judged(judges=owned(), paths=paths, reviews=both).passes
    assert judged(judges=owned(), paths=("docs/glossary.md",), reviews=both[:1]).passes


def test_an_owner_who_made_it_is_no_owner_of_it() -> None:
    judges = owned(b"/policies/people.yaml @approver-1\n")
    pushes = (Push("approver-1", HEAD, at(1)),)
    paths, reviews = ("policies/people.yaml",), (review("approver-2"),)
    verdict = judged(judges=judges, paths=paths, pushes=pushes, reviews=reviews)
    assert verdict.missing == (Missing((), ("policies/people.yaml",)),)
    assert "nobody can give it" in verdict.faults[-1]


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@y.example", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_file_cannot_be_moved_away_from_its_owner(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/region.yaml").write_text("name: x\n" * 20)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    git(tmp_path, "mv", "policies/region.yaml", "docs.yaml")
    git(tmp_path, "commit", "-qm", "y")
    names = git(tmp_path, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "HEAD~", "HEAD")
    paths = tuple(filter(None, names.split("\0")))
    verdict = judged(judges=owned(), paths=paths, reviews=(review("approver-3"),))
    assert verdict.missing[0] == Missing(("approver-1", "approver-2"), ("policies/region.yaml",))


def test_no_file_of_owners_comes_before_the_one_that_counts_without_its_owner() -> None:
    paths, low = ("policies/OWNERS",), (review("approver-1"),)
    assert not judged(judges=owned(), paths=paths, reviews=low).passes
    assert judged(judges=owned(), paths=paths, reviews=(review("approver-2"),)).passes


def test_who_made_the_commits_of_an_inner_request_made_them() -> None:
    inner = replace(REQUEST, number=6, author="approver-1", base="dev", pushes=(), reviews=())
    assert judged().passes
    verdict = judge(REQUEST, STATED, (FILE,), JUDGES, JUDGES.day(at(3)), (inner,))
    assert not verdict.passes
    assert "they opened it themselves" in verdict.faults[0]


def test_what_runs_and_cannot_be_read_is_approved_by_nobody() -> None:
    for path in ("src/komando/__pycache__/x.cpython-311.pyc", "src/komando/x.so", "src/x.pth"):
        assert not judged(paths=(path,)).passes


def test_a_request_is_not_judged_by_what_it_brings() -> None:
    """It makes its author's friend an approver, and drops the owners."""
    before = {
        "policies/people.yaml": b"""\
people:
  approver-1: {name: a, office: x, role: approver, mails: [a@b.example], from: 2026-01-01}
  requester-1: {name: b, office: x, role: requester, mails: [r@b.example], from: 2026-01-01}
  requester-2: {name: c, office: x, role: requester, mails: [c@b.example], from: 2026-01-01}
""",
        ".github/CODEOWNERS": b"/policies/people.yaml @approver-1\n",
    }
    brought = {
        "policies/people.yaml": before["policies/people.yaml"].replace(b"requester,", b"approver,"),
        ".github/CODEOWNERS": b"# nobody\n",
    }
    paths, reviews = tuple(before), (review("requester-2"),)
    verdicts = []
    for files in (before, brought):
        judges, diagnostics = judges_of(files.get, ZONE)
        assert diagnostics == []
        assert judges is not None
        verdicts.append(judged(judges=judges, paths=paths, reviews=reviews))
    assert [one.passes for one in verdicts] == [False, True]


def test_files_of_the_base_that_cannot_be_read_judge_nobody() -> None:
    judges, diagnostics = judges_of({"CODEOWNERS": b"* @approver-1\n"}.get, ZONE)
    assert judges is None
    assert [one.id for one in diagnostics] == ["owner-unknown"]
    judges, diagnostics = judges_of({"policies/people.yaml": b"people: 1\n"}.get, ZONE)
    assert judges is None
    assert str(diagnostics[0].location) == "policies/people.yaml:1:9"
    judges, diagnostics = judges_of(lambda _: None, ZONE)
    assert judges == Judges({}, ZONE)
    assert diagnostics == []
