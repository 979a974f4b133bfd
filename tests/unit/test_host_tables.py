"""The nft tables: what they may be made of, and when they are loaded."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from komando.host.configuration import read_configuration
from komando.host.errors import HostError
from komando.host.statements import refuse_strangers
from komando.host.tables import (
    GUARD_TABLE,
    NAT_TABLE,
    SHAPER_TABLE,
    TableFiles,
    TableRecord,
    plan_table,
)
from komando.intent import compile_intent
from komando.inventory import load_inventory
from komando.platforms.debian import render
from komando.policy import load_policy
from tests.host_bundle import City, files_of

REPOSITORY = Path(__file__).parents[2]


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


GUARD = "table inet komando_guard {\nchain input {\n%s\n}\n}\n"


@pytest.mark.parametrize(
    "statement",
    [
        # what concerns others than this machine's own services
        "type filter hook forward priority filter; policy accept",
        "type filter hook output priority filter; policy accept",
        "type filter hook postrouting priority mangle; policy accept",
        "type filter hook input priority filter; policy drop",
        "type filter hook input priority raw; policy accept",
        "meta mark set 0x1",
        "meta priority set 1:2",
        "snat to 192.0.2.1",
        "udp dport 53 drop",
        "tcp dport ssh drop",
        "tcp dport { 22, 80 } drop",
        "ct state new drop",
        "ip saddr evil.example accept",
        "reject",
        "queue to 0",
    ],
)
def test_the_guard_looks_at_this_machines_own_ssh_alone(statement: str) -> None:
    with pytest.raises(HostError, match=r"^guard:3: not understood in table inet komando_guard: "):
        refuse_strangers(GUARD % statement, *GUARD_TABLE, "guard")


@pytest.mark.parametrize(
    "statement",
    [
        "type filter hook input priority filter; policy accept",
        "tcp dport 2222 jump management",
        "ct state established accept",
        'iifname "lo" accept',
        "ip saddr { 192.0.2.0/28, 198.51.100.7 } accept",
        "ip6 saddr { 2001:db8::/64 } accept",
        "counter drop",
    ],
)
def test_what_guards_is_understood_in_the_guard_alone(statement: str) -> None:
    refuse_strangers(GUARD % statement, *GUARD_TABLE, "guard")
    with pytest.raises(HostError, match=r"^shaper:3: not understood in table inet shaper: "):
        refuse_strangers(RULE % statement, *SHAPER_TABLE, "shaper")


TABLES = (
    ("shaper", SHAPER_TABLE),
    ("reload", SHAPER_TABLE),
    ("nat", NAT_TABLE),
    ("guard", GUARD_TABLE),
)


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
    if name != "guard":  # what a hand has written has none
        refuse_strangers(files_of(City())[f"etc/komando/nft/{name}.nft"].decode(), *table, name)
    without = re.sub(r"elements = \{[^}]*\}|.*snat.*|.*saddr.* accept", "", rendered[name])
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


def files_and_record() -> tuple[TableFiles, TableRecord]:
    files = read_configuration(files_of(City())).tables[0]
    return files, TableRecord(files.structure, files.full, files.reload, "seen")


def test_a_table_is_reloaded_in_place_where_our_own_elements_alone_differ() -> None:
    files, record = files_and_record()
    other = read_configuration(files_of(City().without(1))).tables[0]

    def path(record: TableRecord | None, live: str, files: TableFiles = files) -> str | None:
        step = plan_table(files, record, live)
        return step.path.rpartition("/")[2] if step else None

    assert path(record, "seen") is None
    assert path(record, "") == "shaper.nft"
    assert path(None, "seen") == "shaper.nft"
    assert other.reload != files.reload
    assert path(record, "seen", other) == "reload.nft"
    assert path(replace(record, structure="other", full="other"), "seen") == "shaper.nft"
    for wanted in (files, other):
        assert path(record, "touched by hand", wanted) == "shaper.nft"
        assert path(replace(record, shown=""), "seen", wanted) == "shaper.nft"


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


def test_a_table_that_a_generation_does_not_have_is_taken_away_where_it_stands() -> None:
    guard = read_configuration(files_of(City())).tables[2]
    assert (guard.family, guard.name, guard.full) == (*GUARD_TABLE, "")
    assert plan_table(guard, None, "") is None
    for record in (None, TableRecord("", "", "", "seen"), TableRecord("x", "x", "", "seen")):
        step = plan_table(guard, record, "seen")
        assert step is not None
        assert step.text == "delete table inet komando_guard\n"
        assert step.reason == "table komando_guard is left over"


def test_a_guard_is_loaded_whole_when_it_is_missing_or_differs(rendered: dict[str, str]) -> None:
    extra = {"etc/komando/nft/guard.nft": rendered["guard"]}
    guard = read_configuration(files_of(City(extra=extra))).tables[2]
    assert guard.full == rendered["guard"]
    record = TableRecord(guard.structure, guard.full, "", "seen")
    assert plan_table(guard, record, "seen") is None
    for seen, live in ((record, ""), (record, "other"), (replace(record, full="x"), "seen")):
        step = plan_table(guard, seen, live)
        assert step is not None
        assert (step.path, step.text) == ("etc/komando/nft/guard.nft", guard.full)
