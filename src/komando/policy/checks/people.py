"""People: of an office that there is, from one day to a later one, and each told from the others.

Whoever stands in a commit is found by their mail and their key: at two people they would tell
nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

from komando.diagnostics import Diagnostic, Related
from komando.documents.document import Document, Path
from komando.documents.keys import read_public_key
from komando.documents.near import nearest
from komando.policy.model import Draft
from komando.policy.people import People, Person


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Everybody, and their offices."""
    if ("people", "") not in draft.origins:
        return
    sure = {
        login: person
        for login, person in draft.people.items()
        if draft.sure("people", "", "people", login)
    }
    yield from alone(sure, draft.origins["people", ""])
    for login, person in draft.people.items():
        if person.office not in draft.opd:
            near = nearest(person.office, draft.opd)
            yield Diagnostic(
                "office-unknown",
                "error",
                "somebody of an office that there is not",
                found=person.office,
                expected="the name of a file in opd/, without .yaml",
                remedy=f"did you mean `{near}`?"
                if near
                else "write the short name of their office",
                location=draft.where("people", "", "people", login, "office"),
            )


def alone(people: People, document: Document) -> Iterator[Diagnostic]:
    """What the file shows by itself, whatever offices there are."""
    for login, person in people.items():
        if person.end is not None and person.end < person.start:
            yield Diagnostic(
                "dates-order",
                "error",
                "days that end before they begin",
                found=f"{person.start} to {person.end}",
                expected="`until` on the day of `from` or later",
                remedy="swap the two, or look at the year",
                location=document.value(("people", login, "until")),
            )
    yield from _logins(people, document)
    yield from _mails(people, document)
    yield from _keys(people, document)


def _logins(people: People, document: Document) -> Iterator[Diagnostic]:
    seen: dict[str, str] = {}
    for login in people:
        first = seen.setdefault(login.lower(), login)
        if first != login:
            yield Diagnostic(
                "login-twice",
                "error",
                f"the login `{login}` a second time, in other capitals",
                found=login,
                expected="each login once: the forge tells no capitals apart",
                remedy="remove one of the two",
                location=document.key(("people", login)),
                related=(Related("the other", document.key(("people", first))),),
            )


def _mails(people: People, document: Document) -> Iterator[Diagnostic]:
    seen: dict[str, tuple[Person, Path]] = {}
    for login, person in people.items():
        for index, mail in enumerate(person.mails):
            path: Path = ("people", login, "mails", index)
            first, other = seen.setdefault(mail.lower(), (person, path))
            if first is not person:
                yield Diagnostic(
                    "mail-twice",
                    "error",
                    f"a mail address that `{first.login}` has, too",
                    found=mail,
                    expected="each address at one person: it says whose a commit is",
                    remedy="remove it where it does not belong; what people share is nobody's",
                    location=document.value(path),
                    related=(Related("the other", document.value(other)),),
                )


def _keys(people: People, document: Document) -> Iterator[Diagnostic]:
    seen: dict[bytes, tuple[Person, Path]] = {}
    for login, person in people.items():
        for index, key in enumerate(person.keys):
            path: Path = ("people", login, "keys", index)
            first, other = seen.setdefault(read_public_key(key).blob, (person, path))
            if first is not person:
                yield Diagnostic(
                    "key-twice",
                    "error",
                    f"a key that `{first.login}` has, too",
                    found=read_public_key(key).fingerprint,
                    expected="each key at one person: it says who signed",
                    remedy="remove it where it does not belong; whoever has no own makes one: "
                    "`ssh-keygen -t ed25519`",
                    location=document.value(path),
                    related=(Related("the other", document.value(other)),),
                )
