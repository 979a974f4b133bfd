"""`known_hosts` beside `hosts.yaml`: which key each machine shows. No other file is trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from komando.diagnostics import Diagnostic, Location, Related
from komando.documents.explain import UNSHOWN
from komando.documents.files import read_bytes
from komando.documents.keys import PublicKey, private_key_of, read_public_key
from komando.documents.near import nearest
from komando.inventory.machines import Hop, Host
from komando.units import Unfit

KNOWN_HOSTS: Final = "known_hosts"

SHOWN: Final = "ssh-ed25519"
"""The kind of the one host key that sshd of a prepared machine shows (roles/base)."""

_PORT = re.compile(r"\[([^]]+)\]:([0-9]{1,5})")
_FORM: Final = "`192.0.2.10 ssh-ed25519 AAAA...`, and `[192.0.2.10]:2222` with another port than 22"


@dataclass(frozen=True)
class KnownKey:
    """One key of one machine, in a line of `known_hosts`.

    `place` is what OpenSSH asks for: an address, or `[address]:port` with another port than 22.
    """

    place: str
    key: PublicKey
    where: Location


@dataclass(frozen=True)
class KnownHosts:
    """All keys of a file, and what is wrong with its lines; `stands` says whether there is one.

    `broken` are the places whose key cannot be read.
    """

    path: Path
    keys: tuple[KnownKey, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()
    stands: bool = True

    @property
    def unread(self) -> bool:
        """Whether nothing of the file could be looked at."""
        return self.stands and not self.keys and any(one.whole for one in self.diagnostics)

    def of(self, place: str) -> tuple[KnownKey, ...]:
        """The keys of one place."""
        return tuple(one for one in self.keys if one.place == place)


def place_of(machine: Host | Hop) -> str:
    """What OpenSSH asks `known_hosts` for when it comes to a machine."""
    return f"[{machine.address}]:{machine.port}" if machine.port != 22 else machine.address


def read_known_hosts(path: Path) -> KnownHosts:
    """Every key of the file, and a diagnostic for each line that is none."""
    if not path.is_symlink() and not path.exists():
        return KnownHosts(path, stands=False)
    raw = read_bytes(str(path))
    if isinstance(raw, Diagnostic):
        return KnownHosts(path, diagnostics=(raw,))
    if (secret := private_key_of(str(path), raw)) is not None:
        return KnownHosts(path, diagnostics=(secret,))
    keys: list[KnownKey] = []
    diagnostics: list[Diagnostic] = []
    broken: set[str] = set()
    for number, line in enumerate(raw.decode(errors="replace").split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                keys += _keys(line, Location(str(path), number, 1))
            except _BadLine as bad:
                diagnostics.append(bad.diagnostic)
                broken |= set(line.split()[0].split(","))
    diagnostics += _doubtful(keys)
    return KnownHosts(path, tuple(keys), tuple(diagnostics), frozenset(broken))


class _BadLine(ValueError):
    def __init__(self, unfit: Unfit, found: str, at: Location) -> None:
        texts = (unfit.message, UNSHOWN if unfit.secret else found, unfit.expected, unfit.remedy)
        super().__init__(unfit.message)
        self.diagnostic = Diagnostic(unfit.check, "error", *texts, at, whole=unfit.secret)


def _keys(line: str, at: Location) -> list[KnownKey]:
    """The keys of one line, of which each of its places has one; raises _BadLine."""
    places = line.split(maxsplit=1)[0]
    column = line.index(places) + 1
    behind = line[column - 1 + len(places) :]
    found: list[tuple[str, Location]] = []
    for place in places.split(","):
        found.append((place, at._replace(column=column)))
        if not _is_place(place):
            raise _BadLine(_no_place(place), place, found[-1][1])
        column += len(place) + 1
    try:
        key = read_public_key(behind)
    except Unfit as unfit:
        blob = at._replace(column=len(line) - len(behind.lstrip()) + 1)
        raise _BadLine(unfit, " ".join(behind.split())[:40], blob) from None
    return [KnownKey(place, key, where) for place, where in found]


def _is_place(text: str) -> bool:
    bracketed = _PORT.fullmatch(text)
    address, port = bracketed.groups() if bracketed else (text, "1")
    try:
        return str(ip_address(address)) == address and 1 <= int(port) <= 65535 and port != "22"
    except ValueError:
        return False


def _no_place(text: str) -> Unfit:
    if text.startswith("@"):
        remedy = "remove the line, or its mark: keys stand here one by one, each for its machine"
    elif text.startswith("|"):
        remedy = "write the address: hosts.yaml beside it names all of them anyway"
    else:
        remedy = "write the machine's address as hosts.yaml has it"
    return Unfit("known-hosts-line", "no address of a machine", expected=_FORM, remedy=remedy)


def _doubtful(keys: list[KnownKey]) -> Iterator[Diagnostic]:
    """Two keys of one kind for one machine: the one that it no longer has would still do."""
    first: dict[tuple[str, str], KnownKey] = {}
    for one in keys:
        before = first.setdefault((one.place, one.key.kind), one)
        if before.key != one.key:
            yield Diagnostic(
                "host-key-twice",
                "error",
                f"a second {one.key.kind} key of {one.place}",
                found=one.key.fingerprint,
                expected="one key of each kind, that which the machine has",
                remedy="look at the machine's console which it is, and remove the other line",
                location=one.where,
                related=(Related(f"the first, {before.key.fingerprint}", before.where),),
            )


def check_keys(hosts: Iterable[Host], known: KnownHosts) -> list[Diagnostic]:
    """What is wrong with the file, and between it and the machines of the inventory."""
    every = list(hosts)
    if not known.stands:
        return [_none_known(every, known)]
    if known.unread:
        return list(known.diagnostics)
    told = [host for host in every if place_of(host) not in known.broken]
    return [*known.diagnostics, *_idle(every, known), *without_key(told, known)]


def without_key(hosts: Iterable[Host], known: KnownHosts) -> Iterator[Diagnostic]:
    """An error for each machine whose key is not known."""
    trusted = {one.place for one in known.keys}
    for host in hosts:
        if place_of(host) not in trusted:
            yield Diagnostic(
                "host-key-missing",
                "error",
                f"no key of {host.name} is known, by which it could be told from another machine",
                found=f"no line for {place_of(host)} in {known.path}",
                expected="a line with its address and the key that its console shows",
                remedy=f"`komando trust {host.name}`",
                location=host.where or Location(str(known.path), 1, 1),
                whole=host.where is None,
            )


def _none_known(hosts: list[Host], known: KnownHosts) -> Diagnostic:
    """A list of machines that nobody has reached yet may well be right."""
    return Diagnostic(
        "host-key-missing",
        "warning",
        "no machine's key is known yet, so none can be reached",
        found=f"no file {known.path}",
        expected="a line for each machine, with its address and the key that its console shows",
        remedy="; ".join(f"`komando trust {host.name}`" for host in hosts[:3])
        + (" and so on" if len(hosts) > 3 else ""),
        location=Location(str(known.path), 1, 1),
        whole=True,
    )


def _idle(hosts: list[Host], known: KnownHosts) -> Iterator[Diagnostic]:
    """A warning for each line that no machine has."""
    places = {place_of(host): host.name for host in hosts}
    lacking = places.keys() - {one.place for one in known.keys}
    for one in known.keys:
        if one.place not in places:
            near = nearest(one.place, lacking)
            yield Diagnostic(
                "known-hosts-idle",
                "warning",
                "a key of no machine that hosts.yaml has",
                found=one.place,
                expected="the address of a machine, with its port where that is not 22",
                remedy=f"did you mean `{near}`, which is {places[near]}? Else remove the line"
                if near
                else "remove the line",
                location=one.where,
            )
