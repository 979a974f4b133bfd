"""People: who may approve, whose time ends, and who has no key to sign with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from komando.doctor.symptom import Symptom, counted, listed, until
from komando.policy.people import People

NOTICE: Final = 60
"""Days before the end of somebody's time from which on it is told: a successor has to be named."""

_FILE: Final = "policies/people.yaml"
_ANOTHER: Final = f"{_FILE}, by a reviewed change; `komando new signer LOGIN` writes an entry"


def people(known: People, today: date) -> Iterator[Symptom]:
    """Those who serve today, by what a two-person rule needs of them."""
    serving = [person for person in known.values() if person.serves(today)]
    yield _approvers([one.login for one in serving if one.role == "approver"])
    for one in sorted(serving, key=lambda person: person.end or date.max):
        if one.end is not None and (one.end - today).days <= NOTICE:
            yield Symptom(
                "person-ends",
                "warning",
                f"the time of {one.name} ({one.login}, {one.role} of {one.office}) ends on "
                f"{until(one.end, today)}",
                f"change `until` there by hand ({_FILE}), or enter whoever follows, by a reviewed "
                "change",
            )
    unsigned = [one.login for one in serving if not one.keys]
    if unsigned:
        yield Symptom(
            "person-unsigned",
            "note",
            f"{listed(unsigned)} can sign no commit: no key of theirs is known",
            f"add a key there by hand (`keys` in {_FILE}), by a reviewed change",
        )
    elif serving:
        who = f"all {len(serving)} people have" if len(serving) > 1 else f"{serving[0].login} has"
        yield Symptom("person-unsigned", "ok", f"{who} a key to sign with")


def _approvers(logins: list[str]) -> Symptom:
    if not logins:
        return Symptom(
            "approvers",
            "warning",
            "nobody may approve today, so that no merge applies by itself",
            _ANOTHER,
        )
    if len(logins) == 1:
        return Symptom(
            "approvers",
            "warning",
            f"{logins[0]} alone may approve: what they propose themselves waits for ever",
            _ANOTHER,
        )
    return Symptom("approvers", "ok", f"{counted(len(logins), 'person', 'people')} may approve")
