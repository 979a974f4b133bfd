"""What sshd opens to nobody: no forwarding, no terminal, no agent, no password; all are let in."""

from __future__ import annotations

import subprocess

import pytest

from tests.machines import Machines

pytestmark = pytest.mark.root


@pytest.mark.parametrize("user", ["deploy", "observe", "root"])
def test_a_machine_that_leads_nowhere_forwards_nothing(core: Machines, user: str) -> None:
    straight = core.ssh("core-1", user=user, options=["-W", "127.0.0.2:22"])
    assert straight.returncode != 0
    assert "SSH-2.0" not in straight.stdout
    backward = core.ssh(
        "core-1",
        user=user,
        options=["-N", "-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.2:9999:127.0.0.1:22"],
    )
    assert backward.returncode != 0


@pytest.mark.parametrize("user", ["deploy", "observe"])
def test_no_terminal_and_no_agent_is_given(core: Machines, user: str) -> None:
    terminal = core.ssh("core-1", "tty", user=user, options=["-tt"])
    assert "/dev/" not in terminal.stdout
    with_agent = subprocess.run(
        ["ssh-agent", *core.command("core-1", user, "-A"), "echo agent=$SSH_AUTH_SOCK"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "agent=/" not in with_agent.stdout


def test_sshd_holds_what_the_role_wrote(core: Machines) -> None:
    shown = core.ssh(
        "core-1",
        "/usr/sbin/sshd -T -f /etc/ssh/machine-core-1.conf -C user=observe,host=x,addr=127.0.0.1",
        user="root",
    ).stdout
    assert shown.partition("\nkexalgorithms ")[2].startswith("curve25519-sha256,")
    for line in (
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "authenticationmethods publickey",
        "allowtcpforwarding no",
        "allowagentforwarding no",
        "allowstreamlocalforwarding no",
        "maxstartups 100:30:200",
        "logingracetime 20",
        "clientaliveinterval 15",
        "forcecommand /usr/local/sbin/komando-observe",
    ):
        assert f"\n{line}\n" in f"\n{shown}"


def test_fifty_connections_at_once_are_all_let_in(core: Machines) -> None:
    """sshd's own default drops some of those that come while ten others are logging in."""
    running = [
        subprocess.Popen(
            [*core.command("core-1"), "true"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(50)
    ]
    assert [one.wait(60) for one in running] == [0] * 50
