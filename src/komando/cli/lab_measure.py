"""`komando lab measure`: promised against measured, under load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from komando.cli.options import policies_option
from komando.lab.place import DEFAULT

if TYPE_CHECKING:
    from komando.lab.measure import Measurement

STANDARD = Path("out/measure")


@click.command(short_help="Promised against measured, under load.")
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--name", default=DEFAULT, show_default=True, help="Which lab.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
@click.option("--all", "everything", is_flag=True,
              help="Print every office; else the worst three of each direction.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=2), default=10.0, show_default=True,
              help="How long everybody is counted.")  # fmt: skip
@click.option("--clock", "moment", metavar="MOMENT",
              help="Look for moments from this one on. Default: the router's now.")  # fmt: skip
@policies_option
@click.option("--beside", "earlier", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              multiple=True, metavar="FILE",
              help="An earlier measure.json, to stand on the same page.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=STANDARD,
              show_default=True, help="Where to write measure.json, .svg and .html.")  # fmt: skip
@click.pass_context
def measure(  # noqa: PLR0913, PLR0917 - one parameter an option
    ctx: click.Context,
    scenarios: tuple[str, ...],
    name: str,
    form: str,
    everything: bool,
    seconds: float,
    moment: str | None,
    policies: Path,
    earlier: Sequence[Path],
    out: Path,
) -> None:
    """Load the city with real traffic; print promised against measured.

    The policies are those that the router runs; what `apply` edits is a copy.

    Without SCENARIO all of them, in this order:

    \b
    office-hours  everybody saturates, in both directions at once
    local         offices talk to each other meanwhile
    hour-switch   the offices go home under load
    night         everybody saturates out of hours
    exception     an office's exception begins under load
    harvest       two offices alone, and the public takes what they leave
    apply         a guarantee changed, an office removed, added, moved, under load

    Ethernet frame bytes are counted, downward at each office's interface and upward where they
    arrive; iperf3's goodput stands beside. Exit status: 0 every promise kept, 1 not, or a
    scenario that was asked for by name could not be shown.
    """  # noqa: D301
    from komando.cli.lab import ends_as_interrupt, moment_in
    from komando.cli.progress import steps
    from komando.lab.city import load_city
    from komando.lab.measure import SCENARIOS
    from komando.lab.measure import measure as carry_out
    from komando.lab.measure.recorded import read_measurement
    from komando.lab.report import write_report

    if strange := [one for one in scenarios if one not in SCENARIOS]:
        known = ", ".join(SCENARIOS)
        raise click.UsageError(f"no scenario {strange[0]!r}; there are {known}")
    before = [read_measurement(path) for path in earlier]
    city = load_city(name)
    since = None if moment is None else datetime.fromisoformat(moment_in(moment, city.zone))
    with steps() as told, ends_as_interrupt():
        found = carry_out(
            city,
            scenarios or tuple(SCENARIOS),
            policies=policies,
            seconds=seconds,
            since=since,
            told=told,
        )
    files = write_report([*before, found], out)
    _tell(found, files, form, everything=everything)
    if found.failure:
        raise click.ClickException(f"it ended early, at {found.failure}")
    ctx.exit(0 if found.kept and not (scenarios and found.unseen) else 1)


def _tell(
    found: Measurement, files: tuple[Path, Path, Path], form: str, *, everything: bool
) -> None:
    """What was found, on standard output, and where the figures, the picture and the page lie."""
    from komando.lab.report.text import print_measurement

    data, picture, page = files
    if form == "json":
        click.echo(data.read_text(encoding="utf-8"), nl=False)
        return
    print_measurement(found, Console(highlight=False), everything=everything)
    click.echo(f"picture {picture}\npage {page}\nfigures {data}")
