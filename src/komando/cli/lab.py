"""`komando lab`: the miniature city."""

from __future__ import annotations

import click


@click.group()
def lab() -> None:
    """The miniature city: the regency's network on this machine (needs root)."""
