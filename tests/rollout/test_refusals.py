"""What a host says when it refuses, and what is made of a host program that breaks off."""

from __future__ import annotations

import pytest

from komando.inventory import Access
from tests.rollout.rolled import NEW, OLD, Play, bundle, outcome, rolled


def test_an_activation_is_one_exec_and_a_confirmation_another(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    told = outcome(rolled([host], access, sequence=3), "core-1")
    assert (told.state, told.touched, told.rebuilt) == ("carried", 1, False)
    assert host.words == [
        ["activate", NEW, "--before", OLD, "--within", "60", "--sequence", "3", "--protocol", "2"],
        ["confirm", NEW],
    ]


def test_what_came_between_plan_and_apply_is_refused(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    for _ in range(2):
        told = outcome(rolled([host], access, before={"core-1": "f" * 64}), "core-1")
        assert told.state == "refused"
        assert told.reason == (
            f"generation {OLD} runs here, where the plan saw {'f' * 64}: plan again"
        )
        assert (host.digest, host.armed) == (OLD, False)


def test_an_apply_that_comes_late_is_refused(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.program().windows.see(9)
    told = outcome(rolled([host], access, sequence=8), "core-1")
    assert told.state == "refused"
    assert told.reason == "apply 8 comes late: apply 9 was here already; plan again"


def test_a_second_apply_while_one_is_armed_is_refused(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.arm(bundle("core-1", "another"), within=30)
    told = outcome(rolled([host], access), "core-1")
    assert told.state == "refused"
    assert "waits for its confirmation, and reverts in " in told.reason
    assert host.armed, "the other one's window is not ours to close"
    assert "revert" not in host.verbs


def test_a_refusal_gives_the_reason_of_the_host(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.refused[NEW] = "nft: line 3: no such map"
    told = outcome(rolled([host], access), "core-1")
    assert told.state == "reverted", "it had begun"
    assert told.reason == f"nft: line 3: no such map; generation {OLD} is in force again"
    assert host.events == ["activated", "armed", "reverted"]


BROKE_OFF = """Traceback (most recent call last):
  File "/usr/local/lib/komando/komando_host/__main__.py", line 138, in <module>
KeyError: 'ceil'
"""


@pytest.mark.parametrize(
    ("code", "lines", "reason"),
    [
        (137, "", "it gave no reason"),
        (1, "", "it gave no reason"),
        (1, BROKE_OFF, "KeyError: 'ceil'"),
        (1, f"komando-host: waiting\n{BROKE_OFF}", "KeyError: 'ceil'"),
        (255, "komando-host: no space left\n", "komando-host: no space left"),
        (1, "sudo: not found\n", "sudo: not found"),
    ],
)
def test_a_program_that_ends_otherwise_is_asked_again_and_the_reason_is_kept(
    play: Play, access: Access, code: int, lines: str, reason: str
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.ends = (code, lines)
    told = outcome(rolled([host], access), "core-1")
    assert (told.state, told.reason, told.runs) == ("refused", reason, OLD)
    assert host.verbs == ["activate", "observe"]
