"""Markdown as a forge renders it, and what a forge would then find in its text."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser

from markdown_it import MarkdownIt

FOUND_LATER = {
    "a mention": re.compile(r"@\w"),
    "an issue": re.compile(r"#\d|\bGH-\d", re.IGNORECASE),
    "a commit": re.compile(r"\b[0-9a-f]{7,40}\b"),
    "an emoji": re.compile(r":(?:\w*[a-z_]\w*|\+1|-1|100):(?<!\d\dZ:)", re.IGNORECASE),
    "math": re.compile(r"\$"),
    "an address": re.compile(r"://|www\.", re.IGNORECASE),
}
"""What GitHub looks for in the text of a page, but not in code or links."""

VOID = {"br", "hr", "img", "input"}


@cache
def _parser() -> MarkdownIt:
    md = MarkdownIt("gfm-like", {"html": True})
    assert md.linkify is not None
    # GitHub links schemes, `www.` and mail alone, not every name with a dot
    md.linkify.set({"fuzzy_link": False, "fuzzy_email": True})
    return md


class Page(HTMLParser):
    """The elements of a page, its text, and the pieces of its text that stand in no code."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.rows: list[list[str]] = []
        self.addresses: list[str] = []
        self.text = ""
        self.plain: list[str] = [""]
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.html = _parser().render(markdown)
        self.feed(self.html)
        self.close()
        self.unbalanced += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name == "href" and value]
        self.elements[tag] += 1
        self.plain.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.plain.append("")
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        if not {"code", "pre", "a"} & set(self.open):
            self.plain[-1] += data

    def interpreted(self) -> list[str]:
        """What the forge would still make of the text that stands in no code."""
        return [
            f"{name}: {piece!r}"
            for piece in self.plain
            for name, pattern in FOUND_LATER.items()
            if pattern.search(piece)
        ]
