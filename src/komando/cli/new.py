"""`komando new`: a policy file that is valid, with the next free number and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from komando.cli.completing import offer_sites
from komando.cli.new_ask import DAY, NAME, PROSE, RATE, REASON, Form, Named, Value, may_ask
from komando.cli.new_signer import signer
from komando.cli.new_site import (
    fitting,
    most_common,
    only,
    place_of,
    request_of,
    require_unused,
    summary,
    unheard,
    usual_ceiling,
    usual_floor,
    with_exceptional,
    with_guarantee,
)
from komando.cli.new_trial import place, standing, trial_options, wrote
from komando.documents.addresses import AddressField, NetworkField
from komando.policy import Policy
from komando.policy.fresh import (
    FreshException,
    FreshHotspot,
    FreshOpd,
    NoPlaceError,
    with_exception,
)

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
        click.option("--gateway", "gateways", multiple=True, type=Value(AddressField, "address"),
                     help="Its router in the segment. Default: the next that are free."),
        click.option("--network", "networks", multiple=True, type=Value(NetworkField, "network"),
                     help="A network behind it. Default: the next that are free."),
        click.option("--justification", metavar="TEXT", help="Why it gets this much."),
        click.option("--capacity", metavar="RATE", help="What its last mile carries."),
        click.option("--segment", metavar="NAME", help="The segment that it hangs on."),
        click.option("--name", metavar="TEXT", help="The full name, as letters have it."),
        click.argument("slug"),
    ):  # fmt: skip
        verb = option(verb)
    return verb


def _request_options(verb: Verb) -> Verb:
    for option in (
        click.option("--date", "day", metavar="DATE", help="The date of that letter."),
        click.option("--letter", metavar="NUMBER", help="The letter that asks for it."),
    ):
        verb = option(verb)
    return verb


@new.command(short_help="An office: policies/opd/<slug>.yaml.")
@_site_options
@click.option("--calendar", metavar="NAME", help="Its hours, and its pool.")
@click.option("--guarantee", metavar="RATE", help="What it gets in its hours.")
@click.option("--floor", metavar="RATE", help="What it gets at all hours.")
@click.option("--ceiling", metavar="RATE", help="The most that it may take.")
@click.option("--mode", type=click.Choice(["observe", "enforce"]), default="observe",
              show_default=True, help="Counted and not held back, or shaped.")  # fmt: skip
@_request_options
@trial_options
def opd(slug: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Write the file of a new office.

    \b
    komando new opd dinas-contoh --name "Dinas Contoh" --segment metro --guarantee "10 Mbit/s" \\
        --justification "About 30 staff, who keep their records online." --yes
    """  # noqa: D301 - click's mark
    policy, told = standing(policies)
    require_unused(policy, slug)
    fresh = _fresh_opd(policies, policy, slug, Form(asks=may_ask(yes=yes)), given)
    file = policies / "opd" / f"{slug}.yaml"
    content = fresh.text().encode()
    fits = partial(fitting, policy, file, content, fresh.guarantee, with_guarantee)
    place(policies, file, content, told=told, dry=dry, fits=fits)
    if not dry:
        wrote(file, summary(fresh))


def _fresh_opd(
    policies: Path, policy: Policy, slug: str, form: Form, given: Mapping[str, Any]
) -> FreshOpd:
    region = policy.region
    name = unheard(policy, form.take("--name", given["name"], "Name", NAME))
    known = Named("segment", region.segments)
    segment = form.take("--segment", given["segment"], "Segment", known, only(region.segments))
    guarantee = form.take("--guarantee", given["guarantee"], "Guarantee", RATE)
    reason = form.take("--justification", given["justification"], "Justification", REASON)
    form.whole()
    peers = [one for one in policy.opd.values() if one.link.segment == segment]
    peers = peers or list(policy.opd.values())
    usual, calendars = most_common(it.calendar for it in peers), Named("calendar", region.calendars)
    calendar = form.take("--calendar", given["calendar"], "Calendar", calendars, usual)
    wide = most_common(one.link.capacity for one in peers)
    capacity = form.take("--capacity", given["capacity"], "Capacity of the last mile", RATE, wide)
    floor = form.take("--floor", given["floor"], "Floor", RATE, usual_floor(guarantee))
    most = usual_ceiling(guarantee, capacity)
    ceiling = form.take("--ceiling", given["ceiling"], "Ceiling", RATE, most)
    letter, day = request_of(form, given["letter"], given["day"])
    form.whole()
    number, allotted = place_of(policies, policy, "opd", segment, given)
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
    policy, told = standing(policies)
    require_unused(policy, slug)
    fresh = _fresh_hotspot(policies, policy, slug, Form(asks=may_ask(yes=yes)), given)
    file = policies / "hotspots" / f"{slug}.yaml"
    place(policies, file, fresh.text().encode(), told=told, dry=dry)
    if not dry:
        wrote(file, summary(fresh))


def _fresh_hotspot(
    policies: Path, policy: Policy, slug: str, form: Form, given: Mapping[str, Any]
) -> FreshHotspot:
    segments, points = policy.region.segments, list(policy.hotspots.values())
    name = unheard(policy, form.take("--name", given["name"], "Name", NAME))
    usual = most_common(one.link.segment for one in points) or only(segments)
    segment = form.take("--segment", given["segment"], "Segment", Named("segment", segments), usual)
    reason = form.take("--justification", given["justification"], "Justification", REASON)
    form.whole()
    wide = most_common(one.link.capacity for one in points)
    capacity = form.take("--capacity", given["capacity"], "Capacity of the last mile", RATE, wide)
    parts = click.IntRange(1, 100)
    share = form.take("--share", given["share"], "Share, in parts of the public's pool", parts, 1)
    form.whole()
    number, allotted = place_of(policies, policy, "hotspots", segment, given)
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


@new.command(short_help="Other terms of an office for some days.")
@click.argument("office", metavar="OPD", shell_complete=offer_sites)
@click.option("--from", "start", metavar="DATE", help="The first day.")
@click.option("--until", "end", metavar="DATE", help="The last day.")
@click.option("--guarantee", metavar="RATE", help="The guarantee of these days.")
@click.option("--calendar", metavar="NAME", help="Hours of these days, beside its own.")
@click.option("--reason", metavar="TEXT", help="Why.")
@_request_options
@trial_options
def exception(office: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Add days with another guarantee or more hours to an office's file; they end by themselves.

    Nothing else in the file is touched: comments and order stay as they are.

    \b
    komando new exception dinas-kesehatan --from 2027-04-05 --until 2027-04-16 \\
        --guarantee "30 Mbit/s" --reason "Immunisation week"
    """  # noqa: D301 - click's mark
    policy, told = standing(policies)
    slug = Named("office", policy.opd).convert(office.removeprefix("opd/"), None, None)
    form = Form(asks=may_ask(yes=yes))
    start = form.take("--from", given["start"], "First day", DAY)
    end = form.take("--until", given["end"], "Last day", DAY)
    reason = form.take("--reason", given["reason"], "Reason", PROSE)
    guarantee = form.may("--guarantee", given["guarantee"], "Guarantee", RATE)
    calendar = form.may("--calendar", given["calendar"], "Calendar",
                        Named("calendar", policy.region.calendars))  # fmt: skip
    letter, day = request_of(form, given["letter"], given["day"])
    if guarantee is None and calendar is None:
        form.take("--guarantee or --calendar", None, "Guarantee", RATE)
    form.whole()
    fresh = FreshException(start, end, reason, guarantee, calendar, letter, day)
    file = policies / "opd" / f"{slug}.yaml"
    try:
        content = with_exception(str(file), file.read_bytes(), fresh)
    except NoPlaceError as error:
        raise click.ClickException(str(error)) from error

    fits = None
    if guarantee is not None:
        changed = partial(with_exceptional, start)
        fits = partial(fitting, policy, file, content, guarantee, changed)
    place(policies, file, content, told=told, dry=dry, fits=fits)
    if not dry:
        wrote(file, f"an exception from {start} until {end}")


new.add_command(signer)
