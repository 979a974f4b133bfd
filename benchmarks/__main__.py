"""`python -m benchmarks [ID...] [--json]`: a table on standard output, progress on standard error.

Exit 0: every target is met; 1: one is missed or could not be measured; 2: an unknown id.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial

import click
from rich.console import Console
from rich.table import Table

from benchmarks.check_cold import check_cold
from benchmarks.hours_switch import hours_switch
from benchmarks.rows import ROUNDS, Contest, Row, Unmeasured, hold, load_targets

BENCHMARKS: Mapping[str, Callable[[], AbstractContextManager[Contest]]] = {
    "check.cold.10000": partial(check_cold, 10_000),
    "hours.switch.500": partial(hours_switch, 500),
}


def _progress(text: str) -> None:
    click.echo(text, err=True)


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("id", "value", "peer", "ratio", "target", ""):
        table.add_column(name, justify="left" if name in ("id", "peer") else "right")
    for row in rows:
        table.add_row(
            row.id,
            f"{row.value:.3f} {row.unit}",
            f"{row.peer_value:.3f} {row.unit} ({row.peer})",
            f"{row.ratio:.3g}",
            f"<= {row.target:g}",
            "met" if row.met else "MISSED",
        )
    return table


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as a JSON array.")
@click.option(
    "--rounds", type=click.IntRange(min=3), default=ROUNDS, show_default=True, help="Rounds."
)
def main(ids: tuple[str, ...], as_json: bool, rounds: int) -> None:
    """Measure the named benchmarks, or all."""
    unknown = [id_ for id_ in ids if id_ not in BENCHMARKS]
    if unknown:
        raise click.UsageError(
            f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}"
        )
    targets = load_targets()
    rows = []
    for id_ in ids or BENCHMARKS:
        try:
            with BENCHMARKS[id_]() as contest:
                rows.append(hold(id_, contest, targets[id_], _progress, rounds))
        except Unmeasured as why:
            raise click.ClickException(f"{id_}: {why}") from None
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(rows))
    sys.exit(0 if all(row.met for row in rows) else 1)


if __name__ == "__main__":
    main()
