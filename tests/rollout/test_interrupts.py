"""Ctrl-C while hosts change: once takes the wave back, twice leaves that to the hosts."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.inventory import Access
from komando.rollout.protocol import Request, encode
from komando.rollout.session import Session
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import (
    NEW,
    OLD,
    Play,
    bundle,
    outcome,
    press_ctrl_c,
    rolled,
    states,
)

BY_ITSELF = "interrupted; unconfirmed, it reverts by itself within 3 s"


@pytest.fixture
def host(play: Play) -> PlayedHost:
    """A host that runs the old generation, with a window of 3 s."""
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.within = 3
    return host


def wait_until_reverted(host: PlayedHost) -> None:
    begun = time.monotonic()
    while host.armed or host.digest != OLD:
        assert time.monotonic() - begun < 10, host.events
        time.sleep(0.05)


@pytest.mark.parametrize("held", ["activate", "confirm"])
def test_ctrl_c_takes_the_wave_back_that_is_under_way(
    host: PlayedHost, access: Access, play: Play, held: str
) -> None:
    host.within = 60
    other = play("core-2")
    other.run(bundle("core-2", "old"))
    host.held, host.hold = held, threading.Event()
    press_ctrl_c(1, host.begun, host.hold)
    rollout = rolled([host, other], access)
    assert rollout.interrupted
    assert not rollout.holds
    assert other.verbs == []
    assert outcome(rollout, "core-2").state == "untouched"
    assert outcome(rollout, "core-2").reason == "interrupted"
    told = outcome(rollout, "core-1")
    if held == "activate":
        assert (told.state, told.reason, told.runs) == ("reverted", "interrupted", OLD)
        assert host.events == ["activated", "armed", "reverted"]
    else:
        assert (told.state, told.runs) == ("carried", NEW), "what is confirmed is confirmed"


def test_a_second_ctrl_c_leaves_the_way_back_to_the_host(host: PlayedHost, access: Access) -> None:
    host.hold = threading.Event()
    press_ctrl_c(2, host.begun, host.hold)
    begun = time.monotonic()
    rollout = rolled([host], access)
    assert time.monotonic() - begun < 30
    told = outcome(rollout, "core-1")
    assert (told.state, told.reason, told.runs) == ("unknown", BY_ITSELF, None)
    wait_until_reverted(host)


def test_a_second_ctrl_c_while_the_wave_is_taken_back_says_what_becomes_of_it(
    host: PlayedHost, access: Access
) -> None:
    host.refused = {}
    host.lacking[NEW] = "table inet shaper is missing"
    host.held, host.hold = "revert", threading.Event()
    press_ctrl_c(2, host.begun, host.hold)
    rollout = rolled([host], access)
    assert (outcome(rollout, "core-1").state, outcome(rollout, "core-1").reason) == (
        "unknown",
        BY_ITSELF,
    )
    wait_until_reverted(host)


def test_a_confirmed_host_goes_back_also_after_a_ctrl_c(
    host: PlayedHost, access: Access, play: Play
) -> None:
    other = play("core-2")
    other.run(bundle("core-2", "old"))
    other.lacking[NEW] = "table inet shaper is missing"
    other.held, other.hold = "confirm", threading.Event()
    press_ctrl_c(1, other.begun, other.hold)
    rollout = rolled([host, other], access, at_once=True)
    assert states(rollout) == {"core-1": "reverted", "core-2": "reverted"}
    assert (host.digest, other.digest) == (OLD, OLD)
    assert host.events == ["activated", *("armed", "confirmed") * 2]


def test_ctrl_c_while_a_wave_is_verified_takes_it_back(host: PlayedHost, access: Access) -> None:
    host.within = 60

    def verify(names: tuple[str, ...]) -> bool:
        del names
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return True

    rollout = rolled([host], access, verify=verify)
    assert rollout.interrupted
    told = outcome(rollout, "core-1")
    assert (told.state, told.reason, told.runs) == ("reverted", "interrupted", OLD)
    assert host.digest == OLD


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_the_files_are_written_is_held_back(
    host: PlayedHost, access: Access, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    def opened(session: Session) -> None:
        now = threading.Event()
        stdin = session._process.stdin
        assert stdin is not None

        def tell(request: Request) -> None:
            now.set()
            # more than a pipe takes: the process has stopped reading
            stdin.write(encode(request).rstrip("\n") + " " * 200_000 + "\n")
            stdin.flush()

        def press() -> None:
            now.wait(30)
            time.sleep(0.3)
            for number in range(1, times + 1):
                os.kill(os.getpid(), signal.SIGINT)
                patience = time.monotonic() + 10
                while session.interrupts < number and time.monotonic() < patience:
                    time.sleep(0.05)  # of two at once, a process hears one
            session._process.send_signal(signal.SIGCONT)

        monkeypatch.setattr(session, "_tell", tell)
        session._process.send_signal(signal.SIGSTOP)
        threading.Thread(target=press, daemon=True).start()

    rollout = rolled([host], access, opened=opened)
    assert rollout.interrupted
    assert outcome(rollout, "core-1").state == ("reverted" if times == 1 else "unknown")
    assert host.events == (["activated", "armed", "reverted"] if times == 1 else ["activated"])


@pytest.mark.parametrize(("times", "state"), [(1, "reverted"), (2, "unknown")])
def test_ctrl_c_in_the_midst_of_the_progress_is_held_back(
    host: PlayedHost, access: Access, times: int, state: str
) -> None:
    def opened(session: Session) -> None:
        def listen(event: object) -> None:
            if getattr(event, "kind", "") == "started" and not session.interrupts:
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)

        session._listener = listen

    rollout = rolled([host], access, opened=opened)
    assert rollout.interrupted
    assert outcome(rollout, "core-1").state == state
    wait_until_reverted(host)


@pytest.mark.parametrize(
    "place",
    ["komando.cli.import_module", "komando.cli.scope.launch", "komando.cli.scope.Scope.desired"],
)
def test_ctrl_c_before_anything_is_begun_says_that_nothing_was_changed(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, pressed)
    result = CliRunner().invoke(main, ["apply"])
    assert result.exit_code == 1
    assert result.stderr == "Error: interrupted; no host was changed\n"
