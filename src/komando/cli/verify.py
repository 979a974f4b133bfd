"""`komando verify`: observed against intended, on every host."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

import click

from komando.cli.desired import Desired
from komando.cli.progress import working
from komando.cli.scope import LAB, Scope, host_options
from komando.cli.streams import tell
from komando.inventory import Access
from komando.verify import ANSWERS, Check, VerifyError
from komando.verify import verify as run_checks


@click.command()
@host_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def verify(scope: Scope, form: str) -> None:
    """Look on every host whether it is as intended: the checks of tests/hosts.

    On every machine of the inventory they look at what the roles promise: who may log in and do
    what, what its packet guard lets in, its clock, upgrades, journal, kernel and metrics. Where
    policies reach it, they ask tc, ip, sysctl and systemd there, as the user that logs in, and
    compare what they answer with what the policies render: each class and its rates, each queue,
    route and address. What the host program says of itself is one check among them. An apply ends
    with those of the policies.

    They change nothing, and say what holds. What an apply would change is for `komando plan`, which
    compares generations; what somebody changed by hand, whatever the policies say, for
    `komando drift`, which compares a host with its own generation.

    Exit status: 0 every check holds, 1 one does not.
    """
    wanted = scope.desired()
    access = scope.access(wanted)
    names = [name for name in wanted.inventory.hosts if scope.stands(name)]
    if not verify_hosts(names, wanted, access, form, roles=True):
        raise click.exceptions.Exit(1)


def verify_hosts(
    names: list[str], wanted: Desired, access: Access, form: str = "text", *, roles: bool = False
) -> bool:
    """Check some hosts and tell on stdout; whether every check holds.

    With `roles` also what no rollout changes.
    """
    hosts = [wanted.inventory.hosts[name] for name in names]
    try:
        with working(f"verifying {', '.join(names)}") as say:
            checks = run_checks(
                hosts,
                access,
                wanted.bundles,
                wanted.folder,
                roles=roles,
                lab=wanted.inventory.name == LAB,
                told=say,
            )
    except VerifyError as error:
        raise click.ClickException(str(error)) from error
    if form == "json":
        click.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        _tell(checks)
    return bool(checks) and all(check.holds for check in checks)


def _tell(checks: list[Check]) -> None:
    for check in checks:
        if check.name == ANSWERS:
            tell(f"{check.host}: does not answer: {check.trouble}")
        elif not check.holds:
            tell(f"{check.host}: does not hold: {check.name}")
            for line in check.trouble.splitlines()[:20]:
                tell(f"  {line}")
    made = [check for check in checks if check.name != ANSWERS]
    counts = Counter((check.host, check.holds) for check in made)
    for host in sorted({check.host for check in made}):
        good, bad = counts[host, True], counts[host, False]
        words = f"{bad} of {good + bad} checks do not hold" if bad else f"{good} checks hold"
        tell(f"{host}: {words}", err=bool(bad))
