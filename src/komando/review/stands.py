"""A plan that was made beside the hosts, held against the one that people reviewed."""

from __future__ import annotations

from collections.abc import Iterator

from komando.plan import HostPlan, Plan
from komando.plan.narration import digest_words


def unreviewed(live: Plan, reviewed: Plan) -> list[str]:
    """What a live plan does that stands in no reviewed one, a sentence each; empty: go on.

    Digests that are alike on both sides settle a host. Where a host runs another generation than
    the ledger says, each single change has to stand in the reviewed plan. A finding that nobody has
    acknowledged stops an apply by itself, and need not be told here.
    """
    known = {host.host: host for host in reviewed.hosts}
    return [
        f"{host.host}: {what}"
        for host in live.changing()
        for what in _of_host(host, known.get(host.host))
    ]


def _of_host(host: HostPlan, reviewed: HostPlan | None) -> Iterator[str]:
    if host.state == "repair":
        yield (
            f"{host.summary}. That is no change of policy: `komando drift --repair` mends it, "
            "then apply again"
        )
        return
    if reviewed is None or reviewed.state == "same":
        yield (
            f"it would change, from {digest_words(host.before)} to {digest_words(host.after)}, and "
            "no reviewed plan touches it"
        )
        yield from _elsewhere(host, reviewed)
        return
    if not reviewed.compared:
        yield (
            "what it ran could not be told from git, so that nobody saw what changes: a person "
            "looks at `komando plan`, and applies by hand"
        )
        return
    if (host.before, host.after) == (reviewed.before, reviewed.after):
        return
    if host.after != reviewed.after:
        yield (
            f"it would get {digest_words(host.after)}, and reviewed was "
            f"{digest_words(reviewed.after)}: the program here renders otherwise"
        )
        return
    if not host.compared:
        yield f"what it runs ({digest_words(host.before)}) cannot be read, so nobody reviewed this"
        yield from _elsewhere(host, reviewed)
        return
    new = sorted(_changes(host) - _changes(reviewed))
    if new:
        yield from (f"{what}, which stands in no reviewed plan" for what in new)
        yield from _elsewhere(host, reviewed)


def _elsewhere(host: HostPlan, reviewed: HostPlan | None) -> Iterator[str]:
    """Why the two differ: what the ledger says of the host, and what it runs."""
    before = None if reviewed is None else reviewed.before
    if before != host.before:
        yield (
            f"by the ledger it runs {digest_words(before)}, and it runs "
            f"{digest_words(host.before)}: it was rolled back, or changed from elsewhere. Revert "
            "what was wrong, or bring it to what the ledger says (`komando ledger show`, "
            "`komando rollback`), then apply again"
        )


def _changes(host: HostPlan) -> set[str]:
    """Each change in words, down to what it shall be; what it was may differ."""
    found = {
        f"{change.title}: {detail.aspect} {detail.after or 'gone'}"
        for change in host.changes
        for detail in change.details
    }
    found |= {f"{change.title}: {change.action}" for change in host.changes if not change.details}
    found |= {f"{move.name} moves to {move.after}" for move in host.moves}
    found |= {f"hours of {one.calendar} on {day}" for one in host.hours for day in one.days}
    return found | {f"{path.path} changes" for path in host.files if not host.changes}
