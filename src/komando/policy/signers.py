"""Whose signature on a commit counts, and when, as git and ssh-keygen read it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from komando.documents.keys import read_public_key
from komando.policy.people import People, Person

_FIRST: Final = date(1970, 1, 2)
_LAST: Final = date(9999, 12, 30)
"""The days that ssh-keygen's clock has, which begins with 1970, and Python's in every zone."""


def allowed_signers(people: People, zone: str) -> str:
    """A file for git's `gpg.ssh.allowedSignersFile`: a line for each key (ssh-keygen(1)).

    The principal is the login. A key counts for commits and tags alone (git's namespace), from the
    first second of the first day to the last of the last, in the region's `zone`; written in UTC,
    as a time without a `Z` would be that of whoever verifies.
    """
    lines = [
        f"{person.login} {_options(person, ZoneInfo(zone))} {read_public_key(key)}\n"
        for person in people.values()
        for key in person.keys
    ]
    return "".join(lines)


def _options(person: Person, zone: ZoneInfo) -> str:
    options = ['namespaces="git"', f'valid-after="{_start(person.start, zone):%Y%m%d%H%M%SZ}"']
    if person.end is not None:
        # ssh-keygen still takes the very second of `valid-before` (sshsig.c)
        end = _start(person.end, zone) + timedelta(days=1, seconds=-1)
        options.append(f'valid-before="{end:%Y%m%d%H%M%SZ}"')
    return ",".join(options)


def _start(day: date, zone: ZoneInfo) -> datetime:
    bounded = min(max(day, _FIRST), _LAST)
    return datetime.combine(bounded, time(), zone).astimezone(UTC)
