"""Who changes when: a canary first, then all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from komando.inventory import Host

Waves = tuple[tuple[str, ...], ...]


def arrange(names: Iterable[str], hosts: Mapping[str, Host], *, at_once: bool = False) -> Waves:
    """The waves of an apply, by name; no empty one.

    The canaries are the hosts that the inventory marks; where none of them changes, the first by
    name goes ahead. `at_once` puts everybody into one wave, of which one failure reverts all.
    """
    changing = sorted(names)
    if at_once or len(changing) < 2:
        return (tuple(changing),) if changing else ()
    canaries = [name for name in changing if hosts[name].canary] or changing[:1]
    rest = [name for name in changing if name not in canaries]
    return tuple(tuple(wave) for wave in (canaries, rest) if wave)
