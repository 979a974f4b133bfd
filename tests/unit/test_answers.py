"""What hosts answer: whatever it is, reading it ends no rollout."""

from __future__ import annotations

from typing import Any

import pytest

from komando.generation import TakenBack
from komando.rollout.answers import Activated, Closed, activated, closed, standing

OBSERVED: dict[str, Any] = {"protocol": 2, "generation": "a" * 64, "head": "b" * 64}


@pytest.mark.parametrize(
    "odd",
    [
        {"protocol": 1},
        {"pending": {}},
        {"pending": {"left": "soon"}},
        {"generation": 7},
        {"generations": 7},
        {"sequence": [1]},
    ],
)
def test_an_answer_that_is_not_understood_is_none(odd: dict[str, Any]) -> None:
    running, failures = standing({"core-1": OBSERVED | odd, "core-2": OBSERVED})
    assert list(failures) == ["core-1"]
    assert list(running) == ["core-2"]


def test_a_change_that_was_taken_back_is_told() -> None:
    told = {
        "generation": "c" * 64,
        "sequence": 7,
        "reason": "nobody confirmed it in time",
        "time": "2026-11-24T08:00:07Z",
    }
    running, _ = standing({"core-1": OBSERVED | {"reverted": told, "pending": {"left": 2}}})
    one = running["core-1"]
    assert one.taken_back == TakenBack(
        "c" * 64, 7, "nobody confirmed it in time", "2026-11-24T08:00:07Z"
    )
    assert one.waits == 2.0


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            TakenBack("c" * 64, 7, "nft: line 3\n  ^", "2026-11-24T08:00:07Z"),
            "its last change cccccccccccc was taken back at 2026-11-24T08:00:07Z: nft: line 3",
        ),
        (
            TakenBack(None, 0, ""),
            "its last change to an unknown generation was taken back: no reason is on record",
        ),
    ],
)
def test_what_was_taken_back_is_one_line(one: TakenBack, words: str) -> None:
    assert one.words == words


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "7", '{"generation": null}'])
def test_an_activation_that_is_not_understood_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="its answer could not be read"):
        activated(text)
    assert closed(text) == Closed(None, "")


def test_what_an_activation_did_is_counted() -> None:
    text = '{"generation": "d", "changes": [{}, {}], "rebuilt": false, "head": "e"}'
    assert activated(text) == Activated("d", 2, rebuilt=False)
    assert closed(text) == Closed("d", "e")
