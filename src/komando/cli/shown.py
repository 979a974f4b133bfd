"""One office or public point at a moment: what `komando show` has to tell, found in the policy."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Literal
from zoneinfo import ZoneInfo

import click

from komando.diagnostics import Location
from komando.intent import Intent, Leaf, Profile, RouterIntent, Transition
from komando.policy import Hotspot, Opd, Policy
from komando.units import Pair, about

Kind = Literal["opd", "hotspots"]

KINDS: dict[str, Kind] = {"opd": "opd", "hotspots": "hotspots"}


@dataclass(frozen=True)
class Shown:
    """One office or point with its meaning at a moment of the region's zone.

    `until` and `following`: when its share next changes, and to which profile.
    """

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

    @property
    def doubt(self) -> str:
        """Why the moment's profile is not the calendars' own word; "" where it is."""
        covers, day = self.policy.region.covers, self.moment.date()
        if covers.start <= day <= covers.end:
            return ""
        early = day < covers.start
        return (
            f"{spelt(day)} lies {'before' if early else 'after'} the days that the calendars cover "
            f"({spelt(covers.start)} to {spelt(covers.end)}): a router keeps to their "
            f"{'first' if early else 'last'} profile, {self.profile.name}, whatever the hour"
        )


@dataclass(frozen=True)
class Stated:
    """One rate, the place that states it, and what has to be known of it besides."""

    key: str
    rate: Pair
    where: Location
    note: str = ""
    in_force: bool = True


def spelt(day: date) -> str:
    """A day with its year: `24 Nov 2026`."""
    return f"{day.day} {day:%b} {day.year}"


def find(what: str, policies: Path, policy: Policy, intent: Intent, moment: str | None) -> Shown:
    """What stands under a name such as `opd/dinas-kesehatan`. Raises UsageError if none does."""
    kind, slug = _named(what, policies, policy)
    source = (policy.opd if kind == "opd" else policy.hotspots)[slug]
    router = intent.routers[policy.region.segments[source.link.segment].router]
    when = _moment(moment, policy)
    instants = [item.instant for item in intent.transitions]
    index = max(0, bisect_right(instants, when) - 1)
    leaf = router.leaf(slug)
    profile = router.profile(intent.transitions[index].profile)
    change = _next_change(intent.transitions[index + 1 :], router, leaf, profile)
    return Shown(
        kind, slug, policy, source, router, leaf, when, profile,
        change.instant.astimezone(when.tzinfo) if change else None,
        router.profile(change.profile) if change else None,
    )  # fmt: skip


def names(policy: Policy) -> dict[str, str]:
    """Everything that can be shown: `opd/SLUG` or `hotspots/SLUG`, and its name."""
    return {f"opd/{slug}": one.name for slug, one in policy.opd.items()} | {
        f"hotspots/{slug}": one.name for slug, one in policy.hotspots.items()
    }


def _named(what: str, policies: Path, policy: Policy) -> tuple[Kind, str]:
    """The kind and slug; a path of the file will do, too."""
    folder, slug = ("", *PurePath(what).parts)[-2:] if what.strip("/.") else ("", "")
    slug = slug.removesuffix(".yaml")
    kind, known = KINDS.get(folder), names(policy)
    if kind is not None and f"{folder}/{slug}" in known:
        return kind, slug
    near = _near(folder.lower(), slug.lower(), list(known))
    hint = f"did you mean {' or '.join(near)}?" if near else "`komando show` lists what there is"
    if kind is None:
        raise click.UsageError(f"{what!r} is neither opd/SLUG nor hotspots/SLUG; {hint}")
    raise click.UsageError(f"no file {policies / folder / slug}.yaml; {hint}")


def _near(folder: str, slug: str, known: list[str]) -> list[str]:
    """Names that were probably meant: those of the folder that was named, else of any."""
    here = [name for name in known if folder and name.startswith(f"{folder}/")] or known
    exact = [name for name in known if name.partition("/")[2] == slug]
    slugs = {name.partition("/")[2]: name for name in here}
    return exact or [slugs[one] for one in get_close_matches(slug, slugs, n=3)]


def _next_change(
    rest: tuple[Transition, ...], router: RouterIntent, leaf: Leaf, profile: Profile
) -> Transition | None:
    """The first transition at which the leaf's share differs, by more than the weights' drift."""
    now = share_words(profile, leaf)
    return next((it for it in rest if share_words(router.profile(it.profile), leaf) != now), None)


def share_words(profile: Profile, leaf: Leaf) -> str:
    """What the leaf gets under a profile when everyone wants more than there is."""
    share = profile.shares[leaf.slug]
    down, up = about(share.down), about(share.up)
    return down if down == up else f"{down} down, {up} up"


def _moment(text: str | None, policy: Policy) -> datetime:
    zone = ZoneInfo(policy.region.zone)
    if text is None:
        return datetime.now(zone)
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(zone) if found.tzinfo else found.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"--at {text!r} is no moment: write it as `2026-12-25 10:00`"
        ) from None


def rates(shown: Shown) -> list[Stated]:
    """The rates that the policy gives, each with the line that states it."""
    policy, leaf = shown.policy, shown.leaf
    capacity = policy.where(shown.kind, shown.slug, "link", "capacity")
    last_mile = Stated("last mile", leaf.link, capacity)
    if shown.kind == "hotspots":
        where = policy.where("region", "", "public", "least", "down")
        note = f"its part of the public's least share, {policy.region.public.least}"
        return [Stated("least", leaf.guarantee, where, note), last_mile]
    found = []
    for key, rate in (
        ("guarantee", leaf.guarantee),
        ("floor", leaf.floor),
        ("ceiling", leaf.ceiling),
    ):
        stated = key in shown.source.model_fields_set
        where = policy.where("opd", shown.slug, key) if stated else capacity
        free = key == "ceiling" and leaf.mode == "observe"
        note = "not in force while observed" if free else ""
        found.append(Stated(key, rate, where, note, in_force=not free))
    return [*found, last_mile]
