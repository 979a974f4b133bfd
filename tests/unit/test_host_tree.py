"""The grammar of the trees, and the steps from one to the next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from komando.host.configuration import Configuration, read_configuration
from komando.host.errors import HostError
from komando.host.shape import Record, Steps, plan_tree, rebuild_lines
from komando.host.tree import LiveClass, LiveQdisc, Tree, bits, parse_tree, with_profile
from tests.host_bundle import City, Office, files_of

HEAD = "qdisc add dev ifb0 root handle 1: htb default 3\n"
ROOT = "class add dev ifb0 parent 1: classid 1:1 htb rate 8bit ceil 9bit burst 1b cburst 2b\n"


def configured(city: City) -> Configuration:
    return read_configuration(files_of(city))


def tree_of(city: City, profile: str = "day") -> Tree:
    return configured(city).trees(profile)[0]


def live_of(tree: Tree) -> tuple[dict[str, LiveClass], list[LiveQdisc]]:
    """What the kernel would show of a tree."""
    classes = {
        key: LiveClass(item.parent, item.rate, item.ceil) for key, item in tree.classes.items()
    }
    leaves = [LiveQdisc(item.kind, item.handle, item.parent, 0) for item in tree.leaves.values()]
    return classes, [LiveQdisc("htb", "1:", "root", 0), *leaves]


def steps_between(old: Tree, new: Tree) -> Steps:
    return plan_tree(new, Record(old), *live_of(old))


def actions(steps: Steps) -> list[tuple[str, str]]:
    return [(change.id, change.action) for change in steps.changes]


def test_a_tree_is_read_and_written_again() -> None:
    tree = tree_of(City())
    again = parse_tree(tree.text(), "ifb0", "again")
    assert again == tree
    assert list(tree.classes) == ["1:1", "1:2", "1:3", "1:10", "1:12", "1:20"] + [
        office.class_id for office in City().offices
    ]
    assert tree.classes["1:404"].rate == 1_000_000
    assert tree.leaves["1:404"].line("add", "ifb0") == (
        "qdisc add dev ifb0 parent 1:404 handle 404: pfifo limit 100"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "x: no root qdisc"),
        (ROOT, "x:1: the root qdisc must come first"),
        (HEAD + HEAD, "x:2: a second root"),
        (HEAD.replace("ifb0", "eth0"), "x:1: a second root, or not that of ifb0"),
        (HEAD.replace("htb", "prio"), "x:1: the root qdisc must come first"),
        (HEAD + ROOT.replace("ifb0", "eth0"), "x:2: device eth0, where ifb0 was expected"),
        (HEAD + ROOT + ROOT, "x:3: class 1:1 stands twice or before its parent"),
        (HEAD + ROOT.replace("1: ", "1:7 "), "x:2: class 1:1 stands twice or before its parent"),
        (HEAD + ROOT.replace("add", "del"), "x:2: not understood: class del"),
        (HEAD + ROOT.replace("add", "change"), "x:2: not understood: class change"),
        (HEAD + ROOT.replace("ceil 9bit ", ""), "x:2: ceil is missing"),
        (HEAD + ROOT.replace("burst 1b ", "", 1), "x:2: burst is missing"),
        (HEAD + ROOT.replace("8bit", "8"), "x:2: rate 8: no parameter of an htb class"),
        (HEAD + ROOT.replace("8bit", "-8bit"), "x:2: rate -8bit: no parameter"),
        (HEAD + ROOT.replace("\n", " rate 8bit\n"), "x:2: a parameter stands twice"),
        (HEAD + ROOT.replace("\n", " prio\n"), "x:2: a parameter stands twice or has no value"),
        (HEAD + ROOT.replace("\n", " linklayer atm\n"), "x:2: linklayer atm: no parameter"),
        (HEAD + "filter add dev ifb0 parent 1: bpf obj x.o\n", "x:2: not understood: filter"),
        (HEAD + "qdisc add dev ifb0 parent 1:1 handle 1: pfifo\n", "x:2: no class of ifb0 waits"),
        (HEAD + "exec bpf import\n", "x:2: not understood: exec"),
        (
            HEAD
            + ROOT
            + "qdisc add dev ifb0 parent 1:1 handle 5: pfifo limit 9\n"
            + ROOT.replace("parent 1: classid 1:1", "parent 1:1 classid 1:2"),
            "x:4: 1:1 has a leaf qdisc and a child 1:2",
        ),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(text: str, words: str) -> None:
    with pytest.raises(HostError) as error:
        parse_tree(text, "ifb0", "x")
    assert words in str(error.value)


def test_a_profile_may_only_change_what_the_tree_has() -> None:
    tree = parse_tree(HEAD + ROOT, "ifb0", "tree")
    change = ROOT.replace("add", "change").replace("8bit", "7bit")
    assert with_profile(tree, "# pools\n" + change, "day").classes["1:1"].rate == 7
    for text, words in (
        (ROOT, "day:1: not understood"),
        (change.replace("1:1 ", "1:5 "), "day:1: 1:5 under 1: stands twice or not in tree"),
        (change + change, "day:2: 1:1 under 1: stands twice or not in tree"),
        (change.replace("\n", " prio 1\n"), "day:1: other parameters than tree:2 states"),
    ):
        with pytest.raises(HostError) as error:
            with_profile(tree, text, "day")
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("8bit", 8),
        ("200Kbit", 200_000),
        ("64kbit", 64_000),
        ("1Gbit", 10**9),
        ("2Tbit", 2 * 10**12),
    ],
)
def test_rates(text: str, rate: int) -> None:
    assert bits(text) == rate


def test_a_rate_in_bytes_is_none() -> None:
    with pytest.raises(HostError, match="'8Bps' is no rate"):
        bits("8Bps")


# --- from one tree to the next -----------------------------------------------------------------


def test_the_same_tree_needs_nothing() -> None:
    tree = tree_of(City())
    steps = steps_between(tree, tree)
    assert steps.nothing
    assert steps == Steps("ifb0")


def test_the_hour_switch_shrinks_the_public_before_the_offices_grow() -> None:
    night, day = tree_of(City(), "night"), tree_of(City(), "day")
    steps = steps_between(night, day)
    assert [line.split()[7] for line, _ in steps.shrink] == ["1:20"]
    assert [line.split()[7] for line, _ in steps.grow] == ["1:10"]
    assert (steps.add, steps.leave, steps.again) == ((), (), ())
    assert steps.shrink[0][0] == day.classes["1:20"].line("change", "ifb0")
    back = steps_between(day, night)
    assert [line.split()[7] for line, _ in back.shrink] == ["1:10"]
    assert [line.split()[7] for line, _ in back.grow] == ["1:20"]


def test_a_new_office_is_added_with_its_leaf_and_nobody_else_is_touched() -> None:
    city = City()
    steps = steps_between(tree_of(city), tree_of(city.with_office(Office(4))))
    assert [line.split()[:2] for line, _ in steps.add] == [["class", "add"], ["qdisc", "add"]]
    assert actions(steps) == [("1:10", "change"), ("1:20", "change"), ("1:410", "add")]
    assert steps.leave == ()


def test_an_office_that_leaves_goes_last() -> None:
    city = City()
    steps = steps_between(tree_of(city), tree_of(city.without(2)))
    assert actions(steps) == [("1:10", "change"), ("1:20", "change"), ("1:408", "delete")]
    assert steps.leave == ("1:408",)


def test_an_office_that_moves_to_another_pool_gets_a_new_class_first() -> None:
    city = City()
    moved = city.with_office(replace(city.offices[0], slot=2))
    steps = steps_between(tree_of(city), tree_of(moved))
    assert [line.split()[7] for line, _ in steps.add if line.startswith("class")] == ["1:406"]
    assert steps.leave == ("1:404",)
    assert steps.rebuild == ""


def test_a_pool_that_leaves_goes_after_its_offices() -> None:
    old = tree_of(City())
    keep = {key: item for key, item in old.classes.items() if key not in {"1:12", "1:40e"}}
    leaves = {key: item for key, item in old.leaves.items() if key != "1:40e"}
    steps = steps_between(old, Tree("ifb0", old.root, keep, leaves))
    assert steps.leave == ("1:40e", "1:12")


def test_a_class_under_another_parent_comes_back_once_it_is_drained() -> None:
    old = tree_of(City())
    moved = replace(old.classes["1:404"], parent="1:12")
    steps = steps_between(old, replace(old, classes={**old.classes, "1:404": moved}))
    assert steps.rebuild == ""
    assert steps.leave == ("1:404",)
    assert [line for line, _ in steps.again] == [
        moved.line("add", "ifb0"),
        old.leaves["1:404"].line("add", "ifb0"),
    ]
    assert actions(steps) == [("1:404", "change")]


def test_a_leaf_of_another_kind_is_replaced_and_one_of_another_size_changed() -> None:
    old = tree_of(City())
    leaf = old.leaves["1:404"]
    for options, lines in (
        (
            "fq_codel",
            [
                "qdisc del dev ifb0 parent 1:404",
                "qdisc add dev ifb0 parent 1:404 handle 404: fq_codel",
            ],
        ),
        (
            "pfifo limit 50",
            ["qdisc replace dev ifb0 parent 1:404 handle 404: pfifo limit 50"],
        ),
    ):
        leaves = {**old.leaves, "1:404": replace(leaf, options=options)}
        steps = steps_between(old, replace(old, leaves=leaves))
        assert [line for line, _ in steps.add] == lines
        assert actions(steps) == [("1:404", "change")]


def test_what_a_killed_run_left_open_is_sent_again_and_nothing_else() -> None:
    day, night = tree_of(City(), "day"), tree_of(City(), "night")
    # killed between shrink and grow: the kernel has the public's day and the offices' night
    half = {**night.classes, "1:20": day.classes["1:20"]}
    record = Record(night, frozenset({"1:10", "1:20"}))
    steps = plan_tree(day, record, *live_of(replace(night, classes=half)))
    assert steps.rebuild == ""
    assert actions(steps) == [("1:10", "change"), ("1:20", "change")]


def test_a_killed_addition_is_mended_whether_or_not_it_was_sent() -> None:
    city = City()
    old, new = tree_of(city), tree_of(city.with_office(Office(4)))
    record = Record(old, frozenset({"1:10", "1:20", "1:410"}))
    absent = plan_tree(new, record, *live_of(old))
    assert ("1:410", "add") in actions(absent)
    classes, qdiscs = live_of(new)
    without_leaf = [item for item in qdiscs if item.parent != "1:410"]
    present = plan_tree(new, record, classes, without_leaf)
    assert present.rebuild == ""
    assert ("1:410", "change") in actions(present)
    assert new.leaves["1:410"].line("add", "ifb0") in [line for line, _ in present.add]
    # and back: the class that should never have come goes again
    assert plan_tree(old, record, classes, without_leaf).leave == ("1:410",)


def test_a_settled_record_is_needed_though_no_class_is() -> None:
    tree = tree_of(City())
    steps = plan_tree(tree, Record(tree, frozenset({"1:999"})), *live_of(tree))
    assert not steps.nothing
    assert steps.changes == ()


def test_a_rate_that_somebody_changed_by_hand_is_sent_again() -> None:
    tree = tree_of(City())
    classes, qdiscs = live_of(tree)
    classes["1:404"] = replace(classes["1:404"], ceil=5_000_000)
    classes["1:408"] = replace(classes["1:408"], rate=classes["1:408"].rate - 7)  # as tc rounds
    assert actions(plan_tree(tree, Record(tree), classes, qdiscs)) == [("1:404", "change")]


def test_a_leaf_that_somebody_took_away_comes_back() -> None:
    tree = tree_of(City())
    classes, qdiscs = live_of(tree)
    steps = plan_tree(
        tree, Record(tree), classes, [item for item in qdiscs if item.parent != "1:404"]
    )
    assert [line for line, _ in steps.add] == [tree.leaves["1:404"].line("add", "ifb0")]


def test_a_device_is_built_anew_where_the_kernel_is_not_what_was_sent() -> None:
    tree = tree_of(City())
    classes, qdiscs = live_of(tree)
    record = Record(tree)
    gone = {key: item for key, item in classes.items() if key != "1:404"}
    moved = {**classes, "1:404": replace(classes["1:404"], parent="1:12")}
    stray = {**classes, "1:777": LiveClass("1:1", 8, 8)}
    other = [LiveQdisc("fq_codel", "0:", "root", 0)]
    for reason, steps in (
        ("class 1:404 is gone", plan_tree(tree, record, gone, qdiscs)),
        ("class 1:404 hangs under 1:12", plan_tree(tree, record, moved, qdiscs)),
        ("class 1:777 is not ours", plan_tree(tree, record, stray, qdiscs)),
        ("nothing is known of what was sent", plan_tree(tree, None, classes, qdiscs)),
        ("no root qdisc", plan_tree(tree, record, {}, other)),
        (
            "another root qdisc",
            plan_tree(replace(tree, root="htb default 2"), record, *live_of(tree)),
        ),
    ):
        assert steps.rebuild == reason
        assert not steps.nothing
    assert rebuild_lines(tree, other)[0][0] == HEAD.strip()
    assert rebuild_lines(tree, qdiscs)[0][0] == "qdisc del dev ifb0 root"
