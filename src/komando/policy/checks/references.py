"""Names that files call: the calendar, segment, pool or router must exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from komando.diagnostics import Diagnostic, Location
from komando.documents.kinds import YAML_1_1_BOOLEANS
from komando.documents.near import nearest
from komando.policy.model import Draft
from komando.policy.regions import Region
from komando.policy.sites import Opd


def check(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    """References of the region's parts to each other, then of each office and point."""
    found = (
        *_region(draft, region),
        *_segments(draft, region),
        *(one for opd in draft.opd.values() for one in _opd(draft, region, opd)),
    )
    parts = {"calendar-unknown": "calendars", "segment-unknown": "segments"}
    for one in found:
        part = parts.get(one.id)
        if part is None or draft.knows_all(part, getattr(region, part)):
            yield one


def _segments(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    for kind, site in draft.sites():
        segment = site.link.segment
        if segment not in region.segments:
            at = draft.where(kind, site.slug, "link", "segment")
            yield unknown("segment", segment, region.segments, at)


def _opd(draft: Draft, region: Region, opd: Opd) -> Iterator[Diagnostic]:
    calendar = opd.calendar
    if calendar not in region.calendars:
        at = draft.where("opd", opd.slug, "calendar")
        yield unknown("calendar", calendar, region.calendars, at)
    elif calendar not in region.pools and draft.knows_all("pools", region.pools):
        yield Diagnostic(
            "pool-unknown",
            "error",
            f"a calendar without a pool: `{calendar}`",
            found=calendar,
            expected=f"one of {', '.join(region.pools)}",
            remedy=f"add `{calendar}` to the pools of region.yaml, or take another calendar",
            location=draft.where("opd", opd.slug, "calendar"),
        )
    for index, item in enumerate(opd.exceptions):
        if item.calendar is not None and item.calendar not in region.calendars:
            at = draft.where("opd", opd.slug, "exceptions", index, "calendar")
            yield unknown("calendar", item.calendar, region.calendars, at)


def _region(draft: Draft, region: Region) -> Iterator[Diagnostic]:
    routers = {uplink.router for uplink in region.uplinks.values()}
    known = draft.knows_all("uplinks", region.uplinks) and all(
        draft.sure("region", "", "uplinks", slug, "router") for slug in region.uplinks
    )
    for slug, segment in region.segments.items():
        if known and segment.router not in routers:
            at = draft.where("region", "", "segments", slug, "router")
            yield unknown("router", segment.router, routers, at)
    for slug in region.pools:
        if slug not in region.calendars:
            at = draft.key("region", "", "pools", slug)
            yield unknown("calendar", slug, region.calendars, at)
    for index, period in enumerate(region.periods):
        for slug in period.windows:
            if slug not in region.calendars:
                at = draft.key("region", "", "periods", index, "windows", slug)
                yield unknown("calendar", slug, region.calendars, at)


def unknown(what: str, name: str, known: Collection[str], at: Location) -> Diagnostic:
    """A name that nothing has, with the nearest that something has."""
    near = nearest(name, tuple(sorted(known)))
    word = f"`{name}` is only a word here: " if name in YAML_1_1_BOOLEANS else ""
    many = {"router": "with an uplink", "segment": "in region.yaml", "calendar": "in region.yaml"}
    return Diagnostic(
        f"{what}-unknown",
        "error",
        f"the unknown {what} `{name}`",
        found=name,
        expected=f"one of {', '.join(sorted(known))}",
        remedy=f"did you mean `{near}`?" if near else f"{word}write a {what} {many[what]}",
        location=at,
    )
