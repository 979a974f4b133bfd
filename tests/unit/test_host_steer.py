"""What leaves by a LAN goes through the download tree, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from komando.host.errors import HostError
from komando.host.steer import LiveSteering, Steering, parse_steering, plan_steering, remembered
from tests.host_bundle import City, files_of

STEER_TEXT = files_of(City())["etc/komando/tc/steer.tc"].decode()


def steering(text: str = STEER_TEXT) -> Steering:
    return parse_steering(text, ("lan0", "lan1"), "ifb0")


def test_steering_is_laid_only_where_it_is_missing() -> None:
    wanted = steering()
    done = LiveSteering(clsact=True, redirects={1: wanted.filters[0].redirect})
    bare = LiveSteering(clsact=False, redirects={})
    assert plan_steering(wanted, wanted, {"lan0": done, "lan1": done}) == []
    lines = [line for line, _ in plan_steering(wanted, wanted, {"lan0": done, "lan1": bare})]
    assert lines == ["qdisc add dev lan1 clsact", wanted.filters[1].line]
    assert len(plan_steering(wanted, None, {"lan0": bare, "lan1": bare})) == 4


def test_a_filter_to_a_device_that_was_made_anew_is_laid_again() -> None:
    wanted = steering()
    lost = LiveSteering(clsact=True, redirects={1: replace(wanted.filters[0].redirect, target="*")})
    lines = plan_steering(wanted, wanted, {"lan0": lost, "lan1": lost})
    assert [line for line, _ in lines] == [
        "filter del dev lan0 egress prio 1",
        wanted.filters[0].line,
        "filter del dev lan1 egress prio 1",
        wanted.filters[1].line,
    ]


def test_steering_of_a_lan_that_left_goes_and_strangers_stay() -> None:
    both = steering()
    one = Steering(both.filters[:1])
    ours = both.filters[0].redirect
    live = LiveSteering(clsact=True, redirects={1: ours, 7: replace(ours, target="mirror0")})
    assert [line for line, _ in plan_steering(one, both, {"lan0": live, "lan1": live})] == [
        "qdisc del dev lan1 clsact"
    ]
    assert plan_steering(one, both, {"lan0": live}) == []


def test_a_filter_that_left_goes_and_a_changed_one_is_laid_again() -> None:
    old = steering()
    first = old.filters[0]
    changed = steering(STEER_TEXT.replace("84 0 0 1,", "84 0 0 2,")).filters[0]
    second = replace(first, prio=2, line=first.line.replace("prio 1", "prio 2"))
    live = LiveSteering(clsact=True, redirects={1: first.redirect, 2: first.redirect})
    lines = plan_steering(Steering((changed,)), Steering((first, second)), {"lan0": live})
    assert [line for line, _ in lines] == [
        "filter del dev lan0 egress prio 1",
        changed.line,
        "filter del dev lan0 egress prio 2",
    ]


def test_a_filter_that_somebody_changed_by_hand_is_laid_again() -> None:
    wanted = steering()
    ours = wanted.filters[0].redirect
    for strange in (replace(ours, bytecode="1,6 0 0 0"), replace(ours, protocol="ipv6")):
        live = LiveSteering(clsact=True, redirects={1: strange})
        good = LiveSteering(clsact=True, redirects={1: ours})
        lines = [line for line, _ in plan_steering(wanted, wanted, {"lan0": live, "lan1": good})]
        assert lines == ["filter del dev lan0 egress prio 1", wanted.filters[0].line]


def test_a_lan_that_is_away_leaves_the_steering_of_the_others_alone() -> None:
    wanted = steering()
    good = LiveSteering(clsact=True, redirects={1: wanted.filters[0].redirect})
    for sent in (wanted, None):
        assert plan_steering(wanted, sent, {"lan0": good}) == []


def test_what_earlier_runs_laid_is_remembered_until_it_is_gone() -> None:
    both = steering()
    one = Steering(both.filters[:1])
    assert remembered(both, one) == both
    assert remembered(None, one) == one


MARKED = "bpf bytecode '5,32 0 0 4294963220,84 0 0 1,21 0 1 1,6 0 0 4294967295,6 0 0 0'"
FILTER = (
    f"filter add dev lan0 egress protocol all prio 1 {MARKED} "
    "action mirred egress redirect dev ifb0\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("qdisc add dev lan0 clsact\n", "has clsact and no filter"),
        (FILTER, "steer.tc:1: steers lan0, no LAN with clsact"),
        ("qdisc add dev wan0 clsact\n" + FILTER.replace("lan0", "wan0"), "steers wan0, no LAN"),
        ("qdisc add dev lan0 clsact\n" + FILTER.replace("ifb0", "eth9"), "or not to ifb0"),
        ("qdisc add dev lan0 clsact\n" + FILTER + FILTER, "two filters of one device"),
        (FILTER.replace(MARKED, "bpf obj x.o"), "steer.tc:1: not understood"),
        ("qdisc del dev lan0 clsact\n", "steer.tc:1: not understood"),
    ],
)
def test_steering_that_is_not_understood_is_an_error(text: str, words: str) -> None:
    with pytest.raises(HostError) as error:
        steering(text)
    assert words in str(error.value)
