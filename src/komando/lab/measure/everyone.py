"""Everybody at once: the load that asks for more than there is, and what each then gets."""

from __future__ import annotations

from collections.abc import Collection

from komando.intent import Profile
from komando.lab.measure.load import Offer, offered
from komando.lab.measure.stage import Stage, promised_to


def full_load(stage: Stage, *profiles: Profile, but: Collection[str] = ()) -> dict[str, Offer]:
    """Everybody, `but` these, asks for more than any of these profiles gives."""
    return {
        slug: Offer(up=offered(profile.shares[slug].up.bits for profile in profiles))
        for slug in stage.slugs
        if slug not in but
    }


def see(stage: Stage, scenario: str, profile: Profile, only: str | None = None) -> None:
    """Everybody saturates: note what each gets (or one office alone), and how full the link is."""
    slugs = stage.slugs
    stage.set_load(full_load(stage, profile))
    promised = promised_to(stage.running, profile, slugs)
    stage.settle(promised)
    window = stage.count(scenario, slugs, promised.values())
    noted = {key: bits for key, bits in promised.items() if only in (None, key[0])}
    stage.add_rows(scenario, window, noted)
    stage.add_totals(scenario, window, slugs)
