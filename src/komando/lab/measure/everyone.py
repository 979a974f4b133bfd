"""Everybody at once: the load that asks for more than there is, and what each then gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from komando.intent import HtbClass, Profile, share_out
from komando.lab.measure.load import Offer, offered
from komando.lab.measure.results import Row, Total
from komando.lab.measure.stage import Stage, Window, promised_to


def full_load(stage: Stage, *profiles: Profile, but: Collection[str] = ()) -> dict[str, Offer]:
    """Everybody, `but` these, asks for more than any of these profiles gives.

    Where the lab has only some of the offices, those ask for what the others leave, too.
    """
    ceilings = {slug: stage.ceiling("up", slug) for slug in stage.slugs}
    usable = stage.city.usable.up.bits
    wanted = [
        filled({slug: profile.shares[slug].up.bits for slug in ceilings}, ceilings, usable)
        for profile in profiles
    ]
    return {
        slug: Offer(up=offered(one[slug] for one in wanted))
        for slug in stage.slugs
        if slug not in but
    }


def filled(shares: Mapping[str, int], ceilings: Mapping[str, int], usable: int) -> dict[str, int]:
    """Shares of a link, all in bit/s, enlarged in proportion until it is full or all are at most.

    In a city of everybody the shares fill the link, and stay what they are.
    """
    numbers = {slug: number for number, slug in enumerate(shares)}
    given = share_out(
        usable,
        [
            HtbClass(number, 0, shares[slug], ceilings[slug], 0, 0, shares[slug], leaf=True)
            for slug, number in numbers.items()
        ],
    )
    return {slug: given[number] for slug, number in numbers.items()}


def see(stage: Stage, scenario: str, profile: Profile, only: str | None = None) -> None:
    """Everybody saturates: note what each gets (or one office alone), and how full the link is."""
    slugs = stage.slugs
    stage.set_load(full_load(stage, profile))
    promised = promised_to(stage.running, profile, slugs)
    stage.settle(promised)
    noted = {key: bits for key, bits in promised.items() if only in (None, key[0])}

    def judged(window: Window) -> list[Row | Total]:
        return [
            *stage.rows(scenario, window, noted),
            *stage.totals(scenario, window, slugs),
        ]

    stage.count(scenario, slugs, stage.span(noted), judged)
