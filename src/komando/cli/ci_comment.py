"""`komando ci comment`: a plan under its pull request, put in the place of the last one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from komando.cli.streams import tell
from komando.forge import Forge, ForgeError, RefusedError
from komando.forge.environment import forge_from_environment

MAY_NOT = 403


def mark_of(environment: str) -> str:
    """What tells a plan's comment from all others."""
    return f"<!-- komando:plan:{environment} -->"


def commented(folder: Path, number: int) -> None:
    """Post it; a plan of an older commit, or without the right to write, is left unsaid."""
    about, body = _read(folder)
    try:
        forge = forge_from_environment()
        request = forge.request(number)
        if request.head != about["head"]:
            tell(
                f"#{number} is at {request.head[:12]} by now, and this plan is of "
                f"{about['head'][:12]}: left unsaid"
            )
            return
        address = _written(forge, number, mark_of(about["environment"]), body)
    except ForgeError as error:
        raise click.ClickException(str(error)) from error
    if address is None:
        return
    tell(f"the plan stands under #{number}: {address}")


def _written(forge: Forge, number: int, mark: str, body: str) -> str | None:
    """The comment's address; None where this token may read and not write, which is told."""
    try:
        return forge.comment(number, mark, body)
    except RefusedError as error:
        if error.status != MAY_NOT:
            raise
        tell(f"this token may not comment, so the job's summary alone has the plan: {error}")
        return None


def _read(folder: Path) -> tuple[dict[str, Any], str]:
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        body = (folder / "comment.md").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.ClickException(
            f"{folder} is no folder of `komando ci plan`: {error}"
        ) from error
    wrong = [
        key for key in ("environment", "head")
        if not isinstance(about, dict) or not isinstance(about.get(key), str)
    ]  # fmt: skip
    if wrong or mark_of(about["environment"]) not in body:
        missing = ", ".join(wrong) or "the mark in comment.md"
        raise click.ClickException(f"{folder} is no folder of `komando ci plan`: {missing} lacks")
    return about, body
