"""Who may propose and who may approve: what `people.yaml` may say, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from komando.documents.fields import Day, Line, Slug
from komando.documents.keys import PublicKeyField
from komando.policy.frozen import FrozenModel, many, none_yet
from komando.units import Spelling, Unfit

PEOPLE: Final = "people.yaml"

Role = Literal["approver", "requester"]

_LOGIN: Final = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
"""GitHub's words at sign-up: alphanumeric characters or single hyphens, neither first nor last."""

_LONGEST_LOGIN: Final = 39

_MAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
"""Printable, without spaces and with one `@`: git takes nearly anything, a mail server less."""


def is_login(text: str) -> bool:
    """Whether a person on the forge can have this login."""
    return len(text) <= _LONGEST_LOGIN and re.fullmatch(_LOGIN, text) is not None


def _login(value: Any) -> str:
    if isinstance(value, str) and is_login(value):
        return value
    near = value.removeprefix("@") if isinstance(value, str) else ""
    raise Unfit(
        "login",
        "no login of a person on the forge",
        expected="1 to 39 letters, digits and single `-`, as in the address of their page there",
        remedy=f"write `{near}`" if is_login(near) else "copy it from their page on the forge",
    )


def _mail(value: Any) -> str:
    if isinstance(value, str) and _MAIL.fullmatch(value):
        return value
    raise Unfit(
        "mail",
        "no mail address",
        expected="one address, as `git config user.email` shows it",
        remedy="write the address alone, without a name and without brackets",
    )


Login = Annotated[str, Spelling(_login, "A login on the forge.", ("approver-1",), f"^{_LOGIN}$")]
Mail = Annotated[
    str, Spelling(_mail, "A mail address.", ("networks@diskominfo.example",), r"^[!-?A-~]+@[^@ ]+$")
]


class PersonEntry(FrozenModel):
    """One person, below their login."""

    name: Line = Field(
        description="The name, as letters have it.", examples=["Head of networks, Diskominfo"]
    )
    office: Slug = Field(description="The office that they work for.", examples=["diskominfo"])
    role: Role = Field(
        description="approver: their approvals count; requester: they may only propose.",
        examples=["approver"],
    )
    mails: tuple[Mail, ...] = many(
        "All addresses that stand in their commits.", "networks@diskominfo.example"
    )
    keys: tuple[PublicKeyField, ...] = none_yet("The public ssh keys that they sign commits with.")
    start: Day = Field(alias="from", description="The first day.", examples=["2026-01-01"])
    end: Day | None = Field(
        default=None,
        alias="until",
        description="The last day; without it there is none yet.",
        examples=["2027-12-31"],
    )


class PeopleFile(FrozenModel):
    """`people.yaml` as it is written."""

    people: dict[Login, PersonEntry] = Field(
        description="Who may propose and who may approve, by login on the forge.",
        examples=[
            {
                "approver-1": {
                    "name": "Head of networks, Diskominfo",
                    "office": "diskominfo",
                    "role": "approver",
                    "mails": ["networks@diskominfo.example"],
                    "from": "2026-01-01",
                }
            }
        ],
    )

    def persons(self) -> dict[str, Person]:
        """All of them, in the order of their logins."""
        return {
            login: Person(
                login=login,
                name=entry.name,
                office=entry.office,
                role=entry.role,
                mails=entry.mails,
                start=entry.start,
                end=entry.end,
                keys=entry.keys,
            )
            for login, entry in sorted(self.people.items(), key=lambda item: item[0].lower())
        }


@dataclass(frozen=True)
class Person:
    """Somebody who may propose or approve, from `start` to `end`, both included, region's days.

    `end` is None while no last day is known. `mails` are those of their commits, `keys` the public
    ssh keys that they sign with, in one line each.
    """

    login: str
    name: str
    office: str
    role: Role
    mails: tuple[str, ...]
    start: date
    end: date | None = None
    keys: tuple[str, ...] = ()

    def serves(self, day: date) -> bool:
        """Whether a day is one of theirs."""
        return self.start <= day and (self.end is None or day <= self.end)


People = Mapping[str, Person]
"""People by login, as they are written; a forge tells no capitals apart, so look with `find`."""


def find(people: People, login: str) -> Person | None:
    """The person with a login, in whatever capitals; None for a stranger."""
    if login in people:
        return people[login]
    return next((one for one in people.values() if one.login.lower() == login.lower()), None)
