"""The arithmetic of the trees, on a router that is made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komando.intent import intent_text, read_intent
from komando.intent.model import (
    LEAF_MINOR,
    PUBLIC,
    Leaf,
    PoolIntent,
    Profile,
)
from komando.intent.shaping import (
    FRAME,
    HtbClass,
    base_rate,
    promises,
    quantum,
    quantum_scale,
    share_out,
    tree,
)
from tests.unit.leaves import MBIT, both, office, router


def point(number: int, share: int) -> Leaf:
    return replace(
        office(number, 4 * share, 2 * share),
        slug=f"point-{number}",
        kind="hotspot",
        pool=PUBLIC,
        share=share,
    )


def profile(pool: float, public: float, *, is_open: bool) -> Profile:
    sizes = {"week": both(pool), PUBLIC: both(public)}
    return Profile("p", ("week",) if is_open else (), (), sizes, {})


def test_in_office_hours_each_office_gets_its_guarantee() -> None:
    offices = [office(1, 10, 2), office(2, 40, 4), office(3, 28, 1), office(4, 5, 5)]
    given_ = promises(router(offices), profile(83, 100, is_open=True), "down")
    for leaf in offices:
        assert given_[leaf.slug] == pytest.approx(leaf.guarantee.down.bits, rel=5e-4)


def test_out_of_hours_no_office_falls_below_its_floor() -> None:
    offices = [office(1, 10, 2), office(2, 40, 4), office(3, 28, 1)]
    given_ = promises(router(offices), profile(20, 160, is_open=False), "up")
    assert sum(given_.values()) == pytest.approx(20 * MBIT, rel=1e-6)
    for leaf in offices:
        assert given_[leaf.slug] >= leaf.floor.up.bits


def test_the_public_is_shared_out_by_parts() -> None:
    leaves = [office(1, 40, 2), point(8, 1), point(9, 3)]
    given_ = promises(router(leaves), profile(40, 100, is_open=True), "down")
    assert given_["point-9"] == pytest.approx(75 * MBIT, rel=1e-3)


def test_a_leaf_never_owns_its_whole_guarantee() -> None:
    # A weight of nothing would give it nothing above its rate: measured, 6.05 of 10 Mbit/s.
    assert base_rate(10, 10) == 9


def test_an_office_that_comes_changes_no_other_class() -> None:
    before = router([office(1, 10, 2), office(2, 40, 4)])
    after = router([office(1, 10, 2), office(2, 40, 4), office(3, 30, 3)])
    old = {item.minor: item for item in tree(before, profile(50, 140, is_open=True), "down")}
    new = {item.minor: item for item in tree(after, profile(80, 110, is_open=True), "down")}
    changed = {minor for minor in old if old[minor] != new[minor]}
    assert changed == {0x10, 0x20}  # the pool grows, the public's remainder shrinks


def test_an_observed_office_is_held_by_the_uplink_alone() -> None:
    seen = replace(office(1, 10, 2), mode="observe")
    classes = {
        item.minor: item for item in tree(router([seen]), profile(28, 140, is_open=False), "down")
    }
    assert classes[seen.minor].ceil == 200 * MBIT
    assert classes[seen.minor].rate == 10 * MBIT


@given(st.lists(st.integers(100_000, 100_000_000), min_size=1, max_size=60))
def test_the_least_weight_is_worth_one_frame_and_less_than_two(weights: list[int]) -> None:
    scale = quantum_scale(weights)
    least = min(weights) * scale // 8_000_000
    assert least >= FRAME
    assert scale == 1 or least < 2 * FRAME + 1


@given(
    st.lists(st.tuples(st.floats(0.5, 50), st.floats(0.05, 1)), min_size=2, max_size=40),
)
def test_rounding_costs_no_office_a_thousandth(offices: list[tuple[float, float]]) -> None:
    leaves = [
        office(number, mbit, mbit * part) for number, (mbit, part) in enumerate(offices, start=1)
    ]
    weights = [
        leaf.guarantee.down.bits - base_rate(leaf.floor.down.bits, leaf.guarantee.down.bits)
        for leaf in leaves
    ]
    total = sum(leaf.guarantee.down.bits for leaf in leaves)
    built = replace(router(leaves, 10_000), pools=(PoolIntent("week", 0x10, 0, both(1)),))
    if max(weights) / min(weights) > 100:
        return  # past the clamp: `check_shares` refuses such a policy
    given_ = promises(built, profile(total / MBIT, 100, is_open=True), "down")
    for leaf in leaves:
        assert given_[leaf.slug] >= leaf.guarantee.down.bits * 0.999 - 2


def test_what_a_ceiling_refuses_goes_to_the_others() -> None:
    def leaf(minor: int, rate: int, ceil: int, turn: int) -> HtbClass:
        return HtbClass(minor, 1, rate, ceil, 3028, 1, turn, leaf=True)

    given_ = share_out(100, [leaf(1, 10, 20, 100), leaf(2, 10, 100, 100), leaf(3, 10, 100, 200)])
    assert given_ == {1: 20, 2: 30, 3: 50}


def test_the_clamp_follows_the_link() -> None:
    assert quantum(10**9, 10**6, 10**8) == 200_000
    assert quantum(10**9, 10**6, 10**9) == 375_000


def test_the_intent_survives_its_json() -> None:
    built = router([office(1, 10, 2), point(9, 3)])
    whole = replace(built, profiles=(profile(10, 180, is_open=True),))
    assert read_intent(intent_text(whole)) == whole


def test_a_leaf_can_spend_its_whole_turn() -> None:
    # Measured: with bursts below the quantum an office got 0.48 of its promise.
    built = router([office(1, 60, 1), office(2, 1, 0.5), point(9, 3)])
    for item in tree(built, profile(61, 130, is_open=True), "up"):
        if item.leaf and item.minor >= LEAF_MINOR:
            assert item.burst >= item.quantum + FRAME


def test_a_burst_has_as_many_frames_in_a_lab_as_in_life() -> None:
    # Measured: 1 ms of 45 Mbit/s left a sixth of it empty where a machine lost 10 ms at a time.
    life = router([office(1, 60, 1), point(9, 3)])
    lab = replace(life, divisor=20)
    here, there = (tree(one, profile(60, 140, is_open=True), "down") for one in (life, lab))
    assert [one.burst // 20 for one in there if not one.leaf] == [
        one.burst for one in here if not one.leaf
    ]
    assert all(one.burst <= other.burst for one, other in zip(here, there, strict=True))
