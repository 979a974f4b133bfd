"""A model's refusal in the words of this house: each error at its exact key or value."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from komando.diagnostics import Diagnostic, Location, token_at
from komando.policy.documents import Document, Path
from komando.policy.schema import described, example, first_sentence
from komando.units import Unfit

_YAML_1_1_BOOLEANS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})


class Explainer:
    """Turns the errors of one file's model into diagnostics."""

    def __init__(self, model: type[BaseModel], document: Document, text: str) -> None:
        self._model = model
        self._document = document
        self._lines = text.split("\n")

    def explain(self, error: ValidationError, broken: set[int]) -> Iterator[Diagnostic]:
        """All of a model's errors, but for values that already have a diagnostic (`broken`)."""
        for detail in error.errors(include_url=False):
            if detail["type"] == "default_factory_not_called":
                continue
            path, on_key = self._path(detail)
            missing = detail["type"] == "missing"
            if not missing and self._document.mark(path) in broken:
                continue
            yield self._diagnostic(detail, path, on_key=on_key)

    def _path(self, detail: ErrorDetails) -> tuple[Path, bool]:
        """Where the error is, and whether the key (not the value) is at fault."""
        path: Path = tuple(detail["loc"])
        unfit = detail.get("ctx", {}).get("error")
        if isinstance(unfit, Unfit):
            path += unfit.path
        if path and path[-1] == "[key]":
            return path[:-1], True
        return path, detail["type"] == "extra_forbidden"

    def _diagnostic(self, detail: ErrorDetails, path: Path, *, on_key: bool) -> Diagnostic:
        if detail["type"] == "missing":
            return self._missing(path)
        at = self._document.key(path) if on_key else self._document.value(path)
        found = str(path[-1]) if on_key else self._found(detail["input"], at)
        if detail["type"] == "extra_forbidden":
            return self._unknown_key(path, at)
        unfit = detail.get("ctx", {}).get("error")
        if isinstance(unfit, Unfit):
            texts = (unfit.check, unfit.message, unfit.expected, unfit.remedy)
        else:
            texts = _of_type(detail, described(self._model, path), found)
        check, message, expected, remedy = texts
        return Diagnostic(check, "error", message, found, expected, remedy, at)

    def _found(self, value: Any, at: Location) -> str:
        if isinstance(value, dict):
            return "a mapping"
        if isinstance(value, list | tuple):
            return "a list" if value else "an empty list"
        line = self._lines[at.line - 1] if at.line <= len(self._lines) else ""
        written = token_at(line, at.column)
        if written.startswith(("|", ">")):
            written = str(value)
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

    def _unknown_key(self, path: Path, at: Location) -> Diagnostic:
        key = str(path[-1])
        known = tuple(described(self._model, path[:-1]).get("properties", ()))
        near = nearest(key, known)
        return Diagnostic(
            "key-unknown",
            "error",
            f"the unknown key `{key}`",
            found=key,
            expected=f"one of {', '.join(known)}" if known else "no key",
            remedy=f"did you mean `{near}`?" if near else "remove it, or look for its right place",
            location=at,
        )


def _of_type(detail: ErrorDetails, schema: dict[str, Any], found: str) -> tuple[str, str, str, str]:
    """Check, message, expected and remedy of an error that pydantic itself raised."""
    kind = detail["type"]
    sample = f"write it as `{example(schema)}`"
    if kind == "literal_error":
        choices = " or ".join(f"`{choice}`" for choice in schema.get("enum", ()))
        word = found.lower() in _YAML_1_1_BOOLEANS
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
    if kind == "bool_type" and found.lower() in _YAML_1_1_BOOLEANS:
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
    return "value-type", "a value of the wrong kind", expected or detail["msg"], sample


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word that was probably meant; "" when none is near."""
    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")
