"""Every check has a page, a case that shows it, and a place in the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "checks"

RENDERED = {"syntax-check", "syntax-check-skipped", "queue-check-skipped"}
SECRETS = {"secret-missing", "secret-plain", "secret-shut", "secret-recipient"}
"""Checks that no policy file can provoke by itself; tests/unit and tests/platforms have them."""


def shown() -> set[str]:
    """The ids in all expected texts."""
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("tests/errors/*/expected.txt")]
    return set(re.findall(r": (?:error|warning)\[([a-z0-9-]+)\]:", "\n".join(texts)))


def in_source() -> set[str]:
    """The ids that the source gives to diagnostics, as far as they are written out."""
    found: set[str] = set()
    for path in (ROOT / "src" / "komando").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(
            re.findall(r'(?:Diagnostic|Unfit|_whole|_complain)\(\s*(?:id=)?"([a-z0-9-]+)"', text)
        )
    return found


def pages() -> set[str]:
    return {path.stem for path in PAGES.glob("*.md")} - {"README"}


def test_each_check_has_a_page() -> None:
    assert shown() | in_source() <= pages()


def test_each_page_has_a_case() -> None:
    assert pages() - shown() == RENDERED | SECRETS


def test_the_list_names_each_page_once() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[([a-z0-9-]+)\]\(\1\.md\)", text, re.MULTILINE)
    assert sorted(listed) == sorted(pages())


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_says_what_why_and_how(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {page}\n\n")
    assert "\n**Bad.**\n" in text
    assert "\n**Remedy.** " in text
