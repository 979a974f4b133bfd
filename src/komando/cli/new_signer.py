"""`komando new signer`: somebody who may propose or approve, in `policies/people.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from komando.cli.checked import refused
from komando.cli.new_ask import DAY, NAME, Form, Named, may_ask
from komando.cli.new_trial import place, standing, trial_options, wrote
from komando.diagnostics import Diagnostic
from komando.documents.files import read_bytes
from komando.documents.keys import private_key_of, read_public_key
from komando.policy import day_in
from komando.policy.fresh import NoPlaceError
from komando.policy.fresh.people import FreshPerson, with_person
from komando.policy.people import PEOPLE, find, is_login
from komando.units import Unfit

_ROLES = click.Choice(["approver", "requester"])


@click.command(short_help="Somebody who may propose or approve: policies/people.yaml.")
@click.argument("login")
@click.option("--name", metavar="TEXT", help="The name, as letters have it.")
@click.option("--office", metavar="OPD", help="The office that they work for.")
@click.option("--role", metavar="ROLE", help="approver, or requester, who may only propose.")
@click.option("--mail", "mails", multiple=True, metavar="ADDRESS",
              help="An address that stands in their commits; once for each.")  # fmt: skip
@click.option("--key-file", "key_files", multiple=True, metavar="FILE",
              type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A public key that they sign commits with (~/.ssh/*.pub); once for each.",
              )  # fmt: skip
@click.option("--from", "start", metavar="DATE", help="The first day. Default: today.")
@click.option("--until", "end", metavar="DATE", help="The last day. Default: none is known.")
@trial_options
def signer(login: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Add somebody to the people of the policies; comments and order stay as they are.

    \b
    komando new signer their-login --name "Head of networks, Diskominfo" --office diskominfo \\
        --role approver --mail networks@diskominfo.example --key-file id_ed25519.pub
    """  # noqa: D301 - click's mark
    policy, told = standing(policies)
    if not is_login(login):
        raise click.UsageError(f"{login!r} is no login of a person on the forge")
    if (known := find(policy.people, login)) is not None:
        raise click.ClickException(f"{PEOPLE} has {known.login} already: change that entry")
    today = day_in(policy.region, datetime.now(UTC))
    form = Form(asks=may_ask(yes=yes))
    name = form.take("--name", given["name"], "Name", NAME)
    office = form.take("--office", given["office"], "Office", Named("office", policy.opd))
    role = form.take("--role", given["role"], "Role (approver, requester)", _ROLES)
    mails = given["mails"] or (form.take("--mail", None, "Mail address in commits", NAME),)
    start = form.take("--from", given["start"], "First day", DAY, today)
    end = form.may("--until", given["end"], "Last day", DAY)
    form.whole()
    keys = tuple(_public_key(path) for path in given["key_files"])
    fresh = FreshPerson(login, name, office, role, tuple(mails), keys, start, end)
    file = policies / PEOPLE
    try:
        content = with_person(str(file), file.read_bytes() if file.exists() else None, fresh)
    except NoPlaceError as error:
        raise click.ClickException(str(error)) from error
    place(policies, file, content, told=told, dry=dry)
    if not dry:
        wrote(file, f"{login}, {role}, from {start}" + (f" until {end}" if end else ""))


def _public_key(path: Path) -> str:
    """The line of a public key's file. A private one is refused, and nothing of it is shown."""
    raw = read_bytes(str(path))
    if isinstance(raw, Diagnostic):
        raise refused([raw])
    if (secret := private_key_of(str(path), raw)) is not None:
        raise refused([secret])
    line = raw.decode(errors="replace").strip()
    try:
        read_public_key(line)
    except Unfit as unfit:
        raise click.ClickException(
            f"{path}: {unfit.message}; expected {unfit.expected}; {unfit.remedy}"
        ) from unfit
    return line
