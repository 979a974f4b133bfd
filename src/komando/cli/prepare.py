"""`komando prepare`: bare machines become members of the fleet, by the Ansible roles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli.completing import offer_machines
from komando.cli.progress import console
from komando.cli.scope import LAB, Scope, administrator_options
from komando.cli.streams import tell

if TYPE_CHECKING:
    from komando.inventory import Access, Host, Inventory
    from komando.prepare import Machine, Preparation, Story

WOULD_CHANGE = 2
"""The exit status of --check where something would change."""

EXAMPLES = """\b
komando prepare                     every machine of the inventory
komando prepare core-2 --check      what it would change on one, and nothing is changed
komando prepare --inventory lab     the bare machines of `komando lab up --machines all --bare`
"""


@click.command(epilog=EXAMPLES)
@click.argument("names", metavar="[HOST]...", nargs=-1, shell_complete=offer_machines)
@administrator_options
@click.option("--administrator", metavar="NAME",
              help="Who logs in, one of base_administrators, whom sshd is to let in. Default: the "
              "inventory's administrator.")  # fmt: skip
@click.option("--ask-password", is_flag=True, help="Ask for the password of the administrator's "
              "sudo.")  # fmt: skip
@click.option(
    "--check", is_flag=True, help="Change nothing on a machine; say what would be changed."
)
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Keep there what Ansible says, with --check as diffs.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def prepare(
    scope: Scope,
    names: tuple[str, ...],
    administrator: str | None,
    ask_password: bool,
    check: bool,
    log: Path | None,
    form: str,
) -> None:
    """Make machines members of the fleet, or bring them up to date: the Ansible roles.

    A machine arrives with Debian, sshd, Python and an administrator's key. Afterwards it takes
    policies (or, a controller, sends them): packages, users and their rights, a packet guard, the
    host program and its units. A second run changes nothing. Policies are no part of it, they come
    by `komando apply`; nothing that a merge of policies changes is touched.

    Host keys are never trusted at first sight: `komando trust HOST` comes before this.

    Exit status: 0 done, or with --check nothing to change; 2 with --check something to change; 1 a
    machine could not be prepared. It then stays half prepared: mend the cause, and run it again.
    """
    order = _order(scope, names, administrator)
    password = click.prompt("password of sudo", hide_input=True, err=True) if ask_password else None
    order = replace(order, check=check, log=log.absolute() if log else order.log, password=password)
    machines = _carry_out(order)
    if form == "json":
        click.echo(json.dumps([_plain(machine) for machine in machines], indent=1))
    else:
        for machine in machines:
            _tell(machine, check=check)
    if any(machine.trouble for machine in machines):
        raise click.exceptions.Exit(1)
    if check and any(machine.changed for machine in machines):
        raise click.exceptions.Exit(WOULD_CHANGE)


def _order(scope: Scope, names: tuple[str, ...], administrator: str | None) -> Preparation:
    from komando.cli.machines import folder_of, host_named, machines_of
    from komando.cli.scope import access_to, require_keys
    from komando.prepare import Preparation

    folder = folder_of(scope.inventory)
    inventory = machines_of(folder)
    hosts = tuple(host_named(inventory, folder, name) for name in dict.fromkeys(names))
    if inventory.name == LAB:
        from komando.lab.place import DEFAULT, LabError, Place
        from komando.lab.prepare import preparation

        access_to(inventory, folder, scope.lab, None)  # whether it stands, and has such machines
        if away := [host.name for host in hosts if not scope.stands(host.name)]:
            raise click.ClickException(
                f"{', '.join(away)} does not stand in this lab: `komando lab up --machines all`"
            )
        hosts = hosts or tuple(one for one in inventory.hosts.values() if scope.stands(one.name))
        try:
            return preparation(Place(scope.lab or DEFAULT), folder, hosts, Path("roles"))
        except LabError as error:
            raise click.ClickException(str(error)) from error
    hosts = hosts or tuple(inventory.hosts.values())
    _require_deployers(inventory, hosts, folder)
    access = access_to(inventory, folder, scope.lab, scope.identity)
    require_keys(inventory, access, [host.name for host in hosts])
    _require_lasting_keys(hosts, access)
    return Preparation(
        inventory=folder,
        hosts=hosts,
        access=replace(access, user=administrator or inventory.administrator),
    )


def _require_deployers(inventory: Inventory, hosts: tuple[Host, ...], folder: Path) -> None:
    """A machine that takes policies from nobody would be a member that cannot be reached."""
    from komando.inventory import WITH_BUNDLES

    taking = [host.name for host in hosts if host.kind in WITH_BUNDLES]
    if taking and inventory.deploy_keys is None:
        raise click.ClickException(
            f"{folder}/hosts.yaml has no `deploy_keys`, and nobody could deploy to "
            f"{', '.join(taking)}: prepare the controller first (`komando prepare CONTROLLER` shows"
            " its public key), and add that key. `deploy_keys: []` says that nobody is to"
        )


def _require_lasting_keys(hosts: tuple[Host, ...], access: Access) -> None:
    """A prepared machine shows one key, of one kind: who knows another could not come back."""
    from komando.inventory.known import SHOWN, place_of, read_known_hosts

    known = read_known_hosts(access.known_hosts)
    for host in hosts:
        kinds = [one.key.kind for one in known.of(place_of(host))]
        if SHOWN not in kinds:
            raise click.ClickException(
                f"{access.known_hosts} has a key of {host.name} of the kind {', '.join(kinds)} "
                f"alone, and once it is prepared it shows its {SHOWN} key and no other: remove the "
                f"line, and `komando trust {host.name}`"
            )


def _carry_out(order: Preparation) -> list[Machine]:
    from komando.prepare import PrepareError
    from komando.prepare import prepare as run_roles

    try:
        with _shown() as hear:
            return run_roles(order, hear)
    except PrepareError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted; a machine may be half prepared: run it again"
        ) from None


@contextmanager
def _shown() -> Iterator[Callable[[Story], object]]:
    """Where each machine stands, on a terminal; in a log a line for each task."""
    out = console()
    if not out.is_terminal:
        yield _Lines()
        return
    from rich.live import Live

    with Live(console=out, refresh_per_second=8, transient=True) as live:
        yield lambda story: live.update(_table(story))


class _Lines:
    """A line for each task that some machine is concerned by, for a log.

    Machines do not wait for one another: what the first of them begins is told, once a play.
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._done = 0

    def __call__(self, story: Story) -> None:
        done = sum(machine.done for machine in story.machines.values())
        step = (story.play, story.task)
        if done != self._done and step not in self._told:
            self._told.add(step)
            tell(f"  {story.task}", err=True)
        self._done = done


def _table(story: Story) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for machine in story.machines.values():
        changed = f"{len(machine.changed)} changed" if machine.changed else ""
        state = Text("failed", "red") if machine.trouble else Text(f"{machine.done} tasks", "dim")
        table.add_row(Text(machine.name), state, Text(changed, "yellow"))
    table.add_row(Text(""), Text(""), Text(""), Text(story.task, "dim"))
    return table


def _tell(machine: Machine, *, check: bool) -> None:
    if machine.changed:
        verb = "would change" if check else "changed"
        count = len(machine.changed)
        tell(f"{machine.name}: {count} task{'s' if count > 1 else ''} {verb} something")
        for task in dict.fromkeys(machine.changed):
            tell(f"  {task}")
    elif not machine.trouble:
        tell(f"{machine.name}: nothing to change")
    for words in machine.said:
        tell(f"{machine.name}: {words}")
    if machine.trouble:
        how = "was not reached" if machine.away else "could not be prepared"
        tell(f"{machine.name} {how}: {machine.trouble}", err=True)


def _plain(machine: Machine) -> dict[str, Any]:
    return {
        "host": machine.name,
        "tasks": machine.done,
        "changed": machine.changed,
        "said": machine.said,
        "trouble": machine.trouble or None,
        "reached": not machine.away,
    }
