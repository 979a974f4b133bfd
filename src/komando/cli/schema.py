"""`komando schema`: JSON Schemas of the policy files and of `hosts.yaml`, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from komando.documents.described import file_schema
from komando.documents.modeline import SCHEMAS, schema_name
from komando.inventory.written import HostsFile
from komando.policy.schema import MODELS, policy_schema

HOSTS = "hosts"
KINDS = (*MODELS, HOSTS)


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("--write", "folder", is_flag=False, flag_value=SCHEMAS, metavar="[FOLDER]",
              type=click.Path(path_type=Path, file_okay=False),
              help=f"Write <kind>.schema.json into a folder. Without FOLDER: {SCHEMAS}, where the "
              "first line of each policy file seeks it.")  # fmt: skip
def schema(kind: str | None, folder: Path | None) -> None:
    """Print the JSON Schema of one kind of file; without KIND, of all, by kind.

    `hosts` is the hosts.yaml of an inventory, the others are policies.

    Editors complete and check by them while one writes: docs/editor.md.

    \b
    komando schema opd
    komando schema --write         all of them, after a model was changed
    """  # noqa: D301
    schemas = {name: schema_of(name) for name in KINDS if kind in (None, name)}
    if folder is None:
        click.echo(as_text(schemas if kind is None else schemas[kind]), nl=False)
        return
    _require_place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in schemas.items():
        (folder / schema_name(name)).write_text(as_text(found), encoding="utf-8")
    click.echo(f"{folder} has the schemas of {', '.join(schemas)}", err=True)


def _require_place(folder: Path) -> None:
    """End the verb for a folder that is a kind's name, and where the usual one does not stand."""
    if str(folder) in KINDS:
        raise click.UsageError(
            f"{folder} is a kind, and no folder: `komando schema {folder} --write` writes its "
            f"schema to {SCHEMAS}; a folder of that name is ./{folder}"
        )
    if folder == Path(SCHEMAS) and not folder.is_dir():
        raise click.ClickException(
            f"no folder {SCHEMAS} here, and nothing was written: run it in the repository's "
            "folder, or name another FOLDER"
        )


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of one of `KINDS`."""
    for policy in MODELS:
        if policy == kind:
            return policy_schema(policy)
    return file_schema("inventories/<environment>/hosts.yaml", HostsFile)


def as_text(found: dict[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
