"""`komando new exception`: put into an office's file as text, and no other byte moves."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.documents.reader import read
from komando.policy import load_policy
from komando.policy.fresh import FreshException, NoPlaceError
from komando.policy.fresh import with_exception as inserted
from komando.units import Pair

ROOT = Path(__file__).parents[2]
FRESH = FreshException(
    date(2027, 4, 5), date(2027, 4, 16), "Immunisation week", Pair.parse("25 Mbit/s")
)

BEFORE = b"# its file\nid: 1   # one\nname: Dinas\n"
ONE = (
    b"exceptions:\n  - from: 2026-12-01   # first\n    until: 2026-12-02\n    reason: >-\n      a\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        BEFORE,
        BEFORE.rstrip(b"\n"),
        BEFORE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + BEFORE,
        BEFORE + ONE,
        BEFORE + ONE.rstrip(b"\n"),
        ONE + b"\n# of the name\nname: x\n",
        BEFORE + ONE + b"  # the end of the list\n\n\n",
        BEFORE + b"exceptions:\n- {from: 2026-12-01, until: 2026-12-02, reason: a}\n",
        BEFORE + b"exceptions:\n  -   from: 2026-12-01\n      reason: a\n",
        BEFORE + b"exceptions:\n  -\n    # said\n    reason: a\n",
        BEFORE + b"exceptions: []  # none yet\nfloor: 2 Mbit/s\n",
        BEFORE + b"exceptions: [ {reason: '[a'}, {reason: b} ]\n",
        BEFORE + b"exceptions: [\n  {reason: a}, # one\n]\n",
    ],
)
def test_an_exception_is_put_in_and_no_other_byte_moves(raw: bytes) -> None:
    made = inserted("x.yaml", raw, FRESH)
    same = (one == other for one, other in zip(raw, made, strict=False))
    common = raw[: next((at for at, it in enumerate(same) if not it), len(raw))]
    rest = raw[len(common) :]
    assert made.endswith(rest), "what stood before stands there still, around what was put in"
    added = made[len(common) : len(made) - len(rest)]
    assert b"Immunisation week" in added
    assert b"\r\n" not in raw or b"\n" not in added.replace(b"\r\n", b"")
    document = read("x.yaml", made).document
    assert document is not None
    assert document.data["exceptions"][-1]["until"] == "2027-04-16"


@pytest.mark.parametrize("raw", [b"{id: 1, name: x}\n", b"id: 1\n...\n", b"exceptions: 3\n"])
def test_where_there_is_no_place_it_says_what_to_write(raw: bytes) -> None:
    with pytest.raises(NoPlaceError, match="guarantee: 25 Mbit/s"):
        inserted("x.yaml", raw, FRESH)


def test_an_exception_of_the_real_tree_holds(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    before = (policies / "opd/dinas-pendidikan.yaml").read_bytes()
    days = ("--from", "2027-05-03", "--until", "2027-05-08")
    words = ("--calendar", "around-the-clock", "--reason", "Results: all schools fetch them.",
             "--letter", "1: 2", "--date", "2027-04-01")  # fmt: skip
    where = ("--policies", str(policies))
    command = ["new", "exception", "opd/dinas-pendidikan", *days, *words, *where]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert (policies / "opd/dinas-pendidikan.yaml").read_bytes().startswith(before)
    policy = load_policy(policies).policy
    assert policy is not None
    first, second = policy.opd["dinas-pendidikan"].exceptions
    assert (second.calendar, second.reason) == (
        "around-the-clock", "Results: all schools fetch them.")  # fmt: skip
    assert first.end < second.start
