"""What whoever holds an observing key can do on a machine: it asks, and nothing else."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from komando.generation import PROGRAM
from komando.rollout.session import Session
from tests.machines import Machines

pytestmark = pytest.mark.root

DIGEST = "a1" * 32


@pytest.mark.parametrize(
    "command",
    [
        "observe",
        f"sudo -n {PROGRAM} observe",
        f"sudo {PROGRAM} observe",
        f"{PROGRAM} observe",
        "komando-host observe",
        f"sh -c 'sudo -n {PROGRAM} observe'",
    ],
)
def test_an_observer_asks_in_any_of_the_forms_that_are_used(core: Machines, command: str) -> None:
    done = core.ssh("core-1", command, user="observe")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["generation"] is None
    assert json.loads(done.stdout)["asked_from"] == "127.0.0.1"


@pytest.mark.parametrize(
    "command",
    [
        *("record", "record --since 3", "drift", "usage", "metrics"),
        *("status", "status dinas-kesehatan", "status dinas-kesehatan --seconds 3"),
    ],
)
def test_an_observer_may_ask_this_too(core: Machines, command: str) -> None:
    done = core.ssh("core-1", f"sh -c 'sudo -n {PROGRAM} {command}'", user="observe")
    assert "this key asks" not in done.stderr
    assert "sudo:" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "",
        "id",
        "sh",
        "sh -c id",
        f"sudo -n {PROGRAM} activate {DIGEST} --within 60",
        f"sudo -n {PROGRAM} hours",
        f"sudo -n {PROGRAM} export",
        f"sudo -n {PROGRAM} revert",
        f"sudo -n {PROGRAM} clock off",
        "observe; id",
        "observe && id",
        "observe\nid",
        "observe `id`",
        "observe $(id)",
        "sh -c 'observe; id'",
        "sh -c 'sh -c observe'",
        "record --since '3 --since 4'",
        "status ../../etc/shadow",
        "status Dinas",
        "status 'a b'",
        "status a --seconds 31",
        "status a --seconds 1 --seconds 1",
        "reboot",
        "record --since 3 4",
        "'observe id'",
        "sudo -n -u root observe",
        "observe '",
        "observe " + "x" * 100_000,
        "scp -t /tmp",
        "/usr/lib/openssh/sftp-server",
        "internal-sftp",
    ],
)
def test_an_observer_can_do_nothing_else(core: Machines, command: str) -> None:
    done = core.ssh("core-1", *([command] if command else []), user="observe")
    assert done.returncode == 1
    assert done.stdout == ""
    assert (
        "this key asks observe, record, drift, usage, metrics and status, and no more"
        in done.stderr
    )


def test_an_observer_copies_nothing(core: Machines, tmp_path: Path) -> None:
    options = core.command("core-1", "observe")
    start, host = options.index("-F"), core.hosts["core-1"].address
    port = options.index("-p")
    for program in (("scp",), ("scp", "-O"), ("sftp",)):
        done = subprocess.run(
            [
                *(*core.access.prefix, *program, *options[start:port]),
                *(f"observe@{host}:/etc/hostname", str(tmp_path / "copied")),
            ],
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert done.returncode != 0
        assert not (tmp_path / "copied").exists()


def test_the_rollout_asks_with_an_observing_key_and_changes_nothing(core: Machines) -> None:
    access = replace(core.access, user="observe", identity=core.folder / "key-observe")
    with Session([core.hosts["core-1"]], access) as session:
        assert session.refused == {}
        assert session.observe(["core-1"]).results["core-1"]["generation"] is None
        (words,) = session.export(["core-1"]).failures.values()
    assert "this key asks observe, record, drift, usage, metrics and status, and no more" in words
