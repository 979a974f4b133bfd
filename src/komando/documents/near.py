"""Words that were probably meant by others."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, whatever its capitals; "" when none is near."""
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(word[:100].lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""
