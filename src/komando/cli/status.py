"""`komando status`: why an office is slow, live."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.scope import Scope, machine_options

if TYPE_CHECKING:
    from rich.console import Console

    from komando.rollout.session import Session
    from komando.status import RouterStatus

FOLDERS = {"opd": "opd", "hotspots": "hotspots", "hotspot": "hotspots"}
"""What may stand before the slash, and the folder that it means."""


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
    path = _named(what)
    with scope.ahead() as launched:
        machines, access = scope.machines()

        from komando.cli.progress import working
        from komando.rollout.session import Session, WorkerFailedError

        hosts = list(machines.routers.values())
        try:
            with changing_nothing(), Session(hosts, access, launched=launched) as session:
                names = [host.name for host in hosts]
                if watch:
                    _watch(session, names, path, form, seconds)
                with working(f"asking {', '.join(names)}"):
                    found = _asked(session, names, path, seconds)
                _show(found, form)
        except (WorkerFailedError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error


@dataclass(frozen=True)
class _Found:
    """What routers have of `path` ("": of everything), and why others told nothing."""

    path: str
    routers: list[RouterStatus]
    failures: dict[str, str]


def _named(what: str | None) -> str:
    """The path that was asked for, as `Office.path` is; "" for all."""
    if what is None:
        return ""
    folder, _, slug = what.removesuffix(".yaml").removeprefix("policies/").partition("/")
    from komando.documents.fields import is_slug

    if folder not in FOLDERS or not is_slug(slug):
        raise click.UsageError(
            f"{what!r} is neither opd/SLUG nor hotspots/SLUG; `komando status` shows all"
        )
    return f"{FOLDERS[folder]}/{slug}"


def _asked(session: Session, names: list[str], path: str, seconds: int) -> _Found:
    """Ends the verb where no router answered, or none has what was asked for."""
    from komando.cli.progress import tell_failures
    from komando.rollout.observe import ask_status

    told, failures = ask_status(session, names, _slug(path), seconds)
    tell_failures(failures)
    if not told:
        raise click.exceptions.Exit(1)
    here = [one for router in told.values() if (one := _only(router, path)).offices]
    if path and not here:
        raise click.ClickException(_unknown(told, path, others=bool(failures)))
    return _Found(path, here if path else list(told.values()), failures)


def _only(router: RouterStatus, path: str) -> RouterStatus:
    return replace(router, offices=tuple(one for one in router.offices if one.path == path))


def _slug(path: str) -> str:
    return path.partition("/")[2]


def _unknown(told: Mapping[str, RouterStatus], path: str, *, others: bool) -> str:
    known = [name for one in told.values() for name in one.known]
    known += [one.path for router in told.values() for one in router.offices]
    paths = {_slug(name): name for name in known}
    folder = path.removesuffix(_slug(path))
    here = [slug for slug, name in paths.items() if name.startswith(folder)] or list(paths)
    near = [_slug(path)] if _slug(path) in paths else get_close_matches(_slug(path), here, n=3)
    what = f"no router has {path} in force"
    if others:
        what = f"none of the routers that answered has {path} in force"
    if all(one.generation is None for one in told.values()):
        return f"{what}: nothing is in force there yet (`komando apply`)"
    if near:
        return f"{what}; did you mean {' or '.join(paths[slug] for slug in near)}?"
    return f"{what}; `komando status` shows all, and a new one is there after `komando apply`"


def _show(found: _Found, form: str, console: Console | None = None) -> None:
    from rich.console import Console

    from komando.cli.status_text import as_data, named_lines, table_lines

    if form == "json":
        data = as_data(found.routers, found.failures, _slug(found.path))
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        lines = named_lines if found.path else table_lines
        for line in lines(found.routers, bars=console.is_terminal):
            console.print(line)
    if found.failures and not found.path:
        raise click.exceptions.Exit(1)


def _watch(session: Session, names: list[str], path: str, form: str, seconds: int) -> None:
    """Until Ctrl-C; on a terminal each answer takes the place of the one before."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    try:
        while True:
            found = _asked(session, names, path, seconds)
            if console.is_terminal and form == "text":
                console.clear()
            _show(found, form, console)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0) from None
