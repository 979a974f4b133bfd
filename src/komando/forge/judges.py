"""Who judges a pull request: the people and owners of its base, which it cannot change itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from komando.diagnostics import Diagnostic, errors_in
from komando.forge.owners import Owners, first_owners, read_owners
from komando.policy import PEOPLE, People, Person, find, read_people

PEOPLE_FILE: Final = f"policies/{PEOPLE}"
"""Where the people stand in the repository."""


@dataclass(frozen=True)
class Judges:
    """The people and owners of one commit; days are those of `zone`, the region's."""

    people: People
    zone: str
    owners: Owners = field(default_factory=Owners)

    def day(self, at: datetime) -> date:
        """The region's day of a moment."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def serving(self, login: str | None, day: date) -> Person | None:
        """Who has this login, if they may at least propose on a day."""
        person = None if login is None else find(self.people, login)
        return person if person is not None and person.serves(day) else None

    def approver(self, login: str | None, day: date) -> Person | None:
        """Who has this login, if their approval counts on a day."""
        person = self.serving(login, day)
        return person if person is not None and person.role == "approver" else None

    def approvers(self, day: date) -> list[Person]:
        """Everybody whose approval counts on a day."""
        return [one for one in self.people.values() if self.approver(one.login, day) is one]


def judges_of(
    read: Callable[[str], bytes | None], zone: str
) -> tuple[Judges | None, list[Diagnostic]]:
    """The judges of a commit, and what is wrong with their files; None where that is an error.

    `read` gives the bytes of a path of the commit, None where nothing stands there. Without
    `people.yaml` there is nobody, and so no approval counts.
    """
    people: People = {}
    diagnostics: list[Diagnostic] = []
    if (raw := read(PEOPLE_FILE)) is not None:
        people, diagnostics = read_people(raw, PEOPLE_FILE)
    owners = Owners()
    if (found := first_owners(read)) is not None and not errors_in(diagnostics):
        path, raw = found
        owners, wrong = read_owners(raw, path, people)
        diagnostics += wrong
    return (None if errors_in(diagnostics) else Judges(people, zone, owners)), diagnostics
