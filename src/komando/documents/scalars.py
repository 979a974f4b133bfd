"""Plain scalars by the core schema of YAML 1.2 (section 10.3.2): `no` and `10:30` are text."""

from __future__ import annotations

import re
from typing import Any, Final

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
WORDY: Final = frozenset("abcdeghijklmopqrsuvwxyzABCDEGHIJKLMOPQRSUVWXYZ")
"""First characters of plain scalars that can be nothing but text: no number, no n(ull), t(rue)."""

WORDY_END: Final = frozenset("ghijkmopqrstuvwxyzGHIJKMOPQRSTUVWXYZ%")
"""Last characters that no number (hexadecimal, .inf, .nan), no null and no boolean has."""

_NUMERIC: Final = frozenset("0123456789+-.")
_NUMBER: Final = re.compile(
    r"(?P<dec>[-+]?[0-9]{1,40})|0o(?P<oct>[0-7]{1,40})|0x(?P<hex>[0-9a-fA-F]{1,40})"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<word>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_BASES: Final = {"dec": 10, "oct": 8, "hex": 16}


def resolved(text: str) -> Any:
    """The value that a plain scalar stands for; itself where it is only text."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if text[0] in _NUMERIC else None
    if match is None:
        return text
    kind = match.lastgroup or ""
    if kind in _BASES:
        return int(match[kind], _BASES[kind])
    return float(text.replace(".", "") if kind == "word" else text)
