"""How OpenSSH reaches the machines: a configuration from the inventory, and nothing of the user's.

`komando verify`, Ansible, the lab and people use it, so that one file of host keys and one
statement of the ways holds for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from komando.inventory import Access, Hop, Host

ALIVE = 5
"""Seconds between questions to a machine that says nothing."""

ALIVE_COUNT = 3
"""Questions without an answer after which the connection counts as lost."""

SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""The names of signatures where they are not that of the key's kind (RFC 8332)."""


def configuration(hosts: Iterable[Host], access: Access, control: Path | None = None) -> str:
    """The text of an `ssh -F` file that knows these hosts, and the machines on the way to them.

    Each stands there by its name and by its address (Ansible asks for the address); the first of
    two with the same address is meant by it. With `control`, a folder, connections may be shared.
    """
    wanted = {host.name: host.reached_as(access.user) for host in hosts}
    hops = {hop.name: hop for host in wanted.values() for hop in host.hops}
    before = {
        hop.name: earlier.name
        for host in wanted.values()
        for earlier, hop in zip(host.hops, host.hops[1:], strict=False)
    }
    blocks = [
        _block(Hop(host.name, host.address, host.port, host.user), host.jump)
        for host in wanted.values()
    ]
    blocks += [
        _block(hop, before.get(name)) for name, hop in sorted(hops.items()) if name not in wanted
    ]
    shared = {"ControlPath": _quoted(control / "%n")} if control is not None else {}
    return "".join([*blocks, _lines("Host *", {**_for_all(access), **shared})])


def _block(machine: Hop, jump: str | None) -> str:
    names = dict.fromkeys((machine.name, machine.address))
    lines = {"HostName": machine.address, "Port": machine.port, "User": machine.user}
    # ssh's own proxy is started with this very file: the way to the jump host stands there, too
    return _lines(f"Host {' '.join(names)}", {**lines, **({"ProxyJump": jump} if jump else {})})


def options(access: Access) -> list[str]:
    """What holds for every machine, as options of one command: no configuration file is read."""
    return ["-F", "none", *(f"-o{key}={value}" for key, value in _for_all(access).items())]


def question(host: Host, config: Path, kept: Path, kinds: Iterable[str]) -> list[str]:
    """The command that has a host show its key, which ssh then writes into the new file `kept`.

    `config` is a file with `configuration` of the host: on the way to it known keys alone are good
    enough. No key and no password is offered to the host itself. Of several keys it shows that
    whose kind comes first in `kinds`.
    """
    wanted = ",".join(name for kind in kinds for name in SIGNATURES.get(kind, (kind,)))
    lines = {
        "UserKnownHostsFile": _quoted(kept),
        "StrictHostKeyChecking": "accept-new",
        "HashKnownHosts": "no",
        "HostKeyAlgorithms": wanted,
        "PreferredAuthentications": "none",
        "ControlPath": "none",
    }
    given = [f"-o{key}={value}" for key, value in lines.items()]
    return ["ssh", "-F", str(config), *given, host.name, "true"]


def _for_all(access: Access) -> dict[str, object]:
    """Known keys alone, no questions, and an end to each wait."""
    lines: dict[str, object] = {
        "UserKnownHostsFile": _quoted(access.known_hosts.absolute()),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": access.patience,
        "ServerAliveInterval": ALIVE,
        "ServerAliveCountMax": ALIVE_COUNT,
        # OpenSSH's default takes two to three times as long
        "KexAlgorithms": "curve25519-sha256",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "LogLevel": "ERROR",
    }
    if access.identity is not None:
        lines["IdentityFile"] = _quoted(access.identity.absolute())
        lines["IdentitiesOnly"] = "yes"
    return lines


def _quoted(path: Path) -> str:
    """A path as ssh_config(5) takes one with spaces in it."""
    return f'"{path}"' if " " in str(path) else str(path)


def _lines(head: str, lines: dict[str, object]) -> str:
    return f"{head}\n" + "".join(f"  {key} {value}\n" for key, value in lines.items())
