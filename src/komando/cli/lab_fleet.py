"""`komando lab fleet`: some routers without a city around them."""

from __future__ import annotations

import click

from komando.cli.lab import ROLES, ends_as_interrupt
from komando.cli.progress import steps
from komando.lab.fleet.fleet import DEFAULT
from komando.lab.fleet.papers import MOST
from komando.lab.place import LabError, Place


@click.command(short_help="Build some routers without a city, to roll out to.")
@click.option("--name", default=DEFAULT, show_default=True,
              help="Which lab; several may stand at once.")  # fmt: skip
@click.option("--routers", type=click.IntRange(1, MOST), metavar="N", default=3, show_default=True,
              help=f"How many routers, 1 to {MOST}.")  # fmt: skip
@click.option("--window", type=click.IntRange(2, 3600), metavar="SECONDS", default=3,
              show_default=True, help="After how long an unconfirmed change reverts.")  # fmt: skip
def fleet(name: str, routers: int, window: int) -> None:
    """Build a fleet: routers without a city around them, for rollouts and their faults.

    It writes an inventory and policies of its own, and prints what applies them. The first router
    is the canary, and each is the neighbour of the next. `status`, `shell` and `down` know it by
    its --name.

    \b
    komando lab fleet --routers 3
    komando lab shell --name armada router-2 ip address
    komando lab down --name armada
    """  # noqa: D301
    from komando.lab.fleet.life import raise_fleet
    from komando.lab.fleet.papers import Order

    if not ROLES.is_dir():
        raise LabError(f"there is no {ROLES}/ here: call this in the repository's folder")
    with steps() as told, ends_as_interrupt():
        found = raise_fleet(Place(name), Order(routers, window), ROLES, told)
    where = f"--inventory {found.inventory} --policies {found.policies} --lab {found.name}"
    click.echo(f"komando apply {where}")
