"""`komando show`: what a policy means for one office or public point, and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli.completing import offer_sites
from komando.cli.options import policies_option

if TYPE_CHECKING:
    from komando.cli.shown import Shown
    from komando.units import Pair


@click.command()
@click.argument("what", metavar="[opd/SLUG|hotspots/SLUG]", required=False,
                shell_complete=offer_sites)  # fmt: skip
@click.option(
    "--at",
    "moment",
    metavar="MOMENT",
    help="The moment to speak of, as `2026-12-25 10:00` in the region's zone. Default: now.",
)
@policies_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def show(what: str | None, moment: str | None, policies: Path, form: str) -> None:
    """What a policy means: hours, rates, router, class, and why.

    Without a name it lists what can be shown.

    \b
    komando show opd/dinas-kesehatan
    komando show opd/dinas-kesehatan --at "2026-12-25 10:00"
    komando show hotspots/taman-kota-sampit --format json
    """  # noqa: D301
    from komando.cli.checked import checked_intent
    from komando.cli.shown import find, names

    policy, intent = checked_intent(policies)
    if what is None:
        _list(names(policy), form)
        return
    shown = find(what, policies, policy, intent, moment)
    if form == "json":
        click.echo(json.dumps(_data(shown), indent=1, ensure_ascii=False))
    else:
        from rich.console import Console

        from komando.cli.show_text import print_shown

        print_shown(shown, Console(file=sys.stdout, highlight=False))
    if shown.doubt:
        click.echo(f"warning: {shown.doubt}", err=True)


def _list(known: dict[str, str], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(known, indent=1, ensure_ascii=False))
        return
    from komando.diagnostics import printable

    width = max(map(len, known))
    for name, words in known.items():
        click.echo(f"{name:{width}}  {printable(words)}")


def _data(shown: Shown) -> dict[str, Any]:
    from komando.cli.show_text import hours_words
    from komando.cli.shown import rates

    leaf = shown.leaf

    def pair(value: Pair) -> dict[str, int]:
        return {"down": value.down.bits, "up": value.up.bits}

    return {
        "slug": leaf.slug,
        "kind": shown.kind,
        "name": leaf.name,
        "id": leaf.id,
        "router": shown.router.router,
        "class": leaf.class_id,
        "segment": leaf.segment,
        "networks": [str(network) for network in leaf.networks],
        "mode": leaf.mode,
        "share": leaf.share,
        "calendar": leaf.calendar,
        "hours": hours_words(shown),
        "rates": [
            {
                "key": one.key,
                **pair(one.rate),
                "source": str(one.where),
                "in_force": one.in_force,
            }
            for one in rates(shown)
        ],
        "moment": shown.moment.isoformat(),
        "covered": not shown.doubt,
        "profile": shown.profile.name,
        "promised": pair(shown.profile.shares[leaf.slug]),
        "next": shown.until
        and shown.following
        and {
            "moment": shown.until.isoformat(),
            "profile": shown.following.name,
            "promised": pair(shown.following.shares[leaf.slug]),
        },
        "justification": shown.source.justification,
    }
