"""Drift as the controller sees it: one exec a host, judged, and told in three forms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from click.testing import CliRunner, Result

from komando.cli import main
from komando.cli.drift_text import as_json, as_markdown, text_lines
from komando.host.drift import program_told
from komando.host.finding import Finding
from komando.inventory import Access
from komando.rollout.drift import Drift, HostDrift, Sources, ask_drift, host_drift
from komando.rollout.outcome import Outcome, Rollout
from komando.rollout.protocol import PROTOCOL
from komando.rollout.session import Session
from tests.cases.plan.cases import HERE
from tests.rollout.played import PlayedHost

ROLES = Path(__file__).parents[2] / "roles"
DIGEST, OTHER = "a" * 64, "b" * 64
TABLE: dict[str, Any] = {
    "kind": "table",
    "where": "inet shaper",
    "expected": "as it was loaded",
    "found": "changed by hand: 1 lines more, 0 less",
    "diff": "@@ -1 +1,2 @@\n a\n+\tdrop",
    "drift": True,
    "mend": "repair",
}
PLAIN = Sources({}, {})


def told(**more: Any) -> dict[str, Any]:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return {
        "protocol": PROTOCOL,
        "generation": DIGEST,
        "profile": "day",
        "kernel": "ok",
        "findings": [],
        "mended": [],
        "program": {"digest": digest, "files": {}, "laid": {}},
        **more,
    }


class DriftingHost(PlayedHost):
    """A host that answers `drift`."""

    answer = ""

    def _verb(self, words: list[str], channel: paramiko.Channel) -> tuple[int, str, str]:
        del channel
        self.verbs.append(words[0])
        return 0, self.answer, ""


@pytest.fixture
def hosts(access: Access, tmp_path: Path) -> Any:
    assert access.identity is not None
    key = paramiko.ECDSAKey.from_private_key_file(str(access.identity))
    names = ("core-1", "core-2", "core-3")
    made = [DriftingHost(name, key, tmp_path / f"host-{name}") for name in names]
    access.known_hosts.write_text("".join(one.known_hosts_line for one in made))
    yield made
    for one in made:
        one.close()


def test_each_host_is_asked_once_and_those_that_cannot_answer_are_named(
    hosts: list[DriftingHost], access: Access
) -> None:
    good, strange, away = hosts
    good.answer = json.dumps(told(findings=[TABLE])) + "\n"
    strange.answer = json.dumps({"protocol": PROTOCOL, "generation": DIGEST}) + "\n"
    away.close()
    names = [one.name for one in hosts]
    with Session([one.host for one in hosts], access) as session:
        found = ask_drift(session, names, {"core-1": DIGEST}, PLAIN)
    assert good.verbs == ["drift"]
    (host,) = found.hosts
    assert host.drift == (Finding(**TABLE),)
    assert found.failures["core-2"] == "its answer could not be read: 'findings'"
    assert "refused by" in found.failures["core-3"]


def test_an_older_host_is_told_to_be_brought_up_to_date() -> None:
    with pytest.raises(ValueError, match="speaks protocol 1, and 2 is spoken here"):
        host_drift("core-1", told(protocol=1), DIGEST, PLAIN)


def test_another_generation_is_told_and_is_no_drift() -> None:
    host = host_drift("core-1", told(), OTHER, PLAIN)
    assert host.drift == ()
    assert host.notes == ("it runs aaaaaaaaaaaa, the policies ask for bbbbbbbbbbbb: komando plan",)


def test_a_change_that_was_taken_back_is_told_and_is_no_drift() -> None:
    last = {
        "generation": OTHER,
        "sequence": 7,
        "reason": "nobody confirmed it in time",
        "time": "2026-11-24T08:00:07Z",
    }
    host = host_drift("core-1", told(reverted=last), DIGEST, PLAIN)
    words = (
        "its last change bbbbbbbbbbbb was taken back at 2026-11-24T08:00:07Z: nobody confirmed it "
        "in time"
    )
    assert (host.drift, host.notes) == ((), (words,))
    found = Drift((host,))
    assert f"  note: {words}" in [line.plain for line in text_lines(found, None, None, diff=False)]
    digest_as_code = words.replace("bbbbbbbbbbbb", "`bbbbbbbbbbbb`")
    assert f"> {digest_as_code}" in as_markdown(found, None, None, diff=False).splitlines()


def test_a_window_a_clock_and_no_generation_are_told() -> None:
    host = host_drift("core-1", told(pending={"left": 7.0}, clock="2026-11-24T00:00:00Z"), None,
                      PLAIN)  # fmt: skip
    assert host.notes == (
        "armed: a change waits for its confirmation, and reverts in 7 s",
        "its clock is rehearsed: it lives at 2026-11-24T00:00:00Z",
    )
    assert host_drift("core-1", told(generation=None), DIGEST, PLAIN).notes == (
        "it runs no generation: komando apply",
    )


@pytest.mark.parametrize(
    ("more", "repairable"),
    [
        ({}, True),
        ({"pending": {"left": 1.0}}, False),
        ({"bypass": "2026-11-24T00:00:00Z"}, False),
        ({"generation": None}, False),
        ({"findings": [TABLE | {"mend": "role"}]}, False),
        ({"findings": [TABLE | {"drift": False}]}, False),
    ],
)
def test_a_repair_is_for_what_it_can_mend_and_may(more: dict[str, Any], repairable: bool) -> None:
    host = host_drift("core-1", told(**({"findings": [TABLE]} | more)), DIGEST, PLAIN)
    assert host.repairable is repairable


def test_the_program_and_what_roles_laid_are_compared_with_our_own() -> None:
    sources = Sources.beside(ROLES)
    program = program_told(Path("/"))
    program["laid"] = dict(sources.laid)
    assert len(sources.laid) == 9
    assert host_drift("core-1", told(program=program), DIGEST, sources).findings == ()
    program["laid"]["/etc/systemd/system/komando-hours.timer"] += "Persistent=yes\n"
    program["laid"]["/etc/sudoers.d/komando"] = None
    program["digest"] = OTHER
    program["files"]["record.py"] = "0" * 16
    program["files"]["mine.py"] = "1" * 16
    host = host_drift("core-1", told(program=program), DIGEST, sources)
    own, unit, sudoers = (
        sorted(host.findings, key=lambda one: len(one.where))[0:1]
        + sorted(
            (one for one in host.findings if one.where.startswith("/")), key=lambda one: one.kind
        )[::-1]
    )
    assert own.where == "the host program"
    assert own.found == "bbbbbbbbbbbb: of another release, or changed by hand"
    assert "+mine.py 1111111111111111" in own.diff
    assert "+record.py 0000000000000000" in own.diff
    assert (unit.kind, unit.mend) == ("unit", "role")
    assert "+Persistent=yes" in unit.diff
    assert sudoers.found == "it is missing"


def test_a_key_that_a_newer_program_adds_to_a_finding_is_left_out() -> None:
    host = host_drift("core-1", told(findings=[TABLE | {"since": "today"}]), DIGEST, PLAIN)
    assert host.drift == (Finding(**TABLE),)


MENDED = {
    "time": "2026-11-24T00:00:00Z",
    "last": "2026-11-24T00:05:00Z",
    "times": 3,
    "words": ["tree ifb0: 1 changed"],
    "diff": "-a\n+b",
}


@pytest.fixture
def found() -> Drift:
    whole = host_drift("core-1", told(findings=[TABLE], mended=[MENDED]), DIGEST, PLAIN)
    return Drift((whole, host_drift("core-2", told(), OTHER, PLAIN)), {"core-3": "no | answer"})


def lines(found: Drift, *more: Any, diff: bool = True) -> list[str]:
    before, rollout = more or (None, None)
    return [line.plain for line in text_lines(found, before, rollout, diff=diff)]


def test_text_says_where_what_and_how_to_mend_it(found: Drift) -> None:
    assert lines(found) == [
        "core-1  aaaaaaaaaaaa  1 of drift, 1 mended by itself",
        "  table inet shaper: changed by hand: 1 lines more, 0 less; expected: as it was loaded",
        "    @@ -1 +1,2 @@",
        "     a",
        "    +   drop",
        f"  mended by itself ({MENDED['time']} to {MENDED['last']}, 3 times): tree ifb0: 1 changed",
        "    -a",
        "    +b",
        "core-2  aaaaaaaaaaaa  no drift",
        "  note: it runs aaaaaaaaaaaa, the policies ask for bbbbbbbbbbbb: komando plan",
        "Drift on core-1. `komando drift --repair` mends it.",
    ]
    assert "+b" not in "\n".join(lines(found, diff=False))


def test_a_file_that_was_edited_cannot_write_on_the_terminal(found: Drift) -> None:
    evil = replace(found.hosts[0].findings[0], diff="+\x1b[2Jgone", where="a\x1b[2J")
    host = replace(found.hosts[0], findings=(evil,))
    shown = [*lines(Drift((host,))), as_markdown(Drift((host,)), None, None, diff=True)]
    assert "\x1b" not in "".join(shown)


def test_markdown_begins_with_its_summary_and_folds_diffs(found: Drift) -> None:
    text = as_markdown(found, None, None, diff=True)
    assert text.startswith(
        "### Drift: `core-1`\n\n| host | runs | |\n|---|---|---|\n"
        "| `core-1` | `aaaaaaaaaaaa` | 1 of drift, 1 mended by itself |\n"
        "| `core-2` | `aaaaaaaaaaaa` | no drift |\n"
        "| `core-3` | ? | could not be asked: no \\| answer |\n"
    )
    assert "  <details><summary>3 lines</summary>" in text
    fence = replace(found.hosts[0].findings[0], diff="+```\n+````")
    host = replace(found.hosts[0], findings=(fence,), mended=())
    assert "\n  `````diff\n" in as_markdown(Drift((host,)), None, None, diff=True)


def test_json_has_all_of_it_and_what_a_repair_did(found: Drift) -> None:
    assert json.loads(as_json(found, None, None))["repair"] is None
    rollout = Rollout((Outcome("core-1", "carried", DIGEST, DIGEST),))
    clean = Drift((replace(found.hosts[0], findings=(), mended=()),))
    said = json.loads(as_json(clean, found, rollout))
    assert said["drift"] is False
    assert said["repair"]["outcomes"] == {"core-1": {"state": "carried", "reason": ""}}
    assert said["repair"]["before"][0]["findings"] == [TABLE]
    assert said["hosts"][0]["generation"] == DIGEST
    text = lines(clean, found, rollout)
    assert "core-1: given its generation once more" in text
    assert text[-1] == "No drift: the host stands as generated."


def test_nobody_answered() -> None:
    assert lines(Drift((), {"core-1": "away"})) == ["No host answered."]


def test_the_repair_is_not_offered_where_it_mends_nothing() -> None:
    role = HostDrift("core-1", host_drift("core-1", told(), DIGEST, PLAIN).running,
                     (Finding("unit", "a", "b", "c", mend="role"),))  # fmt: skip
    assert lines(Drift((role,)))[-1] == "Drift on core-1."


@pytest.fixture
def komando(
    hosts: list[DriftingHost], access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """The command line in a folder with policies and an inventory of one played host."""
    shutil.copytree(HERE / "base", tmp_path / "policies")
    inventory = tmp_path / "inventories/production"
    inventory.mkdir(parents=True)
    (inventory / "hosts.yaml").write_text(
        "all:\n  vars: {management: [127.0.0.0/8]}\n  children:\n    router:\n      hosts:\n"
        f"        core-1:\n          ansible_host: 127.0.0.1\n"
        f"          ansible_port: {hosts[0].port}\n"
        "          interfaces: {uplink: wan0, metro: lan0, public: lan1}\n          leaf: pfifo\n"
    )
    shutil.copy(access.known_hosts, inventory / "known_hosts")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KOMANDO_IDENTITY", str(access.identity))
    return lambda *words: CliRunner().invoke(main, ("drift", *words))


def test_the_exit_status_says_none_some_or_error(
    komando: Callable[..., Result], hosts: list[DriftingHost]
) -> None:
    program = program_told(Path("/"))
    hosts[0].answer = json.dumps(told(program=program)) + "\n"
    assert komando().exit_code == 0
    hosts[0].answer = json.dumps(told(program=program, findings=[TABLE])) + "\n"
    done = komando("--format", "json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["hosts"][0]["findings"] == [TABLE]
    hosts[0].close()
    done = komando()
    assert done.exit_code == 1
    assert "core-1: Could not connect: refused by" in done.stderr
    assert hosts[0].verbs == ["drift", "drift"]


def test_nothing_to_repair_is_asked_once(
    komando: Callable[..., Result], hosts: list[DriftingHost]
) -> None:
    hosts[0].answer = json.dumps(told(program=program_told(Path("/")))) + "\n"
    assert komando("--repair").exit_code == 0
    assert hosts[0].verbs == ["drift"]
