"""What runs: one question a host, and a second one only where the files are needed."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from komando.bundle import Bundle
from komando.generation import RunningGeneration
from komando.rollout.session import Session


@dataclass(frozen=True)
class Observation:
    """What the hosts answered, and why the others did not: together all that were asked."""

    running: Mapping[str, RunningGeneration]
    failures: Mapping[str, str]


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
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(bundle.archive())
            fresh.replace(path)
        except OSError:
            return

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.tar.gz"


def observe(session: Session, wanted: Mapping[str, Bundle], cache: Cache) -> Observation:
    """Ask every host of `wanted` what it runs; fetch the files of those that run something else.

    Raises KeyboardInterrupt when it is interrupted: asking leaves nothing behind.
    """
    asked = [name for name in wanted if name not in session.refused]
    answers = session.observe(asked)
    if answers.interrupted:
        raise KeyboardInterrupt
    failures = {name: reason for name, reason in session.refused.items() if name in wanted}
    failures |= answers.failures
    running: dict[str, RunningGeneration] = {}
    for name, answer in answers.results.items():
        try:
            running[name] = _generation(name, answer)
        except (TypeError, ValueError) as error:
            failures[name] = str(error)
    return _with_files(session, Observation(running, failures), wanted, cache)


def _generation(host: str, answer: Mapping[str, Any]) -> RunningGeneration:
    texts = {
        key: answer.get(key) for key in ("generation", "profile", "clock", "kernel", "calendar")
    }
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise ValueError(f"observe answered {key} {text!r}, which is no text")
    return RunningGeneration(
        host=host,
        digest=texts["generation"],
        profile=texts["profile"],
        clock=texts["clock"],
        kernel=texts["kernel"] or "ok",
        calendar=texts["calendar"] or "ok",
    )


def _with_files(
    session: Session, seen: Observation, wanted: Mapping[str, Bundle], cache: Cache
) -> Observation:
    running, failures = dict(seen.running), dict(seen.failures)
    missing: list[str] = []
    for name, generation in seen.running.items():
        if generation.digest in (None, wanted[name].digest):
            continue
        bundle = cache.get(name, generation.digest)
        if bundle is None:
            missing.append(name)
        else:
            running[name] = replace(generation, bundle=bundle)
    for name, result in _fetch(session, running, missing).items():
        if isinstance(result, Bundle):
            cache.put(result)
            running[name] = replace(running[name], bundle=result)
        else:
            failures[name] = result
            del running[name]
    return Observation(running, failures)


def _fetch(
    session: Session, running: Mapping[str, RunningGeneration], names: Iterable[str]
) -> dict[str, Bundle | str]:
    names = tuple(names)
    if not names:
        return {}
    answers = session.export(names)
    if answers.interrupted:
        raise KeyboardInterrupt
    found: dict[str, Bundle | str] = dict(answers.failures)
    for name, text in answers.results.items():
        try:
            bundle = Bundle.from_archive(name, base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as error:
            found[name] = f"its generation could not be read: {error}"
            continue
        digest = running[name].digest
        found[name] = (
            bundle
            if bundle.digest == digest
            else f"its files do not match its generation {digest}: somebody changed them by hand"
        )
    return found
