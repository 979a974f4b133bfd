"""A risk that was seen and accepted: one finding of one plan, by its exact words, for some days."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from komando.documents.fields import Day, Line, Prose, Reason, Slug
from komando.policy.frozen import FrozenModel

ACKNOWLEDGEABLE: Final = frozenset(
    {"offices-cut", "offices-removed", "public-cut", "rates-lowered", "tree-rebuilt", "unread"}
)
"""Findings of a plan that a person may accept. Each has a page in docs/safety/."""

NEVER: Final = frozenset({"guarantees-above-uplink", "management-path", "partial-input"})
"""Findings that nobody may accept: what they tell of is a mistake, or cannot be mended from afar.
Each has a page in docs/safety/, too."""

LONGEST_DAYS: Final = 31
"""Days that an acknowledgement holds at most, after the day on which it was asked for."""


class Requested(FrozenModel):
    """Who asked for the change that cuts, and when."""

    by: Line = Field(
        description="Who asked for it, by office and function.",
        examples=["Head of networks, Diskominfo"],
    )
    date: Day = Field(description="The day from which on it is accepted.", examples=["2026-11-24"])


class Acknowledgement(FrozenModel):
    """One finding that was accepted; the file's name is its id.

    `before` and `after` are what the finding shows, word for word, so that it holds for this
    change and for no other.
    """

    slug: str = Field(description="The file's name without .yaml.")
    finding: Slug = Field(
        description="The finding's id.",
        examples=["offices-removed"],
        json_schema_extra={"enum": [*sorted(ACKNOWLEDGEABLE)]},
    )
    host: Slug = Field(description="The host that the finding is of.", examples=["core-1"])
    before: Prose = Field(description="`before` of the finding.", examples=["48 offices"])
    after: Prose = Field(
        description="`after` of the finding.",
        examples=["without dinas-sosial and dlh"],
    )
    reason: Reason = Field(
        description="Why it is right, for a reader who was not there.",
        examples=["Both were merged into Dinas Kesehatan by regulation 12 of 2026."],
    )
    requested: Requested = Field(
        description="Who asked for it, and when.",
        examples=[{"by": "Head of networks, Diskominfo", "date": "2026-11-24"}],
    )
    end: Day = Field(
        alias="until",
        description="The last day on which it counts, at most 31 days after that of the request.",
        examples=["2026-12-08"],
    )
