"""`komando schema`: JSON Schemas of the policy files and of `hosts.yaml`, for editors."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.argument(
    "kind",
    type=click.Choice(["opd", "hotspots", "region", "people", "acknowledgements", "hosts"]),
    required=False,
)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of one kind of file; without KIND, of all, by kind.

    `hosts` is the hosts.yaml of an inventory, the others are policies.

    Editors complete and check while one writes, for example with the YAML language server:

    \b
    komando schema opd > .opd.schema.json
    # yaml-language-server: $schema=../../.opd.schema.json
    """  # noqa: D301
    from komando.documents.described import file_schema
    from komando.inventory.written import HostsFile
    from komando.policy.schema import MODELS, policy_schema

    schemas: dict[str, Any] = {name: policy_schema(name) for name in MODELS if kind in (None, name)}
    if kind in (None, "hosts"):
        schemas["hosts"] = file_schema("inventories/<environment>/hosts.yaml", HostsFile)
    click.echo(json.dumps(schemas if kind is None else schemas[kind], indent=2))
