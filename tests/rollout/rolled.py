"""What the tests of a rollout have in common: bundles, one look, one apply."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from komando.bundle import Bundle
from komando.cli import main
from komando.inventory import Access
from komando.rollout.observe import Cache, Observation, observe
from komando.rollout.outcome import Outcome, Rollout
from komando.rollout.roll import Verify, roll
from komando.rollout.session import Session
from komando.rollout.wave import Target, Told
from komando.rollout.waves import arrange
from tests.host_bundle import City, files_of
from tests.rollout.played import PlayedHost
from tests.unit.edited import edit

Play = Callable[[str], PlayedHost]
Komando = Callable[..., Result]


def bundle(host: str, text: str = "new") -> Bundle:
    """A whole bundle that differs from others by its text alone."""
    extra = {"etc/komando/intent.json": json.dumps({"text": text})}
    return Bundle(host, files_of(City(extra=extra)))


NEW, OLD = bundle("", "new").digest, bundle("", "old").digest


def look(hosts: list[PlayedHost], access: Access, cache: Path) -> Observation:
    """Ask all hosts what they run, where `bundle(name)` is wanted."""
    wanted = {host.name: bundle(host.name) for host in hosts}
    with Session([host.host for host in hosts], access) as session:
        return observe(session, wanted, Cache(cache))


def _silent(host: str, stage: str) -> None:
    del host, stage


def rolled(  # noqa: PLR0913  # what a test may want to be otherwise
    hosts: list[PlayedHost],
    access: Access,
    *,
    neighbours: list[PlayedHost] | None = None,
    at_once: bool = False,
    before: Mapping[str, str] | None = None,
    sequence: int = 1,
    told: Told = _silent,
    verify: Verify | None = None,
    over: Callable[[], bool] = lambda: False,
    opened: Callable[[Session], None] = lambda _: None,
) -> Rollout:
    """Bring `bundle(name)` to all hosts; `before` says what the plan saw where that was not so."""
    here = {host.name: host.host for host in hosts}
    everybody = [*hosts, *(neighbours or [])]
    with Session([host.host for host in everybody], access) as session:
        opened(session)
        targets = {
            host.name: Target.of(
                here[host.name], (before or {}).get(host.name, host.digest), bundle(host.name)
            )
            for host in hosts
        }
        waves = arrange(targets, here, at_once=at_once)
        return roll(session, targets, waves, sequence, told, verify, over)


def states(rollout: Rollout) -> dict[str, str]:
    """The state of each host."""
    return {one.host: one.state for one in rollout.outcomes}


def outcome(rollout: Rollout, host: str) -> Outcome:
    """What became of one host."""
    (found,) = (one for one in rollout.outcomes if one.host == host)
    return found


def press_ctrl_c(times: int, begun: threading.Event, *release: threading.Event) -> None:
    """Interrupt this process so many times once something has begun, and then let that go on."""

    def press() -> None:
        begun.wait(30)
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        for event in release:
            event.set()

    threading.Thread(target=press, daemon=True).start()


def command_line(
    hosts: list[PlayedHost], access: Access, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Komando:
    """The command line in a folder that has policies, with an inventory of the played hosts."""
    inventory = folder / "inventories" / "production"
    inventory.mkdir(parents=True)
    machines: dict[str, dict[str, object]] = {}
    for host in hosts:
        machines[host.name] = {
            "ansible_host": host.address,
            "ansible_port": host.port,
            "interfaces": {"uplink": "wan0", "metro": "lan0", "public": "lan1", "branch": "lan0"},
            "leaf": "pfifo",
            "confirm_within": host.within,
            "canary": host.canary,
            **({"neighbour": host.neighbour} if host.neighbour else {}),
        }
    written = {
        "vars": {"management": ["127.0.0.0/8"]},
        "children": {"router": {"hosts": machines}},
    }
    (inventory / "hosts.yaml").write_text(yaml.safe_dump({"all": written}))
    shutil.copy(access.known_hosts, inventory / "known_hosts")
    for words in (["init", "-q", "."], ["init", "-q", "--bare", "forge.git"],
                  ["remote", "add", "origin", str(folder / "forge.git")]):  # fmt: skip
        subprocess.run(["git", *words], cwd=folder, stdin=subprocess.DEVNULL, check=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("KOMANDO_IDENTITY", str(access.identity))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def acknowledge(finding: str) -> None:
    """Fill in what `komando plan --acknowledge` left open for a person."""
    (file,) = Path("policies/acknowledgements").glob(f"{finding}-*.yaml")
    reason = "The disk is being replaced, and the office cannot wait."
    edit(file, "reason: ", f"reason: {reason}")
    edit(file, "  by: ", "  by: Head of networks")
