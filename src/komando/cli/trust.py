"""`komando trust`: a machine's host key is kept once a person has compared it."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from komando.cli.completing import offer_machines
from komando.cli.machines import folder_of, host_named, machines_of
from komando.cli.scope import LAB, Scope, access_to, machine_options, require_keys
from komando.cli.streams import tell
from komando.documents.files import write_whole
from komando.documents.keys import KEY_KINDS, PublicKey
from komando.inventory import Access, Host, Inventory
from komando.inventory.known import KNOWN_HOSTS, place_of, read_known_hosts
from komando.inventory.known_lines import with_key

if TYPE_CHECKING:
    from komando.cli.hostkey import ShownKey

_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])")
_BARE = re.compile(r"\s*([A-Za-z0-9+/]{43})=?\s*")

TRIES = 3
"""How often a person is asked who types something that is no fingerprint."""


def fingerprint_in(text: str) -> str | None:
    """The fingerprint in what a console shows: alone, or in the line of `ssh-keygen -l`."""
    found = _FINGERPRINT.search(text) or _BARE.fullmatch(text)
    return f"SHA256:{found[1]}" if found else None


def _fingerprint(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    del context, option
    if value is not None and (value := fingerprint_in(value)) is None:
        raise click.BadParameter("not a fingerprint: `SHA256:` and 43 characters")
    return value


@click.command()
@click.argument("name", metavar="HOST", shell_complete=offer_machines)
@click.option("--fingerprint", metavar="SHA256:...", callback=_fingerprint,
              help="What the machine's console shows; nobody is asked then.")  # fmt: skip
@click.option("--replace", "anew", is_flag=True,
              help="Keep the key of a machine that had another one until now.")  # fmt: skip
@click.option("--user", metavar="NAME",
              help="Who logs in on jump hosts. Default: whom the inventory says.")  # fmt: skip
@machine_options
def trust(
    scope: Scope, name: str, fingerprint: str | None, user: str | None, *, anew: bool
) -> None:
    """Fetch HOST's ssh host key, and keep it once it is what the machine's console shows.

    Whoever answers at an address is not yet the machine that is meant. So the fingerprint is asked
    for as the machine itself says it, read at its console, from its provider's panel or by a phone
    call to somebody in front of it. Only where both agree the key goes into known_hosts beside
    hosts.yaml, the one file of host keys that is trusted.

    A machine behind jump hosts is asked over them; their own keys have to be known already.

    Exit status: 0 its key is known, 1 it is not, or it is another one.
    """
    if fingerprint is None and not sys.stdin.isatty():
        raise click.ClickException(
            "nobody can be asked here, as standard input is no terminal: give --fingerprint with "
            "what the machine's console shows"
        )
    machines, access = _machines(scope)
    if user is not None:
        access = replace(access, user=user)
    host = host_named(machines, folder_of(scope.inventory), name)
    require_keys(machines, access, [hop.name for hop in host.hops])
    kept = _kept(host, access)
    from komando.cli.hostkey import shown_key

    # a key that is known is asked for first, whatever else the machine has
    kinds = dict.fromkeys([*(key.kind for key in kept), *KEY_KINDS])
    shown = shown_key(host, access, list(kinds))
    if fingerprint is not None and fingerprint != shown.key.fingerprint:
        raise _other(host, shown.key, fingerprint)
    if shown.key in kept:
        tell(f"{name} is trusted already: {shown.key.fingerprint} ({shown.key.kind})", err=True)
        return
    if kept:
        _tell_changed(host, kept, shown.key, anew=anew)
    if fingerprint is None:
        _compare(host, shown)
    _keep(host, shown.key, machines, access)


def _machines(scope: Scope) -> tuple[Inventory, Access]:
    """The machines and the way to them; known_hosts need not stand yet."""
    folder = folder_of(scope.inventory)
    machines = machines_of(folder)
    known = folder / KNOWN_HOSTS
    if machines.name == LAB or scope.lab is not None or known.exists():
        return machines, access_to(machines, folder, scope.lab, scope.identity)
    return machines, Access(prefix=(), identity=scope.identity, known_hosts=known)


def _kept(host: Host, access: Access) -> list[PublicKey]:
    """The keys that are known of it; ends the verb where the file cannot be read."""
    from komando.cli.checked import refused

    known = read_known_hosts(access.known_hosts)
    if known.unread:
        raise refused(list(known.diagnostics))
    return [one.key for one in known.of(place_of(host))]


def _other(host: Host, shown: PublicKey, said: str) -> click.ClickException:
    return click.ClickException(
        f"{host.name} is not trusted, and nothing was changed: its console shows another key than "
        f"who answers at {place_of(host)}\n"
        f"  console:  {said}\n"
        f"  answered: {shown.fingerprint} ({shown.kind})\n"
        "Either that is another key of the same machine, or another machine answers"
    )


def _tell_changed(host: Host, kept: list[PublicKey], shown: PublicKey, *, anew: bool) -> None:
    """Say it loudly; ends the verb unless the change was asked for."""
    for line in (
        "!" * 76,
        f"  THE KEY OF {host.name} HAS CHANGED",
        *(f"  known until now: {key.fingerprint} ({key.kind})" for key in kept),
        f"  answers now:     {shown.fingerprint} ({shown.kind})",
        "  Was the machine set up anew? If nobody knows, somebody stands between.",
        "!" * 76,
    ):
        tell(line, err=True)
    if not anew:
        raise click.ClickException(
            f"nothing was changed: `komando trust {host.name} --replace` keeps the new key in "
            "place of the old one, once its console shows it"
        )


def _compare(host: Host, shown: ShownKey) -> None:
    """Have a person type what the console shows; ends the verb where that is another key."""
    kind = shown.key.kind.removeprefix("ssh-").partition("-")[0]
    for line in (
        f"{host.name} at {place_of(host)} shows this key ({shown.key.kind}):",
        "",
        *(f"    {row}" for row in shown.picture.splitlines()),
        f"    {shown.key.fingerprint}",
        "",
        "Whoever answers may be another machine. At the console of the one that is meant, run",
        "",
        f"    ssh-keygen -lvf /etc/ssh/ssh_host_{kind}_key.pub",
        "",
    ):
        tell(line, err=True)
    for _ in range(TRIES):
        said: str = click.prompt("and type what it shows, SHA256:...", err=True, prompt_suffix=" ")
        found = fingerprint_in(said)
        if found == shown.key.fingerprint:
            return
        if found is not None:
            raise _other(host, shown.key, found)
        tell("that is no fingerprint: it begins with SHA256:, and 43 characters follow", err=True)
    raise click.ClickException(f"{host.name} is not trusted, and nothing was changed")


def _keep(host: Host, key: PublicKey, machines: Inventory, access: Access) -> None:
    path = access.known_hosts
    order = [place_of(one) for one in machines.hosts.values()]
    try:
        text = path.read_bytes().decode(errors="surrogateescape") if path.exists() else ""
        text = with_key(text, place_of(host), key, order)
        write_whole(path, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise click.ClickException(
            f"{host.name} is not trusted, as {path} cannot be written: "
            f"{(error.strerror or str(error)).lower()}"
        ) from error
    commit = "" if machines.name == LAB else "; commit it"
    tell(f"{host.name} is trusted: {path} has its key{commit}", err=True)
