"""What the holder of the deploy key can do on each kind of machine beside the verbs of one program.

tests/platforms/test_ssh_rights.py tries the verbs one by one; here are the ways around them that
ssh itself offers. sshd's settings are asked as well as tried: a way that fails here for want of a
device or a display on our side would prove nothing.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from komando.generation import PROGRAM
from komando.inventory import Host
from tests.lab.conftest import Members, on_machine

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

NAMES = ("controller-1", "core-1", "gateway-1", "signing-1", "bastion-1")

SHUT = {
    "allowagentforwarding no",
    "allowstreamlocalforwarding no",
    "gatewayports no",
    "permittunnel no",
    "permituserenvironment no",
    "permituserrc no",
    "x11forwarding no",
}


class Holder:
    """Somebody with the deploy key of a lab, before one of its machines."""

    def __init__(self, members: Members, host: Host) -> None:
        self.members = members
        self.host = host
        way = members.city.access
        self.options = [
            *("-F", "none", "-i", str(way.identity), "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={way.known_hosts}", "-o", "ConnectTimeout=5"),
        ]

    @property
    def target(self) -> str:
        """How ssh and scp name the machine."""
        return f"{self.host.user}@{self.host.address}"

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A program on our side, with the lab's network."""
        return subprocess.run(
            [*self.members.city.access.prefix, *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def ssh(self, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """A command over ssh."""
        return self.run("ssh", *self.options, *options, self.target, *words)


@pytest.fixture(params=NAMES)
def holder(members: Members, request: pytest.FixtureRequest) -> Holder:
    return Holder(members, members.city.machines[request.param])


def test_sshd_shuts_every_way_but_a_command(holder: Holder) -> None:
    asked = "sshd -T -C user=deploy,host=x,addr=10.255.0.1"
    settings = on_machine(holder.members.city, holder.host.name, asked).splitlines()
    assert set(settings) >= SHUT
    behind = [one for one in holder.members.city.machines.values() if one.jump == holder.host.name]
    ways = {f"permitopen {one.address}:{one.port}" for one in behind}
    assert set(settings) >= (
        ways | {"allowtcpforwarding local"} if ways else {"allowtcpforwarding no"}
    )


def test_nothing_is_forwarded_but_to_who_lies_behind(holder: Holder) -> None:
    machines = holder.members.city.machines.values()
    for address, leads in (
        ("127.0.0.1", False),
        *((one.address, one.jump == holder.host.name) for one in machines),
    ):
        through = holder.ssh(options=("-W", f"{address}:22"))
        assert ("administratively prohibited" in through.stderr) is not leads, address
        assert through.stdout.startswith("SSH-2.0-") is leads, address
    back = holder.ssh("true", options=("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22"))
    assert back.returncode != 0
    assert "remote port forwarding failed" in back.stderr


def test_no_agent_no_display_and_no_terminal_reach_the_machine(holder: Holder) -> None:
    agent = holder.run(
        "ssh-agent", "ssh", *holder.options, "-A", holder.target, "echo [$SSH_AUTH_SOCK]"
    )
    assert agent.stdout == "[]\n"
    display = holder.run(
        "env", "DISPLAY=:7", "ssh", *holder.options, "-Y", holder.target, "echo [$DISPLAY]"
    )
    assert display.stdout == "[]\n"
    terminal = holder.ssh("tty", options=("-tt",))
    assert "PTY allocation request failed" in terminal.stderr
    assert "/dev/" not in terminal.stdout


def test_no_setting_of_the_callers_environment_is_taken_on(holder: Holder) -> None:
    variables = ("LD_PRELOAD=/tmp/x.so", "PYTHONPATH=/tmp", "BASH_ENV=/tmp/x", "ENV=/tmp/x")
    done = holder.ssh("env", options=tuple(f"-oSetEnv={one}" for one in variables))
    assert done.returncode == 0
    assert not any(one in done.stdout for one in variables)


@pytest.mark.parametrize(
    "place", ["/usr/local/sbin/komando-host", "/etc/cron.d/x", "/etc/ssh/authorized_keys.d/deploy"]
)
def test_no_file_of_roots_is_written_by_scp_or_sftp(
    holder: Holder, place: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("#!/bin/sh\n")
    copied = holder.run("scp", *holder.options, str(mine), f"{holder.target}:{place}")
    assert copied.returncode != 0
    assert "Permission denied" in copied.stderr or "No such file" in copied.stderr
    batch = f"put {mine} {place}\nrename {place} {place}.old\nrm {place}\n"
    for line in batch.splitlines():
        put = holder.run("sftp", *holder.options, "-b", "-", holder.target, stdin=f"{line}\n")
        assert put.returncode != 0, line


@pytest.mark.parametrize(
    "command",
    [
        "sudo -n id",
        "sudo -n -s",
        f"sudo -n {PROGRAM} clock off",
        f"sudo -n {PROGRAM} bypass on",
        f"sudo -n {PROGRAM} observe \\; id",
        f"sudo -n {PROGRAM} $(id) observe",
        "ln -sf /bin/sh /tmp/komando-host; cd /tmp; sudo -n ./komando-host observe",
        "su - root -c id",
        "nft list ruleset",
        "systemctl stop komando-guard.service",
        "systemd-run id",
        "cat /etc/shadow",
        "cat /root/.ssh/authorized_keys",
        "journalctl -u ssh.service --no-pager -q | grep .",
        "crontab -l",
    ],
)
def test_no_command_does_what_is_roots(holder: Holder, command: str) -> None:
    done = holder.ssh(command)
    assert done.returncode != 0, done.stdout
    assert "uid=0" not in done.stdout


def test_no_program_lends_roots_rights_but_debians_own(holder: Holder) -> None:
    found = holder.ssh("find / -xdev -type f -perm /6000 2>/dev/null || true").stdout.split()
    known = (
        "chage chfn chsh expiry gpasswd mount newgrp passwd ssh-agent su sudo umount unix_chkpwd"
    )
    helpers = "dbus-daemon-launch-helper ssh-keysign"
    assert {Path(one).name for one in found} <= {*known.split(), *helpers.split()}


def test_where_no_policy_comes_the_key_has_no_verb_at_all(members: Members) -> None:
    holder = Holder(members, members.city.machines["controller-1"])
    refused = holder.ssh(f"sudo -n {PROGRAM} observe")
    assert refused.returncode != 0
    assert holder.ssh("sudo -n -l").returncode != 0
