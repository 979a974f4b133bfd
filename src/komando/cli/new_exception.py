"""`komando new exception`: days with other terms, in an office's file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from komando.cli.completing import offer_calendars, offer_office
from komando.cli.days import DAY
from komando.cli.new_ask import Form, asked
from komando.cli.new_fit import fitting, with_exceptional
from komando.cli.new_limits import Bound, covered, within
from komando.cli.new_site import request_of
from komando.cli.new_trial import request_options, standing, trial_options, try_out, write
from komando.cli.new_value import NAME, PROSE, RATE, Named
from komando.policy import Policy
from komando.policy.fresh import FreshException, NoPlaceError, with_exception
from komando.units import Pair


@click.command(short_help="Other terms of an office for some days.")
@click.argument("office", metavar="OPD", shell_complete=offer_office)
@click.option("--from", metavar="DATE", help="The first day.")
@click.option("--until", metavar="DATE", help="The last day.")
@click.option("--guarantee", metavar="RATE", help="The guarantee of these days.")
@click.option("--calendar", metavar="NAME", shell_complete=offer_calendars,
              help="Hours of these days, beside its own.")  # fmt: skip
@click.option("--reason", metavar="TEXT", help="Why.")
@request_options
@trial_options
def exception(office: str, policies: Path, *, yes: bool, dry: bool, **given: Any) -> None:
    """Add days with another guarantee or more hours to an office's file; they end by themselves.

    Nothing else in the file is touched: comments and order stay as they are.

    \b
    komando new exception dinas-kesehatan --from 2027-04-05 --until 2027-04-16 \\
        --guarantee "30 Mbit/s" --reason "Immunisation week"
    """  # noqa: D301 - click's mark
    with asked(given, yes=yes) as form:
        policy, told = standing(policies)
        slug = _office(policy, office)
        fresh = _fresh(policy, slug, form)
        file = policies / "opd" / f"{slug}.yaml"
        try:
            content = with_exception(str(file), file.read_bytes(), fresh)
        except NoPlaceError as error:
            raise click.ClickException(str(error)) from error
        if dry:
            click.echo(content.decode(), nl=False)
        fits = None
        if fresh.guarantee is not None:
            changed = partial(with_exceptional, fresh.start)
            fits = partial(fitting, policy, file, content, fresh.guarantee, changed)
        try_out(policies, file, content, told, fits)
    if not dry:
        write(file, content, f"an exception from {fresh.start} until {fresh.end}")


def _office(policy: Policy, said: str) -> str:
    kind, _, name = said.rpartition("/")
    if name in policy.hotspots and (kind == "hotspots" or name not in policy.opd):
        raise click.ClickException(f"{said} is a public point: only offices have exceptions")
    slug: str = Named("office", policy.opd).convert(said.removeprefix("opd/"), None, None)
    return slug


def _fresh(policy: Policy, slug: str, form: Form) -> FreshException:
    region = policy.region
    form.look({"--from": DAY, "--until": DAY, "--reason": PROSE, "--guarantee": RATE,
               "--calendar": Named("calendar", region.calendars),
               "--letter": NAME, "--date": DAY})  # fmt: skip
    start = form.take("--from", "First day", DAY, limit=covered(region))
    end = form.take("--until", "Last day", DAY, limit=covered(region, start))
    reason = form.take("--reason", "Reason", PROSE)
    guarantee, calendar = _terms(policy, slug, form)
    letter, day = request_of(form)
    form.whole()
    return FreshException(start, end, reason, guarantee, calendar, letter, day)


def _terms(policy: Policy, slug: str, form: Form) -> tuple[Pair | None, str | None]:
    """Another guarantee, a calendar beside its own, or both."""
    office, calendars = policy.opd[slug], Named("calendar", policy.region.calendars)
    limit = within(
        least=Bound(office.floor, "its floor"), most=Bound(office.ceiling, "its ceiling")
    )
    while True:
        guarantee = form.may("--guarantee", "Guarantee of these days", RATE, limit)
        calendar = form.may("--calendar", "Hours beside its own, of the calendar", calendars)
        if guarantee is not None or calendar is not None:
            return guarantee, calendar
        if not form.asks:
            form.lack("--guarantee or --calendar")
            return None, None
        click.echo("one of the two has to be said", err=True)
