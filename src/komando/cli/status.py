"""`komando status`: why an office is slow, live."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.scope import Scope, machine_options

if TYPE_CHECKING:
    from rich.console import Console

    from komando.rollout.session import Session
    from komando.status import Office, RouterStatus

FOLDERS = {"opd": "opd", "hotspots": "hotspot", "hotspot": "hotspot"}
"""What may stand before the slash, and the kind that it means."""


@click.command()
@click.argument("what", metavar="[opd/SLUG|hotspots/SLUG]", required=False)
@machine_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
@click.option("--seconds", type=click.IntRange(1, 30), default=1, show_default=True,
              help="How long the counters are looked at.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
def status(scope: Scope, what: str | None, form: str, seconds: int, *, watch: bool) -> None:
    """Why is this office slow? What it is promised, and what it has at this moment.

    The first line is the answer; below it stand the rates with what is promised, what waits and
    what is dropped, the hosts inside the office that carry the most, and what to do next. It is the
    router that is asked, and it speaks of what is in force there: no policy file is read. Without a
    name: a table of all offices and public points.

    \b
    komando status opd/dinas-kesehatan
    komando status opd/dinas-kesehatan --watch
    komando status --format json

    Exit status: 0 answered, 1 it could not be asked.
    """  # noqa: D301
    kind, slug = _named(what)
    with scope.ahead() as launched:
        machines, access = scope.machines()

        from komando.cli.progress import working
        from komando.rollout.session import Session, WorkerFailedError

        hosts = list(machines.routers.values())
        try:
            with changing_nothing(), Session(hosts, access, launched=launched) as session:
                names = [host.name for host in hosts]
                if watch:
                    _watch(session, names, (kind, slug), form, seconds)
                with working(f"asking {', '.join(names)}"):
                    told = _asked(session, names, (kind, slug), seconds)
                _show(told, slug, form)
        except (WorkerFailedError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error


Told = tuple[list["RouterStatus"], dict[str, str]]
"""The answers of the routers that have what was asked for, and why others gave none."""


def _named(what: str | None) -> tuple[str, str]:
    """The kind and the slug that were asked for; "" for all."""
    if what is None:
        return "", ""
    folder, _, slug = what.removesuffix(".yaml").removeprefix("policies/").partition("/")
    from komando.documents.fields import is_slug

    if folder not in FOLDERS or not is_slug(slug):
        raise click.UsageError(
            f"{what!r} is neither opd/SLUG nor hotspots/SLUG; `komando status` shows all"
        )
    return FOLDERS[folder], slug


def _asked(session: Session, names: list[str], of: tuple[str, str], seconds: int) -> Told:
    """Ends the verb where no router answered, or none has what was asked for."""
    from komando.cli.progress import tell_failures
    from komando.rollout.observe import ask_status

    kind, slug = of
    told, failures = ask_status(session, names, slug, seconds)
    tell_failures(failures)
    if not told:
        raise click.exceptions.Exit(1)
    here = [one for one in told.values() if not slug or _has(one, kind, slug)]
    if slug and not here:
        raise click.ClickException(_unknown(told, kind, slug, others=bool(failures)))
    return here, failures


def _has(router: RouterStatus, kind: str, slug: str) -> bool:
    return any((one.kind, one.slug) == (kind, slug) for one in router.offices)


def _unknown(told: Mapping[str, RouterStatus], kind: str, slug: str, *, others: bool) -> str:
    known = [name for one in told.values() for name in one.known]
    known += [f"{one.kind}/{one.slug}" for router in told.values() for one in router.offices]
    kinds = {name.partition("/")[2]: name.partition("/")[0] for name in known}
    here = [one for one, its in kinds.items() if its == kind] or list(kinds)
    near = [slug] if slug in kinds else get_close_matches(slug, here, n=3)
    folders = {"opd": "opd", "hotspot": "hotspots"}
    names = [f"{folders[kinds[one]]}/{one}" for one in near]
    what = f"no router has {folders[kind]}/{slug} in force"
    if others:
        what = f"none of the routers that answered has {folders[kind]}/{slug} in force"
    if all(one.generation is None for one in told.values()):
        return f"{what}: nothing is in force there yet (`komando apply`)"
    if names:
        return f"{what}; did you mean {' or '.join(names)}?"
    return f"{what}; `komando status` shows all, and a new one is there after `komando apply`"


def _show(told: Told, slug: str, form: str, console: Console | None = None) -> None:
    from rich.console import Console

    from komando.cli.status_text import as_data, office_lines, table_lines

    routers, failures = told
    if form == "json":
        click.echo(json.dumps(as_data(routers, failures, slug), indent=1, ensure_ascii=False))
    else:
        console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        bars = console.is_terminal
        if slug:
            ((router, office),) = pairs(routers)
            lines = office_lines(router, office, bars=bars)
        else:
            lines = table_lines(pairs(routers), bars=bars)
        for line in lines:
            console.print(line)
    if failures and not slug:
        raise click.exceptions.Exit(1)


def pairs(routers: list[RouterStatus]) -> list[tuple[RouterStatus, Office]]:
    """Each office with the router that told of it."""
    return [(router, office) for router in routers for office in router.offices]


def _watch(
    session: Session, names: list[str], of: tuple[str, str], form: str, seconds: int
) -> None:
    """Until Ctrl-C; on a terminal each answer takes the place of the one before."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    try:
        while True:
            told = _asked(session, names, of, seconds)
            if console.is_terminal and form == "text":
                console.clear()
            _show(told, of[1], form, console)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0) from None
