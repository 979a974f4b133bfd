"""`komando wheelhouse`: what machines install in Python, fetched once for all that install it."""

from __future__ import annotations

import re
from pathlib import Path

import click

from komando.cli.progress import working
from komando.cli.streams import tell
from komando.wheelhouse import LOCK, MACHINE, PYTHONS, Wheelhouse, WheelhouseError, wheelhouses

ROLES = Path("roles")
WHEELS = Path("wheels")


@click.command(short_help="The wheels that machines install, held by hashes.")
@click.argument("roles", metavar="[ROLE]...", nargs=-1)
@click.option(
    "--python",
    "pythons",
    metavar="VERSION",
    multiple=True,
    default=PYTHONS,
    show_default=True,
    help="A Python of the machines; more than one may be named.",
)
@click.option(
    "--machine",
    metavar="NAME",
    default=MACHINE,
    show_default=True,
    help="Their processors, as `uname -m` says it.",
)
@click.option(
    "--into",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    default=WHEELS,
    show_default=True,
    help="Where the wheelhouses stand.",
)
@click.option(
    "--check", is_flag=True, help="Fetch nothing: look whether they are what they should be."
)
def wheelhouse(
    roles: tuple[str, ...], pythons: tuple[str, ...], machine: str, into: Path, check: bool
) -> None:
    """Fetch the wheels of each role's lock, so that its machines need no internet.

    A role that installs packages of Python has a lock, roles/ROLE/files/requirements.lock, with the
    hash of each wheel; pip takes no other. They come into FOLDER/ROLE/VERSION-MACHINE/, from where
    `komando prepare` carries them to the machines. What stands already is not fetched again.

    Exit status: 0 they are what the locks say, 1 one is not.
    """
    houses = _wanted(roles, wheelhouses(ROLES, into, map(_version, pythons), machine))
    sound = [_look(house) if check else _build(house) for house in houses]
    if not all(sound):
        raise click.exceptions.Exit(1)


def _version(python: str) -> str:
    if not re.fullmatch(r"3\.[1-9][0-9]?", python):
        raise click.UsageError(f"{python!r} is no version of a Python: 3.11, for one")
    return python


def _wanted(roles: tuple[str, ...], found: dict[str, list[Wheelhouse]]) -> list[Wheelhouse]:
    if not found:
        raise click.ClickException(f"no role here has a {LOCK}: run it in the repository's folder")
    if unknown := sorted(set(roles) - found.keys()):
        raise click.UsageError(f"no role {unknown[0]!r} with a {LOCK}: there is {', '.join(found)}")
    return [
        house for role, houses in found.items() if not roles or role in roles for house in houses
    ]


def _look(house: Wheelhouse) -> bool:
    faults = house.faults()
    for fault in faults:
        tell(f"{house.folder}: {fault}", err=True)
    if not faults:
        tell(f"{house.folder}: {_size(house)}, as {house.lock} says")
    return not faults


def _build(house: Wheelhouse) -> bool:
    try:
        with working(f"fetching the wheels of {house.folder}") as say:
            new = house.build(
                lambda package: say(f"fetching the wheels of {house.folder}: {package}")
            )
    except WheelhouseError as error:
        tell(f"{house.folder}: {error}", err=True)
        return False
    tell(f"{house.folder}: {_size(house)}{'' if new else ', unchanged'}")
    return True


def _size(house: Wheelhouse) -> str:
    wheels = list(house.folder.glob("*.whl"))
    return f"{len(wheels)} wheels, {sum(one.stat().st_size for one in wheels) / 1e6:.0f} MB"
