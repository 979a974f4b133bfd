"""A router that stands as its generation says, for somebody to change, and what it tells then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.host_bundle import City, bundle_of
from tests.host_network import Router
from tests.platforms.standing import router_by_day

BUNDLE = bundle_of(City())


@contextmanager
def router_with_links(root: Path, name: str) -> Iterator[Router]:
    """A router by day, with the links that the role lays, and nothing in force."""
    with router_by_day(root, name) as one:
        for path in ("etc/komando", "etc/sysctl.d/90-komando.conf"):
            link = one.root / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"/var/lib/komando/current/{path}")
        yield one


@contextmanager
def repaired_after(standing: Router) -> Iterator[Router]:
    """The router as its generation says, before a test and after a repair."""
    assert standing.activate(BUNDLE).code == 0
    (standing.root / "var/lib/komando/mended").unlink(missing_ok=True)
    yield standing
    answer = standing.komando("activate", BUNDLE.digest)
    assert answer.code == 0, answer.words


def drift(router: Router) -> dict[str, Any]:
    answer = router.komando("drift")
    assert answer.code == 0, answer.words
    assert isinstance(answer.said, dict)
    return answer.said


def findings(router: Router) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = drift(router)["findings"]
    return found


def only(router: Router, *, drifts: bool = True) -> dict[str, Any]:
    (one,) = findings(router)
    assert one["drift"] is drifts
    return one


def repaired(router: Router) -> None:
    answer = router.komando("activate", BUNDLE.digest)
    assert answer.code == 0, answer.words
    assert findings(router) == []
