"""Findings stop `komando apply`, whole, against a played host over real ssh, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando, acknowledge
from tests.unit.edited import edit


@pytest.fixture
def cut(komando: Komando) -> Komando:
    """The base runs, and two of its three offices are gone from the policies."""
    applied = komando("apply", "--no-verify")
    assert applied.exit_code == 0, applied.output
    for slug in ("dinas-sosial", "dinas-kesehatan"):
        Path(f"policies/opd/{slug}.yaml").unlink()
    return komando


def test_a_finding_stops_an_apply_and_nothing_is_touched(
    cut: Komando,
    host: PlayedHost,
) -> None:
    plan = cut("plan")
    assert plan.exit_code == 2
    assert plan.output.startswith("1 finding: 1 stops an apply\n")
    runs, host.verbs[:] = host.digest, []
    stopped = cut("apply", "--no-verify")
    assert stopped.exit_code == 1
    assert "Error: 1 finding: 1 stops an apply; no host was changed\n" in stopped.stderr
    assert "offices-removed on core-1: 2 of 3 offices would lose their connection" in stopped.stderr
    assert "(docs/safety/offices-removed.md)" in stopped.stderr
    assert host.verbs == ["observe"]
    assert host.digest == runs


def test_an_acknowledgement_that_nobody_filled_in_lets_nothing_pass(
    cut: Komando,
    host: PlayedHost,
) -> None:
    assert cut("plan", "--acknowledge").exit_code == 2
    host.verbs.clear()
    applied = cut("apply", "--no-verify")
    assert applied.exit_code == 1
    assert "error[value-empty]: `reason` without a value" in applied.stderr
    assert host.verbs == []


def test_what_is_acknowledged_is_applied_and_no_other_change(
    cut: Komando,
    host: PlayedHost,
) -> None:
    cut("plan", "--acknowledge")
    acknowledge("offices-removed")
    edit("policies/opd/rsud.yaml", "ceiling: 80 Mbit/s", "ceiling: 70 Mbit/s")  # passes no limit
    office = Path("policies/opd/rsud.yaml")
    text = office.read_text()
    office.rename("policies/opd/another.yaml")
    more = cut("apply", "--no-verify")
    assert more.exit_code == 1
    assert (
        "does not count: its `after` is `without dinas-kesehatan and dinas-sosial`" in more.stderr
    )
    office.write_text(text)
    Path("policies/opd/another.yaml").unlink()
    plan = cut("plan", "--out", "plan.json")
    assert plan.output.startswith("1 finding: 1 acknowledged\n")
    applied = cut("apply", "plan.json", "--no-verify")
    assert applied.exit_code == 0, applied.output
    assert "activate" in host.verbs
    done = cut("plan").output
    assert done.startswith("core-1 "), "what was done is no finding any more"
    assert "accepts nothing of this plan: remove it when what it is of was applied" in done


def test_a_plan_does_not_hold_once_its_acknowledgement_is_gone(
    cut: Komando,
    host: PlayedHost,
) -> None:
    cut("plan", "--acknowledge")
    acknowledge("offices-removed")
    assert cut("plan", "--out", "plan.json").exit_code == 2
    (file,) = Path("policies/acknowledgements").iterdir()
    file.unlink()
    host.verbs.clear()
    stale = cut("apply", "plan.json", "--no-verify")
    assert stale.exit_code == 1
    assert f"was acknowledged by {file.stem}, and is acknowledged by nobody" in stale.stderr
    assert host.verbs == ["observe"]


def test_nothing_on_the_command_line_overrides_a_finding(cut: Komando) -> None:
    for option in ("--force", "--yes", "--acknowledge"):
        assert "No such option" in cut("apply", option).stderr


def test_a_skeleton_is_not_written_over_another(cut: Komando) -> None:
    cut("plan", "--acknowledge")
    (first,) = Path("policies/acknowledgements").iterdir()
    acknowledge("offices-removed")
    edit(str(first), "host: core-1", "host: core-2")
    cut("plan", "--acknowledge")
    assert sorted(path.stem for path in Path("policies/acknowledgements").iterdir()) == [
        first.stem,
        f"{first.stem}-2",
    ]
