"""Values of a wrong kind, which pydantic itself refuses, in the words of this house."""

from __future__ import annotations

from typing import Any, Final

from komando.documents.described import example, first_sentence
from komando.documents.faults import Fault
from komando.documents.near import nearest
from komando.units.misspelt import without_quotes

YAML_1_1_BOOLEANS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
"""Words that YAML 1.1 takes for true or false; in YAML 1.2 all but the last two are plain words."""

_NOTHING: Final = frozenset({"no", "none", "off", "false", "n", "nil"})
_KEYS: Final = "a mapping of keys to values"

Texts = tuple[str, str, str, str]
"""Check, message, expected and remedy."""


def of_type(fault: Fault, schema: dict[str, Any], value: Any, found: str) -> Texts:
    """What is said of a value at which pydantic itself raised an error."""
    kind = fault.kind
    if kind == "literal_error":
        return _choice(schema, found)
    if kind in ("greater_than_equal", "less_than_equal"):
        bounds = f"{schema.get('minimum')} to {schema.get('maximum')}"
        return "value-range", "a number out of range", bounds, f"take a number from {bounds}"
    if kind == "too_short":
        what = "mapping" if isinstance(value, dict) else "list"
        least = "at least one key" if what == "mapping" else "at least one item"
        remedy = "write one, by its name" if what == "mapping" else _for_example(schema)
        return "value-empty", f"an empty {what}", least, remedy
    if kind == "string_pattern_mismatch":
        expected = first_sentence(schema) or ""
        return "value-form", "text of another form", expected, _for_example(schema)
    expected, remedy = _kind(kind, schema, value)
    if not fault.path:
        remedy = "begin with `name: ...`"
    message = "a value of the wrong kind"
    if kind == "bool_type" and str(value).lower() in YAML_1_1_BOOLEANS:
        message = "a word in place of true or false"
    return "value-type", message, expected or fault.detail["msg"], remedy


def _choice(schema: dict[str, Any], found: str) -> Texts:
    known = schema.get("enum", ())
    choices = " or ".join(f"`{choice}`" for choice in known)
    remedy = f"write {choices}"
    if found.lower() in YAML_1_1_BOOLEANS:
        remedy = f"`{found}` is only a word here: {remedy}"
    elif near := nearest(found.strip("'\""), known):
        remedy = f"did you mean `{near}`?"
    return "value-choice", "a word that is not among the choices", choices, remedy


def _kind(kind: str, schema: dict[str, Any], value: Any) -> tuple[str, str]:
    """What kind is expected, and how to come to it from what was found."""
    if kind == "int_type":
        return _whole_number(schema, value)
    if kind == "bool_type":
        word = str(value).lower()
        right = "`true` or `false`"
        if word in YAML_1_1_BOOLEANS:
            right = "`true`" if word in ("yes", "on", "y", "true") else "`false`"
        return "true or false", f"write {right}"
    if kind in ("tuple_type", "list_type"):
        return "a list", _listed(schema, value)
    if kind in ("model_type", "dict_type"):
        sample = example(schema)
        return _KEYS, "write its keys below it" if "..." in sample else f"for example `{sample}`"
    return "text" if kind == "string_type" else "", _for_example(schema)


def _whole_number(schema: dict[str, Any], value: Any) -> tuple[str, str]:
    least, most = schema.get("minimum", 0), schema.get("maximum", 0)
    meant = without_quotes(value)
    if meant is not None and least <= meant <= most:
        bare = "without quotes" if isinstance(value, str) else "without a point"
        return "a whole number", f"write `{meant}`, {bare}"
    return "a whole number", f"take a number from {least} to {most}"


def _listed(schema: dict[str, Any], value: Any) -> str:
    needed = "minItems" in schema
    if not needed and (value is False or str(value).lower() in _NOTHING):
        return "leave the key out when there is nothing to list"
    if isinstance(value, dict):
        return "begin each item with `- `"
    return "put brackets around it" if isinstance(value, str) and needed else _for_example(schema)


def _for_example(schema: dict[str, Any]) -> str:
    sample = example(schema)
    return "compare with another file" if "..." in sample else f"for example `{sample}`"
