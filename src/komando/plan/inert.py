"""Text of others in a forge's Markdown: shown as it was written, and read as nothing else.

What Markdown itself reads is escaped by a backslash. A backslash keeps no forge from finding
mentions, references, emoji, math and addresses, as it looks for them in the finished page: a word
with one of these stands as code, where nothing is looked for. Ordinary words stay as they are.
(GitHub Flavored Markdown 0.29; docs.github.com, "Autolinked references and URLs".)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from komando.diagnostics import visible

MOST_TEXT: Final = 300
"""Characters of one text of others in a comment: no name may push all others out of it."""

MOST_LINE: Final = 1_200
"""Characters of one item of a list, which may name a dozen offices."""

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Fillers, joiners and selectors that Python holds for printable, and no screen shows."""

_FOUND_BY_THE_FORGE = re.compile(
    r"""
    @                                               # a mention, a team, a mail, a commit elsewhere
  | \$                                              # math
  | \#[0-9] | \b(?:GH|GHSA|CVE)-                 # an issue, a request, an advisory
  | // | www\.                                      # an address
  | (?<![0-9a-z])[0-9a-f]{7,64}(?![0-9a-z])         # a commit
  | :(?![0-9]{2}Z:)(?:[\w+-]*[a-z_][\w+-]*|100|1234|[+-]1):  # an emoji, no time of day
    """,
    re.VERBOSE | re.IGNORECASE,
)

_MARK = re.compile(
    r"""
    [\\`*<~\#]
  | (?<![^\W_])_ | _(?![^\W_])                      # between letters it is no emphasis
  | &(?=\#?\w+;)                                    # an entity
    """,
    re.VERBOSE,
)

_IN_A_SENTENCE = re.compile(r"^(\(?)(.*?)([,;.)]*)$", re.DOTALL)
"""A word, and the marks of the sentence around it."""

_BEGINS_A_BLOCK = re.compile(r"[-+=:]+$|>")
_BEGINS_A_LIST = re.compile(r"([0-9]{1,9})([.)])$")


def inert(text: str) -> str:
    """A text in a paragraph, heading, list item, table cell, link or between `**`.

    One line, however many the text has: what cannot be seen is shown as `<U+000A>`. Spaces at its
    ends go, as they would on any page. What stands around it must not begin or end in a colon,
    `@`, `#` or letter without a space between.
    """
    parts = re.split(r"( +|[|\[\]])", _seen(text).strip(" "))
    first, *rest = parts
    return _word(first, begins=True) + "".join(_word(part) for part in rest)


def worded(text: str) -> str:
    """A sentence of ours, with commands between backticks as code; all else is inert.

    A name in it that has backticks of its own can become code, and nothing else.
    """
    words, *rest = " ".join(text.split()).split("`")
    if len(rest) % 2:  # a mark without its other one
        return inert(text)
    parts = [_beside_code(words)]
    for number, part in enumerate(rest):
        parts.append(_beside_code(part) if number % 2 else code(part))
    return "".join(parts)


def _beside_code(part: str) -> str:
    """Inert, with the spaces at its ends."""
    head, tail = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
    return head + inert(part) + tail if part.strip() else part


def code(text: str) -> str:
    """A text as code, wherever `inert` may stand; what cannot be seen in it is shown."""
    return "\\|".join(_span(part) for part in _seen(text).split("|"))


def short(text: str, most: int = MOST_TEXT) -> str:
    """A text of at most so many characters, and of a longer one its beginning and its length."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def fenced(lines: Iterable[str], language: str) -> tuple[str, tuple[str, ...], str]:
    """The fence that opens, the lines in it, and the fence that closes.

    A tab becomes spaces; of what else cannot be seen, the code is shown.
    """
    shown = tuple(_seen(line.expandtabs(4)) for line in lines)
    fence = "`" * max(3, 1 + max(map(_longest_run, shown), default=0))
    return f"{fence}{language}", shown, fence


def bullets(lines: Iterable[str]) -> Iterator[str]:
    """A list of texts of others."""
    return (f"- {inert(short(line, MOST_LINE))}" for line in lines)


def _seen(text: str) -> str:
    return _UNSEEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", visible(text))


def _word(word: str, *, begins: bool = False) -> str:
    if not word or word.isspace():
        return word
    if word in ("|", "[", "]"):  # never in code: a cell would end at it, or a link's words
        return f"\\{word}"
    if _FOUND_BY_THE_FORGE.search(word):
        return _IN_A_SENTENCE.sub(lambda match: f"{match[1]}{_span(match[2])}{match[3]}", word, 1)
    escaped = _MARK.sub(r"\\\g<0>", word)
    if begins and _BEGINS_A_BLOCK.match(word):
        return f"\\{escaped}"
    return _BEGINS_A_LIST.sub(r"\1\\\2", escaped) if begins and word == escaped else escaped


def _span(text: str) -> str:
    """Code between marks that are longer than any in it.

    A dollar is kept from its marks: the two together are math on GitHub.
    """
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    ends = text[0] + text[-1]
    pad = " " if text.strip(" ") and (ends == "  " or set(ends) & {"`", "$"}) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
