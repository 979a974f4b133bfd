"""Applies under load: what a merged pull request does to everyone's traffic.

The policies are edited in a copy and applied by `komando apply` itself, while everybody saturates
and a paced probe of the very office that is touched (or of a neighbour in its pool, when the office
comes or goes) counts every packet. Afterwards the router runs again what it ran before.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from komando.intent import RouterIntent, tree
from komando.lab.measure.change import probe_rate, watch
from komando.lab.measure.edits import Edit, copy_of, edits, read
from komando.lab.measure.everyone import full_load, see
from komando.lab.measure.moments import BEFORE, Calendar
from komando.lab.measure.results import ClassChange
from komando.lab.measure.running import Running, read_running
from komando.lab.measure.stage import Stage
from komando.lab.place import LabError
from komando.lab.rehearsal import order_router
from komando.rollout.protocol import PROTOCOL
from komando.units import DIRECTIONS

KOMANDO = Path(sys.executable).with_name("komando")


def applies(stage: Stage, calendar: Calendar) -> None:
    """Change an office's guarantee, take one away, bring it back, move one to another calendar."""
    stretch = calendar.at_work()
    moment = stretch.start + BEFORE
    with copy_of(stage.policies) as copy, _restoring(stage):
        _require_same(stage, copy)
        policy = read(copy, moment.date())
        for edit in edits(policy, stage.running.intent, stretch.profile, stage.slugs):
            stage.go_to(f"apply-{edit.kind}", moment, stretch.profile)
            edit.make(copy)
            _acknowledge(stage, copy)
            _carry_out(stage, edit, copy, stretch.profile.name)


@contextmanager
def _restoring(stage: Stage) -> Iterator[None]:
    """Afterwards the router runs again the generation that it ran before."""
    before = stage.running
    try:
        yield
    finally:
        # without a window: nobody is cut off by what ran a moment ago
        order_router(stage.city, "activate", before.generation, "--protocol", str(PROTOCOL))
        stage.running = before


def _require_same(stage: Stage, policies: Path) -> None:
    done = _komando(stage, "plan", policies, "--no-diff")
    if done.returncode == 2:
        raise LabError(
            f"the router does not run what {stage.policies}/ says, so an edit of it would bring"
            " other changes along: apply first, or name the right folder with --policies"
        )
    if done.returncode:
        raise LabError(f"`komando plan` failed: {done.stderr.strip()}")


def _komando(
    stage: Stage, verb: str, policies: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    where = ["--inventory", "lab", "--lab", stage.city.name, "--policies", str(policies)]
    return subprocess.run(
        [KOMANDO, verb, *options, *where],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _acknowledge(stage: Stage, policies: Path) -> None:
    """Accept in the copy what stops the edit: in a rehearsal nobody loses what was promised."""
    _komando(stage, "plan", policies, "--no-diff", "--acknowledge")
    for file in (policies / "acknowledgements").glob("*.yaml"):
        skeleton = file.read_text()
        for key, value in (
            ("reason", "A rehearsal in the lab, in which nobody loses anything."),
            ("by", "komando lab measure"),
        ):
            skeleton = re.sub(rf"(?m)^( *{key}:) *#.*$", rf"\1 {value}", skeleton)
        file.write_text(skeleton)


def _apply(stage: Stage, policies: Path) -> None:
    done = _komando(stage, "apply", policies, "--no-verify")
    if done.returncode:
        raise LabError(f"`komando apply` failed: {done.stderr.strip() or done.stdout.strip()}")


def _carry_out(stage: Stage, edit: Edit, policies: Path, profile_name: str) -> None:
    """One apply under load, and then what the office gets."""
    scenario = f"apply-{edit.kind}"
    before = stage.running
    profile = before.intent.profile(profile_name)
    comes, goes = edit.kind == "add", edit.kind == "remove"
    probed = _neighbour(before.intent, stage.slugs, edit.office) if comes or goes else edit.office
    stage.set_load(full_load(stage, profile, but={probed, edit.office}))
    stage.fill()
    stage.told("applying under load", edit.words)
    watched = watch(stage, probed, probe_rate(probed, profile), lambda: _apply(stage, policies))
    stage.running = after = read_running(stage.city)
    stage.report.events.append(
        watched.event(
            scenario=scenario,
            what=edit.words,
            before=before.generation[:12],
            after=after.generation[:12],
            expected=expected_changes(before, after, profile_name),
        )
    )
    only = None if goes else edit.office
    see(stage, scenario, after.intent.profile(profile_name), only)


def _neighbour(intent: RouterIntent, slugs: list[str], but: str) -> str:
    """The office with the largest guarantee besides one."""
    leaves = [leaf for leaf in intent.leaves if leaf.kind == "opd" and leaf.slug in slugs]
    others = [leaf for leaf in leaves if leaf.slug != but]
    return max(others, key=lambda leaf: (leaf.guarantee.down.bits, -leaf.id)).slug


def expected_changes(before: Running, after: Running, profile: str) -> tuple[ClassChange, ...]:
    """The classes in which two generations differ while a profile is in force."""
    found = set()
    for direction in DIRECTIONS:
        old, new = (
            {item.minor: item for item in tree(one.intent, one.intent.profile(profile), direction)}
            for one in (before, after)
        )
        found |= {
            ClassChange(after.devices[direction], f"1:{minor:x}")
            for minor in old.keys() | new.keys()
            if old.get(minor) != new.get(minor)
        }
    return tuple(sorted(found))
