"""One more person in `people.yaml`, and not a byte of it moved otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from komando.documents.document import Document
from komando.documents.reader import read
from komando.policy.fresh.insert import NoPlaceError, content_end, placed
from komando.policy.fresh.write import modeline, scalar

_KEY: Final = "people"


@dataclass(frozen=True)
class FreshPerson:
    """Somebody who may propose or approve, from `start` to `end` (None: no last day is known)."""

    login: str
    name: str
    office: str
    role: str
    mails: tuple[str, ...]
    keys: tuple[str, ...]
    start: date
    end: date | None = None

    def data(self) -> dict[str, Any]:
        """As it stands below the login, in the words of YAML."""
        found: dict[str, Any] = {
            "name": self.name,
            "office": self.office,
            "role": self.role,
            "mails": list(self.mails),
        }
        if self.keys:
            found["keys"] = list(self.keys)
        found["from"] = self.start.isoformat()
        if self.end is not None:
            found["until"] = self.end.isoformat()
        return found

    def rows(self, indent: str) -> list[str]:
        """Its lines in a block below `people`."""
        own = indent * 2
        rows = [f"{indent}{scalar(self.login)}:"]
        for key, value in self.data().items():
            if key == "mails":
                rows.append(f"{own}{key}: [{', '.join(map(scalar, value))}]")
            elif key == "keys":
                rows += [f"{own}{key}:", *(f"{own}  - {scalar(one)}" for one in value)]
            else:
                rows.append(f"{own}{key}: {value if key in ('from', 'until') else scalar(value)}")
        return rows


def with_person(file: str, raw: bytes | None, fresh: FreshPerson) -> bytes:
    """The bytes of `people.yaml` with one more person, behind those that it has.

    `raw` is a file that can be read, None where there is none yet. What comes out is read again,
    and has to say what the file said before and the person beside it. Raises NoPlaceError.
    """
    if raw is None:
        head = [modeline("people", ".."), "# Who may propose a change, and who may approve it."]
        return "\n".join([*head, f"{_KEY}:", *fresh.rows("  "), ""]).encode()
    document = read(file, raw).document
    if document is not None and isinstance(known := document.at((_KEY,)), dict):
        text = raw.decode("utf-8")
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        made = (mark + _inserted(text.removeprefix("\ufeff"), document, fresh)).encode()
        wanted = {**document.data, _KEY: {**known, fresh.login: fresh.data()}}
        after = read(file, made)
        if after.document is not None and not after.diagnostics and after.document.data == wanted:
            return made
    lines = "\n".join(fresh.rows("  "))
    raise NoPlaceError(
        f"{file} is written in a way in which nobody can be put in; write it by hand, below "
        f"`{_KEY}:`\n{lines}"
    )


def _inserted(body: str, document: Document, fresh: FreshPerson) -> str:
    newline = "\r\n" if "\r\n" in body else "\n"
    lines = body.splitlines(keepends=True)
    known = document.at((_KEY,))
    if not known:
        return _in_place_of_braces(lines, document, fresh, newline)
    column = document.key((_KEY, next(iter(known)))).column
    own = document.key((_KEY,)).line
    after = [line for name in document.data if (line := document.key((name,)).line) > own]
    at = content_end(lines, min(after, default=len(lines) + 1) - 1)
    return placed(lines, at, fresh.rows(" " * (column - 1)), newline)


def _in_place_of_braces(
    lines: list[str], document: Document, fresh: FreshPerson, newline: str
) -> str:
    """`people: {}` as a block; what stands behind the braces stays on that line."""
    value = document.value((_KEY,))
    at = value.line - 1
    line = lines[at]
    head, tail = line[: value.column - 1].rstrip(), line[value.column - 1 :]
    rest = tail.partition("}")[2]
    return placed([*lines[:at], head + rest, *lines[at + 1 :]], at + 1, fresh.rows("  "), newline)
