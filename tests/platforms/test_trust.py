"""`komando trust` against real sshd, over jump hosts too: only what a person compared is kept."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from komando.inventory import Hop, Host
from tests.machines import Machines, Site, machines

pytestmark = pytest.mark.root

OUTER = Hop("outer", "127.0.0.10", 2222, "deploy")
KOMANDO = str(Path(sys.executable).with_name("komando"))
CONSOLE = "ssh-keygen -lvf /etc/ssh/ssh_host_ed25519_key.pub"

HOSTS = """\
all:
  vars:
    management: [127.0.0.0/8]
  children:
    router:
      hosts:
        core-1: {ansible_host: 127.0.0.2, interfaces: {uplink: eno1, metro: eno2}, leaf: pfifo}
        core-2:
          ansible_host: 127.0.0.3
          interfaces: {uplink: eno1, metro: eno2}
          leaf: pfifo
          jump: outer
        nobody: {ansible_host: 127.0.0.9, interfaces: {uplink: eno1, metro: eno2}, leaf: pfifo}
    jump:
      hosts:
        outer: {ansible_host: 127.0.0.10, ansible_port: 2222}
"""

BETWEEN = """\
table inet between {
  chain out {
    type filter hook output priority 0
    meta skuid 0 ip daddr 127.0.0.3 tcp dport 22 tcp flags syn drop
  }
}
"""
"""core-2 is reached over `outer` alone; what sshd forwards there is of the user deploy."""


@pytest.fixture(scope="module")
def city(debian: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    sites = [
        Site(Host("outer", "jump", OUTER.address, {}, "pfifo", 2222), leads_to=["127.0.0.3:22"]),
        Site(Host("core-1", "router", "127.0.0.2", {}, "pfifo")),
        Site(Host("core-2", "router", "127.0.0.3", {}, "pfifo", hops=(OUTER,))),
    ]
    with machines(debian, tmp_path_factory.mktemp("city"), sites) as made:
        subprocess.run(
            [*made.access.prefix, "nft", "-f", "-"], input=BETWEEN, text=True, check=True
        )
        yield made


class Desk:
    """An inventory of its own, and somebody who sits at a terminal."""

    def __init__(self, city: Machines, folder: Path) -> None:
        self.city, self.folder = city, folder
        self.known = folder / "known_hosts"
        (folder / "hosts.yaml").write_text(HOSTS)

    def line(self, name: str) -> str:
        """What is to stand in known_hosts of a machine."""
        host = self.city.hosts[name]
        place = host.address if host.port == 22 else f"[{host.address}]:{host.port}"
        return f"{place} {' '.join(self._public(name).read_text().split()[:2])}\n"

    def console(self, name: str) -> str:
        """What the machine's own console shows."""
        command = ["ssh-keygen", "-lf", str(self._public(name))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def fingerprint(self, name: str) -> str:
        return self.console(name).split()[1]

    def _public(self, name: str) -> Path:
        return self.city.folder / "seed/etc/ssh" / f"host-{name}.pub"

    def command(self, *words: str) -> list[str]:
        identity = str(self.city.access.identity)
        options = ["--inventory", str(self.folder), "--identity", identity]
        return [*self.city.access.prefix, KOMANDO, "trust", *words, *options]

    def trust(self, *words: str) -> tuple[int, str]:
        """The verb without a terminal: its exit status and what it says."""
        done = subprocess.run(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout

    def typed(self, *words: str, answers: list[str]) -> tuple[int, str]:
        """The verb on a terminal at which somebody answers; ends with what the screen showed."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.command(*words), stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        screen, waiting = "", list(answers)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux says so when the last writer has gone
                break
            if not read:
                break
            screen += read.decode()
            if waiting and screen.count("SHA256:...") > len(answers) - len(waiting):
                os.write(ours, f"{waiting.pop(0)}\n".encode())
        os.close(ours)
        return process.wait(10), screen.replace("\r\n", "\n")


@pytest.fixture
def desk(city: Machines, tmp_path: Path) -> Desk:
    return Desk(city, tmp_path)


def test_what_a_person_typed_from_the_console_is_kept(desk: Desk) -> None:
    status, screen = desk.typed("core-1", answers=[desk.console("core-1")])
    assert status == 0, screen
    assert desk.known.read_text() == desk.line("core-1")
    assert desk.fingerprint("core-1") in screen
    assert CONSOLE in screen
    assert "+--[ED25519 256]--+" in screen
    assert screen.endswith(f"core-1 is trusted: {desk.known} has its key; commit it\n")


@pytest.mark.parametrize("answers", [["y", "yes", "SHA256:short"], ["", "y", "y", "y"]])
def test_who_types_no_fingerprint_has_compared_nothing(desk: Desk, answers: list[str]) -> None:
    status, screen = desk.typed("core-1", answers=answers)
    assert status == 1
    assert "that is no fingerprint: it begins with SHA256:, and 43 characters follow" in screen
    assert screen.endswith("Error: core-1 is not trusted, and nothing was changed\n")
    assert not desk.known.exists()


def test_a_console_that_shows_another_key_ends_it(desk: Desk) -> None:
    status, screen = desk.typed("core-1", answers=[desk.fingerprint("core-2")])
    assert status == 1
    assert f"console:  {desk.fingerprint('core-2')}\n" in screen
    assert f"answered: {desk.fingerprint('core-1')} (ssh-ed25519)\n" in screen
    assert not desk.known.exists()


def test_a_script_says_what_the_console_shows(desk: Desk) -> None:
    assert desk.trust("core-1", "--fingerprint", desk.fingerprint("core-1")) == (
        0,
        f"core-1 is trusted: {desk.known} has its key; commit it\n",
    )
    assert desk.known.read_text() == desk.line("core-1")


def test_a_script_with_another_fingerprint_is_refused(desk: Desk) -> None:
    status, said = desk.trust("core-1", "--fingerprint", desk.fingerprint("core-2"))
    assert status == 1
    assert "its console shows another key than who answers at 127.0.0.2" in said
    assert not desk.known.exists()


def test_without_a_terminal_and_a_fingerprint_nobody_is_asked(desk: Desk) -> None:
    status, said = desk.trust("core-1")
    assert status == 1
    assert said == (
        "Error: nobody can be asked here, as standard input is no terminal: give --fingerprint "
        "with what the machine's console shows\n"
    )


def test_a_host_behind_a_jump_host_is_asked_over_it(desk: Desk) -> None:
    desk.known.write_text(desk.line("outer"))
    status, said = desk.trust("core-2", "--fingerprint", desk.fingerprint("core-2"))
    assert status == 0, said
    assert desk.known.read_text() == desk.line("core-2") + desk.line("outer")


def test_a_jump_host_has_to_be_trusted_before(desk: Desk) -> None:
    status, said = desk.trust("core-2", "--fingerprint", desk.fingerprint("core-2"))
    assert status == 1
    assert "error[host-key-missing]: no key of outer is known" in said
    assert "`komando trust outer`" in said


def test_a_jump_host_that_shows_another_key_is_not_used(desk: Desk) -> None:
    other = " ".join((desk.city.folder / "key-root.pub").read_text().split()[:2])
    desk.known.write_text(f"[127.0.0.10]:2222 {other}\n")
    status, said = desk.trust("core-2", "--fingerprint", desk.fingerprint("core-2"))
    assert status == 1
    assert "the jump host outer shows another key than known_hosts has for it" in said


def test_another_port_stands_in_brackets(desk: Desk) -> None:
    status, said = desk.trust("outer", "--fingerprint", desk.fingerprint("outer"))
    assert status == 0, said
    assert desk.known.read_text() == desk.line("outer")
    assert desk.known.read_text().startswith("[127.0.0.10]:2222 ssh-ed25519 ")


def test_the_same_key_again_changes_nothing(desk: Desk) -> None:
    desk.known.write_text(f"# ours\n\n{desk.line('core-1')}")
    before = desk.known.stat().st_mtime_ns
    status, screen = desk.typed("core-1", answers=[])
    assert status == 0
    assert screen.endswith(
        f"core-1 is trusted already: {desk.fingerprint('core-1')} (ssh-ed25519)\n"
    )
    assert desk.known.stat().st_mtime_ns == before


def test_a_changed_key_is_told_loudly_and_kept_only_when_asked_for(desk: Desk) -> None:
    other = desk.line("core-2").replace("127.0.0.3", "127.0.0.2")
    desk.known.write_text(f"# ours\n{other}# of others\n{desk.line('outer')}")
    before = desk.known.read_text()
    right = ["--fingerprint", desk.fingerprint("core-1")]
    status, said = desk.trust("core-1", *right)
    assert status == 1
    assert "THE KEY OF core-1 HAS CHANGED" in said
    assert f"known until now: {desk.fingerprint('core-2')} (ssh-ed25519)" in said
    assert f"answers now:     {desk.fingerprint('core-1')} (ssh-ed25519)" in said
    assert "`komando trust core-1 --replace`" in said
    assert desk.known.read_text() == before

    status, said = desk.typed("core-1", "--replace", answers=["y", "y", "y"])
    assert status == 1
    assert desk.known.read_text() == before

    status, said = desk.trust("core-1", "--replace", *right)
    assert status == 0, said
    assert desk.known.read_text() == (
        f"# ours\n{desk.line('core-1')}# of others\n{desk.line('outer')}"
    )


def test_a_host_that_does_not_answer(desk: Desk) -> None:
    status, said = desk.trust("nobody", "--fingerprint", desk.fingerprint("core-1"))
    assert status == 1
    assert said == (
        "Error: nobody (127.0.0.9 port 22) does not answer: "
        "ssh: connect to host 127.0.0.9 port 22: Connection refused\n"
    )


def test_an_unknown_host(desk: Desk) -> None:
    status, said = desk.trust("cor-1", "--fingerprint", desk.fingerprint("core-1"))
    assert status == 1
    assert said == (
        f"Error: no machine 'cor-1' in {desk.folder}/hosts.yaml: did you mean core-1?\n"
    )


def test_a_file_that_cannot_be_written(desk: Desk) -> None:
    desk.known.mkdir()
    status, said = desk.trust("core-1", "--fingerprint", desk.fingerprint("core-1"))
    assert status == 1
    assert re.search(r"known_hosts.*(error\[file-unreadable\]|does not stand)", said), said


def test_nothing_else_trusts_on_first_use(desk: Desk) -> None:
    """The key that was asked for is kept nowhere: neither by ssh nor for the next question."""
    home = desk.folder / "home"
    home.mkdir()
    desk.typed("core-1", answers=["y", "y", "y"])
    assert not desk.known.exists()
    done = subprocess.run(
        [*desk.city.access.prefix, KOMANDO, "rollback", "core-1", "--inventory", str(desk.folder)],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "`komando trust HOST`" in done.stderr
    desk.known.write_text(desk.line("outer"))
    done = subprocess.run(
        [*desk.city.access.prefix, KOMANDO, "rollback", "core-1", "--inventory", str(desk.folder)],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "error[host-key-missing]: no key of core-1 is known" in done.stderr
