"""`komando new`: a policy file that is valid, with the next free number and addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from komando.cli.completing import offer_calendars, offer_segments
from komando.cli.days import DAY
from komando.cli.new_ask import Form, asked
from komando.cli.new_exception import exception
from komando.cli.new_fit import fitting, with_own_floor, with_usual_floor
from komando.cli.new_limits import Bound, within
from komando.cli.new_signer import signer
from komando.cli.new_site import (
    FreshName,
    free_id,
    most_common,
    only,
    place_of,
    request_of,
    require_unused,
    summary,
    usual_ceiling,
    usual_floor,
)
from komando.cli.new_trial import request_options, standing, trial_options, try_out, write
from komando.cli.new_value import NAME, PARTS, RATE, REASON, Kind, Named, Value
from komando.cli.streams import tell
from komando.documents.addresses import AddressField, NetworkField
from komando.policy import Policy
from komando.policy.fresh import FreshHotspot, FreshOpd

Verb = Callable[..., Any]


@click.group()
def new() -> None:
    """New policies: an office, a public point, days with other terms, somebody who approves.

    What the flags do not say is asked for at a terminal; with --yes, or without a terminal,
    defaults stand in, and what has none is named. The id and the addresses are the next that are
    free. Nothing is written that `komando check` would refuse, nor before the last question.
    """


def _site_options(verb: Verb) -> Verb:
    for option in (
        click.option("--gateway", multiple=True, type=Value(AddressField, "an address"),
                     help="Its router in the segment. Default: the next that are free."),
        click.option("--network", multiple=True, type=Value(NetworkField, "a network"),
                     help="A network behind it. Default: the next that are free."),
        click.option("--justification", metavar="TEXT", help="Why it gets this much."),
        click.option("--capacity", metavar="RATE", help="What its last mile carries."),
        click.option("--segment", metavar="NAME", shell_complete=offer_segments,
                     help="The segment that it hangs on."),
        click.option("--name", metavar="TEXT", help="The full name, as letters have it."),
        click.argument("slug"),
    ):  # fmt: skip
        verb = option(verb)
    return verb


@new.command(short_help="An office: policies/opd/<slug>.yaml.")
@_site_options
@click.option("--calendar", metavar="NAME", shell_complete=offer_calendars,
              help="Its hours, and its pool.")  # fmt: skip
@click.option("--guarantee", metavar="RATE", help="What it gets in its hours.")
@click.option("--floor", metavar="RATE", help="What it gets at all hours.")
@click.option("--ceiling", metavar="RATE", help="The most that it may take.")
@click.option("--mode", type=click.Choice(["observe", "enforce"]), default="observe",
              show_default=True, help="Counted and not held back, or shaped.")  # fmt: skip
@request_options
@trial_options
def opd(slug: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Write the file of a new office.

    \b
    komando new opd dinas-contoh --name "Dinas Contoh" --segment metro --guarantee "10 Mbit/s" \\
        --justification "About 30 staff, who keep their records online." --yes
    """  # noqa: D301 - click's mark
    file = policies / "opd" / f"{slug}.yaml"
    with asked(given, yes=yes) as form:
        policy, told = standing(policies)
        require_unused(policy, slug)
        number = free_id(policies, policy)
        fresh = _fresh_opd(policy, slug, number, form, given)
        content = fresh.text().encode()
        if dry:
            click.echo(content.decode(), nl=False)
        changed = with_own_floor if given["floor"] else with_usual_floor
        fits = partial(fitting, policy, file, content, fresh.guarantee, changed)
        try_out(policies, file, content, told, fits)
    if not dry:
        write(file, content, summary(fresh))


def _fresh_opd(
    policy: Policy, slug: str, number: int, form: Form, given: dict[str, Any]
) -> FreshOpd:
    region = policy.region
    named, segments = FreshName(policy), Named("segment", region.segments)
    calendars = Named("calendar", region.calendars)
    _look(form, named, segments, {"--calendar": calendars, "--guarantee": RATE, "--floor": RATE,
                                  "--ceiling": RATE, "--letter": NAME, "--date": DAY})  # fmt: skip
    name = form.take("--name", "Name", named)
    segment = form.take("--segment", "Segment", segments, only(region.segments))
    guarantee = form.take("--guarantee", "Guarantee", RATE)
    reason = form.take("--justification", "Justification", REASON)
    letter, day = request_of(form)
    form.whole()
    peers = [one for one in policy.opd.values() if one.link.segment == segment]
    peers = peers or list(policy.opd.values())
    usual = most_common(it.calendar for it in peers)
    calendar = form.take("--calendar", "Calendar", calendars, usual)
    wide = most_common(one.link.capacity for one in peers)
    least = Bound(guarantee, "the guarantee")
    capacity = form.take("--capacity", "Capacity of the last mile", RATE, wide, within(least=least))
    floor = form.take("--floor", "Floor", RATE, usual_floor(guarantee), within(most=least))
    most = Bound(capacity, "what the last mile carries")
    ceiling = form.take("--ceiling", "Ceiling", RATE, usual_ceiling(guarantee, capacity),
                        within(least=least, most=most))  # fmt: skip
    form.whole()
    allotted = place_of(policy, "opd", segment, number, given)
    return FreshOpd(
        slug=slug,
        id=number,
        name=name,
        networks=allotted.networks,
        segment=segment,
        capacity=capacity,
        gateways=allotted.gateways,
        justification=reason,
        calendar=calendar,
        guarantee=guarantee,
        floor=floor,
        ceiling=ceiling,
        mode=given["mode"],
        letter=letter,
        day=day,
    )


def _look(form: Form, named: Kind, segments: Kind, others: dict[str, Kind]) -> None:
    """Read all flags before the first question."""
    form.look({"--name": named, "--segment": segments, "--justification": REASON,
               "--capacity": RATE, **others})  # fmt: skip


@new.command(short_help="A public point: policies/hotspots/<slug>.yaml.")
@_site_options
@click.option("--share", metavar="NUMBER", help="Its parts of the public's pool.")
@trial_options
def hotspot(slug: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Write the file of a new public point.

    \b
    komando new hotspot pasar-besar --name "Pasar Besar" --segment public \\
        --justification "The covered market, full in the morning." --yes
    """  # noqa: D301 - click's mark
    file = policies / "hotspots" / f"{slug}.yaml"
    with asked(given, yes=yes) as form:
        policy, told = standing(policies)
        require_unused(policy, slug)
        number = free_id(policies, policy)
        fresh = _fresh_hotspot(policy, slug, number, form, given)
        content = fresh.text().encode()
        if dry:
            click.echo(content.decode(), nl=False)
        try_out(policies, file, content, told)
    used = {one.link.segment for one in policy.hotspots.values()}
    if used and fresh.segment not in used:
        tell(f"warning: no other public point hangs on {fresh.segment}", err=True)
    if not dry:
        write(file, content, summary(fresh))


def _fresh_hotspot(
    policy: Policy, slug: str, number: int, form: Form, given: dict[str, Any]
) -> FreshHotspot:
    known, points = policy.region.segments, list(policy.hotspots.values())
    named, segments = FreshName(policy), Named("segment", known)
    _look(form, named, segments, {"--share": PARTS})
    name = form.take("--name", "Name", named)
    usual = most_common(one.link.segment for one in points) or only(known)
    segment = form.take("--segment", "Segment", segments, usual)
    reason = form.take("--justification", "Justification", REASON)
    form.whole()
    wide = most_common(one.link.capacity for one in points)
    capacity = form.take("--capacity", "Capacity of the last mile", RATE, wide)
    share = form.take("--share", "Share, in parts of the public's pool", PARTS, 1)
    form.whole()
    allotted = place_of(policy, "hotspots", segment, number, given)
    return FreshHotspot(
        slug=slug,
        id=number,
        name=name,
        networks=allotted.networks,
        segment=segment,
        capacity=capacity,
        gateways=allotted.gateways,
        justification=reason,
        share=share,
    )


new.add_command(exception)
new.add_command(signer)
