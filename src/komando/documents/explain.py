"""A model's refusal in the words of this house: each error at its exact key or value."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic import BaseModel

from komando.diagnostics import Diagnostic, Location, Source, visible
from komando.documents.described import described, example, first_sentence
from komando.documents.document import Document, Path
from komando.documents.faults import Fault
from komando.documents.kinds import of_type
from komando.documents.near import nearest
from komando.documents.reader import Reading
from komando.units import Unfit

NO_ID: Final = "if there is one"
"""What is said in place of the next free number where all up to the last are taken."""

UNSHOWN: Final = "text that is not shown, as it may be secret"
"""What is said to be found where the value, and the line that it stands in, stay unseen."""


class Explainer:
    """Turns the faults of one file into diagnostics."""

    def __init__(
        self,
        model: type[BaseModel],
        document: Document,
        text: str,
        free_id: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._model = model
        self._document = document
        self._source = Source(text)
        self._free_id = free_id

    def explain(self, faults: list[Fault], reading: Reading) -> Iterator[Diagnostic]:
        """All faults in the order of the file, but for what has a diagnostic already.

        Those are values that the reader refused, keys that may be in a part that it did not
        understand, and missing keys that stand there misspelt.
        """
        misspelt = {
            (*fault.path[:-1], self._near(fault.path))
            for fault in faults
            if fault.kind == "extra_forbidden"
        }
        for fault in sorted(faults, key=lambda fault: self._document.mark(fault.path)):
            if fault.kind == "missing":
                above = self._document.mark(fault.path[:-1])
                partial = reading.partial if len(fault.path) == 1 else above in reading.broken
                if fault.path not in misspelt and not partial:
                    yield self._missing(fault.path)
            elif fault.kind == "extra_forbidden":
                yield self.unknown_key(fault.path)
            elif self._document.mark(fault.path) in reading.broken:
                continue
            else:
                yield self._refused(fault)

    def _refused(self, fault: Fault) -> Diagnostic:
        path, unfit = fault.path, fault.unfit
        if fault.on_key:
            at, found = self._document.key(path), str(path[-1])
        else:
            at = self._document.value(path)
            found = self._found(self._document.at(path), at)
        if unfit is not None and unfit.secret:
            return _unshown(unfit, at)
        if unfit is not None:
            texts = (unfit.check, unfit.message, unfit.expected, unfit.remedy)
        else:
            texts = of_type(fault, described(self._model, path), self._document.at(path), found)
        check, message, expected, remedy = texts
        if path == ("id",) and not remedy.startswith("write"):
            remedy = f"take the next free number, {self._free_id() or NO_ID}"
        if hidden := _hidden(found):
            remedy = f"{hidden}: {remedy}" if "write `" in remedy else hidden
        return Diagnostic(check, "error", message, visible(found), expected, remedy, at)

    def _found(self, value: Any, at: Location) -> str:
        """A value as it is written; a mapping or list only by its kind."""
        if isinstance(value, dict):
            return "a mapping" if value else "an empty mapping"
        if isinstance(value, list):
            return "a list" if value else "an empty list"
        written = " ".join(self._source.written(at.line, at.column))
        if not written or written.startswith(("|", ">")):
            written = " ".join(str(value).split()) or "empty text"
        return written if len(written) <= 60 else f"{written[:57]}..."

    def _missing(self, path: Path) -> Diagnostic:
        schema = described(self._model, path)
        key, above = str(path[-1]), path[:-1]
        at = self._document.key(above)
        where = f"`{above[-1]}`" if above and isinstance(above[-1], str) else "the mapping"
        return Diagnostic(
            "key-missing",
            "error",
            f"the key `{key}` is missing",
            found=f"{where} without `{key}`" if above else f"a file without `{key}`",
            expected=first_sentence(schema) or f"`{key}`",
            remedy=f"add `id: {self._free_id() or '...'}`"
            if path == ("id",)
            else f"add it, as `{key}: {example(schema)}`",
            location=at,
        )

    def unknown_key(self, path: Path) -> Diagnostic:
        """The key that ends this path is none of those that may stand there."""
        key, known, near = str(path[-1]), self._known(path), self._near(path)
        return Diagnostic(
            "key-unknown",
            "error",
            f"the unknown key `{key}`" if key else "an empty key",
            found=visible(key) or "nothing before the colon",
            expected=f"one of {', '.join(known)}" if known else "no key",
            remedy=f"did you mean `{near}`?" if near else "remove it, or look for its right place",
            location=self._document.key(path),
        )

    def _known(self, path: Path) -> tuple[str, ...]:
        return tuple(described(self._model, path[:-1]).get("properties", ()))

    def _near(self, path: Path) -> str:
        return nearest(str(path[-1]), self._known(path))


def _unshown(unfit: Unfit, at: Location) -> Diagnostic:
    return Diagnostic(
        unfit.check, "error", unfit.message, UNSHOWN, unfit.expected, unfit.remedy, at, whole=True
    )


def _hidden(found: str) -> str:
    """The character in a refused value that nobody sees, which is then what is wrong with it."""
    odd = next((mark for mark in found if not mark.isprintable()), "")
    if not odd:
        return ""
    name = f"{unicodedata.name(odd, 'a character').lower()} (U+{ord(odd):04X})"
    if unicodedata.category(odd) == "Zs":
        return f"type an ordinary space for the {name}"
    return f"remove the {name}, which cannot be seen"
