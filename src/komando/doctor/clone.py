"""This machine's clone: the programs that it runs with, and git."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from komando.doctor.symptom import Symptom, listed

GIT: Final = (2, 34)
"""The first git that signs, and checks signatures, with ssh keys (its release notes)."""

_PIN: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s\\;]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    """The versions that a lock's text asks for, by names as PyPI normalises them (PEP 503)."""
    return {normal(name): version for name, version in _PIN.findall(lock)}


def normal(name: str) -> str:
    """A package's name as PyPI normalises it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def clone(
    installed: Mapping[str, str], every: Mapping[str, str], needed: Mapping[str, str], git: str
) -> Iterator[Symptom]:
    """The environment against the locks, and git by what `git --version` says ("" for none).

    `every` are the pins of all that a developer has, `needed` those of what komando runs with: the
    first may be missing. Names are normalised.
    """
    wanted = {**every, **needed}
    other = [
        f"{name} {installed[name]} in place of {version}"
        for name, version in sorted(wanted.items())
        if installed.get(name, version) != version
    ]
    missing = [f"{name} is missing" for name in sorted(needed) if name not in installed]
    if other or missing:
        yield Symptom(
            "environment-lock",
            "warning",
            f"the environment is another than the lock asks for: {listed([*missing, *other])}",
            "`scripts/setup`; on a controller `komando prepare` of it",
        )
    elif wanted:
        yield Symptom("environment-lock", "ok", "the environment is what the lock asks for")
    yield _git(git)


def _git(said: str) -> Symptom:
    mend = "install git of the distribution; Debian 12 has 2.39"
    found = re.search(r"([0-9]+)\.([0-9]+)", said)
    if found is None:
        return Symptom("git-old", "error", "there is no git here, which keeps the ledger", mend)
    if (int(found[1]), int(found[2])) < GIT:
        least = ".".join(map(str, GIT))
        return Symptom(
            "git-old", "warning", f"git is {found[0]}, and signatures take {least} at least", mend
        )
    return Symptom("git-old", "ok", f"git is {found[0]}")
