"""`--emergency` beside somebody on another machine, of whom nobody knows whether they live."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from komando.host.errors import HostError
from komando.ledger import Ledger, Move, Turn, Undertaking
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import Komando
from tests.unit.edited import edit


@pytest.fixture
def held(komando: Komando, host: PlayedHost) -> Turn:
    """An environment that was applied to, and is held by another machine since."""
    assert komando("apply", "--no-verify").exit_code == 0
    edit("policies/opd/rsud.yaml", "ceiling: 80 Mbit/s", "ceiling: 85 Mbit/s")
    assert komando("apply", "--no-verify").exit_code == 0
    other = Ledger.open(Path(), "production")
    other.holder = other.holder.model_copy(update={"machine": "controller-2", "process": 77})
    moves = {"core-1": Move(before=host.digest, after="b" * 64)}
    turn = other.begin(Undertaking("apply", moves, timedelta(minutes=15)))
    edit("policies/opd/rsud.yaml", "ceiling: 85 Mbit/s", "ceiling: 90 Mbit/s")
    host.verbs.clear()
    return turn


@pytest.mark.parametrize("words", [("apply", "--no-verify"), ("rollback", "core-1")])
def test_it_takes_the_turn_over_and_a_plain_one_waits(
    held: Turn, komando: Komando, host: PlayedHost, words: tuple[str, ...]
) -> None:
    plain = komando(*words)
    assert plain.exit_code == 1
    assert "no host was changed: production is held by " in plain.stderr
    assert "on controller-2 (process 77): apply with sequence 3" in plain.stderr
    assert "`--emergency` takes over from another machine, too" in plain.stderr
    assert "activate" not in host.verbs

    urgent = komando(*words, "--emergency")
    assert urgent.exit_code == 0, urgent.output
    assert "ledger: EMERGENCY: took the turn over from " in urgent.stderr
    assert "controller-2 (process 77): apply with sequence 3" in urgent.stderr
    entries = json.loads(komando("ledger", "show", "--format", "json", "-n", "3").stdout)
    kinds = [entry.get("kind") or entry["entry"] for entry in reversed(entries)]
    assert kinds == ["abandoned", "emergency" if words[0] == "apply" else "rollback", "finished"]
    assert entries[-1]["turn"] == held.started.turn
    assert host.words[-1][:2] == ["confirm", host.digest]

    assert komando("ledger", "verify").stderr == ""
    held.finish({}, "failed")
    verified = komando("ledger", "verify")
    assert verified.exit_code == 0, verified.output
    assert "note: entry 9: the holder of sequence 3 came to an end (failed) after " in (
        verified.stderr
    )
    shown = komando("ledger", "show", "-n", "4").stdout
    assert "3 abandoned" in shown
    assert "an emergency did not wait for " in shown


def test_whoever_was_overtaken_is_refused_by_the_hosts(
    held: Turn, komando: Komando, host: PlayedHost
) -> None:
    assert komando("apply", "--no-verify", "--emergency").exit_code == 0
    given = ("--within", "60", "--sequence", str(held.sequence), "--protocol", "2")
    with pytest.raises(HostError, match="apply 3 comes late: apply 4 was here already"):
        host._answer(["activate", "b" * 64, *given], b"")
