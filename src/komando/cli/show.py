"""`komando show`: what a policy means for one office or public point, and why."""

from __future__ import annotations

import json
import sys
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import click
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from komando.cli.checked import checked_intent
from komando.intent import Intent, Leaf, Profile, RouterIntent, Transition
from komando.policy import Hotspot, Opd, Policy
from komando.units import Pair, about

Kind = Literal["opd", "hotspots"]

KINDS: dict[str, Kind] = {"opd": "opd", "hotspots": "hotspots"}


@dataclass(frozen=True)
class Shown:
    """One office or point with its meaning at a moment."""

    kind: Kind
    slug: str
    policy: Policy
    source: Opd | Hotspot
    router: RouterIntent
    leaf: Leaf
    moment: datetime
    profile: Profile
    until: datetime | None
    following: Profile | None


@click.command()
@click.argument("what", metavar="opd/SLUG|hotspots/SLUG")
@click.option(
    "--at",
    "moment",
    metavar="MOMENT",
    help="The moment to speak of, as `2026-12-25 10:00` in the region's zone. Default: now.",
)
@click.option("--policies", type=click.Path(path_type=Path, readable=False),
              default=Path("policies"), show_default=True,
              help="The folder of the policies.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="How to print it.")  # fmt: skip
def show(what: str, moment: str | None, policies: Path, form: str) -> None:
    r"""What a policy means: hours, rates, router, class, and why.

    \b
    komando show opd/dinas-kesehatan
    komando show opd/dinas-kesehatan --at "2026-12-25 10:00"
    komando show hotspots/taman-kota-sampit --format json
    """
    policy, intent = checked_intent(policies)
    shown = _find(what, policy, intent, moment)
    if form == "json":
        click.echo(json.dumps(_data(shown), indent=1, ensure_ascii=False))
    else:
        _print(shown, Console(file=sys.stdout, highlight=False))


def _find(what: str, policy: Policy, intent: Intent, moment: str | None) -> Shown:
    folder, _, slug = what.removesuffix(".yaml").removeprefix("policies/").partition("/")
    kind = KINDS.get(folder)
    if kind is None or not slug:
        raise click.UsageError(f"{what!r} is neither opd/SLUG nor hotspots/SLUG")
    known: dict[str, Any] = dict(policy.opd if kind == "opd" else policy.hotspots)
    if slug not in known:
        near = get_close_matches(slug, known, n=3)
        hint = f"; did you mean {' or '.join(f'{kind}/{name}' for name in near)}?" if near else ""
        raise click.UsageError(f"no file policies/{kind}/{slug}.yaml{hint}")
    source = known[slug]
    router = intent.routers[policy.region.segments[source.link.segment].router]
    when = _moment(moment, policy)
    instants = [item.instant for item in intent.transitions]
    index = max(0, bisect_right(instants, when) - 1)
    rest = intent.transitions[index + 1 :]
    leaf = router.leaf(slug)
    profile = router.profile(intent.transitions[index].profile)
    change = _next_change(rest, router, leaf, profile)
    return Shown(
        kind, slug, policy, source, router, leaf, when, profile,
        change.instant if change else None,
        router.profile(change.profile) if change else None,
    )  # fmt: skip


def _next_change(
    rest: tuple[Transition, ...], router: RouterIntent, leaf: Leaf, profile: Profile
) -> Transition | None:
    """The first transition at which the leaf's share differs, by more than the weights' drift."""
    now = _about(profile, leaf)
    return next((it for it in rest if _about(router.profile(it.profile), leaf) != now), None)


def _share(profile: Profile, leaf: Leaf) -> Pair:
    return profile.shares[leaf.slug]


def _moment(text: str | None, policy: Policy) -> datetime:
    zone = ZoneInfo(policy.region.zone)
    if text is None:
        return datetime.now(zone)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--at {text!r} is no moment: write it as `2026-12-25 10:00`"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _rows(shown: Shown) -> list[tuple[str, Pair, str]]:
    keys = ["guarantee", "floor", "ceiling"] if shown.kind == "opd" else ["guarantee"]
    rows = []
    for key in keys:
        if shown.kind == "hotspots":
            where = shown.policy.where("region", "", "public", "in_hours")
        elif key in shown.source.model_fields_set:
            where = shown.policy.where("opd", shown.slug, key)
        else:
            where = shown.policy.where("opd", shown.slug, "link", "capacity")
        rows.append((key, getattr(shown.leaf, key), str(where)))
    rows.append(("last mile", shown.leaf.link,
                 str(shown.policy.where(shown.kind, shown.slug, "link", "capacity"))))  # fmt: skip
    return rows


def _data(shown: Shown) -> dict[str, Any]:
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
        "calendar": leaf.calendar,
        "hours": _hours(shown),
        "rates": [{"key": key, **pair(rate), "source": where} for key, rate, where in _rows(shown)],
        "moment": shown.moment.isoformat(),
        "profile": shown.profile.name,
        "promised": pair(_share(shown.profile, leaf)),
        "next": shown.until
        and shown.following
        and {
            "moment": shown.until.astimezone(shown.moment.tzinfo).isoformat(),
            "profile": shown.following.name,
            "promised": pair(_share(shown.following, leaf)),
        },
        "justification": shown.source.justification,
    }


def _hours(shown: Shown) -> str:
    calendar = shown.leaf.calendar
    return shown.router.calendars[calendar] if calendar else "at all hours"


def _print(shown: Shown, console: Console) -> None:
    leaf = shown.leaf
    name = Text(leaf.name, style="bold")
    console.print(name.append(f"   policies/{shown.kind}/{shown.slug}.yaml", style="dim"))
    hours = f"{_hours(shown)} ({leaf.calendar})" if leaf.calendar else _hours(shown)
    facts = [
        ("router", f"{shown.router.router}, segment {leaf.segment}, by {', '.join(leaf.gateways)}"),
        ("class", f"{leaf.class_id}, from the permanent id {leaf.id}; pool {leaf.pool}"),
        ("networks", ", ".join(str(network) for network in leaf.networks)),
        ("hours", hours),
        ("mode", _mode(leaf)),
    ]
    _print_facts(facts, console)
    console.print(Padding(_rates(shown), (1, 0, 1, 2)))
    reasons = [*_promises(shown), *_exceptions(shown), ("why", shown.source.justification)]
    request = getattr(shown.source, "request", None)
    if request:
        reasons.append(("asked for", f"{request.letter} of {request.date}"))
    _print_facts(reasons, console)


def _print_facts(facts: list[tuple[str, str]], console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=11)
    for label, words in facts:
        table.add_row(Text(f"  {label}", style="dim"), words)
    console.print(table)


def _mode(leaf: Leaf) -> str:
    if leaf.kind == "hotspot":
        return f"{leaf.share} parts of what is left to the public"
    if leaf.mode == "observe":
        return "observe: counted, and held back by nothing but the uplink"
    return "enforce"


def _rates(shown: Shown) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("", "download", "upload", "stated in"):
        justify: JustifyMethod = "left" if title in {"", "stated in"} else "right"
        table.add_column(title, justify=justify, overflow="fold")
    for key, rate, where in _rows(shown):
        table.add_row(key, str(rate.down), str(rate.up), Text(where, style="dim"))
    return table


def _promises(shown: Shown) -> list[tuple[str, str]]:
    """What the office gets at the moment, and what comes next."""
    now = _about(shown.profile, shown.leaf)
    words = f"{now} when everyone wants more than there is (profile {shown.profile.name})"
    rows = [(f"{shown.moment:%a %d %b %H:%M}", words)]
    if shown.until and shown.following:
        local = shown.until.astimezone(shown.moment.tzinfo)
        words = f"{_about(shown.following, shown.leaf)} (profile {shown.following.name})"
        rows.append((f"{local:%a %d %b %H:%M}", words))
    return rows


def _about(profile: Profile, leaf: Leaf) -> str:
    share = _share(profile, leaf)
    down, up = about(share.down), about(share.up)
    return f"[b]{down}[/b]" if down == up else f"[b]{down}[/b] down, [b]{up}[/b] up"


def _exceptions(shown: Shown) -> list[tuple[str, str]]:
    if not isinstance(shown.source, Opd):
        return []
    rows = []
    for index, item in enumerate(shown.source.exceptions):
        parts = [f"guarantee {item.guarantee}"] if item.guarantee else []
        parts += [f"the hours of {item.calendar}"] if item.calendar else []
        where = shown.policy.where("opd", shown.slug, "exceptions", index)
        words = (
            f"{item.start} to {item.end}: {' and '.join(parts)} [dim]{where}[/dim]\n{item.reason}"
        )
        rows.append(("exception", words))
    return rows
