"""CODEOWNERS: which paths a line is about, who owns them, and what is refused at its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from komando.forge.owners import OWNERS_FILES, Owners, first_owners, read_owners
from komando.policy import Person


def person(login: str, role: Any = "approver") -> Person:
    return Person(login, login, "diskominfo", role, (f"{login}@x.example",), date(2026, 1, 1))


PEOPLE = {
    one.login: one
    for one in (person("approver-1"), person("approver-2"), person("requester-1", "requester"))
}


def owners(text: str) -> Owners:
    found, diagnostics = read_owners(text.encode(), "CODEOWNERS", PEOPLE)
    assert diagnostics == []
    return found


def told(text: str) -> list[tuple[str, int, int]]:
    found, diagnostics = read_owners(text.encode(), "CODEOWNERS", PEOPLE)
    assert found.rules == (), "with an error nothing is judged"
    return [(one.id, one.location.line, one.location.column) for one in diagnostics]


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        # the examples of docs.github.com, "About code owners"
        ("*", ["a", "a/b/c", ".github/x"], []),
        ("*.js", ["a.js", "b/a.js"], ["a.jsx", "a/js"]),
        ("/build/logs/", ["build/logs/a", "build/logs/b/c"], ["x/build/logs/a", "build/logs"]),
        ("docs/*", ["docs/a.md"], ["docs/b/a.md", "x/docs/a.md"]),
        ("apps/", ["apps/a", "x/apps/b/c"], ["apps"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["x/docs/a"]),
        ("/scripts/", ["scripts/test"], ["script/test"]),
        ("**/logs", ["build/logs/a", "logs/a", "deeply/nested/logs"], ["logsx/a"]),
        ("/apps/github", ["apps/github", "apps/github/x"], ["apps/githubx", "x/apps/github"]),
        # and of this house
        ("/policies/opd/dinas-*.yaml", ["policies/opd/dinas-a.yaml"], ["policies/opd/bpbd.yaml"]),
        ("/policies/opd/*", ["policies/opd/a.yaml"], ["policies/region.yaml"]),
        ("policies/**/a.yaml", ["policies/a.yaml", "policies/x/y/a.yaml"], ["a.yaml"]),
        ("/a\\ b.yaml", ["a b.yaml"], ["a", "b.yaml"]),
        ("Docs/", ["Docs/a"], ["docs/a"]),
        ("/x?", ["xy"], ["x/", "xyz", "x"]),
    ],
)
def test_which_paths_a_pattern_is_about(
    pattern: str, fitting: list[str], others: list[str]
) -> None:
    found = owners(f"{pattern} @approver-1\n")
    assert [path for path in fitting if not found.of(path)] == []
    assert [path for path in others if found.of(path)] == []


def test_the_last_line_that_fits_counts_and_may_free_a_path() -> None:
    found = owners("""\
# everything
*                      @approver-1     # said behind it, too
/policies/opd/         @APPROVER-2 @approver-1
/policies/opd/README.md
\t/docs/\t@approver-2\r
""")
    assert found.of("README.md") == ("approver-1",)
    assert found.of("policies/opd/bpbd.yaml") == ("approver-2", "approver-1")
    assert found.of("policies/opd/README.md") == ()
    assert found.of("docs/glossary.md") == ("approver-2",)
    assert [rule.line for rule in found.rules] == [2, 3, 4, 5]
    assert Owners().of("README.md") == ()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("* @aprover-1\n", [("owner-unknown", 1, 3)]),
        ("\n* @approver-1 @nobody\n", [("owner-unknown", 2, 15)]),
        ("* @requester-1", [("owner-requester", 1, 3)]),
        ("* @kotim/networks", [("owner-form", 1, 3)]),
        ("* a@b.example", [("owner-form", 1, 3)]),
        ("* approver-1", [("owner-form", 1, 3)]),
        ("/a b.yaml @approver-1", [("owner-form", 1, 4)]),
        ("* @", [("owner-unknown", 1, 3)]),
        ("!/docs/ @approver-1", [("owners-pattern", 1, 1)]),
        ("/dinas-[a-k]* @approver-1", [("owners-pattern", 1, 1)]),
        ("/a] @approver-1", [("owners-pattern", 1, 1)]),
        ("\\#a @approver-1", [("owners-pattern", 1, 1)]),
        ("/ @approver-1", [("owners-pattern", 1, 1)]),
        ("/a\\", [("owners-pattern", 1, 1)]),
        ("!a @x y@z.example\n* @approver-1", [
            ("owners-pattern", 1, 1), ("owner-unknown", 1, 4), ("owner-form", 1, 7),
        ]),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str, places: list[tuple[str, int, int]]) -> None:
    assert told(text) == places


def test_a_near_login_is_suggested() -> None:
    _, (one,) = read_owners(b"* @aprover-1\n", "CODEOWNERS", PEOPLE)
    assert one.remedy == "did you mean `@approver-1`?"


def test_bytes_that_are_no_text_are_told() -> None:
    _, (one,) = read_owners(b"# a\n* @\xff\n", "CODEOWNERS", PEOPLE)
    assert (one.id, str(one.location)) == ("file-encoding", "CODEOWNERS:2:4")


def test_the_first_of_the_files_counts_alone() -> None:
    files = dict.fromkeys(OWNERS_FILES, b"")
    for path in OWNERS_FILES:
        assert first_owners(files.get) == (path, b"")
        del files[path]
    assert first_owners(files.get) is None
