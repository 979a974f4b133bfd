"""What leaves by a LAN goes through the download tree, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from komando.host.errors import HostError
from komando.host.steer import (
    LiveSteering,
    Redirect,
    Steering,
    parse_steering,
    plan_steering,
    remembered,
    steering_of,
)
from komando.host.tree import LiveQdisc
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


CLSACT = [LiveQdisc("clsact", "ffff:", "ffff:fff1", 0, "{}")]
REDIRECT = {"kind": "mirred", "mirred_action": "redirect", "direction": "egress", "to_dev": "ifb0"}
MIRROR = REDIRECT | {"mirred_action": "mirror", "to_dev": "far0"}


def shown(*actions: dict[str, str], handle: str = "0x1", direct: bool = False) -> dict[str, Any]:
    """A filter as `tc -j` shows it."""
    insns = [{"code": 6, "jt": 0, "jf": 0, "k": 1}]
    code = {"length": 1, "insns": insns}
    options: dict[str, Any] = {"handle": handle, "bytecode": code, "actions": [*actions]}
    options |= {"direct-action": True} if direct else {}
    head = {"protocol": "all", "pref": 1, "kind": "bpf", "chain": 0}
    return {**head, "options": options}


def test_a_filter_is_ours_only_if_it_is_alone_and_does_one_redirect() -> None:
    alone = shown(REDIRECT)
    head = {key: alone[key] for key in ("protocol", "pref", "kind", "chain")}
    redirect = Redirect("all", "1,6 0 0 1", "ifb0")
    good = LiveSteering(clsact=True, redirects={1: redirect})
    assert steering_of(CLSACT, [head, alone]) == good
    assert steering_of(CLSACT, [head, alone, {**shown(MIRROR), "chain": 5}]) == good
    for strange in (
        [alone, shown(MIRROR, handle="0x9")],
        [shown(REDIRECT, handle="0x9"), alone],
        [shown(MIRROR, REDIRECT)],
        [shown(REDIRECT, REDIRECT)],
        [shown(MIRROR)],
        [shown(REDIRECT | {"direction": "ingress"})],
        [shown(REDIRECT, direct=True)],
        [{**shown(REDIRECT), "kind": "u32"}],
        [shown()],
    ):
        live = steering_of(CLSACT, [head, *strange])
        assert (live.clsact, live.redirects) == (True, {})
        assert len(live.others[1]) == len(strange)


def test_what_stands_beside_or_in_place_of_a_filter_of_ours_goes_with_it() -> None:
    wanted = Steering(steering().filters[:1])
    first = wanted.filters[0]
    second = replace(first, prio=2, line=first.line.replace("prio 1", "prio 2"))
    others = steering_of(CLSACT, [shown(REDIRECT), shown(MIRROR, handle="0x9")]).others
    assert others == {
        1: (
            "protocol all bpf handle 0x1: mirred redirect ifb0",
            "protocol all bpf handle 0x9: mirred mirror far0",
        )
    }
    live = LiveSteering(clsact=True, redirects={}, others=others)
    lines = [line for line, _ in plan_steering(wanted, wanted, {"lan0": live})]
    assert lines == ["filter del dev lan0 egress prio 1", first.line]
    live = LiveSteering(True, {1: first.redirect}, {2: ("strange",), 3: ("strange",)})
    lines = [line for line, _ in plan_steering(wanted, Steering((first, second)), {"lan0": live})]
    assert lines == ["filter del dev lan0 egress prio 2"]


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
