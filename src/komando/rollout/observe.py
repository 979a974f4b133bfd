"""What runs: one question a host, and a second one only where the files are needed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from komando.bundle import Bundle
from komando.documents.files import write_whole
from komando.generation import RunningGeneration
from komando.rollout.answers import standing
from komando.rollout.session import Session
from komando.status import RouterStatus, read_status
from komando.usage import read_usage


@dataclass(frozen=True)
class Observation:
    """What the hosts answered, and why the others did not: together all that were asked.

    `unread` says of some in `running` why the files of their generations could not be had.
    """

    running: Mapping[str, RunningGeneration]
    failures: Mapping[str, str]
    unread: Mapping[str, str] = field(default_factory=dict)


class Cache:
    """Generations that were seen before, under their digests: they never change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> Cache:
        """`komando/generations` in the user's cache folder (XDG base directories)."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(base) / "komando" / "generations")

    def get(self, host: str, digest: str) -> Bundle | None:
        """The files under a digest, if they are here and whole."""
        try:
            bundle = Bundle.from_archive(host, self._path(digest).read_bytes())
        except (OSError, ValueError):
            return None
        return bundle if bundle.digest == digest else None

    def put(self, bundle: Bundle) -> None:
        """Keep a bundle. A folder that cannot be written costs a question, no more."""
        path = self._path(bundle.digest)
        try:
            write_whole(path, bundle.archive())
        except OSError:
            return

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.tar.gz"


def observe(session: Session, wanted: Mapping[str, Bundle], cache: Cache) -> Observation:
    """Ask every host of `wanted` what it runs; fetch the files of those that run something else.

    A host that has no files to give, or not those of its generation, is `unread`.
    Raises KeyboardInterrupt when it is interrupted: asking leaves nothing behind.
    """
    return _with_files(session, ask(session, wanted), wanted, cache)


def ask(session: Session, names: Iterable[str]) -> Observation:
    """Ask hosts what they run, and for nothing else."""
    names = tuple(names)
    answers = session.observe([name for name in names if name not in session.refused])
    failures = {name: why for name, why in session.refused.items() if name in names}
    running, misread = standing(answers.results)
    return Observation(running, failures | answers.failures | answers.lost | misread)


def _with_files(
    session: Session, seen: Observation, wanted: Mapping[str, Bundle], cache: Cache
) -> Observation:
    running = dict(seen.running)
    missing: list[str] = []
    for name, generation in seen.running.items():
        if generation.digest in (None, wanted[name].digest):
            continue
        bundle = cache.get(name, generation.digest)
        if bundle is None:
            missing.append(name)
        else:
            running[name] = replace(generation, bundle=bundle)
    if not missing:
        return replace(seen, running=running)
    answers = session.export(missing)
    unread = dict(answers.failures)
    for name, text in answers.results.items():
        try:
            bundle = _read(running[name], text)
        except ValueError as error:
            unread[name] = str(error)
        else:
            cache.put(bundle)
            running[name] = replace(running[name], bundle=bundle)
    for name in answers.lost:
        del running[name]
    return Observation(running, {**seen.failures, **answers.lost}, unread)


def with_usage(session: Session, seen: Observation, names: Iterable[str]) -> Observation:
    """The same, with what some of the hosts used in the last week.

    It is for people to read: a host that cannot tell it (its program is older) lacks it, no more.
    """
    names = tuple(names)
    if not names:
        return seen
    running = dict(seen.running)
    for name, answer in session.usage(names).results.items():
        with suppress(ValueError):
            running[name] = replace(running[name], usage=read_usage(answer))
    return replace(seen, running=running)


def ask_status(
    session: Session, names: Iterable[str], slug: str, seconds: int
) -> tuple[dict[str, RouterStatus], dict[str, str]]:
    """What each host says of an office ("": of all) at this moment; of the others, why not."""
    names = tuple(names)
    answers = session.status([name for name in names if name not in session.refused], slug, seconds)
    failures = {name: why for name, why in session.refused.items() if name in names}
    failures |= answers.failures | answers.lost
    told = {}
    for name, answer in sorted(answers.results.items()):
        try:
            told[name] = read_status(name, answer)
        except ValueError as error:
            failures[name] = str(error)
    return told, failures


def fetch(session: Session, host: str, digest: str, cache: Cache) -> Bundle:
    """The files of a generation of a host. Raises ValueError where they cannot be had, with why."""
    if found := cache.get(host, digest):
        return found
    answers = session.export([host], {host: digest})
    if host not in answers.results:
        raise ValueError((answers.failures | answers.lost)[host])
    bundle = _read(RunningGeneration(host, digest), answers.results[host])
    cache.put(bundle)
    return bundle


def _read(generation: RunningGeneration, text: str) -> Bundle:
    """The files that a host gave. Raises ValueError when they are not those of its generation."""
    bundle = Bundle.from_archive(generation.host, base64.b64decode(text, validate=True))
    if bundle.digest != generation.digest:
        raise ValueError(
            f"its files do not match its generation {generation.digest}: "
            "somebody changed them by hand"
        )
    return bundle
