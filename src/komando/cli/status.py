"""`komando status`: why an office is slow, live."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

import click

from komando.cli import changing_nothing
from komando.cli.completing import offer_sites
from komando.cli.scope import Scope, machine_options, require_keys
from komando.cli.streams import tell

if TYPE_CHECKING:
    from rich.console import Console

    from komando.rollout.launch import Launched
    from komando.rollout.session import Session
    from komando.status import RouterStatus

FOLDERS = {"opd": "opd", "hotspots": "hotspots", "hotspot": "hotspots"}
"""What may stand before the slash, and the folder that it means."""


@click.command()
@click.argument("what", metavar="[opd/SLUG|hotspots/SLUG]", required=False,
                shell_complete=offer_sites)  # fmt: skip
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

    Exit status: 0 answered, or --watch was ended; 1 it could not be asked.
    """  # noqa: D301
    path = _named(what)
    with scope.ahead() as launched:
        machines, access = scope.machines()
        require_keys(machines, access, machines.routers)

        from komando.cli.progress import working
        from komando.rollout.session import Session, WorkerFailedError

        hosts = list(machines.routers.values())
        names = [host.name for host in hosts]
        opened = partial(Session, hosts, access)
        ask = partial(_asked, names, path, seconds)
        try:
            with changing_nothing():
                if watch:
                    _watch(opened, launched, ask, form, seconds)
                with opened(launched=launched) as session, working(f"asking {', '.join(names)}"):
                    found = ask(session)
                _conclude(found, form)
        except (WorkerFailedError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error


@dataclass(frozen=True)
class _Found:
    """What routers say of `path` ("": of all that they have), and why others say nothing."""

    path: str
    told: dict[str, RouterStatus]
    failures: dict[str, str]

    @property
    def routers(self) -> list[RouterStatus]:
        """Those that have it in force, with nothing beside it."""
        if not self.path:
            return list(self.told.values())
        only = (_only(router, self.path) for router in self.told.values())
        return [router for router in only if router.offices]

    @property
    def missing(self) -> str:
        """That none has it, of those that answered."""
        if self.routers or not self.told:
            return ""
        return _unknown(self.told, self.path, others=bool(self.failures))

    @property
    def whole(self) -> bool:
        """Whether nobody is wanting who could tell more."""
        return bool(self.routers) and (bool(self.path) or not self.failures)


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


def _asked(names: list[str], path: str, seconds: int, session: Session) -> _Found:
    from komando.rollout.observe import ask_status

    return _Found(path, *ask_status(session, names, _slug(path), seconds))


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


def _conclude(found: _Found, form: str) -> None:
    """Ends the verb with 1 where not all is told."""
    from komando.cli.progress import tell_failures

    tell_failures(found.failures)
    if found.missing:
        raise click.ClickException(found.missing)
    if found.routers:
        _show(found, form, _console())
    if not found.whole:
        raise click.exceptions.Exit(1)


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def _show(found: _Found, form: str, console: Console) -> None:
    from komando.cli.status_text import as_data, named_lines, table_lines

    if form == "json":
        data = as_data(found.routers, found.failures, _slug(found.path))
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
        return
    lines = named_lines if found.path else table_lines
    for line in lines(found.routers, bars=console.is_terminal):
        console.print(line)


def _watch(
    opened: Callable[..., Session],
    launched: Launched | None,
    ask: Callable[[Session], _Found],
    form: str,
    seconds: int,
) -> None:
    """Until Ctrl-C. A connection that was lost stays lost: whoever is away is asked over new ones.

    On a terminal each answer takes the place of the one before.
    """
    console = _console()
    try:
        while True:
            with opened(launched=launched) as session:
                launched, whole = None, True
                while whole:
                    begun = time.monotonic()
                    found = ask(session)
                    _show_in_place(found, form, console)
                    whole = found.whole
                    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    except KeyboardInterrupt:
        raise click.exceptions.Exit(0) from None


def _show_in_place(found: _Found, form: str, console: Console) -> None:
    from komando.cli.progress import tell_failures

    if console.is_terminal and form == "text":
        console.clear()
    if found.routers or form == "json":
        _show(found, form, console)
    tell_failures(found.failures)
    if found.missing:
        tell(found.missing, err=True)
