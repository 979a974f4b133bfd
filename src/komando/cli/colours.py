"""Diagnostics on a terminal, in colours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

_STYLES = (
    (re.compile(r"^\S+:\d+:\d+:"), "bold"),
    (re.compile(r"\berror\[[^\]]*\]:"), "bold red"),
    (re.compile(r"\bwarning\[[^\]]*\]:"), "bold yellow"),
    (re.compile(r"^ +\d* \|", re.MULTILINE), "blue"),
    (re.compile(r"\^+$", re.MULTILINE), "bold red"),
    (re.compile(r"^  (?:found|expected|see):", re.MULTILINE), "dim"),
    (re.compile(r"^  help:.*$", re.MULTILINE), "green"),
)


def print_diagnostics(texts: Sequence[str], summary: str, *, good: bool) -> None:
    """Print texts as `as_text` makes them, and the summary, green when all is well."""
    console = Console(highlight=False, soft_wrap=True)
    for text in texts:
        styled = Text(text)
        for pattern, style in _STYLES:
            for match in pattern.finditer(text):
                styled.stylize(style, *match.span())
        console.print(styled)
        console.print()
    console.print(Text(summary, "green" if good else "bold red"))
