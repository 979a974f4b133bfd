"""How much one change may cut before somebody has to acknowledge it: `limits` of `region.yaml`."""

from __future__ import annotations

from pydantic import Field

from komando.policy.frozen import FrozenModel
from komando.units import Percent

WHOLE = 10_000
"""Hundredths of a percent in the whole of it, as `Percent` counts them."""


class Limit(FrozenModel):
    """So many of the offices of one router, as a share *and* as a number: both must be passed.

    A share alone would stop every change in a small region, a number alone every one in a large.
    """

    share: Percent = Field(description="More than this share of the offices.", examples=["10 %"])
    count: int = Field(ge=1, le=15_000, description="So many offices at least.", examples=[3])

    def passed(self, number: int, of: int) -> bool:
        """Whether `number` offices out of `of` are too many."""
        return number >= self.count and number * WHOLE > of * self.share.hundredths

    def __str__(self) -> str:
        return f"more than {self.share}, and at least {self.count}"


def _limit(share: int, count: int) -> Limit:
    return Limit(share=Percent(share * 100), count=count)


class Limits(FrozenModel):
    """What stops an apply until it is acknowledged; each counts the offices of one router.

    The defaults are inferred, for a region of some fifty offices: what one letter asks for passes
    none of them, and a folder that was lost in a merge passes the first.
    """

    removed: Limit = Field(
        default_factory=lambda: _limit(5, 2),
        description="Offices that lose their connection. By default more than 5 %, and at least 2.",
        examples=[{"share": "5 %", "count": 2}],
    )
    cut: Limit = Field(
        default_factory=lambda: _limit(10, 3),
        description="Offices that keep less than half of their guarantee, or none of their "
        "networks. By default more than 10 %, and at least 3.",
        examples=[{"share": "10 %", "count": 3}],
    )
    lowered: Limit = Field(
        default_factory=lambda: _limit(25, 5),
        description="Offices whose guarantee, floor or ceiling falls, or that are held back from "
        "now on. By default more than 25 %, and at least 5.",
        examples=[{"share": "25 %", "count": 5}],
    )
    public: Percent = Field(
        default_factory=lambda: Percent(2_500),
        description="The part of the public's pool, or of its points, that one change may take. "
        "By default 25 %.",
        examples=["25 %"],
    )
