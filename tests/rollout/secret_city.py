"""A repository with one secret and its host, and every place in which that might be seen.

The command line, the pyinfra process, ssh and the host program are the real ones; the host is a
network namespace with a root folder of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

from komando.inventory import Access
from tests.canary import CANARY, Watch, files_with_it, holds, watched
from tests.cases.plan.cases import HERE
from tests.host_network import SOURCES, Router, router_in_city
from tests.rollout.played import PlayedHost

REPOSITORY = SOURCES.parent
KOMANDO = "from komando.cli import main; main()"

_LOGGING = """\
import logging, sys
if "komando.rollout" in sys.orig_argv:
    handler = logging.FileHandler({log!r})
    for name in ("", "pyinfra", "paramiko"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    for name in ("", "pyinfra"):
        logging.getLogger(name).addHandler(handler)
"""
"""As sitecustomize: the pyinfra process tells all that pyinfra and paramiko have to tell."""

TEMPORARY = "temporary"
"""Where every process of a city lays what it lays in TMPDIR."""


SET = ("secret set vpn-key", 0)
APPLY = ("apply --no-verify --diff --secrets-key KEY", 0)
OWN = "etc/komando/secrets/vpn-key"


class RealHost(PlayedHost):
    """An ssh server before the real host program in a namespace."""

    def __init__(self, name: str, client_key: paramiko.PKey, router: Router) -> None:
        super().__init__(name, client_key, router.root / "unused")
        self.router = router
        self.before = ""
        self.said: list[bytes] = []

    def _verb(self, words: list[str], channel: paramiko.Channel) -> tuple[int, str, str]:
        archive = channel.makefile("rb").read() if words[0] == "activate" else b""
        argv = self.router.argv(*words)
        at = argv.index("-c") + 1
        argv[at] = self.before + argv[at]
        done = subprocess.run(
            argv,
            input=archive,
            capture_output=True,
            env={**os.environ, "TMPDIR": str(self.router.root.parent / TEMPORARY)},
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@dataclass
class City:
    """A repository with one secret, and its host."""

    folder: Path
    host: RealHost
    key: Path
    identity: Path

    @property
    def log(self) -> Path:
        return self.folder.parent / "pyinfra.log"

    def komando(self, *words: str, stdin: bytes = b"", before: str = "") -> tuple[int, bytes]:
        """Run the command line as a process of its own; its code, and both its outputs."""
        path = [str(self.folder.parent / "site"), *map(str, (SOURCES, REPOSITORY)), *sys.path]
        done = subprocess.run(
            [sys.executable, "-c", f"{before}\n{KOMANDO}", *words],
            input=stdin,
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": ":".join(filter(None, path)),
                "XDG_CACHE_HOME": str(self.folder.parent / "cache"),
                "KOMANDO_IDENTITY": str(self.identity),
                "TMPDIR": str(self.folder.parent / TEMPORARY),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout

    def git(self, *words: str) -> bytes:
        who = ("-c", "user.name=ops", "-c", "user.email=ops@example.invalid")
        return subprocess.run(
            ["git", *who, *words], cwd=self.folder, check=True, capture_output=True
        ).stdout


@contextmanager
def city_with_secret(access: Access, tmp_path: Path) -> Iterator[City]:
    """A repository whose router has a secret, not yet applied."""
    from pyrage import x25519

    assert access.identity is not None
    client_key = paramiko.ECDSAKey.from_private_key_file(str(access.identity))
    folder = tmp_path / "repository"
    shutil.copytree(HERE / "base", folder / "policies")
    inventory = folder / "inventories/production"
    (inventory / "secrets").mkdir(parents=True)
    identity = x25519.Identity.generate()
    key = tmp_path / "secrets-key"
    key.touch(0o600)
    key.write_text(f"{identity}\n")
    (inventory / "secrets/recipients").write_text(f"# ops\n{identity.to_public()}\n")
    for name in ("site", TEMPORARY):
        (tmp_path / name).mkdir()
    with router_in_city(tmp_path / "root", "sc") as router:
        host = RealHost("core-1", client_key, router)
        (inventory / "known_hosts").write_text(host.known_hosts_line)
        (inventory / "hosts.yaml").write_text(
            "all:\n  vars: {management: [127.0.0.0/8]}\n  children:\n    router:\n      hosts:\n"
            "        core-1:\n          ansible_host: 127.0.0.1\n"
            f"          ansible_port: {host.port}\n"
            "          interfaces: {uplink: wan0, metro: lan0, public: lan1}\n"
            "          leaf: pfifo\n          confirm_within: 20\n"
            "          secrets:\n            vpn-key: {owner: nobody}\n"
        )
        one = City(folder, host, key, access.identity)
        one.git("init", "-q")
        one.git("init", "-q", "--bare", str(tmp_path / "forge.git"))
        one.git("remote", "add", "origin", str(tmp_path / "forge.git"))
        site = tmp_path / "site/sitecustomize.py"
        site.write_text(_LOGGING.format(log=str(one.log)))
        try:
            yield one
        finally:
            host.close()


def leaks(city: City, said: list[bytes], watch: Watch) -> list[str]:
    """Every place but the secret's own file in which it is seen."""
    found = [f"an output: {one[:60]!r}" for one in (*said, *city.host.said) if holds(one)]
    found += [f"a process: {words[:60]}" for words in watch.leaks]
    for name in ("repository", "cache", "root", TEMPORARY):
        found += map(str, files_with_it(city.folder.parent / name))
    found += [str(city.log)] if holds(city.log.read_bytes()) else []
    return found


def life(
    city: City, verbs: tuple[tuple[str, int], ...] = (SET, APPLY), *, before: str = ""
) -> tuple[list[str], Watch]:
    """From the secret's making to its host's answers; where it was seen.

    `verbs` are command lines with their exit codes.
    """
    said = []
    with watched() as watch:
        for line, code in verbs:
            words = line.replace("KEY", str(city.key)).split()
            stdin = CANARY if words[:2] == ["secret", "set"] else b""
            found, output = city.komando(*words, stdin=stdin, before=before)
            assert found == code, (words, output.decode())
            said.append(output)
        city.git("add", "-A")
        city.git("commit", "--allow-empty", "-qm", "all")
        said.append(city.git("cat-file", "--batch-all-objects", "--batch", "--unordered"))
    for verb in ("observe", "export"):
        argv = city.host.router.argv(verb)
        said.append(subprocess.run(argv, capture_output=True, check=True).stdout)
    return leaks(city, said, watch), watch
