"""Debian machines with real sshd and sudo, as the role makes them, without a boot: 2 s for all.

All are one tree (the lab's, under an overlay of its own) with an sshd for each on an address of its
own, 127.0.0.N, in a network, mount and process namespace that ends with the process that holds it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from komando.inventory import Access, Host

REPOSITORY = Path(__file__).resolve().parents[1]
ROLE = REPOSITORY / "roles" / "base"

_HOLD = """\
set -eu
tree=$1 folder=$2
mount -t tmpfs -o mode=0755 tmpfs "$folder/memory"
cd "$folder/memory"
mkdir upper work root
cp -a --no-preserve=ownership "$folder/seed/." upper/
mount -t overlay -o "lowerdir=$tree,upperdir=upper,workdir=work" overlay root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mkdir -p root/run/sshd
ip link set lo up
for user in deploy observe; do
  chroot root useradd --system --create-home --home-dir "/var/lib/$user" --shell /bin/sh "$user"
done
chroot root visudo -qcf /etc/sudoers.d/komando
for conf in root/etc/ssh/machine-*.conf; do
  chroot root /usr/sbin/sshd -D -e -f "${conf#root}" &
done
echo ready
wait
"""


@dataclass(frozen=True)
class Machines:
    """Some machines side by side, by name; `access` is how the deploy user reaches them."""

    hosts: Mapping[str, Host]
    access: Access
    folder: Path

    def ssh(
        self,
        name: str,
        *command: str,
        user: str = "deploy",
        options: Sequence[str] = (),
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine, over ssh, as somebody with a key of their own there."""
        return subprocess.run(
            [*self.command(name, user, *options), *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def command(self, name: str, user: str = "deploy", *options: str) -> list[str]:
        """What logs in on a machine directly."""
        host = self.hosts[name]
        return [
            *self.access.prefix,
            *("ssh", "-F", "none", "-i", str(self.folder / f"key-{user}")),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
            *("-o", f"UserKnownHostsFile={self.access.known_hosts}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=5"),
            *options,
            *("-p", str(host.port), f"{user}@{host.address}"),
        ]


@dataclass(frozen=True)
class Site:
    """What a machine is to be: its address, the machines behind it, and the files laid over it."""

    host: Host
    leads_to: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def machines(tree: Path, folder: Path, sites: Sequence[Site]) -> Iterator[Machines]:
    """Machines that stand until the end of the block. `tree` is the lab's Debian."""
    seed = folder / "seed"
    (folder / "memory").mkdir(parents=True)
    (seed / "etc/sudoers.d").mkdir(parents=True)
    known = folder / "known_hosts"
    for user in ("root", "deploy", "observe"):
        _key(folder / f"key-{user}")
    _program(seed)
    lines = [_machine(seed, folder, site) for site in sites]
    known.write_text("".join(lines))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"),
                *("sh", "-c", _HOLD, "hold", str(tree), str(folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", (folder / "log").read_text()
        prefix = ("nsenter", f"--net=/proc/{_child(process.pid)}/ns/net")
        access = Access(prefix, folder / "key-deploy", known, patience=3)
        made = Machines({site.host.name: site.host for site in sites}, access, folder)
        for site in sites:
            _wait(made, site.host.name)
        yield made
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _key(path: Path) -> str:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path.with_suffix(".pub").read_text().strip()


def _program(seed: Path) -> None:
    """What the role copies as it is."""
    (seed / "usr/local/sbin").mkdir(parents=True)
    for name in ("komando-host", "komando-observe"):
        shutil.copy(ROLE / "files" / name, seed / "usr/local/sbin" / name)
        (seed / "usr/local/sbin" / name).chmod(0o755)
    library = seed / "usr/local/lib/komando/komando_host"
    shutil.copytree(
        REPOSITORY / "src/komando/host", library, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROLE / "files" / "sudoers", seed / "etc/sudoers.d/komando")
    (seed / "etc/sudoers.d/komando").chmod(0o440)
    (seed / "etc/hosts").write_text(f"127.0.0.1 localhost {os.uname().nodename}\n")


def _machine(seed: Path, folder: Path, site: Site) -> str:
    """Lay the files of one machine; returns its line of known_hosts."""
    name, etc = site.host.name, seed / "etc/ssh"
    keys = etc / f"keys-{name}"
    keys.mkdir(parents=True)
    values = {
        "ansible_managed": "tests",
        "base_administrators": ["root"],
        "base_leads_to": list(site.leads_to),
        "base_users": ["root", "deploy", "observe"],
    }
    for user, forced in (("deploy", ""), ("observe", ',command="/usr/local/sbin/komando-observe"')):
        trusted = [(folder / f"key-{user}.pub").read_text().strip()]
        text = _rendered("authorized_keys.j2", {**values, "trusted": trusted, "forced": forced})
        (keys / user).write_text(text)
    (keys / "root").write_text((folder / "key-root.pub").read_text())
    public = _key(etc / f"host-{name}")
    settings = _rendered("sshd.conf.j2", values)
    # several machines share one tree: each has keys of its own
    settings = settings.replace("/etc/ssh/authorized_keys.d/", f"/etc/ssh/keys-{name}/")
    settings = settings.replace("/etc/ssh/ssh_host_ed25519_key", f"/etc/ssh/host-{name}")
    debians = (
        f"ListenAddress {site.host.address}\nPort {site.host.port}\n"
        f"PidFile none\nUsePAM yes\nAcceptEnv LANG LC_*\nPrintMotd no\n"
        f"AuthorizedKeysFile /etc/ssh/keys-{name}/%u\n"
        "Subsystem sftp /usr/lib/openssh/sftp-server\n"
    )
    split = settings.index("Match User deploy")
    (etc / f"machine-{name}.conf").write_text(settings[:split] + debians + settings[split:])
    for path, text in site.files.items():
        (seed / path).parent.mkdir(parents=True, exist_ok=True)
        (seed / path).write_text(text)
        (seed / path).chmod(0o755)
    kind, key = public.split()[:2]
    place = site.host.address if site.host.port == 22 else f"[{site.host.address}]:{site.host.port}"
    return f"{place} {kind} {key}\n"


def _rendered(name: str, values: Mapping[str, object]) -> str:
    environment = Environment(  # noqa: S701  # as Ansible renders: these are no web pages
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["comment"] = lambda text: f"# {text}"
    return environment.from_string((ROLE / "templates" / name).read_text()).render(values)


def _child(process: int) -> int:
    """The process that is in the namespaces: unshare itself is not."""
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


def _wait(made: Machines, name: str) -> None:
    until = time.monotonic() + 15
    while (done := made.ssh(name, "true", user="root")).returncode != 0:
        assert time.monotonic() < until, done.stderr + (made.folder / "log").read_text()
        time.sleep(0.1)
