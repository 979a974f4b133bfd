"""`komando people`: who may propose and who may approve, and since when."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli.days import DAY
from komando.cli.options import policies_option
from komando.cli.streams import tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komando.policy import People, Person


@click.command()
@policies_option
@click.option("--format", "form", type=click.Choice(["text", "json", "allowed-signers"]),
              default="text", show_default=True, help="How to print it.")  # fmt: skip
@click.option("--on", type=DAY, metavar="DATE", default=None,
              help="Only those who may on this day. Default: all, with their days.")  # fmt: skip
def people(policies: Path, form: str, on: date | None) -> None:
    """Print who may propose a change and who may approve it, from policies/people.yaml.

    \b
    komando people
    komando people --on 2026-12-31
    komando people --format allowed-signers > allowed_signers

    `allowed-signers` is what git takes as gpg.ssh.allowedSignersFile (ssh-keygen(1)): whose
    signature on a commit counts, and when.
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines
    from komando.policy import allowed_signers

    found, zone = people_of(policies)
    if on is not None:
        found = {login: one for login, one in found.items() if one.serves(on)}
    if form == "json":
        click.echo(
            json.dumps([_plain(one) for one in found.values()], indent=1, ensure_ascii=False)
        )
    elif form == "allowed-signers":
        click.echo(allowed_signers(found, zone), nl=False)
    elif found:
        tell("\n".join(_table(found.values())))
    if not any(one.role == "approver" for one in found.values()):
        day = "" if on is None else f" on {on}"
        tell(f"nobody may approve anything{day}: no merge applies by itself", err=True)


def people_of(policies: Path) -> tuple[People, str]:
    """The people of a folder of policies, and the region's zone; what is wrong ends the verb."""
    from komando.cli.checked import refused
    from komando.policy import load_policy

    loaded = load_policy(policies)
    if loaded.policy is None:
        raise refused(loaded.diagnostics)
    return loaded.policy.people, loaded.policy.region.zone


def _plain(one: Person) -> dict[str, Any]:
    return {
        "login": one.login,
        "name": one.name,
        "office": one.office,
        "role": one.role,
        "mails": one.mails,
        "keys": one.keys,
        "from": str(one.start),
        "until": None if one.end is None else str(one.end),
    }


def _table(people: Iterable[Person]) -> list[str]:
    rows = [("LOGIN", "ROLE", "FROM", "UNTIL", "KEYS", "OFFICE", "NAME")]
    for one in people:
        end = "-" if one.end is None else str(one.end)
        rows.append(
            (one.login, one.role, str(one.start), end, str(len(one.keys)), one.office, one.name)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
