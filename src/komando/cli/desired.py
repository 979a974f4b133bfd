"""From policies and an inventory to the bundle of each host, for the verbs that need them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from komando.bundle import Bundle
from komando.cli.checked import checked_intent, refused
from komando.cli.machines import names_in
from komando.diagnostics import Diagnostic, Sources, as_text, errors_in, in_order
from komando.intent import Intent
from komando.inventory import Inventory
from komando.policy import Policy
from komando.secrets.files import SecretError, sealed_secrets


@dataclass(frozen=True)
class Desired:
    """What the policies ask for, down to the bytes.

    `sealed` maps the secrets of the hosts to their encrypted files.
    """

    policy: Policy
    inventory: Inventory
    folder: Path
    intent: Intent
    bundles: dict[str, Bundle]
    sealed: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def left_out(self) -> set[str]:
        """The routers that the policies name, and `--limit` leaves out."""
        return self.intent.routers.keys() - self.bundles.keys()

    def examined(self, hosts: Iterable[str]) -> list[Diagnostic]:
        """What the programs that will read the files of some hosts have to say about them."""
        from concurrent.futures import ThreadPoolExecutor

        from komando.platforms.debian import check

        with ThreadPoolExecutor() as readers:  # most of a check is waiting for the kernel
            checked = readers.map(check, [self.bundles[name] for name in hosts])
            return [found for diagnostics in checked for found in diagnostics]


def desired(policies: Path, folder: Path, machines: Inventory) -> Desired:
    """Check, compile and render, for the machines of an inventory's folder.

    Policies that are wrong are told on stderr and end the verb with exit status 1.
    """
    from komando.platforms.debian import render

    policy, intent = checked_intent(policies, machines.divisor)
    bundles: dict[str, Bundle] = {}
    sealed = sealed_of(folder, machines)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sealed.items()}
    for name in sorted(intent.routers):
        if name not in machines.routers:
            raise click.ClickException(
                f"router {name} stands in the policies, but not among the routers of "
                f"{folder}/hosts.yaml: add it"
            )
        try:
            bundles[name] = render(intent, machines.routers[name], hashes)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    return Desired(policy, machines, folder, intent, bundles, sealed)


def limited(wanted: Desired, limit: str | None) -> Desired:
    """The same, for some hosts alone: names with commas between them; None for all.

    Ends the verb with exit status 1 for a name that has no bundle.
    """
    if limit is None:
        return wanted
    names = names_in(limit)
    for name in names:
        if name not in wanted.bundles:
            raise click.UsageError(
                f"--limit names {name!r}, and the policies have {', '.join(wanted.bundles)}"
            )
    return replace(wanted, bundles={name: wanted.bundles[name] for name in names})


def report(diagnostics: list[Diagnostic]) -> None:
    """Tell on stderr what rendering found; on an error, end the verb with exit status 1."""
    if errors_in(diagnostics):
        raise refused(diagnostics)
    sources = Sources()
    for one in in_order(diagnostics):
        click.echo(as_text(one, sources) + "\n", err=True)


def sealed_of(folder: Path, machines: Inventory) -> dict[str, bytes]:
    """The encrypted files of all secrets that its hosts state; what is wrong ends the verb."""
    stated = [one for host in machines.hosts.values() for one in host.secrets]
    try:
        return sealed_secrets(folder, stated)
    except SecretError as error:
        raise refused(error.diagnostics) from error
