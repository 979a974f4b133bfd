"""Routers in namespaces whose clock stands in or out of office hours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from komando.bundle import Bundle
from tests.host_network import Router, router_in_city

DAY, NIGHT = "2026-11-24T08:00:00+07:00", "2026-11-24T20:00:00+07:00"


@contextmanager
def router_by_day(root: Path, name: str = "ht") -> Iterator[Router]:
    """A router on a rehearsed working day, with nothing in force."""
    with router_in_city(root, name) as one:
        assert one.komando("clock", DAY).code == 0
        yield one


@contextmanager
def router_in_force(root: Path, bundle: Bundle) -> Iterator[Router]:
    """A router on a rehearsed working day that runs a bundle, and has come to rest."""
    with router_by_day(root) as one:
        assert one.activate(bundle).code == 0
        one.settle()
        yield one
