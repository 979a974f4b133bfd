"""From `git push` to measured megabits, and what stops on the way: a bare repository is a forge."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from komando.lab.measure.alone import NEAR, alone, wait_for
from tests.lab.conftest import LAB, own_city
from tests.lab.town import APPROVER, REQUESTER, Town

pytestmark = LAB

OFFICE, OTHER = "dinas-kesehatan", "bkad"
MEGABIT = 10**6
JUDGES_ITSELF = """
import sys
print("BY THE MERGE", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with own_city("l", "--offices", "5") as city:
        yield Town.begin(city, tmp_path_factory.mktemp("town"))


def test_from_a_push_to_measured_megabits(town: Town) -> None:
    with alone(town.city, OFFICE) as measured:
        before = wait_for(measured, 80 * MEGABIT, 15)
        assert before == pytest.approx(80 * MEGABIT, rel=NEAR)

        asked = town.propose(OFFICE, 60)
        assert "ceiling  80 Mbit/s -> 60 Mbit/s" in asked.said
        assert f"the plan stands under #{asked.number}" in asked.said
        shown = town.forge("show", str(asked.number)).stdout
        assert "<!-- komando:plan:lab -->" in shown
        assert measured() == pytest.approx(80 * MEGABIT, rel=NEAR), "a plan changes nothing"

        town.approve(asked.number)
        merged = town.merge(asked.number)
        assert merged.returncode == 0, merged.stderr
        after = wait_for(measured, 60 * MEGABIT, 15)
    assert after == pytest.approx(60 * MEGABIT, rel=NEAR)
    assert f"by {REQUESTER}: approved by {APPROVER}" in merged.stdout
    (request,) = town.started()["requests"]
    assert (request["number"], request["author"]) == (asked.number, REQUESTER)
    assert request["emergency"] == ""
    assert [one["by"] for one in request["approvals"]] == [APPROVER]
    assert "**lab: applied**" in town.forge("show", str(asked.number)).stdout


def test_a_request_with_an_error_is_told_at_its_line(town: Town) -> None:
    wrong = town.propose(OFFICE, 10)
    assert "policies/opd/dinas-kesehatan.yaml:14:12: error[guarantee-above-ceiling]" in wrong.said
    shown = town.forge("show", str(wrong.number)).stdout
    assert "No plan: 1 error in the policies" in shown


def test_a_merge_without_a_second_person_changes_no_host_and_runs_nothing(town: Town) -> None:
    newest, at = town.entries()[0], town.ceiling()
    program = town.clone / "src" / "komando" / "__init__.py"
    text = program.read_text()
    asked = town.propose(OFFICE, 70)
    program.write_text(text + JUDGES_ITSELF)
    town.push(asked.branch, "and the judge")
    merged = town.merge(asked.number)
    assert merged.returncode == 1
    assert f"{APPROVER} may approve" in merged.stderr
    assert "no host was changed" in merged.stderr
    assert "BY THE MERGE" not in merged.stderr, "what was not reviewed ran beside the key"
    assert town.ceiling() == at
    assert town.entries()[0] == newest
    assert "**lab: not applied**" in town.forge("show", str(asked.number)).stdout

    town.approve(asked.number)  # late; the next apply takes it along
    another = town.propose(OTHER, 85)
    town.approve(another.number)
    merged = town.merge(another.number)
    assert merged.returncode == 0, merged.stderr
    assert "BY THE MERGE" in merged.stderr, "what was reviewed applies itself"
    both = [asked.number, another.number]
    assert [one["number"] for one in town.started()["requests"]] == both
    assert town.ceiling() == 70


def test_merges_while_an_apply_runs_end_as_one_more_of_the_newest(town: Town) -> None:
    turns, onto, asked = len(town.entries()) // 2, "origin/main", []
    for rate in (65, 66, 67):  # each on the one before
        asked.append(town.propose(OFFICE, rate, onto))
        onto = asked[-1].branch
    for one in asked:
        town.approve(one.number)
    merges = []
    for one, word in zip(asked, ("core-1: activating", "apply: waits", "merged #"), strict=True):
        merges.append(merge := town.start_merge(one.number))
        assert merge.stderr is not None
        assert any(line.startswith(word) for line in merge.stderr), word
    ends = [merge.communicate(timeout=240) for merge in merges]
    assert [merge.returncode for merge in merges] == [0, 0, 0], ends
    assert "cancelled, for a newer one" in ends[1][1]
    assert len(town.entries()) // 2 == turns + 2
    last = [one.number for one in asked[1:]]
    assert [one["number"] for one in town.started()["requests"]] == last
    assert town.ceiling() == 67


@pytest.mark.nightly
def test_a_host_that_was_rolled_back_stops_the_next_apply(town: Town) -> None:
    back = town.on_controller("rollback", "core-1", "--lab", town.city.name, "--remote", "origin")
    assert back.returncode == 0, back.stderr
    asked = town.propose(OTHER, 86)
    town.approve(asked.number)
    merged = town.merge(asked.number)
    assert merged.returncode == 1
    assert "which stands in no reviewed plan" in merged.stderr
    assert "it was rolled back, or changed from elsewhere" in merged.stderr
    by_hand = town.on_controller("apply", "--record", "--lab", town.city.name, "--remote", "origin")
    assert by_hand.returncode == 0, by_hand.stderr


@pytest.mark.nightly
def test_an_emergency_goes_at_once_and_is_looked_after(town: Town) -> None:
    asked = town.propose(OFFICE, 100)
    town.forge("label", str(asked.number), "emergency", "--as", APPROVER)
    merged = town.merge(asked.number)
    assert merged.returncode == 0, merged.stderr
    assert f"EMERGENCY by {APPROVER}" in merged.stdout
    assert town.started()["requests"][0]["emergency"] == APPROVER
    assert town.ceiling() == 100

    looked = town.forge("drift")
    assert looked.returncode == 2, looked.stderr
    assert "open  Drift in lab" in looked.stdout
    assert "nobody else has approved it yet" in looked.stdout
    town.approve(asked.number)
    looked = town.forge("drift")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "closed  Drift in lab" in looked.stdout


@pytest.mark.nightly
def test_a_push_to_main_is_no_request(town: Town) -> None:
    newest, at = town.entries()[0], town.ceiling()
    town.git("fetch", "-q", "origin")
    town.git("switch", "-qc", "direct", "origin/main")
    town.set_ceiling(OFFICE, 90)
    town.git("commit", "-qam", "for myself")
    said = town.git("push", "origin", "direct:main", check=False).stderr
    assert "came to main without a pull request" in said
    assert town.entries()[0] == newest
    assert town.ceiling() == at
    subprocess.run(["git", "pull", "-q", "--ff-only"], cwd=town.controller, check=True)
    by_hand = town.on_controller("apply", "--record", "--lab", town.city.name, "--remote", "origin")
    assert by_hand.returncode == 0, by_hand.stderr
    assert town.ceiling() == 90
