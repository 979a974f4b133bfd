"""What whoever holds a deploy key can do on a machine: real sshd, real sudo."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from komando.generation import PROGRAM
from komando.host.generation import digest_of
from komando.inventory import Host
from komando.rollout.protocol import Cargo
from komando.rollout.session import Session
from tests.machines import Machines, Site, machines

pytestmark = pytest.mark.root

DIGEST = "a1" * 32
LISTED = "a password is required"
"""How sudo says that a command is in no list of the caller's."""


@pytest.mark.parametrize(
    "words",
    [
        "observe",
        "record",
        "record --since 7",
        "hours",
        "export",
        f"export {DIGEST}",
        "revert",
        f"revert {DIGEST}",
        f"confirm {DIGEST}",
        "probe 127.0.0.2 22",
        "probe 2001:db8::1 22",
        f"activate {DIGEST} --before none --within 60 --sequence 12 --protocol 2",
        f"activate {DIGEST} --before {DIGEST} --within 2.5 --sequence 12 --protocol 2",
        f"activate {DIGEST} --within 3600",
        "drift",
        "usage",
        "metrics",
        "status",
        "status dinas-kesehatan",
        "status dinas-kesehatan --seconds 30",
        "status --seconds 2",
    ],
)
def test_a_controller_can_ask_for_what_it_needs(core: Machines, words: str) -> None:
    done = core.ssh("core-1", f"sudo -n {PROGRAM} {words}")
    assert LISTED not in done.stderr
    assert "sudo:" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "",
        "clock off",
        "clock 2026-11-24T20:00:00+07:00",
        "bypass on",
        "boot",
        "reboot",
        "reboot --window 00:00-23:59",
        "revert --due token",
        f"activate {DIGEST}",
        f"activate {DIGEST} --sequence 12 --protocol 2",
        f"activate {DIGEST} --within 0",
        f"activate {DIGEST} --within 0.001",
        f"activate {DIGEST} --within 3601",
        f"activate {DIGEST} --within 1e9",
        f"activate {DIGEST} --within 60 --force",
        f"activate {DIGEST.upper()} --within 60",
        f"activate {DIGEST}0 --within 60",
        "activate ../../../etc --within 60",
        f"'activate {DIGEST} --within 60' --within 9999",
        "record --since -1",
        "record --since '1 '",
        "status a --seconds 31",
        "status --seconds 0",
        "status 'a b'",
        f"status {'a' * 61}",
        "status a b",
        "export ../current",
        "probe localhost 22",
        "probe 127.0.0.2 22 22",
        "observe\nclock",
        "--help",
    ],
)
def test_what_is_not_listed_is_refused(core: Machines, words: str) -> None:
    quoted = words if "\n" not in words else "'" + words + "'"
    done = core.ssh("core-1", f"sudo -n {PROGRAM} {quoted}")
    assert done.returncode == 1
    assert LISTED in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "sudo -n id",
        "sudo -n /bin/sh",
        "sudo -n -s",
        "sudo -n -i",
        "sudo -n -u observe id",
        "sudo -n -e /etc/shadow",
        f"sudo -n -u '#0' /usr/bin/python3 {PROGRAM} observe",
        f"sudo -n -E {PROGRAM} observe",
        f"sudo -n PYTHONPATH=/tmp {PROGRAM} observe",
        f"sudo -n -D /tmp {PROGRAM} observe",
        f"sudo -n -R /tmp {PROGRAM} observe",
        "mkdir -p /tmp/x; ln -sf /bin/sh /tmp/x/komando-host; sudo -n /tmp/x/komando-host observe",
        "cat /etc/shadow",
        "cat /etc/sudoers.d/komando",
        "su root -c id",
    ],
)
def test_no_other_way_to_root_is_open(core: Machines, command: str) -> None:
    assert core.ssh("core-1", command).returncode != 0


def test_nothing_that_root_reads_or_runs_can_be_written(core: Machines) -> None:
    core.ssh("core-1", f"sudo -n {PROGRAM} observe")
    for user in ("deploy", "observe"):
        found = core.ssh(
            "core-1",
            f"su {user} -c 'find /etc /usr /var/lib/komando /run/komando -writable ! -type l'",
            user="root",
        )
        assert found.stdout == ""


def _archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> str:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for path, target in (links or {}).items():
            entry = tarfile.TarInfo(path)
            entry.type = tarfile.SYMTYPE
            entry.linkname = target
            tar.addfile(entry)
    return base64.b64encode(plain.getvalue()).decode()


@pytest.mark.parametrize(
    "path",
    [
        "etc/cron.d/komando",
        "../../../../etc/cron.d/komando",
        "/etc/cron.d/komando",
        "etc/komando/../cron.d/komando",
        "etc/komando/tc/profiles/../../../cron.d/x.down.tc",
        "etc/systemd/system/komando.service",
        "etc/sysctl.d/99-more.conf",
    ],
)
def test_a_bundle_with_a_path_of_its_own_is_refused_whole(core: Machines, path: str) -> None:
    files = {path: b"* * * * * root id\n"}
    done = core.ssh(
        "core-1",
        f"sudo -n {PROGRAM} activate {digest_of(files)} --within 60 --protocol 2",
        stdin=_archive(files),
    )
    assert done.returncode == 1
    assert "which it may not" in done.stderr
    left = core.ssh("core-1", "find / -xdev -name 'komando' -path '*cron*'", user="root")
    assert left.stdout == ""
    assert core.ssh("core-1", "ls -A /var/lib/komando/generations", user="root").stdout == ""


def test_a_bundle_with_a_link_is_refused_whole(core: Machines) -> None:
    links = {"etc/komando/calendar": "/etc/shadow"}
    done = core.ssh(
        "core-1",
        f"sudo -n {PROGRAM} activate {digest_of({})} --within 60 --protocol 2",
        stdin=_archive({}, links),
    )
    assert "which it may not" in done.stderr


# --- what the caller hands down ------------------------------------------------------------------

SPY = """\
import json, os, resource, signal, subprocess, sys
def main():
    failed = subprocess.run(["false"]).returncode
    print(json.dumps({
        "failed": failed,
        "environment": dict(os.environ),
        "umask": os.umask(0),
        "folder": os.getcwd(),
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "file size": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,
        "path": sys.path,
    }))
    return 0
"""

CALL = f"""\
import os, resource, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
os.umask(0o777)
os.chdir("/tmp")
for number in range(20, 40):
    os.dup2(0, number, inheritable=True)
environment = dict(
    os.environ,
    PYTHONPATH="/tmp", PYTHONSTARTUP="/tmp/x", LD_PRELOAD="/tmp/x.so", PATH="/tmp", TZ="Asia/Tokyo",
    LC_ALL="id_ID.UTF-8", BASH_ENV="/tmp/x", SSH_ORIGINAL_COMMAND="x", TERMINFO="/tmp",
)
os.execve("/usr/bin/sudo", ["sudo", "-n", "{PROGRAM}", "observe"], environment)
"""


def test_nothing_of_the_caller_reaches_the_program_but_its_address(
    debian: Path, tmp_path: Path
) -> None:
    host = Host("core-1", "router", "127.0.0.2", {}, "pfifo")
    spied = {"usr/local/lib/komando/komando_host/__main__.py": SPY}
    with machines(debian, tmp_path, [Site(host, files=spied)]) as made:
        done = made.ssh("core-1", "python3 -", stdin=CALL)
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
    assert seen["failed"] == 1, "a command that failed has to be seen to fail"
    assert (seen["umask"], seen["folder"], seen["blocked"]) == (0o022, "/", 0)
    assert seen["file size"] == -1
    assert seen["descriptors"] == 3
    assert all(folder.startswith("/usr/") for folder in seen["path"])
    environment = seen["environment"]
    assert environment["SSH_CONNECTION"].startswith("127.0.0.1 ")
    assert environment["PATH"] == "/usr/sbin:/usr/bin:/sbin:/bin"
    foreign = {"PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "TZ", "LC_ALL", "BASH_ENV", "TERMINFO"}
    assert not foreign & environment.keys()


# --- as the rollout sees it ----------------------------------------------------------------------


def test_what_sudo_refuses_was_not_done_and_says_what_to_do(core: Machines) -> None:
    cargo = Cargo(DIGEST, "", before="none", within=7200, sequence=1)
    with Session([core.hosts["core-1"]], core.access) as session:
        answers = session.activate({"core-1": cargo})
    assert answers.failures == {
        "core-1": "its sudoers does not let this user ask for that: run `komando prepare` on it"
    }
