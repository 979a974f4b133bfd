"""What hosts answer: whatever it is, reading it ends no rollout."""

from __future__ import annotations

import json
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
        {"pending": {"left": 1e12}},
        {"pending": {"left": float("nan")}},
        {"generation": 7},
        {"generation": "a" * 63},
        {"generation": "A" * 64},
        {"previous": "none"},
        {"head": "a" * 64 + "\n"},
        {"kernel": ["ok"]},
        {"generations": 7},
        {"generations": ["../../etc"]},
        {"sequence": [1]},
        {"sequence": -1},
        {"sequence": 10**9},
        {"sequence": float("inf")},
        {"reverted": {"generation": "d", "sequence": 1}},
        {"reverted": {"generation": "d" * 64, "sequence": 10**18}},
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


def test_a_sequence_that_would_take_all_turns_is_told_with_its_mend() -> None:
    _, failures = standing({"core-1": OBSERVED | {"sequence": 10**17}})
    assert failures["core-1"] == (
        "it answered sequence 100000000000000000, which no apply has had: write the ledger's last "
        "one into /var/lib/komando/sequence there"
    )


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "7", '{"generation": null}', '{"generation": "d", "changes": []}'],
)
def test_an_activation_that_is_not_understood_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="its answer could not be read"):
        activated(text)
    assert closed(text) == Closed(None, "")


def test_what_an_activation_did_is_counted() -> None:
    digest, head = "d" * 64, "e" * 64
    text = json.dumps({"generation": digest, "changes": [{}, {}], "rebuilt": False, "head": head})
    assert activated(text) == Activated(digest, 2, rebuilt=False)
    assert closed(text) == Closed(digest, head)
    assert closed(text.replace(head, "no digest")) == Closed(None, "")
