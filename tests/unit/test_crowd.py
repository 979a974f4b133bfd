"""Stand-ins give every office what computing it by itself would have given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from komando.intent.crowd import gather, kinds_of
from komando.intent.model import (
    PUBLIC,
    ExceptionIntent,
    Leaf,
    PoolIntent,
    Profile,
    RouterIntent,
)
from komando.intent.shaping import in_force, offices_of, pool_size, promises
from komando.intent.sums import falls_short
from komando.units import DIRECTIONS
from tests.unit import leaves
from tests.unit.leaves import MBIT, both

DAY = date(2026, 12, 1)


def office(number: int, guarantee: int, ceiling: int, raised: int) -> Leaf:
    """An office; `raised` above 0 is the guarantee of an exception on one day."""
    exception = ExceptionIntent(DAY, DAY, both(raised), None) if raised else None
    return replace(
        leaves.office(number, guarantee, 1),
        mode="observe" if guarantee == 3 else "enforce",
        ceiling=both(ceiling),
        exceptions=(exception,) if exception else (),
    )


def router(offices: Sequence[Leaf]) -> RouterIntent:
    pools = (PoolIntent("week", 0x10, 0, both(50)),)
    return replace(leaves.router(offices, 10_000), pools=pools)


def profile(exceptions: Sequence[str], pool: int) -> Profile:
    sizes = {"week": both(pool), PUBLIC: both(100)}
    return Profile("p", ("week",), tuple(exceptions), sizes, {})


OFFICES = st.lists(
    st.tuples(
        st.sampled_from([2, 3, 10, 20]), st.sampled_from([20, 50]), st.sampled_from([0, 0, 15])
    ),
    min_size=1,
    max_size=40,
)


@given(OFFICES, st.integers(1, 2_000))
def test_a_crowd_gives_what_each_office_by_itself_would_get(
    drawn: list[tuple[int, int, int]], pool: int
) -> None:
    offices = [office(number, *figures) for number, figures in enumerate(drawn, start=1)]
    whole = router(offices)
    keys = [f"{leaf.slug}@{DAY}" for leaf in offices if leaf.exceptions and leaf.id % 2]
    crowd = gather(whole, kinds_of(offices), keys)
    for direction in DIRECTIONS:
        alone = promises(whole, profile(keys, pool), direction)
        stood_in = promises(crowd.router, profile(keys, pool), direction, crowd.times)
        assert {slug: stood_in[first] for slug, first in crowd.stand_ins.items()} == alone
        for opens, closed in (((), 50 * MBIT), (("week",), None)):
            demands = offices_of(whole, "week", opens, in_force(whole, keys), direction)
            few = offices_of(crowd.router, "week", opens, in_force(crowd.router, keys), direction)
            each = dict.fromkeys((leaf.minor for leaf in offices), 1)
            assert pool_size(few, closed, crowd.times) == pool_size(demands, closed, each)


def test_alike_offices_have_one_stand_in_and_an_exception_stands_alone() -> None:
    offices = [office(1, 10, 50, 0), office(2, 10, 50, 0), office(3, 10, 50, 15)]
    crowd = gather(router(offices), kinds_of(offices), [f"office-3@{DAY}"])
    assert dict(crowd.stand_ins) == {
        "office-1": "office-1",
        "office-2": "office-1",
        "office-3": "office-3",
    }
    assert crowd.times[offices[0].minor] == 2


def test_all_alike_offices_are_named_when_their_stand_in_falls_short() -> None:
    offices = [office(1, 10, 50, 0), office(2, 10, 50, 0), office(3, 20, 50, 0)]
    crowd = gather(router(offices), kinds_of(offices), [])
    shares = {"office-1": both(9), "office-2": both(9), "office-3": both(20)}
    assert falls_short(crowd, replace(profile([], 40), shares=shares)) == {"office-1", "office-2"}


def test_an_exception_in_force_is_what_is_promised() -> None:
    offices = [office(1, 10, 50, 15)]
    key = f"office-1@{DAY}"
    crowd = gather(router(offices), kinds_of(offices), [key])
    seen = replace(profile([key], 40), shares={"office-1": both(14)})
    assert falls_short(crowd, seen) == {"office-1"}
    assert falls_short(crowd, replace(seen, exceptions=())) == set()
