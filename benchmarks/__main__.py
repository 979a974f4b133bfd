"""`python -m benchmarks [ID...] [--json]`: a table on standard output, progress on standard error.

Exit 0: every target is met; 1: one is missed or could not be measured; 2: an unknown id.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks import hostile, rollout, torn
from benchmarks.check_cold import check_cold
from benchmarks.hours_switch import hours_switch
from benchmarks.loop import loop_push
from benchmarks.rows import ROUNDS, Contest, Row, Settings, Unmeasured, hold, load_targets

Measure = Callable[[Sequence[str], Settings], Iterable[Row]]
"""Gives the rows of some ids that are measured together."""


def _contest(contest: Callable[[], AbstractContextManager[Contest]]) -> Measure:
    def measure(ids: Sequence[str], settings: Settings) -> Iterator[Row]:
        for id_ in ids:
            with contest() as sides:
                target = settings.targets[id_]
                yield hold(id_, sides, target, settings.progress, settings.rounds)

    return measure


MEASURES: Sequence[tuple[tuple[str, ...], Measure]] = (
    (("check.cold.10000",), _contest(partial(check_cold, 10_000))),
    (("hours.switch.500",), _contest(partial(hours_switch, 500))),
    (("loop.push",), _contest(loop_push)),
    (rollout.IDS, rollout.rollout),
    (("rollout.torn",), lambda _, settings: [torn.torn(settings)]),
    (("rollout.hostile",), lambda _, settings: [hostile.hostile(settings)]),
)
BENCHMARKS: Mapping[str, Measure] = {id_: how for ids, how in MEASURES for id_ in ids}
LONG = ("rollout.hostile",)
"""Takes most of an hour: only done when it is named."""


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
            "" if row.target is None else f"<= {row.target:g}",
            "" if row.target is None else "met" if row.met else "MISSED",
        )
    return table


def _measured(ids: Sequence[str], settings: Settings) -> list[Row]:
    """The rows, in the order of the catalogue; those of one run are measured together."""
    rows: list[Row] = []
    for group, measure in MEASURES:
        wanted = [id_ for id_ in group if id_ in ids]
        if not wanted:
            continue
        try:
            rows += measure(wanted, settings)
        except Unmeasured as why:
            raise click.ClickException(f"{', '.join(wanted)}: {why}") from None
        except KeyboardInterrupt:
            raise click.ClickException(f"{', '.join(wanted)}: interrupted") from None
    return rows


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as a JSON array.")
@click.option(
    "--rounds", type=click.IntRange(min=3), default=ROUNDS, show_default=True, help="Rounds."
)
@click.option("--count", type=click.IntRange(min=1), default=300, show_default=True,
              help="rollout.hostile: how many applies.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True,
              help="rollout.hostile: which faults are drawn.")  # fmt: skip
@click.option("--stories", type=click.Path(path_type=Path, file_okay=False),
              default=Path("build/hostile"), show_default=True,
              help="rollout.hostile: where the stories of ambiguous rounds are kept.")  # fmt: skip
@click.option("--reads", type=click.IntRange(min=1000), default=1_000_000, show_default=True,
              help="rollout.torn: how many reads.")  # fmt: skip
def main(ids: tuple[str, ...], as_json: bool, **given: object) -> None:
    """Measure the named benchmarks, or all but rollout.hostile, which takes 40 minutes."""
    unknown = [id_ for id_ in ids if id_ not in BENCHMARKS]
    if unknown:
        raise click.UsageError(
            f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}"
        )
    settings = Settings(load_targets(), _progress, **given)  # type: ignore[arg-type]
    rows = _measured(ids or [id_ for id_ in BENCHMARKS if id_ not in LONG], settings)
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(rows))
    sys.exit(0 if all(row.met for row in rows) else 1)


if __name__ == "__main__":
    main()
