"""What follows for the pools: their sizes at each kind of hour, the public's remainder too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from komando.intent import Profile, RouterIntent, exception_parts
from komando.plan.model import Shift
from komando.plan.wording import Wording, pair_details
from komando.units import DIRECTIONS, Pair

PUBLIC_WORDS = "public (the remainder)"

_Key = tuple[tuple[str, ...], tuple[str, ...]]


def compare_pools(old: Wording, new: Wording) -> Iterator[Shift]:
    """Each pool whose size changes, by hours.

    Days with an exception are told only where more changes than on the days around them. An
    exception that is new is compared with those days.
    """
    before, after = _by_key(old.intent), _by_key(new.intent)
    for key in sorted(after, key=lambda key: (key[1], key[0])):
        hours, exceptions = key
        plain = (hours, ())
        if exceptions and key in before:
            if _growth(before, after, key) != _growth(before, after, plain):
                yield from _shifts(_when(*key), before[key], after[key], old, new)
        elif exceptions:
            yield from _shifts(_when(*key), after.get(plain), after[key], new, new)
        else:
            yield from _shifts(_when(*key), before.get(key), after[key], old, new)


def _growth(
    before: Mapping[_Key, Profile], after: Mapping[_Key, Profile], key: _Key
) -> dict[tuple[str, str], int]:
    """By how many bit/s each pool grows, by pool and direction."""
    was = before[key].pools if key in before else {}
    now = after[key].pools if key in after else {}
    return {
        (slug, side): now[slug].of(side).bits - was[slug].of(side).bits
        for slug in was.keys() & now.keys()
        for side in DIRECTIONS
    }


def pool_sizes(words: Wording) -> Iterator[Shift]:
    """All pools at each kind of hour, days with exceptions left out: for a first generation."""
    for (hours, exceptions), profile in sorted(_by_key(words.intent).items()):
        if not exceptions:
            yield from _shifts(_when(hours, ()), None, profile, words, words)


def _by_key(intent: RouterIntent) -> dict[_Key, Profile]:
    always = {slug for slug, text in intent.calendars.items() if text == "at all hours"}
    return {
        (tuple(slug for slug in profile.open if slug not in always), profile.exceptions): profile
        for profile in intent.profiles
    }


def _when(hours: tuple[str, ...], exceptions: tuple[str, ...]) -> str:
    text = f"in the hours of {' and '.join(hours)}" if hours else "out of hours"
    if not exceptions:
        return text
    return f"{text}, with the exception of {', '.join(map(_exception, exceptions))}"


def _exception(key: str) -> str:
    return "{} from {}".format(*exception_parts(key))


def _shifts(
    when: str, base: Profile | None, now: Profile, old: Wording, new: Wording
) -> Iterator[Shift]:
    was: Mapping[str, Pair] = {} if base is None else base.pools
    slugs = [pool.slug for pool in new.intent.pools]
    slugs += sorted(was.keys() - {*slugs, "public"})
    for slug in [*slugs, "public"]:
        name = PUBLIC_WORDS if slug == "public" else slug
        for detail in pair_details(name, (was.get(slug), old), (now.pools.get(slug), new)):
            yield Shift(when, detail.aspect, detail.before, detail.after)
