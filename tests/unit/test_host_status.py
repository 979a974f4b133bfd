"""`komando-host status` short of the kernel: what comes of two looks, and of what is in force."""

from __future__ import annotations

from collections.abc import Mapping

from komando.host.counters import Counter
from komando.host.look import Seen
from komando.host.neighbours import Neighbours


def seen(first: Counter, last: Counter, *drops: Mapping[str, int]) -> Seen:
    """One class, 1:404 of ifb0, at both looks."""
    looks = [{"ifb0": {"1:404": one}} for one in (first, last)]
    return Seen(1.0, looks, [{"ifb0": one} for one in drops], {}, {}, Neighbours({}), None)


def test_what_is_lost_between_two_looks_is_told_by_the_queue() -> None:
    found = seen(Counter(0, 8, refused=7), Counter(0, 8, refused=9), {"1:404": 30}, {"1:404": 70})
    flow = found.flow("ifb0", "1:404")
    assert flow is not None
    assert flow["dropped"] == 40


def test_where_the_queue_says_nothing_it_is_what_the_class_did_not_take() -> None:
    flow = seen(Counter(0, 8, refused=7), Counter(0, 8, refused=9), {}, {}).flow("ifb0", "1:404")
    assert flow is not None
    assert flow["dropped"] == 2
