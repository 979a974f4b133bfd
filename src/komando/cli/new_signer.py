"""`komando new signer`: somebody who may propose or approve, in `policies/people.yaml`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

import click

from komando.cli.completing import offer_offices, offer_roles
from komando.cli.days import DAY, in_words
from komando.cli.new_ask import Form, asked
from komando.cli.new_limits import from_day
from komando.cli.new_trial import standing, trial_options, try_out, write
from komando.cli.new_value import NAME, Named, Value
from komando.diagnostics import Diagnostic
from komando.documents.files import read_bytes
from komando.documents.keys import private_key_of, read_public_key
from komando.policy import Policy, day_in
from komando.policy.fresh import NoPlaceError
from komando.policy.fresh.people import FreshPerson, with_person
from komando.policy.people import PEOPLE, Login, Mail, Role, find
from komando.units import Unfit

_LOGIN: Final = Value(Login, "a login on the forge")
_MAIL: Final = Value(Mail, "a mail address", "networks@diskominfo.example")
_ROLES: Final = Named("role", dict.fromkeys(get_args(Role)))

_FOLLOWS: Final = {
    "approver": "read it, name them in .github/CODEOWNERS, commit both",
    "requester": "read it, and commit it on a branch",
}


class PublicKeyFile(click.ParamType[str]):
    """The line of a public key's file. A private one is refused, and nothing of it is shown."""

    name = "FILE"
    form = "the file of a public key"
    hint = " (~/.ssh/*.pub)"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The line."""
        path = Path(value).expanduser()
        raw = read_bytes(str(path))
        if isinstance(raw, Diagnostic):
            self.fail(f"{path}: {raw.message} ({raw.found})", param, ctx)
        if private_key_of(str(path), raw) is not None:
            public = path.name if path.suffix == ".pub" else f"{path.name}.pub"
            self.fail(
                f"{path}: that is the private key; the public one is {public}. Nothing was "
                "written, and it was sent nowhere",
                param,
                ctx,
            )
        line = raw.decode(errors="replace").strip()
        try:
            read_public_key(line)
        except Unfit as unfit:
            self.fail(f"{path}: {in_words(unfit)}", param, ctx)
        return line


_KEY: Final = PublicKeyFile()


@click.command(short_help="Somebody who may propose or approve: policies/people.yaml.")
@click.argument("login")
@click.option("--name", metavar="TEXT", help="The name, as letters have it.")
@click.option("--office", metavar="OPD", shell_complete=offer_offices,
              help="The office that they work for.")  # fmt: skip
@click.option("--role", metavar="ROLE", shell_complete=offer_roles,
              help="approver, or requester, who may only propose.")  # fmt: skip
@click.option("--mail", multiple=True, metavar="ADDRESS",
              help="An address that stands in their commits; once for each.")  # fmt: skip
@click.option("--key-file", multiple=True, metavar="FILE", type=click.Path(),
              help="A public key that they sign commits with (~/.ssh/*.pub); once for each.",
              )  # fmt: skip
@click.option("--from", metavar="DATE", help="The first day. Default: today.")
@click.option("--until", metavar="DATE", help="The last day. Default: none is known.")
@trial_options
def signer(login: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Add somebody to the people of the policies; comments and order stay as they are.

    \b
    komando new signer their-login --name "Head of networks, Diskominfo" --office diskominfo \\
        --role approver --mail networks@diskominfo.example --key-file id_ed25519.pub
    """  # noqa: D301 - click's mark
    file = policies / PEOPLE
    with asked(given, yes=yes) as form:
        policy, told = standing(policies)
        _LOGIN.convert(login, None, None)
        if (known := find(policy.people, login)) is not None:
            raise click.ClickException(f"{PEOPLE} has {known.login} already: change that entry")
        fresh = _fresh(policy, login, form)
        try:
            content = with_person(str(file), file.read_bytes() if file.exists() else None, fresh)
        except NoPlaceError as error:
            raise click.ClickException(str(error)) from error
        if dry:
            click.echo(content.decode(), nl=False)
        try_out(policies, file, content, told)
    if not dry:
        days = f"from {fresh.start}" + (f" until {fresh.end}" if fresh.end else "")
        write(file, content, f"{login}, {fresh.role}, {days}", _FOLLOWS[fresh.role])


def _fresh(policy: Policy, login: str, form: Form) -> FreshPerson:
    offices = Named("office", policy.opd)
    form.look({"--name": NAME, "--office": offices, "--role": _ROLES, "--mail": _MAIL,
               "--from": DAY, "--until": DAY, "--key-file": _KEY})  # fmt: skip
    name = form.take("--name", "Name", NAME)
    office = form.take("--office", "Office", offices)
    role = form.take("--role", "Role", _ROLES)
    mails = form.every("--mail", "Mail address in their commits", _MAIL, needed=True)
    keys = form.every("--key-file", "File of the public key that they sign with", _KEY,
                      needed=False)  # fmt: skip
    today = day_in(policy.region, datetime.now(UTC))
    start = form.take("--from", "First day", DAY, today)
    end = form.may("--until", "Last day", DAY, from_day(start))
    form.whole()
    return FreshPerson(login, name, office, role, mails, keys, start, end)
