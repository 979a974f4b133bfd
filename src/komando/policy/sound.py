"""The part of a policy that sums can be taken of, although something else in it is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from komando.diagnostics import Diagnostic
from komando.documents.document import Document, Path
from komando.policy.model import Draft, Policy
from komando.policy.sites import Opd

_WITHOUT_A_RATE: Final = frozenset(
    {
        "file-name",
        "floors-above-closed",
        "guarantees-above-budget",
        "slug-twice",
        "yaml-anchor",
        "yaml-directive",
        "yaml-tab",
        "yaml-tag",
    }
)
"""Checks whose findings leave each value as it is written."""

_OFFICE_ASIDE: Final[tuple[Path, ...]] = (
    ("name",),
    ("networks",),
    ("link", "gateways"),
    ("justification",),
    ("request",),
    ("exceptions", "*", "reason"),
    ("exceptions", "*", "request"),
)
_REGION_ASIDE: Final[tuple[Path, ...]] = (
    ("name",),
    ("uplinks", "*", "addresses"),
    ("uplinks", "*", "gateways"),
    ("uplinks", "*", "nat"),
    ("uplinks", "*", "price"),
    ("segments", "*", "addresses"),
    ("segments", "*", "description"),
    ("calendars", "*", "description"),
    ("periods", "*", "name"),
    ("holidays", "add", "*", "name"),
    ("holidays", "remove", "*"),
)
"""Parts of the files that no sum of rates depends on."""


@dataclass(frozen=True)
class SoundPart:
    """A policy of those offices whose rates and hours can be trusted.

    `left_out`: how many files in opd/ it is without. An office whose `id` another has is one of
    them: it may be a copy.
    """

    policy: Policy
    left_out: int


def sound_part(draft: Draft, diagnostics: Iterable[Diagnostic], offices: int) -> SoundPart | None:
    """What is sound, of so many files in opd/; None where the region itself is not."""
    errors: dict[str, list[Diagnostic]] = defaultdict(list)
    for one in diagnostics:
        if one.severity == "error":
            errors[one.location.file].append(one)
    if draft.region is None:
        return None
    file = draft.origins["region", ""]
    if not all(_aside(one, file, _REGION_ASIDE) for one in errors[file.file]):
        return None
    opd: dict[str, Opd] = {}
    for slug, office in draft.opd.items():
        file = draft.origins["opd", slug]
        if all(_aside(one, file, _OFFICE_ASIDE) for one in errors.get(file.file, ())):
            opd[slug] = office
    left_out = offices - len(opd)
    return SoundPart(Policy(draft.region, opd, {}, draft.origins), left_out) if opd else None


def _aside(one: Diagnostic, file: Document, parts: tuple[Path, ...]) -> bool:
    """Whether an error is in a part of the file that no sum depends on."""
    if one.id in _WITHOUT_A_RATE:
        return True
    paths = [] if one.whole else file.paths_at(one.location)
    return bool(paths) and all(any(_within(path, part) for part in parts) for path in paths)


def _within(path: Path, part: Path) -> bool:
    return len(path) >= len(part) and all(
        step in ("*", own) for own, step in zip(path, part, strict=False)
    )
