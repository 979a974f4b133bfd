"""`komando lab`: the miniature city."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from komando.cli.options import policies_option
from komando.cli.progress import steps
from komando.lab.place import DEFAULT, LabError, Place

INVENTORY = Path("inventories/lab")
ROLES = Path("roles")

name_option = click.option(
    "--name", default=DEFAULT, show_default=True, help="Which lab; several may stand at once."
)


class _Lab(click.Group):
    """A group whose verbs tell on one line why they cannot."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Its own verbs, and those with a file of their own."""
        return sorted([*super().list_commands(ctx), "fleet", "forge", "measure"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; those with a file of their own are imported when they are called."""
        if cmd_name == "measure":
            from komando.cli.lab_measure import measure

            return measure
        if cmd_name == "forge":
            from komando.cli.lab_forge import forge

            return forge
        if cmd_name == "fleet":
            from komando.cli.lab_fleet import fleet

            return fleet
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        # a root shell that came by `su` may not have them, and ip and tc live there
        os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Lab)
def lab() -> None:
    """The miniature city: the regency's network in namespaces of this machine. Needs root.

    The same roles, files and tests as production; only the inventory differs. Nothing of it is
    seen outside of its namespaces, and `down` takes all of it away.
    """


@lab.command(short_help="Build the city and prepare its router.")
@name_option
@click.option("--offices", type=click.IntRange(min=1), metavar="N",
              help="Only the first N offices by id. Default: all.")  # fmt: skip
@click.option("--clock", "moment", metavar="MOMENT",
              help="Let the router live at that moment; see `komando lab clock`.")  # fmt: skip
@click.option("--machines", type=click.Choice(["router", "all"]), default="router",
              show_default=True, help="Which machines of the inventory stand.")  # fmt: skip
@click.option("--bare", is_flag=True,
              help="Leave them as they come, for `komando prepare --inventory lab`.")  # fmt: skip
@policies_option
def up(
    name: str, offices: int | None, moment: str | None, machines: str, bare: bool, policies: Path
) -> None:
    """Build the city and prepare its router, ready for `komando apply --inventory lab`.

    A city that stands is brought up to date: offices that came or went, roles that changed.

    \b
    komando lab up                          the router, prepared
    komando lab up --machines all --bare    every kind of machine, as it comes
    komando prepare --inventory lab         then makes them members of the fleet
    """  # noqa: D301
    from komando.cli.checked import refused
    from komando.cli.machines import machines_of
    from komando.lab.life import Order, raise_city
    from komando.lab.rehearsal import set_clock
    from komando.lab.status import draw
    from komando.policy import load_policy

    place = Place(name)
    for folder in (INVENTORY, ROLES):
        if not folder.is_dir():
            raise LabError(f"there is no {folder}/ here: call this in the repository's folder")
    inventory = machines_of(INVENTORY)
    loaded = load_policy(policies)
    if loaded.policy is None:
        raise refused(loaded.diagnostics)
    everyone = machines == "all"
    order = Order(loaded.policy, inventory, INVENTORY, ROLES, offices, everyone, bare)
    with steps() as told, ends_as_interrupt():
        city = raise_city(place, order, told)
        if moment is not None:
            told("setting the clock", moment)
            set_clock(city, moment_in(moment, city.zone))
    draw(city, Console(highlight=False))


@lab.command(short_help="Who is where, and what the router runs.")
@name_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def status(name: str, form: str) -> None:
    """Show the lab: who is where, and what its router runs; or each router of a fleet."""
    from komando.lab.fleet.fleet import is_fleet

    if is_fleet(name):
        _fleets_status(name, form)
        return
    from komando.lab.city import load_city
    from komando.lab.status import as_json, draw

    city = load_city(name)
    if form == "json":
        click.echo(as_json(city))
    else:
        draw(city, Console(highlight=False))


def _fleets_status(name: str, form: str) -> None:
    from komando.lab.fleet.fleet import load_fleet
    from komando.lab.fleet.look import as_json, draw

    fleet = load_fleet(name)
    if form == "json":
        click.echo(as_json(fleet))
    else:
        draw(fleet, Console(highlight=False))


@lab.command(
    short_help="Open a shell in a part of the city.",
    context_settings={"ignore_unknown_options": True},
)
@name_option
@click.argument("where", default="router")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(name: str, where: str, command: tuple[str, ...]) -> None:
    """Open a shell (or run COMMAND) in a part of the city.

    WHERE is router, controller, management, internet, isp, switch-SEGMENT, a machine's name, or the
    slug of an office or a public point; in a fleet controller, switch, or a router's name.

    \b
    komando lab shell dinas-kesehatan ping -c 3 192.0.2.2
    komando lab shell router nft list ruleset
    """  # noqa: D301
    arguments, environment = _shell_command(name, where, command)
    os.execvpe(arguments[0], arguments, os.environ | environment)  # noqa: S606  # that is the verb


def _shell_command(
    name: str, where: str, command: tuple[str, ...]
) -> tuple[list[str], dict[str, str]]:
    from komando.lab.fleet.fleet import is_fleet

    if is_fleet(name):
        from komando.lab.fleet import look
        from komando.lab.fleet.fleet import load_fleet

        return look.shell_command(load_fleet(name), where, command)
    from komando.lab.city import load_city
    from komando.lab.shell import shell_command

    return shell_command(load_city(name), where, command)


@lab.command(short_help="Run the router at another moment.")
@name_option
@click.argument("moment")
def clock(name: str, moment: str) -> None:
    """Run the router as if it were another MOMENT from now on; `off` ends that.

    `2026-11-24T20:00` is a moment in the region's zone; another zone is written behind it, as
    `2026-11-24T20:00+00:00`. The rehearsed clock ticks on; a reboot of the router ends it.
    """
    from komando.lab.city import load_city
    from komando.lab.rehearsal import set_clock

    city = load_city(name)
    said = set_clock(city, moment_in(moment, city.zone))
    click.echo(f"profile {said['profile'] or 'none: nothing is applied yet'}")


@lab.command(short_help="Remove a city or a fleet and every trace of it.")
@name_option
def down(name: str) -> None:
    """Remove a city or a fleet and every trace of it; harmless when there is none.

    The Debian tree that labs are made of stays in /var/cache/komando-lab: some 450 MB, and 900
    where a virtual machine stood. `rm -r` removes it while no lab stands.
    """
    from komando.lab.life import raze_city

    with steps() as told, ends_as_interrupt():
        told("removing", name)
        found = raze_city(Place(name))
    click.echo(f"the lab {name!r} is gone" if found else f"there is no lab {name!r}", err=True)


def moment_in(text: str, zone: str) -> str:
    """A moment as ISO 8601 with its zone, or `off`. Raises LabError for anything else."""
    if text == "off":
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LabError(
            f"{text!r} is no moment: write 2026-11-24T20:00 (in {zone}), or off"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).isoformat()


@contextmanager
def ends_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the verb as Ctrl-C does: with its clean-up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = {one: signal.signal(one, interrupt) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handling in before.items():
            signal.signal(one, handling)
