"""Hosts for which the whole bundle is the change, as nothing stands to compare it with."""

from __future__ import annotations

from collections import Counter

from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.plan.cuts import above_uplink
from komando.plan.files import compare_files
from komando.plan.model import Change, Detail, HostPlan, State
from komando.plan.notes import bundle_notes
from komando.plan.pools import pool_sizes
from komando.plan.wording import Wording, count


def first_plan(wanted: Bundle, words: Wording) -> HostPlan:
    """A host that runs nothing yet."""
    return _whole(wanted, words, "first", None, "it runs nothing yet: {} will be shaped")


def unread_plan(wanted: Bundle, words: Wording, digest: str, why: str) -> HostPlan:
    """A host that runs the generation `digest`, whose files could not be had: `why` says it."""
    summary = "what it runs is not known, so the whole bundle is the change: {}"
    return _whole(wanted, words, "unread", digest, summary, f"{wanted.host} gave no files: {why}")


def foreign_plan(wanted: Bundle, running: RunningGeneration, error: Exception) -> HostPlan:
    """A generation that another version of this program made, which this one cannot read."""
    state: State = "first" if running.digest is None else "unread"
    files = tuple(compare_files(running.bundle, wanted))
    return HostPlan(
        wanted.host,
        state if running.bundle is None else "change",
        running.digest,
        wanted.digest,
        f"what another version made: {count(len(files), 'file')}",
        files=files,
        notes=(f"it was made by another version ({error!r}): files alone compare",),
        compared=False,
    )


def _whole(
    wanted: Bundle, words: Wording, state: State, before: str | None, summary: str, *notes: str
) -> HostPlan:
    """`summary` has a place for the offices and points."""
    kinds = Counter(leaf.kind for leaf in words.intent.leaves)
    served = f"{count(kinds['opd'], 'office')} and {count(kinds['hotspot'], 'public point')}"
    observed = [leaf for leaf in words.intent.leaves if leaf.mode == "observe"]
    said = [*notes, *bundle_notes(wanted, words.intent)]
    if observed:
        said.append(f"{count(len(observed), 'office')} will be counted, not held back")
    link = Detail("usable", None, words.pair(words.intent.uplink.link))
    name = words.intent.uplink.name
    uplink = Change("add", "uplink", name, f"uplink {name}", (link,), None)
    return HostPlan(
        host=wanted.host,
        state=state,
        before=before,
        after=wanted.digest,
        summary=summary.format(served),
        changes=(uplink,),
        follows=tuple(pool_sizes(words)),
        files=tuple(compare_files(None, wanted)),
        notes=tuple(said),
        compared=state == "first",
        above=tuple(above_uplink(words)),
    )
