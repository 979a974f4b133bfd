"""What runs: one question to each host over real ssh, and a second one for files alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.ssh_exception import NoValidConnectionsError

from komando import policy
from komando.host.rates import Seen
from komando.inventory import Access
from komando.rollout.launch import Launched, launch
from komando.rollout.observe import Cache, Observation, observe, with_usage
from komando.rollout.protocol import Event, Opening
from komando.rollout.session import Session, opening
from komando.rollout.unreached import cause
from tests.host_bundle import cargo_of
from tests.rollout.played import PlayedHost
from tests.rollout.rolled import NEW, OLD, Play, bundle, command_line, look, rolled, states
from tests.unit.edited import BASE


def test_a_host_that_runs_what_is_wanted_is_asked_one_question(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    seen = look([host], access, tmp_path)
    assert host.verbs == ["observe"]
    assert seen.running["core-1"].digest == NEW
    assert seen.running["core-1"].bundle is None
    assert not seen.failures


@pytest.mark.parametrize("ahead", [["core-1"], ["core-1", "core-2"], []])
def test_a_process_that_has_connected_ahead_is_taken_if_it_knows_the_same_hosts(
    play: Play, access: Access, ahead: list[str]
) -> None:
    hosts = {name: play(name) for name in ("core-1", "core-2")}
    launched = launch(access.prefix)
    if ahead:
        launched.open(opening([hosts[name].host for name in ahead], access))
    with Session([hosts["core-1"].host], access, launched=launched) as session:
        assert session.observe(["core-1"]).results.keys() == {"core-1"}
        assert (launched.process.poll() is None) == (ahead != ["core-1", "core-2"])
    assert launched.process.poll() is not None


@pytest.mark.parametrize(
    ("wanted", "verbs"),
    [
        (["core-1", "core-2"], {"core-1": ["observe"], "core-2": ["observe"]}),
        (["core-1"], {"core-1": ["observe"], "core-2": ["observe"]}),
        (["core-1", "core-2", "core-3"], dict.fromkeys(("core-1", "core-2"), ["observe"] * 2)),
    ],
)
def test_what_was_asked_ahead_is_not_asked_again_where_it_suffices(
    play: Play, access: Access, wanted: list[str], verbs: dict[str, list[str]]
) -> None:
    hosts = {name: play(name) for name in ("core-1", "core-2", "core-3")}
    launched = launch(access.prefix)
    launched.open(opening([one.host for one in hosts.values()], access), ["core-1", "core-2"])
    with Session([one.host for one in hosts.values()], access, launched=launched) as session:
        assert session.observe(wanted).results.keys() == set(wanted)
        assert {name: hosts[name].verbs for name in verbs} == verbs
        session.observe(["core-1"])
    assert hosts["core-1"].verbs == [*verbs["core-1"], "observe"]


def test_answers_to_what_was_asked_ahead_are_not_taken_for_others(
    play: Play, access: Access
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    launched = launch(access.prefix)
    launched.open(opening([host.host], access), ["core-1"])
    with Session([host.host], access, launched=launched) as session:
        assert isinstance(session.export(["core-1"]).results["core-1"], str)
        assert session.observe(["core-1"]).results["core-1"]["generation"] == NEW
    assert host.verbs == ["observe", "export", "observe"]


def test_hosts_are_connected_to_before_policies_are_read_and_once(
    play: Play, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    connect, load = Launched.open, policy.load_policy

    def connected(launched: Launched, wanted: Opening, ask: Iterable[str] = ()) -> None:
        order.append("connected")
        connect(launched, wanted, ask)

    def loaded(*arguments: Any) -> policy.Loaded:
        order.append("read")
        return load(*arguments)

    monkeypatch.setattr(Launched, "open", connected)
    monkeypatch.setattr(policy, "load_policy", loaded)
    host = play("core-1")
    komando = command_line([host], access, tmp_path, monkeypatch)
    shutil.copytree(BASE, tmp_path / "policies")
    assert komando("plan").exit_code == 2
    assert order == ["connected", "read"]
    assert len(host._transports) == 1
    assert host.verbs == ["observe"]


def test_a_host_that_differs_is_asked_for_its_files_once(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    for _ in range(2):
        seen = look([host], access, tmp_path)
        assert not seen.failures
        assert seen.running["core-1"].bundle == bundle("core-1", "old")
    assert host.verbs == ["observe", "export", "observe"]


def test_what_a_host_says_of_itself_is_taken_in(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    assert states(rolled([host], access, sequence=7)) == {"core-1": "carried"}
    program = host.program()
    said = look([host], access, tmp_path).running["core-1"]
    assert (said.digest, said.previous, said.sequence, said.waits) == (NEW, OLD, 7, None)
    assert said.head == program.record.head() != ""
    assert (said.kernel, said.calendar, said.profile, said.clock) == ("ok", "ok", "day", None)
    assert said.bypass is None
    host.paths.bypass.write_text("2026-11-24T03:00:00Z\n")
    assert look([host], access, tmp_path).running["core-1"].bypass == "2026-11-24T03:00:00Z"


def test_a_change_that_waits_is_seen_with_the_seconds_that_are_left(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.arm(bundle("core-1"), within=30)
    seen = look([host], access, tmp_path)
    waits = seen.running["core-1"].waits
    assert waits is not None
    assert 20 < waits <= 30


def test_a_damaged_cache_is_asked_for_again(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    look([host], access, tmp_path)
    (kept,) = tmp_path.glob("*.tar.gz")
    kept.write_bytes(bundle("core-1", "another").archive())
    assert look([host], access, tmp_path).running["core-1"].bundle == bundle("core-1", "old")
    assert host.verbs.count("export") == 2


def test_without_an_identity_the_users_own_keys_are_tried(
    play: Play, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
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
    assert seen.failures["core-2"] == f"Could not connect: refused by 127.0.0.2 port {closed.port}"
    assert "another key than known_hosts has for it" in seen.failures["core-3"]


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


@pytest.mark.parametrize(
    ("spoken", "older"), [(1, "its program is older"), (3, "this controller is older")]
)
def test_a_host_that_speaks_another_protocol_is_told_with_who_is_older(
    play: Play, access: Access, tmp_path: Path, spoken: int, older: str
) -> None:
    host = play("core-1")
    host.protocol = spoken
    seen = look([host], access, tmp_path)
    assert not seen.running
    assert seen.failures["core-1"] == (
        f"it speaks protocol {spoken}, and 2 is spoken here: {older}, "
        "bring it up to date (komando prepare lays the program)"
    )


def test_files_that_do_not_match_the_digest_are_no_files(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.exports = cargo_of(bundle("core-1", "forged"))
    seen = look([host], access, tmp_path)
    assert not seen.failures
    assert seen.running["core-1"].bundle is None
    assert "changed them by hand" in seen.unread["core-1"]


def test_a_host_whose_files_are_damaged_can_still_be_given_others(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.damage()
    seen = look([host], access, tmp_path)
    assert not seen.failures
    assert seen.running["core-1"].bundle is None
    assert seen.unread["core-1"] == f"generation {OLD} is damaged on disk: its files differ"
    assert states(rolled([host], access)) == {"core-1": "carried"}
    assert host.digest == NEW


def test_another_generation_than_the_running_one_can_be_asked_for(
    play: Play, access: Access
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.run(bundle("core-1"))
    with Session([host.host], access) as session:
        answers = session.export(["core-1"], {"core-1": OLD})
        missing = session.export(["core-1"], {"core-1": "0" * 64})
    assert answers.results == {"core-1": "".join(cargo_of(bundle("", "old")).decode().split())}
    assert missing.failures == {"core-1": f"generation {'0' * 64} is not on this host"}


def test_the_record_comes_as_it_stands(play: Play, access: Access) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    rolled([host], access)
    with Session([host.host], access) as session:
        answers = session.record(["core-1"])
    assert answers.results == {"core-1": host.paths.record.read_text()}
    assert host.events == ["activated", "armed", "confirmed"]


def test_a_line_that_is_cut_while_files_are_fetched_puts_the_host_out(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1", "old"))
    host.cut_at = "export"
    seen = look([host], access, tmp_path)
    assert not seen.running
    assert seen.failures["core-1"] == "the connection was lost before it answered"


def test_ctrl_c_while_hosts_are_asked_ends_it(play: Play, access: Access, tmp_path: Path) -> None:
    host = play("core-1")

    def listen(event: Event) -> None:
        if event.kind == "started":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Session([host.host], access, listen) as session:
        observe(session, {"core-1": bundle("core-1")}, Cache(tmp_path))


def asked_for_usage(host: PlayedHost, access: Access, folder: Path, *names: str) -> Observation:
    with Session([host.host], access) as session:
        seen = observe(session, {"core-1": bundle("core-1")}, Cache(folder))
        return with_usage(session, seen, names)


def test_what_the_offices_used_is_asked_where_the_plan_wants_it(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    host.paths.usage.mkdir()
    today = datetime.now(UTC).date().isoformat()
    seen = Seen(f"{today}T00:00:00Z")
    seen.add(8_000_000, 120, f"{today}T00:02:00Z")
    said = {"until": seen.at, "rows": {"1:404 down day 100000000": vars(seen)}}
    (host.paths.usage / f"{today}.json").write_text(json.dumps(said))
    assert asked_for_usage(host, access, tmp_path).running["core-1"].usage is None
    assert host.verbs == ["observe"]
    found = asked_for_usage(host, access, tmp_path, "core-1").running["core-1"].usage
    assert host.verbs[1:] == ["observe", "usage"]
    assert found is not None
    (series,) = found.of("1:404", "down", 100_000_000)
    assert (series.seconds, series.most, series.above(7_000_000)) == (120, 8_000_000, 120)
    assert found.of("1:404", "down", 200_000_000) == (), "what was held back tells no demand"


def test_a_host_that_cannot_tell_what_was_used_is_planned_without(
    play: Play, access: Access, tmp_path: Path
) -> None:
    host = play("core-1")
    host.run(bundle("core-1"))
    host.cut_before = "usage"
    seen = asked_for_usage(host, access, tmp_path, "core-1")
    assert host.verbs == ["observe", "usage"]
    assert seen.running["core-1"].usage is None
    assert not seen.failures
