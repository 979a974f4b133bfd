"""What stands around the trees: steering, nft tables, settings, addresses and routes."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from komando.host.configuration import read_configuration
from komando.host.layout import HostError
from komando.host.network import (
    Address,
    Link,
    Live,
    Route,
    parse_network,
    plan_network,
)
from komando.host.settings import parse_settings
from komando.host.steer import LiveSteering, Steering, parse_steering, plan_steering, remembered
from komando.host.tables import (
    NAT_TABLE,
    SHAPER_TABLE,
    TableFiles,
    TableRecord,
    plan_table,
    refuse_strangers,
)
from komando.intent import compile_intent
from komando.inventory import load_inventory
from komando.platforms.debian import render
from komando.policy import load_policy
from tests.host_bundle import City, files_of

REPOSITORY = Path(__file__).parents[2]

# --- network -------------------------------------------------------------------------------------


def entries(text: str) -> list[object]:
    return [item.entry for item in parse_network(text)]


def test_the_lines_of_the_network() -> None:
    assert entries(
        "# comment\n"
        "link set lan0 up\n"
        "address replace 172.20.0.1/22 dev lan0\n"
        "-6 address replace 2001:db8:0::1/64 dev lan0 nodad\n"
        "route replace default via 198.51.100.1 dev wan0 proto 75\n"
        "route replace 2001:db8:1::/48 via 2001:db8::2 dev lan0 proto 75\n"
        "route replace blackhole 203.0.113.10 proto 75\n"
    ) == [
        Link("lan0"),
        Address("lan0", "172.20.0.1/22"),
        Address("lan0", "2001:db8::1/64"),
        Route(4, "0.0.0.0/0", 0, "unicast", "198.51.100.1", "wan0"),
        Route(6, "2001:db8:1::/48", 1024, "unicast", "2001:db8::2", "lan0"),
        Route(4, "203.0.113.10/32", 0, "blackhole", "", ""),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("link set lan0 down", "network:1: not understood"),
        ("link delete lan0", "network:1: not understood"),
        ("netns exec x sh", "network:1: not understood"),
        ("-batch /etc/shadow", "network:1: not understood"),
        ("route replace 10.0.0.0/8 via 10.1.1.1 dev lan0", "network:1: not understood"),
        ("route replace 10.0.0.0/8 via 10.1.1.1 dev lan0 proto 4", "network:1: not understood"),
        ("route replace 10.0.0.1/8 via 10.1.1.1 dev lan0 proto 75", "network:1: 10.0.0.1/8 has"),
        (
            "-6 route replace 10.0.0.0/8 via ::1 dev lan0 proto 75",
            "network:1: 10.0.0.0/8 is not of",
        ),
        ("address replace 10.0.0.300/8 dev lan0", "network:1: '10.0.0.300/8'"),
        ("address replace 10.0.0.3/8 dev ../x", "network:1: not understood"),
    ],
)
def test_a_line_that_is_not_understood_is_an_error(line: str, words: str) -> None:
    with pytest.raises(HostError) as error:
        parse_network(line + "\n")
    assert words in str(error.value)


def test_two_routes_to_one_place_are_an_error() -> None:
    with pytest.raises(HostError, match="two routes to one destination"):
        parse_network(
            "route replace 10.0.0.0/8 via 10.1.1.1 dev lan0 proto 75\n"
            "route replace 10.0.0.0/8 via 10.1.1.2 dev lan0 proto 75\n"
        )


def test_only_what_is_missing_is_made_and_only_ours_is_removed() -> None:
    wanted = parse_network(
        "link set lan0 up\n"
        "address replace 172.20.0.1/22 dev lan0\n"
        "route replace 10.20.1.0/24 via 172.20.1.1 dev lan0 proto 75\n"
        "route replace 10.20.2.0/24 via 172.20.1.9 dev lan0 proto 75\n"
    )
    stays = Route(4, "10.20.1.0/24", 0, "unicast", "172.20.1.1", "lan0")
    moves = Route(4, "10.20.2.0/24", 0, "unicast", "172.20.1.2", "lan0")
    leaves = Route(6, "2001:db8:5::/48", 1024, "unicast", "2001:db8::5", "lan0")
    old = Address("lan0", "172.20.9.1/24")
    foreign = Address("mgmt0", "10.255.0.2/24")
    live = Live(
        up=frozenset({"lan0"}),
        addresses=frozenset({Address("lan0", "172.20.0.1/22"), old, foreign}),
        routes=frozenset({stays, moves, leaves}),
    )
    steps = plan_network(wanted, live, ours={old, Address("lan0", "172.20.8.1/24")})
    assert [item.line for item in steps.make] == [
        "route replace 10.20.2.0/24 via 172.20.1.9 dev lan0 proto 75"
    ]
    assert [item.line for item in steps.remove] == [
        "route del 2001:db8:5::/48 proto 75 metric 1024",
        "address del 172.20.9.1/24 dev lan0",
    ]


# --- steering ------------------------------------------------------------------------------------


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


# --- nft tables ----------------------------------------------------------------------------------

RULE = "table inet shaper {\nchain post {\n%s\n}\n}\n"
MAP = "table inet shaper {\nmap c4 {\n%s\n}\n}\n"


@pytest.mark.parametrize(
    "text",
    [
        # what reads a file, and shows it in a message
        'include "/etc/shadow"\n',
        'table inet shaper { include "/etc/shadow"',
        'table inet shaper { include "/etc/shadow"\n',
        'table inet shaper {\n include "/etc/shadow"\n}\n',
        'table inet shaper {\ninclude\t"/etc/*"\n}\n',
        "table inet shaper {\ninclude '/etc/shadow'\n}\n",
        'table inet shaper {\n} include "/etc/shadow"\n',
        'table inet shaper { } ; include "/etc/shadow"\n',
        'delete table inet shaper; include "/etc/shadow"\n',
        'delete table inet shaper include "/etc/shadow"\n',
        RULE % 'include "/etc/shadow"',
        RULE % 'return; include "/etc/shadow"',
        RULE % 'return\rinclude "/etc/shadow"',
        RULE % 'return \\\ninclude "/etc/shadow"',
        RULE % 'inc\\\nlude "/etc/shadow"',
        RULE % 'oifname "wan0" # "\ninclude "/etc/shadow"',
        RULE % 'oifname "#"; include "/etc/shadow"',
        RULE % 'oifname "wan0\n"; include "/etc/shadow" #"',
        MAP % 'elements = { include "/etc/shadow" }',
        MAP % 'elements = {\n10.0.0.0/8 : 1:404,\n}\ninclude "/etc/shadow"',
        "table inet shaper {\ncounter x {\n}\x00\n}\n",
        "table inet shaper {\ncounter x {\n}\x0c\n}\n",
        "table inet shaper {\u2028}\n",
        "table inet shaper {\n}\n# office\u2029flush ruleset\n",
        # what stands for other words
        "define x = 5\n",
        "redefine x = 5\n",
        "undefine x\n",
        'table inet shaper {\ndefine x = "/etc/shadow"\n}\n',
        RULE % "define x = 5",
        MAP % "undefine x",
        RULE % "oifname $x jump upload",
        "flush map inet shaper $x\n",
        # what acts on other tables, or on the whole machine
        "flush ruleset\n",
        "flush table inet shaper\nflush ruleset\n",
        "flush chain inet shaper post; flush ruleset\n",
        "flush chain inet filter input\n",
        "flush chain inet shaper post extra\n",
        "delete table inet filter\n",
        "destroy table inet filter\n",
        "delete table inet\n",
        "table inet shaper2 {\n}\n",
        "table ip shaper {\n}\n",
        "table inet shaper {\n}\nadd rule inet filter input accept\n",
        "add rule inet shaper post accept; flush ruleset\n",
        'add rule inet shaper post comment "#"; flush ruleset\n',
        'add rule inet shaper post comment "\n# "; flush ruleset\n',
        "list ruleset\n",
        "monitor\n",
        "rename chain inet shaper post input\n",
        # braces that do not meet
        "table inet shaper {\n}}\nflush ruleset\n",
        "table inet shaper {\n}\n}\n",
        "table inet shaper {\n",
        "}\ntable inet shaper {\n",
        "table inet shaper {\nchain post {\n}\n",
        RULE % "return }\nflush ruleset\n{",
        MAP % "elements = { 10.0.0.0/8 : 1:404 } } } flush ruleset",
        # what is in the table and yet more than a class or a translation
        "table inet shaper {\nflags dormant\n}\n",
        RULE % "type filter hook input priority filter; policy accept",
        RULE % "type filter hook postrouting priority mangle; policy drop",
        RULE % "drop",
        RULE % 'oifname "wan0" drop',
        RULE % 'oifname "*" return',
        RULE % "queue to 0",
        RULE % 'log prefix "x"',
        RULE % "dup to 192.0.2.1",
        RULE % "snat to evil.example",
        RULE % "ip daddr cafe.de return",
        MAP % "elements = { cafe.de : 1:404 }",
        MAP % "elements = { @c6 : 1:404 }",
        MAP % "cafe.de : 1:404",
        MAP % "type inet_service : classid",
        MAP % "typeof ip daddr : meta priority",
        MAP % 'comment "x"',
        MAP % "gc-interval 1s",
    ],
)
def test_a_table_file_holds_what_such_a_table_is_made_of_alone(text: str) -> None:
    with pytest.raises(HostError, match=r"^x\.nft:[ 0-9]"):
        refuse_strangers(text, "inet", "shaper", "x.nft")


def test_the_line_that_is_refused_is_named() -> None:
    with pytest.raises(HostError, match=r"^x:3: not understood in table inet shaper: drop$"):
        refuse_strangers(RULE % "drop # all", "inet", "shaper", "x")
    with pytest.raises(HostError, match=r"^x:3: '\\x00' has no place in a table$"):
        refuse_strangers(RULE % "\x00", "inet", "shaper", "x")
    with pytest.raises(HostError, match=r"^x: a brace is open at the end$"):
        refuse_strangers("table inet shaper {", "inet", "shaper", "x")


TABLES = (("shaper", SHAPER_TABLE), ("reload", SHAPER_TABLE), ("nat", NAT_TABLE))


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    """The tables of this repository's own policy, by the file's name."""
    policy = load_policy(REPOSITORY / "policies").policy
    assert policy is not None
    intent = compile_intent(policy).intent
    assert intent is not None
    bundle = render(intent, load_inventory(REPOSITORY / "inventories/lab").hosts["core-1"])
    return {name: bundle.text(f"etc/komando/nft/{name}.nft") for name, _ in TABLES}


@pytest.mark.parametrize(("name", "table"), TABLES)
def test_what_the_renderer_makes_is_understood(
    rendered: dict[str, str], name: str, table: tuple[str, str]
) -> None:
    refuse_strangers(rendered[name], *table, name)
    refuse_strangers(files_of(City())[f"etc/komando/nft/{name}.nft"].decode(), *table, name)
    without = re.sub(r"elements = \{[^}]*\}|.*snat.*", "", rendered[name])
    assert without != rendered[name]
    refuse_strangers(without, *table, name)


@pytest.mark.parametrize(
    "stranger", [' include "/etc/shadow" ', "; flush ruleset ;", "\ndefine x = 5\n", " { ", " } "]
)
@pytest.mark.parametrize(("name", "table"), TABLES)
def test_nothing_can_be_slipped_in_at_any_place(
    rendered: dict[str, str], name: str, table: tuple[str, str], stranger: str
) -> None:
    lines = rendered[name].split("\n")
    few = "\n".join(
        line for line in lines if "/" not in line or ".1.0/24" in line or "snat" in line
    )
    refuse_strangers(few, *table, name)
    for place in range(len(few)):
        comment = "#" in few[:place].rpartition("\n")[2] and "\n" not in stranger
        if not comment:
            with pytest.raises(HostError):
                refuse_strangers(few[:place] + stranger + few[place:], *table, name)


def test_ten_thousand_offices_are_read_at_once(rendered: dict[str, str]) -> None:
    head, line, tail = re.split(r"(?m)^(.*/24 : 1:.*\n)", rendered["shaper"], maxsplit=1)
    many = head + line * 20_000 + tail
    start = time.process_time()
    refuse_strangers(many, *SHAPER_TABLE, "x")
    assert time.process_time() - start < 1


def files_and_record() -> tuple[TableFiles, TableRecord]:
    files = read_configuration(files_of(City())).tables[0]
    return files, TableRecord(files.structure, files.full, files.reload, "seen")


def test_a_table_is_reloaded_in_place_unless_it_is_missing_or_built_otherwise() -> None:
    files, record = files_and_record()
    other = read_configuration(files_of(City().without(1))).tables[0]

    def path(record: TableRecord | None, live: str, files: TableFiles = files) -> str | None:
        step = plan_table(files, record, live)
        return step.path.rpartition("/")[2] if step else None

    assert path(record, "seen") is None
    assert path(record, "") == "shaper.nft"
    assert path(None, "seen") == "shaper.nft"
    assert path(record, "touched by hand") == "reload.nft"
    assert path(replace(record, shown=""), "seen") == "reload.nft"
    assert path(replace(record, structure="other", full="other"), "seen") == "shaper.nft"
    assert other.reload != files.reload


def test_the_structure_leaves_out_elements_and_comments() -> None:
    files, _ = files_and_record()
    with_elements = replace(
        files,
        full="table inet shaper { # old\n map c4 { type ipv4_addr : classid\n"
        "  elements = {\n 10.0.0.0/8 : 1:404,\t# one { office }\n 11.0.0.0/8 : 1:408 }\n} }\n",
    )
    other = replace(
        files,
        full="table inet shaper { map c4 { type ipv4_addr : classid\n"
        " elements = { 12.0.0.0/8 : 1:40c } } }\n",
    )
    assert with_elements.structure == other.structure
    wider = replace(other, full=other.full.replace("classid", "mark"))
    assert wider.structure != other.structure


def test_nat_has_no_reload_and_is_loaded_when_it_differs() -> None:
    nat = read_configuration(files_of(City())).tables[1]
    record = TableRecord(nat.structure, nat.full, "", "seen")
    assert plan_table(nat, record, "seen") is None
    for seen, live in ((record, "other"), (replace(record, full="x"), "seen"), (None, "seen")):
        step = plan_table(nat, seen, live)
        assert step is not None
        assert step.path == "etc/komando/nft/nat.nft"


# --- settings ------------------------------------------------------------------------------------


def test_settings_stay_below_net() -> None:
    text = "# router\nnet.ipv4.ip_forward = 1\nnet.ipv4.conf.lan0/100.rp_filter=2\n"
    assert parse_settings(text) == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.lan0/100.rp_filter": "2",
    }


@pytest.mark.parametrize(
    "line",
    [
        "kernel.core_pattern = |/tmp/x",
        "kernel.modprobe = /tmp/x",
        "net/../kernel/modprobe = x",
        "net.ipv4/../../kernel/modprobe = x",
        "net.ipv4.x = $(id)",
        "-net.ipv4.ip_forward = 1",
        "net.ipv4.ip_forward",
    ],
)
def test_a_setting_that_could_run_a_program_is_refused(line: str) -> None:
    with pytest.raises(HostError, match=r"90-komando\.conf:1: no setting below net"):
        parse_settings(line + "\n")
