"""From `git push` to measured megabits, and what stops on the way: the forge is a bare repository.

In the order of the file: a request goes on from what the one before it left.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from komando.lab.measure.alone import NEAR, alone, wait_for
from tests.lab.conftest import LAB, own_city
from tests.lab.town import APPROVER, REQUESTER, Town

pytestmark = LAB

OFFICE = "dinas-kesehatan"
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

        said = town.propose("less", OFFICE, "ceiling: 80 Mbit/s", "ceiling: 60 Mbit/s")
        assert "ceiling  80 Mbit/s -> 60 Mbit/s" in said
        assert "the plan stands under #1" in said
        shown = town.forge("show", "1").stdout
        assert "<!-- komando:plan:lab -->" in shown
        assert measured() == pytest.approx(80 * MEGABIT, rel=NEAR), "a plan changes nothing"

        town.approve(1)
        merged = town.merge(1)
        assert merged.returncode == 0, merged.stderr
        after = wait_for(measured, 60 * MEGABIT, 15)
    assert after == pytest.approx(60 * MEGABIT, rel=NEAR)
    assert f"by {REQUESTER}: approved by {APPROVER}" in merged.stdout
    (request,) = town.started()["requests"]
    assert (request["number"], request["author"], request["emergency"]) == (1, REQUESTER, "")
    assert [one["by"] for one in request["approvals"]] == [APPROVER]
    assert "**lab: applied**" in town.forge("show", "1").stdout


def test_a_request_with_an_error_is_told_at_its_line(town: Town) -> None:
    said = town.propose("wrong", OFFICE, "guarantee: 20 Mbit/s", "guarantee: 90 Mbit/s")
    assert "policies/opd/dinas-kesehatan.yaml:14:12: error[guarantee-above-ceiling]" in said
    assert "No plan: 1 error in the policies" in town.forge("show", "2").stdout


def test_a_merge_without_a_second_person_changes_no_host(town: Town) -> None:
    newest = town.entries()[0]
    program = town.clone / "src" / "komando" / "__init__.py"
    program.write_text(program.read_text() + JUDGES_ITSELF)
    town.propose("alone", OFFICE, "ceiling: 60 Mbit/s", "ceiling: 70 Mbit/s")
    merged = town.merge(3)
    assert merged.returncode == 1
    assert "BY THE MERGE" not in merged.stderr, "what was not reviewed ran beside the key"
    assert f"{APPROVER} may approve" in merged.stderr
    assert "no host was changed" in merged.stderr
    assert town.ceiling() == "3Mbit"
    assert town.entries()[0] == newest
    assert "**lab: not applied**" in town.forge("show", "3").stdout


def test_an_approval_that_comes_later_lets_the_next_apply_take_it_along(town: Town) -> None:
    town.propose("another", "bkad", "floor: 4 Mbit/s", "floor: 3 Mbit/s")
    town.approve(4)
    assert town.merge(4).returncode == 1, "#3 came before it, and nobody has approved that"
    town.approve(3)
    town.propose("third", "bkad", "floor: 3 Mbit/s", "floor: 5 Mbit/s")
    town.approve(5)
    merged = town.merge(5)
    assert merged.returncode == 0, merged.stderr
    assert "BY THE MERGE" in merged.stderr, "what was reviewed applies itself"
    assert [one["number"] for one in town.started()["requests"]] == [3, 4, 5]
    assert town.ceiling() == "3500Kbit"


def test_merges_while_an_apply_runs_end_as_one_more_of_the_newest(town: Town) -> None:
    turns = len(town.entries()) // 2
    onto = "origin/main"
    for number, before, after in ((6, 70, 65), (7, 65, 66), (8, 66, 67)):  # each on the last one
        rates = f"ceiling: {before} Mbit/s", f"ceiling: {after} Mbit/s"
        town.propose(f"many-{number}", OFFICE, *rates, onto=onto)
        onto = f"many-{number}"
    for number in (6, 7, 8):
        town.approve(number)
    merges = []
    for number, word in ((6, "apply: main is at"), (7, "apply: waits"), (8, "merged #8")):
        merges.append(merge := town.start_merge(number))
        assert merge.stderr is not None
        assert any(line.startswith(word) for line in merge.stderr), word
    ends = [merge.communicate(timeout=240) for merge in merges]
    assert [merge.returncode for merge in merges] == [0, 0, 0], ends
    assert "cancelled, for a newer one" in ends[1][1]
    assert len(town.entries()) // 2 == turns + 2
    assert [one["number"] for one in town.started()["requests"]] == [7, 8]
    assert town.ceiling() == "3350Kbit"


def test_a_host_that_was_rolled_back_stops_the_next_apply(town: Town) -> None:
    back = town.on_controller("rollback", "core-1", "--lab", town.city.name, "--remote", "origin")
    assert back.returncode == 0, back.stderr
    town.propose("after", "bkad", "floor: 5 Mbit/s", "floor: 4 Mbit/s")
    town.approve(9)
    merged = town.merge(9)
    assert merged.returncode == 1
    assert "which stands in no reviewed plan" in merged.stderr
    assert "it was rolled back, or changed from elsewhere" in merged.stderr
    by_hand = town.on_controller("apply", "--lab", town.city.name, "--remote", "origin")
    assert by_hand.returncode == 0, by_hand.stderr


def test_an_emergency_goes_at_once_and_is_looked_after(town: Town) -> None:
    town.propose("flood", OFFICE, "ceiling: 67 Mbit/s", "ceiling: 100 Mbit/s")
    town.forge("label", "10", "emergency", "--as", APPROVER)
    merged = town.merge(10)
    assert merged.returncode == 0, merged.stderr
    assert f"EMERGENCY by {APPROVER}" in merged.stdout
    assert town.started()["requests"][0]["emergency"] == APPROVER
    assert town.ceiling() == "5Mbit"

    looked = town.forge("drift")
    assert looked.returncode == 2, looked.stderr
    assert "open  Drift in lab" in looked.stdout
    assert "nobody else has approved it yet" in looked.stdout
    town.approve(10)
    looked = town.forge("drift")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "closed  Drift in lab" in looked.stdout


def test_a_push_to_main_is_no_request(town: Town) -> None:
    newest = town.entries()[0]
    town.git("fetch", "-q", "origin")
    town.git("switch", "-qc", "direct", "origin/main")
    town.edit(OFFICE, "ceiling: 100 Mbit/s", "ceiling: 90 Mbit/s")
    town.git("commit", "-qam", "for myself")
    said = town.git("push", "origin", "direct:main", check=False).stderr
    assert "came to main without a pull request" in said
    assert town.entries()[0] == newest
    assert town.ceiling() == "5Mbit"
    subprocess.run(["git", "pull", "-q", "--ff-only"], cwd=town.controller, check=True)
    by_hand = town.on_controller("apply", "--record", "--lab", town.city.name, "--remote", "origin")
    assert by_hand.returncode == 0, by_hand.stderr
    assert town.ceiling() == "4500Kbit"
