"""The rollout against real ssh servers: what is asked, what is carried, what failures say."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.ssh_exception import NoValidConnectionsError

from komando.bundle import Bundle
from komando.inventory import Access
from komando.plan import HostPlan, Plan
from komando.rollout.carry import Outcome, carry
from komando.rollout.observe import Cache, Observation, observe
from komando.rollout.protocol import Event
from komando.rollout.session import Session
from komando.rollout.unreached import cause
from tests.unit.rollout.played import PlayedHost

Play = Callable[[str], PlayedHost]


def bundle(host: str, text: str = "new") -> Bundle:
    return Bundle(host, {"etc/komando/manifest.json": text.encode()})


def plan_for(*bundles: Bundle, before: Bundle | None = None) -> Plan:
    digest = None if before is None else before.digest
    hosts = (HostPlan(item.host, "change", digest, item.digest, "") for item in bundles)
    return Plan(tuple(hosts))


def look(hosts: list[PlayedHost], access: Access, cache: Path) -> Observation:
    wanted = {host.name: bundle(host.name) for host in hosts}
    with Session([host.host for host in hosts], access) as session:
        return observe(session, wanted, Cache(cache))


def activate(host: PlayedHost, access: Access, cache: Path) -> Outcome:
    wanted = bundle(host.name)
    with Session([host.host], access) as session:
        plan = plan_for(wanted, before=host.running)
        carried = carry(session, plan, {host.name: wanted}, Cache(cache))
    return carried.outcomes[host.name]


def test_a_host_that_runs_what_is_wanted_is_asked_one_question(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.running = bundle("core-1")
    seen = look([host], access, tmp_path)
    assert host.verbs == ["observe"]
    assert seen.running["core-1"].digest == bundle("core-1").digest
    assert seen.running["core-1"].bundle is None
    assert not seen.failures


def test_a_host_that_differs_is_asked_for_its_files_once(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.running = bundle("core-1", "old")
    for _ in range(2):
        seen = look([host], access, tmp_path)
        assert not seen.failures
        assert seen.running["core-1"].bundle == host.running
    assert host.verbs == ["observe", "export", "observe"]


def test_a_damaged_cache_is_asked_for_again(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")
    host.running = bundle("core-1", "old")
    look([host], access, tmp_path)
    (kept,) = tmp_path.glob("*.tar.gz")
    kept.write_bytes(bundle("core-1", "another").archive())
    assert look([host], access, tmp_path).running["core-1"].bundle == host.running
    assert host.verbs.count("export") == 2


def test_without_an_identity_the_users_own_keys_are_tried(
    play: Play, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = play("core-1")
    host.running = bundle("core-1")
    assert access.identity is not None
    (tmp_path / ".ssh").mkdir()
    shutil.copy(access.identity, tmp_path / ".ssh" / "id_ecdsa")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    seen = look([host], replace(access, identity=None), tmp_path / "cache")
    assert not seen.failures
    assert host.verbs == ["observe"]


def test_hosts_that_fail_are_named_and_the_others_go_on(
    play: Play, access: Access, tmp_path: Path
) -> None:
    good, closed, stranger = play("core-1"), play("core-2"), play("core-3")
    closed.close()
    stranger.host_key = paramiko.ECDSAKey.generate()
    seen = look([good, closed, stranger], access, tmp_path)
    assert list(seen.running) == ["core-1"]
    assert seen.failures["core-2"] == f"Could not connect: refused by 127.0.0.1 port {closed.port}"
    assert "does not match" in seen.failures["core-3"]


def test_a_host_that_is_silent_and_one_that_refuses_are_told_apart() -> None:
    where = ("192.0.2.1", 22)
    silent = NoValidConnectionsError({where: OSError(errno.EHOSTUNREACH, "No route to host")})
    assert cause(silent) == cause(TimeoutError("timed out")) == "no answer from"
    assert cause(NoValidConnectionsError({where: ConnectionRefusedError()})) == "refused by"
    assert not cause(paramiko.SSHException("No host key"))


def test_an_unknown_host_key_is_never_accepted(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")
    access.known_hosts.write_text("")
    seen = look([host], access, tmp_path)
    assert "No host key" in seen.failures["core-1"]
    assert access.known_hosts.read_text() == ""
    assert host.verbs == []


def test_files_that_do_not_match_the_digest_are_no_files(
    play: Play, access: Access, tmp_path: Path
) -> None:
    class Forged(Bundle):
        @property
        def digest(self) -> str:
            return "f" * 64

    host = play("core-1")
    host.running = Forged("core-1", {"etc/komando/manifest.json": b"forged"})
    seen = look([host], access, tmp_path)
    assert not seen.failures
    assert seen.running["core-1"].bundle is None
    assert "changed them by hand" in seen.unread["core-1"]


def test_a_host_whose_files_are_damaged_can_still_be_given_others(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.running, host.damaged = bundle("core-1", "old"), True
    wanted = {"core-1": bundle("core-1")}
    with Session([host.host], access) as session:
        seen = observe(session, wanted, Cache(tmp_path))
        assert not seen.failures
        assert seen.running["core-1"].bundle is None
        assert seen.unread["core-1"].endswith("is damaged on disk: its files differ")
        assert seen.unread["core-1"].startswith("generation ")
        plan = plan_for(*wanted.values(), before=host.running)
        carried = carry(session, plan, wanted, Cache(tmp_path))
    assert carried.outcomes["core-1"].state == "carried"
    assert host.running == wanted["core-1"]


def test_a_line_that_is_cut_while_files_are_fetched_puts_the_host_out(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.running, host.cut_at = bundle("core-1", "old"), "export"
    seen = look([host], access, tmp_path)
    assert not seen.running
    assert seen.failures["core-1"] == "the connection was lost before it answered"


def test_activation_is_one_exec_and_the_next_plan_needs_no_files(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.running = bundle("core-1", "old")
    outcome = activate(host, access, tmp_path)
    assert (outcome.state, outcome.touched, outcome.rebuilt) == ("carried", 1, False)
    assert host.verbs == ["activate"]
    assert host.running == bundle("core-1")
    assert Cache(tmp_path).get("core-1", bundle("core-1").digest) == bundle("core-1")


def test_what_came_between_plan_and_apply_is_told(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host, seen, wanted = play("core-1"), bundle("core-1", "seen"), bundle("core-1")
    plan = plan_for(wanted, before=seen)
    host.running = meanwhile = bundle("core-1", "meanwhile")
    outcomes = []
    for _ in range(2):
        with Session([host.host], access) as session:
            carried = carry(session, plan, {"core-1": wanted}, Cache(tmp_path))
            outcomes.append(carried.outcomes["core-1"])
    first, second = outcomes
    assert (first.state, first.runs) == ("crossed", True)
    assert first.reason == (
        f"it replaced {meanwhile.digest[:12]}, where the plan saw {seen.digest[:12]}"
    )
    assert second.state == "carried", "another who wanted the same has undone nothing"


@pytest.mark.parametrize("damaged", [False, True])
def test_a_repair_gives_the_host_its_files_again(
    play: Play, access: Access, tmp_path: Path, damaged: bool
) -> None:
    host = play("core-1")
    host.running, host.kernel = bundle("core-1"), "missing: table inet shaper"
    host.damaged = damaged
    digest = host.running.digest
    plan = Plan((HostPlan("core-1", "repair", digest, digest, ""),))
    with Session([host.host], access) as session:
        carried = carry(session, plan, {"core-1": host.running}, Cache(tmp_path))
    assert carried.outcomes["core-1"].state == "carried"
    assert (host.kernel, host.damaged) == ("ok", False)


def test_a_refused_activation_gives_the_reason_of_the_host(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.refuse = "nft: line 3: no such map"
    outcome = activate(host, access, tmp_path)
    assert outcome.state == "failed"
    assert outcome.reason == "nft: line 3: no such map; what ran before runs on"


def test_one_host_that_refuses_does_not_hold_back_the_other(
    play: Play, access: Access, tmp_path: Path
) -> None:
    good, bad = play("core-1"), play("core-2")
    bad.refuse = "no space left"
    wanted = {name: bundle(name) for name in ("core-1", "core-2")}
    with Session([good.host, bad.host], access) as session:
        carried = carry(session, plan_for(*wanted.values()), wanted, Cache(tmp_path))
    assert {name: item.state for name, item in carried.outcomes.items()} == {
        "core-1": "carried",
        "core-2": "failed",
    }


def test_a_line_that_is_cut_in_the_middle_leaves_the_host_unknown(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.hold = threading.Event()

    def cut() -> None:
        host.activating.wait(30)
        host.drop()

    threading.Thread(target=cut, daemon=True).start()
    outcome = activate(host, access, tmp_path)
    assert outcome.state == "unknown"
    assert outcome.reason == "the connection was lost before it answered"


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
def test_a_program_that_ends_otherwise_leaves_the_host_unknown(
    play: Play, access: Access, tmp_path: Path, code: int, lines: str, reason: str
) -> None:
    host = play("core-1")
    host.ends = (code, lines)
    outcome = activate(host, access, tmp_path)
    assert (outcome.state, outcome.reason) == ("unknown", reason)


@pytest.mark.parametrize(("times", "state"), [(1, "carried"), (2, "unknown")])
def test_ctrl_c_waits_for_what_has_begun_and_a_second_one_does_not(
    play: Play, access: Access, tmp_path: Path, times: int, state: str
) -> None:
    host = play("core-1")
    hold = host.hold = threading.Event()

    def interrupt() -> None:
        host.activating.wait(30)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        hold.set()

    threading.Thread(target=interrupt, daemon=True).start()
    assert activate(host, access, tmp_path).state == state


def interrupting(session: Session, when: threading.Event, times: int) -> None:
    """Press Ctrl-C so many times once the time has come, then let a stopped process go on."""

    def press() -> None:
        when.wait(30)
        for _ in range(times):
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        session._process.send_signal(signal.SIGCONT)

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize(("times", "state"), [(1, "carried"), (2, "unknown")])
def test_ctrl_c_while_the_files_are_written_is_held_back(
    play: Play,
    access: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
    state: str,
) -> None:
    host = play("core-1")
    # more than a pipe takes: the process has stopped reading
    wanted = Bundle("core-1", {"etc/komando/manifest.json": os.urandom(200_000)})
    now = threading.Event()
    with Session([host.host], access) as session:
        write = session._write

        def written(line: str) -> None:
            now.set()
            write(line)

        monkeypatch.setattr(session, "_write", written)
        session._process.send_signal(signal.SIGSTOP)
        interrupting(session, now, times)
        carried = carry(session, plan_for(wanted), {"core-1": wanted}, Cache(tmp_path))
    assert carried.interrupted
    assert carried.outcomes["core-1"].state == state
    assert (host.running == wanted) == (state == "carried")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_the_midst_of_the_progress_is_held_back(
    play: Play, access: Access, tmp_path: Path, times: int
) -> None:
    host, wanted = play("core-1"), bundle("core-1")

    def listen(event: Event) -> None:
        if event.kind == "started":
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    with Session([host.host], access, listen) as session:
        carried = carry(session, plan_for(wanted), {"core-1": wanted}, Cache(tmp_path))
    assert carried.interrupted
    (outcome,) = carried.outcomes.values()
    assert outcome.state == ("carried" if times == 1 else "unknown")


def test_when_the_pyinfra_process_dies_every_host_is_unknown(
    play: Play, access: Access, tmp_path: Path
) -> None:
    hosts = [play("core-1"), play("core-2")]
    wanted = {host.name: bundle(host.name) for host in hosts}
    for host in hosts:
        host.hold = threading.Event()
    with Session([host.host for host in hosts], access) as session:

        def kill() -> None:
            for host in hosts:
                host.activating.wait(30)
            session._process.kill()

        threading.Thread(target=kill, daemon=True).start()
        carried = carry(session, plan_for(*wanted.values()), wanted, Cache(tmp_path))
    assert list(carried.outcomes) == ["core-1", "core-2"]
    for outcome in carried.outcomes.values():
        assert outcome.state == "unknown"
        assert outcome.reason == "the rollout process ended with -9: it said nothing"


def test_ctrl_c_while_hosts_are_asked_ends_it(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")

    def listen(event: Event) -> None:
        if event.kind == "started":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Session([host.host], access, listen) as session:
        observe(session, {"core-1": bundle("core-1")}, Cache(tmp_path))
