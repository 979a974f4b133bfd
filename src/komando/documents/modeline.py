"""The first line of a file that people write: it tells their editor which schema holds."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

SCHEMAS: Final = "docs/schemas"
"""The folder of the schemas, from the repository's root."""


def schema_name(kind: str) -> str:
    """The name of a kind's schema in its folder."""
    return f"{kind}.schema.json"


def modeline(folder: str, kind: str) -> str:
    """The line for a file of a kind, without its end; `folder` is the file's, from the root.

    In the form of yaml-language-server, which seeks the schema from the file's own folder.
    """
    up = "../" * len(PurePosixPath(folder).parts)
    return f"# yaml-language-server: $schema={up}{SCHEMAS}/{schema_name(kind)}"
