"""`komando inventory`: what the list of machines says, and what is wrong with it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from komando.cli.findings import Findings, format_option, number, print_findings, severities
from komando.cli.machines import folder_of, machines_of
from komando.cli.options import inventory_option
from komando.cli.scope import LAB
from komando.cli.streams import clean, tell
from komando.diagnostics import Diagnostic, errors_in, in_order
from komando.inventory import KINDS, HostKind, Inventory, InventoryError, load_inventory
from komando.inventory.known import KNOWN_HOSTS, check_keys, place_of, read_known_hosts

IN_WORDS: dict[HostKind, str] = {
    "controller": "controller",
    "router": "router",
    "hotspot": "hotspot gateway",
    "signing": "signing host",
    "jump": "jump host",
}


@click.group()
def inventory() -> None:
    """The one list of machines: hosts.yaml, and the files beside it.

    \b
    komando inventory check                  is anything wrong with it
    komando inventory list                   the machines, in a table
    komando inventory graph                  who is reached over whom, as a picture
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines


@inventory.command(short_help="Everything that is wrong with it, at once.")
@inventory_option
@format_option
def check(inventory: str, form: str) -> None:
    """Validate hosts.yaml, the keys in known_hosts beside it, and the encrypted secrets.

    No machine is asked. Exit status 0 when all is good (warnings may stand), 1 when it is not. Each
    finding has an id with a page in docs/checks.
    """
    folder = folder_of(inventory)
    machines, diagnostics = examine(folder)
    counts = {"machines": len(machines.hosts) if machines else 0, **severities(diagnostics)}
    good = not errors_in(diagnostics)
    summary = _summary(folder, machines, counts)
    again = f"komando inventory check --inventory {inventory}"
    print_findings(form, Findings(diagnostics, counts, summary, good=good, command=again))
    sys.exit(0 if good else 1)


def examine(folder: Path) -> tuple[Inventory | None, list[Diagnostic]]:
    """The machines, where the file has no errors, and all that there is to say of the folder."""
    from komando.secrets.files import SecretError, sealed_secrets

    known = read_known_hosts(folder / KNOWN_HOSTS)
    try:
        machines = load_inventory(folder)
    except InventoryError as error:
        return None, in_order([*error.diagnostics, *known.diagnostics])
    hosts = machines.hosts.values()
    diagnostics = check_keys(hosts, known) if known.stands or machines.name != LAB else []
    try:
        sealed_secrets(folder, [one for host in hosts for one in host.secrets])
    except SecretError as error:
        diagnostics += error.diagnostics
    return machines, in_order(diagnostics)


def _summary(folder: Path, machines: Inventory | None, counts: dict[str, int]) -> str:
    warnings = number(counts["warnings"], "warning")
    if counts["errors"] or machines is None:
        return f"{number(counts['errors'], 'error')} and {warnings} in {folder}"
    found = [(len(machines.of_kind(kind)), IN_WORDS[kind]) for kind in KINDS]
    words = ", ".join(number(count, what) for count, what in found if count)
    return f"All is well: {words}" + (f"; {warnings}" if counts["warnings"] else "")


@inventory.command("list", short_help="The machines, in a table.")
@inventory_option
def list_machines(inventory: str) -> None:
    """Print each machine: its kind and address, what leads to it, and which keys are known.

    Nothing is asked over the network. In a lab the machines' keys are made anew each time.
    """
    folder = folder_of(inventory)
    machines = machines_of(folder)
    known = read_known_hosts(folder / KNOWN_HOSTS)
    lab = machines.name == LAB and not known.stands
    rows = [("NAME", "KIND", "ADDRESS", "OVER", "CANARY", "KEY")]
    for host in machines.hosts.values():
        kinds = [one.key.kind.removeprefix("ssh-") for one in known.of(place_of(host))]
        key = "the lab's" if lab else " ".join(kinds) or "none"
        canary = "canary" if host.canary else "-"
        rows.append((host.name, host.kind, place_of(host), host.jump or "-", canary, key))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        tell("  ".join(cells).rstrip())


@inventory.command(short_help="Who is reached over whom, as a picture.")
@inventory_option
@click.option("--format", "form", type=click.Choice(["text", "svg", "dot", "mermaid", "json"]),
              default="text", show_default=True, help="How to draw it.")  # fmt: skip
def graph(inventory: str, form: str) -> None:
    """Draw the controller, the management network, jump hosts, and every machine behind them.

    \b
    komando inventory graph
    komando inventory graph --format svg > machines.svg
    komando inventory graph --format dot | dot -Tpng > machines.png

    `mermaid` is what Markdown on a forge draws by itself.
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines
    from komando.inventory.drawing import as_dot, as_json, as_mermaid, as_svg, as_tree, chart_of

    folder = folder_of(inventory)
    machines = machines_of(folder)
    known = read_known_hosts(folder / KNOWN_HOSTS)
    hosts = machines.hosts.values()
    keyless = [host.name for host in hosts if known.stands and not known.of(place_of(host))]
    chart = chart_of(machines, keyless)
    if form == "text":
        tell(as_tree(chart, shutil.get_terminal_size().columns))
        return
    drawn = {"svg": as_svg, "dot": as_dot, "mermaid": as_mermaid, "json": as_json}[form](chart)
    click.echo(clean(drawn))
