"""The files of a measurement: the figures, a picture, and a page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from komando.lab.measure.results import Measurement
from komando.lab.report.views import page

DATA, PICTURE, PAGE = "measure.json", "measure.svg", "measure.html"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("komando.lab.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_report(measurements: Sequence[Measurement], folder: Path) -> tuple[Path, Path, Path]:
    """Write the last measurement's figures, and the picture and page of all of them.

    Returns the three paths. A file is replaced whole or not at all.
    """
    shown = page(measurements)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        DATA: measurements[-1].to_json(),
        PICTURE: _templates().get_template("picture.svg.j2").render(page=shown),
        PAGE: _templates().get_template("page.html.j2").render(page=shown),
    }
    paths = []
    for name, text in texts.items():
        side = folder / f".{name}.new"
        side.write_text(text, encoding="utf-8")
        paths.append(side.replace(folder / name))
    return paths[0], paths[1], paths[2]
