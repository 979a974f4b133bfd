"""What stands on the hosts otherwise than it should: asked in one exec a host, judged here.

A host tells what differs from its own generation. What it cannot know is added: whether the
policies ask for another generation, and whether its program and what roles copied there are those
of this controller's sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import komando.host
from komando.generation import RunningGeneration
from komando.host.drift import LAID
from komando.host.finding import Finding, diff_of, pairs_diff
from komando.host.generation import digest_of
from komando.host.layout import SECRET_FOLDER
from komando.rollout.answers import generation_of
from komando.rollout.session import Session

HASH_DIGITS = 16
"""Digits of a file's digest that a host tells of its program's files."""


@dataclass(frozen=True)
class Mended:
    """Something that the host put right by itself, though nobody had changed its generation.

    `first` and `last` are ISO 8601 in UTC; `words` say what, each with its place; `diff` has lines
    led by - for what lacked and + for what stood in its place.
    """

    first: str
    last: str
    times: int
    words: tuple[str, ...]
    diff: str


@dataclass(frozen=True)
class HostDrift:
    """One host: what it runs, what differs there, and what it mended since its last change.

    `wanted` is the digest that the policies ask for; None where no policy was asked.
    """

    host: str
    running: RunningGeneration
    findings: tuple[Finding, ...] = ()
    mended: tuple[Mended, ...] = ()
    wanted: str | None = None

    @property
    def drift(self) -> tuple[Finding, ...]:
        """The findings that somebody, or a repair, has to mend."""
        return tuple(one for one in self.findings if one.drift)

    @property
    def repairable(self) -> bool:
        """Whether its generation, given once more, mends any of it, and can be given now."""
        free = self.running.waits is None and self.running.bypass is None
        mends = any(one.mend == "repair" for one in self.drift)
        return mends and free and self.running.digest is not None

    @property
    def secrets(self) -> bool:
        """Whether its secrets are not as they were laid: a repair has to bring them along."""
        return any(one.where == SECRET_FOLDER for one in self.drift)

    @property
    def notes(self) -> tuple[str, ...]:
        """What explains the findings, or belongs into another verb."""
        running = self.running
        notes = []
        if running.waits is not None:
            notes.append(
                f"armed: a change waits for its confirmation, and reverts in {running.waits:.0f} s"
            )
        if running.clock is not None:
            notes.append(f"its clock is rehearsed: it lives at {running.clock}")
        if running.taken_back is not None:
            notes.append(running.taken_back.words)
        if running.digest is None:
            notes.append("it runs no generation: komando apply")
        elif self.wanted not in (None, running.digest):
            notes.append(
                f"it runs {running.digest[:12]}, the policies ask for {str(self.wanted)[:12]}: "
                "komando plan"
            )
        return tuple(notes)


@dataclass(frozen=True)
class Drift:
    """All hosts that answered, by name; of the others, why they did not."""

    hosts: tuple[HostDrift, ...]
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def drifting(self) -> tuple[HostDrift, ...]:
        """The hosts on which something differs."""
        return tuple(one for one in self.hosts if one.drift)


@dataclass(frozen=True)
class Sources:
    """What this controller would lay on a host.

    `program` maps the host program's files to their contents, `laid` absolute paths to the texts
    that roles/base copies there; empty where the roles are not at hand.
    """

    program: Mapping[str, bytes]
    laid: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, roles: Path) -> Sources:
        """This installation's host program, and the files of `roles` where that folder stands."""
        folder = Path(komando.host.__path__[0])
        program = {path.name: path.read_bytes() for path in folder.glob("*.py")}
        laid = {}
        for path in LAID:
            source = roles / "base/files" / _SOURCES.get(path, Path(path).name)
            if source.is_file():
                laid[f"/{path}"] = source.read_text()
        return cls(program, laid)

    def findings(self, told: Mapping[str, Any]) -> Iterator[Finding]:
        """Where a host's program and units are not these."""
        if told.get("digest") != (here := digest_of(self.program)):
            ours = {
                name: hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
                for name, content in self.program.items()
            }
            theirs = {str(name): str(one) for name, one in dict(told.get("files") or {}).items()}
            pairs = (
                (_named(name, ours), _named(name, theirs))
                for name in sorted(ours.keys() | theirs.keys())
                if ours.get(name) != theirs.get(name)
            )
            yield Finding(
                "program",
                "the host program",
                f"{here[:12]}, as this controller has it",
                f"{str(told.get('digest'))[:12]}: of another release, or changed by hand",
                pairs_diff(pairs),
                mend="role",
            )
        laid = dict(told.get("laid") or {})
        for path, text in self.laid.items():
            found = laid.get(path)
            if found != text:
                words = "it is missing" if found is None else "another text"
                yield Finding(
                    "unit" if "/systemd/" in path else "program",
                    path,
                    "as roles/base lays it",
                    words,
                    diff_of(text, str(found)) if found is not None else "",
                    mend="role",
                )


_SOURCES = {
    "etc/sudoers.d/komando": "sudoers",
}
"""Paths whose file in the role bears another name."""


def _named(name: str, hashes: Mapping[str, str]) -> str:
    return f"{name} {hashes[name]}" if name in hashes else ""


def ask_drift(
    session: Session, names: Iterable[str], wanted: Mapping[str, str], sources: Sources
) -> Drift:
    """Ask each host in one exec; `wanted` are the digests that the policies ask for.

    Raises KeyboardInterrupt when it is interrupted: asking leaves nothing behind.
    """
    names = tuple(names)
    answers = session.drift([name for name in names if name not in session.refused])
    failures = {name: why for name, why in session.refused.items() if name in names}
    failures |= answers.failures | answers.lost
    hosts: list[HostDrift] = []
    for name, answer in sorted(answers.results.items()):
        try:
            hosts.append(host_drift(name, answer, wanted.get(name), sources))
        except (TypeError, ValueError, KeyError) as error:
            failures[name] = f"its answer could not be read: {error}"
    return Drift(tuple(hosts), failures)


def host_drift(
    host: str, answer: Mapping[str, Any], wanted: str | None, sources: Sources
) -> HostDrift:
    """Reads an answer and judges it. Raises ValueError, TypeError or KeyError for a strange one."""
    running = generation_of(host, answer)
    findings = [_finding(one) for one in answer["findings"]]
    findings += sources.findings(answer["program"])
    mended = tuple(
        Mended(
            first=str(one["time"]),
            last=str(one["last"]),
            times=int(one["times"]),
            words=tuple(str(word) for word in one["words"]),
            diff=str(one["diff"]),
        )
        for one in answer["mended"]
    )
    return HostDrift(host, running, tuple(findings), mended, wanted)


def _finding(values: Mapping[str, Any]) -> Finding:
    """One finding of the host; keys that a newer program adds are left out."""
    known = {one.name for one in fields(Finding)}
    return Finding(**{key: value for key, value in values.items() if key in known})
