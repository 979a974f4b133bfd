"""The options that many verbs share, each with one meaning, one default and one help."""

from __future__ import annotations

from pathlib import Path

import click

from komando.cli.completing import offer_inventories

POLICIES = Path("policies")

inventory_option = click.option(
    "--inventory",
    metavar="FOLDER",
    default="production",
    show_default=True,
    help="The machines: a folder of inventories/, or the path of one.",
    shell_complete=offer_inventories,
)

policies_option = click.option(
    "--policies",
    metavar="FOLDER",
    type=click.Path(path_type=Path, readable=False),  # what cannot be read is a finding
    default=POLICIES,
    show_default=True,
    help="The folder of the policies.",
)

identity_option = click.option(
    "--identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="KOMANDO_IDENTITY",
    show_envvar=True,
    help="The ssh key to log in with. Default: the agent's, or the user's own keys.",
)

administrator_identity_option = click.option(
    "--administrator-identity",
    "identity",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="KOMANDO_ADMINISTRATOR_IDENTITY",
    show_envvar=True,
    help="The administrator's ssh key. Default: the agent's, or the user's own keys.",
)
