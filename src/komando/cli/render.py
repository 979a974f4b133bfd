"""`komando render`: the exact files of each host, into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from komando.cli.desired import report
from komando.cli.options import inventory_option, policies_option
from komando.cli.scope import Scope


@click.command()
@inventory_option
@policies_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("rendered"),
              show_default=True,
              help="Where to write; a folder for each host is made anew.")  # fmt: skip
def render(inventory: str, policies: Path, out: Path) -> None:
    """Render the files of each host and have nft, tc and ip read them.

    The same policies give the same bytes on any machine and any day. A host's folder mirrors
    the paths on the host; its digest is what `sha256sum` of the sorted files gives, summed.
    """
    wanted = Scope(inventory, policies, lab=None, identity=None).desired()
    report(wanted.examined(sorted(wanted.bundles)))
    for name, bundle in sorted(wanted.bundles.items()):
        folder = out / name
        fresh = out / f".{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        bundle.write(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
        click.echo(f"{bundle.digest}  {folder}  ({len(bundle.files)} files)")
