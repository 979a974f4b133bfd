"""`komando status`: what the help desk reads, what programs read, and names that are wrong."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console

from komando.cli import main
from komando.cli.status import _Found, _show_in_place, _unknown
from komando.cli.status_text import as_data, named_lines, office_lines, table_lines
from komando.status import Address
from tests.unit.one_office import OFFICE, QUIET, ROUTER, flow, mbit

FULL = replace(OFFICE, flows={"down": flow(49.6, waits=31_000, dropped=64), "up": flow(1)})
SHOWN = replace(
    ROUTER,
    offices=(FULL,),
    top=(Address("10.20.5.17", 40_000_000, 900_000, 3), Address("2001:db8:1005::9", 5_000, 0, 1)),
    others=4,
)


def text(*, bars: bool) -> str:
    return "".join(f"{line.plain}\n" for line in office_lines(SHOWN, FULL, bars=bars))


def test_the_answer_comes_first_and_the_numbers_below_it() -> None:
    assert (
        text(bars=False)
        == """\
It uses all of its ceiling: 50 Mbit/s (download).

Dinas Kesehatan   opd/dinas-kesehatan, core-1, pool working-week, profile six-days+working-week
                download           upload
  promised now  20 Mbit/s          20 Mbit/s
  ceiling       50 Mbit/s          40 Mbit/s
  has now       49.6 Mbit/s        1 Mbit/s
  dropped       64 packets (1.2%)  nothing
  waits         31 kB, 5 ms        nothing
  line          segment metro, lan0: signal
  gateway       10.1.2.1 answers
  gateway       2001:db8::1 answers
  uplink        300 Mbit/s of 900 Mbit/s download, 100 Mbit/s of 950 Mbit/s upload (everybody)

  hosts             download   upload      connections
  10.20.5.17        40 Mbit/s  900 kbit/s  3
  2001:db8:1005::9  5 kbit/s   0           1
  and 4 more
next: Look at the hosts: one that takes most of it is for the office to talk to. If all of it is \
work, the ceiling is policy (docs/runbooks/change-a-rate.md).
      docs/runbooks/an-office-is-slow.md#at-its-ceiling
"""
    )


def test_a_terminal_has_bars() -> None:
    (line,) = (line for line in text(bars=True).splitlines() if "█" in line)
    assert line.split() == ["█" * 20, "·" * 10 + "│" + "·" * 9]


def test_all_offices_stand_in_a_table_the_fullest_first() -> None:
    idle = replace(OFFICE, slug="bpbd", flows={"down": QUIET, "up": QUIET})
    point = replace(OFFICE, slug="taman", kind="hotspot", promised=mbit(7))
    router = replace(ROUTER, offices=(idle, point, FULL))
    lines = [line.plain.split() for line in table_lines([router], bars=False)]
    assert [line[0] for line in lines[1:]] == [
        "opd/dinas-kesehatan",
        "hotspots/taman",
        "opd/bpbd",
    ]
    assert " ".join(lines[1][1:]) == (
        "at its ceiling 49.6 Mbit/s 20 Mbit/s 1 Mbit/s 20 Mbit/s 64 packets (1.2%) 31 kB, 5 ms"
    )


def test_a_table_has_the_notes_of_its_routers_under_their_names() -> None:
    own = replace(OFFICE, exceptions=("dinas-kesehatan@2026-11-24",))
    away = replace(ROUTER, host="core-2", waits=42.4, divisor=20)
    named = [replace(ROUTER, divisor=20, offices=(own,)), away]
    notes = [line.plain for line in table_lines(named, bars=False) if "note" in line.plain]
    assert notes == [
        "note: core-1: a lab: every rate is divided by 20",
        "note: core-2: a change waits for its confirmation, and reverts in 42 s",
        "note: core-2: a lab: every rate is divided by 20",
    ]


def test_a_table_tells_the_worse_direction_of_each() -> None:
    drops, waits = flow(20, dropped=400), flow(1, waits=40_000, dropped=1)
    office = replace(OFFICE, flows={"down": drops, "up": waits})
    router = replace(ROUTER, offices=(office,))
    _, line = (line.plain for line in table_lines([router], bars=False))
    assert line.split("  ")[-2:] == ["400 packets (16.1%)", "40 kB, 320 ms"]


def test_two_routers_that_have_an_office_in_force_both_answer() -> None:
    here = replace(ROUTER, offices=(OFFICE,))
    there = replace(here, host="core-2")
    lines = [line.plain for line in named_lines([here, there], bars=False)]
    assert lines[0] == (
        "note: core-1 and core-2 have opd/dinas-kesehatan in force, and one of them should: "
        "`komando plan` says which"
    )
    assert lines[2] == "It gets all that it asks for."
    assert [line.split(", ")[1] for line in lines if line.startswith(OFFICE.name)] == [
        "core-1",
        "core-2",
    ]


def test_who_is_away_stands_below_the_table_on_a_terminal_that_is_looked_at() -> None:
    screen = io.StringIO()
    found = _Found("", {"core-1": replace(ROUTER, offices=(OFFICE,))}, {"core-2": "it is out"})
    with redirect_stderr(screen):
        _show_in_place(found, "text", Console(file=screen, force_terminal=True))
    cleared, table, away = (
        screen.getvalue().index(one) for one in ("\x1b[2J", OFFICE.path, "core-2: it is out")
    )
    assert cleared < table < away


def test_programs_are_told_all_of_it_in_plain_numbers() -> None:
    (router,) = json.loads(json.dumps(as_data([SHOWN], {}, "dinas-kesehatan")))["routers"]
    (office,) = router["offices"]
    assert office["promised"] == {"down": 20_000_000, "up": 20_000_000}
    assert office["flows"]["down"]["rate"] == 49_600_000
    assert office["flows"]["down"]["waiting"] == 5.0
    assert office["verdict"]["id"] == "at-its-ceiling"
    assert office["verdict"]["page"].endswith("#at-its-ceiling")
    assert router["top"][0]["address"] == "10.20.5.17"


def test_what_a_host_says_of_its_failure_steers_no_terminal_either() -> None:
    assert as_data([], {"core-1": "it\x9b31m said"}, "")["failures"] == {
        "core-1": "it\ufffd31m said"
    }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("opd/dinas-kesehatn", "did you mean opd/dinas-kesehatan?"),
        ("hotspots/bpbd", "did you mean opd/bpbd?"),
        ("opd/xyz", "a new one is there after `komando apply`"),
    ],
)
def test_an_unknown_name_is_met_with_a_near_one(path: str, words: str) -> None:
    known = ("opd/bpbd", "opd/dinas-kesehatan", "hotspots/taman-kota")
    told = {"core-1": replace(ROUTER, offices=(), known=known)}
    assert words in _unknown(told, path, others=False)


def test_where_nothing_is_in_force_an_apply_is_what_lacks() -> None:
    told = {"core-1": replace(ROUTER, generation=None, offices=())}
    assert _unknown(told, "opd/bpbd", others=False) == (
        "no router has opd/bpbd in force: nothing is in force there yet (`komando apply`)"
    )


@pytest.mark.parametrize("name", ["dinas-kesehatan", "office/bpbd", "opd/", "opd/../x", "opd/A b"])
def test_what_is_no_name_is_refused_before_anybody_is_asked(name: str) -> None:
    done = CliRunner().invoke(main, ["status", name])
    assert done.exit_code == 1
    assert "is neither opd/SLUG nor hotspots/SLUG; `komando status` shows all" in done.output
