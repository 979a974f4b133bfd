"""The files of a measurement: the figures, a picture, and a page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from komando.documents.files import write_whole
from komando.documents.pages import pages
from komando.lab.measure.results import Measurement
from komando.lab.report.views import page

DATA, PICTURE, PAGE = "measure.json", "measure.svg", "measure.html"


def write_report(measurements: Sequence[Measurement], folder: Path) -> tuple[Path, Path, Path]:
    """Write the last measurement's figures, and the picture and page of all of them.

    Returns the three paths. A file is replaced whole or not at all.
    """
    shown, templates = page(measurements), pages("komando.lab.report")
    texts = {
        DATA: measurements[-1].to_json(),
        PICTURE: templates.get_template("picture.svg.j2").render(page=shown),
        PAGE: templates.get_template("page.html.j2").render(page=shown),
    }
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    return folder / DATA, folder / PICTURE, folder / PAGE
