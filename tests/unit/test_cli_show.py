"""`komando show`: a person's words as they were written, places to copy, true moments."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from komando.cli import main
from komando.cli.show_text import print_shown
from komando.cli.shown import find
from komando.intent import compile_intent
from komando.policy import load_policy
from tests.unit.edited import BASE, edit


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in BASE.rglob("*.yaml"):
        copy = Path("elsewhere") / path.relative_to(BASE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    return Path("elsewhere")


def show(policies: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["show", "--policies", str(policies), *arguments])


def on_terminal(policies: Path, what: str, width: int) -> str:
    policy = load_policy(policies).policy
    assert policy is not None
    intent = compile_intent(policy).intent
    assert intent is not None
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    print_shown(find(what, policies, policy, intent, "2026-06-01 10:00"), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_persons_words_are_no_markup(policies: Path) -> None:
    words = "[/old] see [annex 3] :smile: [b]not bold[/b]"
    file = policies / "opd" / "bpbd.yaml"
    text = file.read_text()
    file.write_text(
        text[: text.index("justification:")]
        + f"justification: '{words}'\nrequest: {{letter: '[7]/:cat:', date: 2026-01-02}}\n"
        "exceptions:\n  - {from: 2026-06-01, until: 2026-06-02, guarantee: 11 Mbit/s,"
        f" reason: '{words}'}}\n"
    )
    result = show(policies, "opd/bpbd", "--at", "2026-06-01")
    assert result.exit_code == 0, result.output
    assert f"  why        {words}\n" in result.output
    assert f"             {words}\n" in result.output
    assert "  asked for  [7]/:cat: of 2026-01-02\n" in result.output


def test_the_heading_names_the_file_that_was_read(policies: Path) -> None:
    first = show(policies, "opd/bpbd").output.splitlines()[0]
    assert first.endswith("   elsewhere/opd/bpbd.yaml")
    assert "no file elsewhere/opd/bpdb.yaml" in show(policies, "opd/bpdb").stderr


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_terminal_is_so_narrow_that_a_place_or_a_word_is_broken(
    policies: Path, width: int
) -> None:
    text = on_terminal(policies, "opd/dinas-kesehatan", width)
    whole = on_terminal(policies, "opd/dinas-kesehatan", 1000)
    assert text.split() == whole.split()


def test_in_a_pipe_each_fact_is_one_line(policies: Path) -> None:
    edit(policies / "opd" / "bpbd.yaml", "justification: ", "justification: " + "word " * 60)
    out = show(policies, "opd/bpbd").output
    (line,) = [line for line in out.splitlines() if line.startswith("  why")]
    assert line.count("word") == 60
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_a_moment_beyond_the_calendars_is_told_and_what_then_holds(policies: Path) -> None:
    result = show(policies, "opd/dinas-kesehatan", "--at", "2031-01-02 10:00")
    assert result.exit_code == 0
    assert "on Thu 02 Jan 2031 10:00 WIB," in result.stdout
    assert result.stderr == (
        "warning: 2 Jan 2031 lies after the days that the calendars cover (1 Jan 2026 to "
        "31 Dec 2027): a router keeps to their last profile, closed, whatever the hour\n"
    )
    for moment in ("2020-05-01", "0001-01-01"):
        before = show(policies, "opd/dinas-kesehatan", "--at", moment)
        assert "lies before the days that the calendars cover" in before.stderr
        assert "first profile, closed" in before.stderr
    for moment in ("2026-01-01", "2027-12-31 23:59"):
        assert not show(policies, "opd/dinas-kesehatan", "--at", moment).stderr
    data = show(policies, "opd/bpbd", "--at", "2031-01-02", "--format", "json")
    assert json.loads(data.stdout)["covered"] is False


def test_a_moment_of_another_zone_is_told_in_the_regions(policies: Path) -> None:
    out = show(policies, "opd/dinas-kesehatan", "--at", "2026-06-02T04:00+00:00").stdout
    assert "on Tue 02 Jun 2026 11:00 WIB," in out
    assert "from Tue 02 Jun 2026 15:30 WIB on" in out
    beyond = show(policies, "opd/dinas-kesehatan", "--at", "9999-12-31T23:00+00:00")
    assert "is no moment" in beyond.stderr


def test_a_public_points_rate_is_called_its_part_of_what_is_written(policies: Path) -> None:
    out = show(policies, "hotspots/taman-kota", "--at", "2026-06-02 10:00").stdout
    assert "guarantee" not in out
    assert "elsewhere/region.yaml:38:20  its part of the public's least share, 20 Mbit/s" in out
    assert "  share      3 of 3 parts of what is left to the public\n" in out


def test_a_public_points_rate_is_traced_to_the_hours_that_leave_least(policies: Path) -> None:
    edit(policies / "region.yaml", "out_of_hours: 40 Mbit/s", "out_of_hours: 10 Mbit/s")
    out = show(policies, "hotspots/taman-kota", "--at", "2026-06-02 10:00").stdout
    assert "elsewhere/region.yaml:38:45  its part of the public's least share, 10 Mbit/s" in out


def test_the_ceiling_of_an_observed_office_is_told_not_to_hold(policies: Path) -> None:
    assert "not in force" not in show(policies, "opd/bpbd").stdout
    edit(policies / "opd" / "bpbd.yaml", "justification:", "mode: observe\njustification:")
    out = show(policies, "opd/bpbd").stdout
    (line,) = [line for line in out.splitlines() if line.startswith("  ceiling")]
    assert line.endswith("elsewhere/opd/bpbd.yaml:11:10  not in force while observed")


@pytest.mark.parametrize(
    "what", ["dinas-kesehatan", "opd/DINAS-KESEHATAN", "hotspots/dinas-kesehatan", "kesehatan"]
)
def test_a_name_that_is_nearly_right_is_put_right(policies: Path, what: str) -> None:
    result = show(policies, what)
    assert result.exit_code == 1
    assert "did you mean opd/dinas-kesehatan?" in result.stderr


def test_without_a_name_it_lists_what_can_be_shown(policies: Path) -> None:
    result = show(policies)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "opd/bpbd",
        "opd/dinas-kesehatan",
        "opd/dinas-pendidikan",
        "hotspots/taman-kota",
    ]
