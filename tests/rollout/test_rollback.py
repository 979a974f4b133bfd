"""`komando rollback`, whole, against a played host over real ssh."""

from __future__ import annotations

import json

import pytest

from tests.rollout.played import PlayedHost
from tests.rollout.rolled import NEW, OLD, Komando, bundle

OLDEST = bundle("", "oldest").digest
LIST = "`komando rollback core-1 --list` tells what it has"


@pytest.fixture
def three(host: PlayedHost) -> PlayedHost:
    """The host after three applies, of which the last ones brought the old and the new."""
    for sequence, text in enumerate(("oldest", "old", "new"), 1):
        confirmed(host, text, sequence)
    return host


def confirmed(host: PlayedHost, text: str, sequence: int) -> None:
    """One change, as a controller brings it."""
    change = bundle("core-1", text)
    host.arm(change, within=60, sequence=sequence)
    host.program().confirm(change.digest)


def changes(host: PlayedHost) -> list[str]:
    """What the host was asked to do, beside questions."""
    return [verb for verb in host.verbs if verb not in ("observe", "export")]


def test_the_list_has_them_all_the_newest_first_and_says_which_runs(
    komando: Komando, three: PlayedHost
) -> None:
    listed = komando("rollback", "core-1", "--list")
    assert (listed.exit_code, listed.stdout) == (
        0,
        f"{NEW}  runs\n{OLD}  ran before\n{OLDEST}\n",
    )
    three.arm(bundle("core-1", "another"), within=60, sequence=4)
    armed = bundle("", "another").digest
    assert f"{armed}  runs, unconfirmed\n" in komando("rollback", "core-1", "--list").stdout
    assert changes(three) == []


def test_a_host_that_has_none_says_so(komando: Komando) -> None:
    listed = komando("rollback", "core-1", "--list")
    assert (listed.exit_code, listed.output) == (0, "core-1 has no generation\n")
    back = komando("rollback", "core-1")
    assert (back.exit_code, back.stderr) == (1, f"Error: core-1 ran nothing before; {LIST}\n")


def test_without_a_digest_it_leads_to_what_ran_before_and_back_again(
    komando: Komando, three: PlayedHost
) -> None:
    back = komando("rollback", "core-1")
    assert back.exit_code == 0, back.output
    assert f"core-1  {NEW[:12]} -> {OLD[:12]}" in back.stdout
    assert f"core-1 runs {OLD[:12]}: 1 classes changed in place\n" in back.stdout
    assert changes(three) == ["activate", "confirm"], "over a fresh connection like any other"
    assert three.words[-2][:6] == ["activate", OLD, "--before", NEW, "--within", "60"]
    assert three.digest == OLD
    assert komando("rollback", "core-1").exit_code == 0
    assert three.digest == NEW
    entries = json.loads(komando("ledger", "show", "--format", "json").stdout)
    assert [one.get("kind") for one in entries] == [None, "rollback"] * 2
    assert [one["sequence"] for one in entries] == [5, 5, 4, 4], "above what the host has seen"


@pytest.mark.parametrize("digits", [6, 12, 64])
def test_the_first_digits_name_one(komando: Komando, three: PlayedHost, digits: int) -> None:
    back = komando("rollback", "core-1", OLDEST[:digits].upper())
    assert back.exit_code == 0, back.output
    assert three.digest == OLDEST


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((OLD[:5],), f"{OLD[:5]!r} is too short: give 6 digits or more"),
        ((OLD[:6], "--list"), "leave DIGEST or --list out"),
    ],
)
def test_what_cannot_be_meant_asks_no_host(
    komando: Komando, three: PlayedHost, words: tuple[str, ...], told: str
) -> None:
    result = komando("rollback", "core-1", *words)
    assert result.exit_code == 1
    assert told in result.stderr
    assert three.verbs == []


@pytest.mark.parametrize(
    ("digest", "how"),
    [("abcdef", "more than one"), ("abcdef1", "none"), ("0" * 64, "none"), ("nodigit", "none")],
)
def test_digits_of_none_or_of_several_change_nothing(
    komando: Komando, three: PlayedHost, digest: str, how: str
) -> None:
    for end in "2", "3":
        (three.paths.generations / f"abcdef{end * 58}").mkdir()
    result = komando("rollback", "core-1", digest)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {how} of its generations begins with {digest}; {LIST}\n",
    )
    assert changes(three) == []
    assert three.digest == NEW


def test_what_it_runs_already_is_no_change_and_no_entry(
    komando: Komando, three: PlayedHost
) -> None:
    again = komando("rollback", "core-1", NEW)
    assert (again.exit_code, again.stdout) == (
        0,
        f"core-1 runs {NEW[:12]} already: nothing changes\n",
    )
    three.kernel = "table inet shaper"
    lacking = komando("rollback", "core-1", NEW)
    assert lacking.exit_code == 1
    assert (
        f"core-1 runs {NEW[:12]} already, and says of it: missing: table inet shaper; `komando "
        "drift --repair` gives it once more"
    ) in lacking.stderr
    assert changes(three) == []
    assert "nothing was ever done" in komando("ledger", "show").stderr


def test_one_that_ran_before_and_is_gone_is_told_though_this_controller_has_it(
    komando: Komando, three: PlayedHost
) -> None:
    for _ in range(2):
        assert komando("rollback", "core-1").exit_code == 0
    three.program().generations.folder(OLD).rename(three.paths.root / "elsewhere")
    three.verbs.clear()
    gone = komando("rollback", "core-1")
    assert gone.exit_code == 1
    assert gone.stderr == f"Error: core-1 has {OLD[:12]} no more, which it ran before; {LIST}\n"
    assert changes(three) == []


def test_a_change_that_waits_is_not_rolled_back_over(komando: Komando, three: PlayedHost) -> None:
    three.arm(bundle("core-1", "another"), within=60, sequence=4)
    back = komando("rollback", "core-1", OLD)
    assert back.exit_code == 1
    assert "core-1: a change waits for its confirmation there, and reverts in " in back.stderr
    assert changes(three) == []
    assert three.armed


def test_an_unknown_host_names_those_that_there_are(komando: Komando) -> None:
    result = komando("rollback", "core-9")
    assert result.exit_code == 1
    assert "no router 'core-9': the inventory has core-1" in result.stderr
