"""A model's refusal in the words of this house: each error at its exact key or value."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

from komando.diagnostics import Diagnostic, Location, token_at
from komando.policy.documents import Document, Path
from komando.policy.faults import Fault
from komando.policy.reader import Reading
from komando.policy.schema import described, example, first_sentence

YAML_1_1_BOOLEANS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
"""Words that YAML 1.1 takes for true or false; in YAML 1.2 all but the last two are plain words."""


class Explainer:
    """Turns the faults of one file into diagnostics."""

    def __init__(self, model: type[BaseModel], document: Document, text: str) -> None:
        self._model = model
        self._document = document
        self._lines = text.split("\n")

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
                partial = reading.partial and len(fault.path) == 1
                if fault.path not in misspelt and not partial:
                    yield self._missing(fault.path)
            elif self._document.mark(fault.path) in reading.broken:
                continue
            elif fault.kind == "extra_forbidden":
                yield self.unknown_key(fault.path)
            else:
                yield self._refused(fault)

    def _refused(self, fault: Fault) -> Diagnostic:
        path, unfit = fault.path, fault.unfit
        if fault.on_key:
            at, found = self._document.key(path), str(path[-1])
        else:
            at = self._document.value(path)
            found = self._found(self._document.at(path), at)
        if unfit is not None:
            texts = (unfit.check, unfit.message, unfit.expected, unfit.remedy)
        else:
            texts = _of_type(fault, described(self._model, path), found)
        check, message, expected, remedy = texts
        return Diagnostic(check, "error", message, found, expected, remedy, at)

    def _found(self, value: Any, at: Location) -> str:
        """A value as it is written; a mapping or list only by its kind."""
        if isinstance(value, dict):
            return "a mapping"
        if isinstance(value, list):
            return "a list" if value else "an empty list"
        line = self._lines[at.line - 1] if at.line <= len(self._lines) else ""
        written = token_at(line, at.column)
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
            remedy=f"add `{key}: {example(schema)}`",
            location=at,
        )

    def unknown_key(self, path: Path) -> Diagnostic:
        """The key that ends this path is none of those that may stand there."""
        key, known, near = str(path[-1]), self._known(path), self._near(path)
        return Diagnostic(
            "key-unknown",
            "error",
            f"the unknown key `{key}`" if key else "an empty key",
            found=key or "nothing before the colon",
            expected=f"one of {', '.join(known)}" if known else "no key",
            remedy=f"did you mean `{near}`?" if near else "remove it, or look for its right place",
            location=self._document.key(path),
        )

    def _known(self, path: Path) -> tuple[str, ...]:
        return tuple(described(self._model, path[:-1]).get("properties", ()))

    def _near(self, path: Path) -> str:
        return nearest(str(path[-1]), self._known(path))


def _of_type(fault: Fault, schema: dict[str, Any], found: str) -> tuple[str, str, str, str]:
    """Check, message, expected and remedy of an error that pydantic itself raised."""
    kind = fault.kind
    sample = f"write it as `{example(schema)}`" if fault.path else "begin with `name: ...`"
    if kind == "literal_error":
        choices = " or ".join(f"`{choice}`" for choice in schema.get("enum", ()))
        word = found.lower() in YAML_1_1_BOOLEANS
        remedy = f"`{found}` is only a word here: " if word else ""
        return (
            "value-choice",
            "a word that is not among the choices",
            choices,
            (f"{remedy}write {choices}"),
        )
    if kind in ("greater_than_equal", "less_than_equal"):
        bounds = f"{schema.get('minimum')} to {schema.get('maximum')}"
        return "value-range", "a number out of range", bounds, f"take a number from {bounds}"
    if kind == "too_short":
        return "value-empty", "an empty list", "at least one item", sample
    if kind == "string_pattern_mismatch":
        return "value-form", "text of another form", first_sentence(schema) or "", sample
    if kind == "bool_type" and found.lower() in YAML_1_1_BOOLEANS:
        right = "true" if found.lower() in ("yes", "on", "y") else "false"
        return "value-type", "a word in place of true or false", "true or false", f"write `{right}`"
    expected = {
        "int_type": "a whole number",
        "bool_type": "true or false",
        "string_type": "text",
        "model_type": "a mapping of keys to values",
        "dict_type": "a mapping of keys to values",
        "tuple_type": "a list",
        "list_type": "a list",
    }.get(kind, "")
    return "value-type", "a value of the wrong kind", expected or fault.detail["msg"], sample


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word that was probably meant; "" when none is near."""
    return next(iter(get_close_matches(word[:100], known, n=1, cutoff=0.6)), "")
