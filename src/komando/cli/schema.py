"""`komando schema`: JSON Schemas of the policy files, for editors."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument(
    "kind", type=click.Choice(["opd", "hotspots", "region", "acknowledgements"]), required=False
)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of one kind of policy file; without KIND, of all, by kind.

    Editors complete and check while one writes, for example with the YAML language server:

    \b
    komando schema opd > .opd.schema.json
    # yaml-language-server: $schema=../../.opd.schema.json
    """  # noqa: D301
    from komando.policy.schema import MODELS, file_schema

    schemas = {name: file_schema(name) for name in MODELS if kind in (None, name)}
    click.echo(json.dumps(schemas if kind is None else schemas[kind], indent=2))  # type: ignore[index]
