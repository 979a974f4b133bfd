"""`komando ssh-config`: how ssh and Ansible reach the machines, from the inventory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from komando.cli.machines import folder_of, machines_of
from komando.cli.options import identity_option, inventory_option
from komando.cli.scope import LAB, access_to

EXAMPLES = """\b
komando ssh-config --user root >ssh.conf
ssh -F ssh.conf core-1
scp -F ssh.conf core-1:/var/log/dpkg.log .
"""


@click.command("ssh-config", epilog=EXAMPLES)
@inventory_option
@identity_option
@click.option(
    "--user",
    metavar="NAME",
    help="Who logs in, on jump hosts too. Default: whom the inventory says.",
)
def ssh_config(inventory: str, identity: Path | None, user: str | None) -> None:
    """Print a configuration of ssh that knows every machine of an inventory, and the way to it.

    It trusts the inventory's known_hosts alone, also for the jump hosts, and nothing of the user's
    own configuration. A machine goes by its name and by its address.
    """
    from komando.openssh import configuration

    folder = folder_of(inventory)
    if folder.name == LAB:
        raise click.UsageError("the machines of a lab live in it alone: see `komando lab shell`")
    machines = machines_of(folder)
    access = replace(access_to(machines, folder, None, identity), user=user)
    click.echo(configuration(machines.hosts.values(), access), nl=False)
