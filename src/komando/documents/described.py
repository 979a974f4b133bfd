"""What a model's JSON Schema says of one value: in a word, for example, and of which kind."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel

from komando.documents.document import Path


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema without what the file's name says, and without null: it is never written."""
    schema: dict[str, Any] = _tidy(model.model_json_schema())
    schema["properties"].pop("slug", None)
    schema["required"] = [key for key in schema["required"] if key != "slug"]
    return schema


def file_schema(title: str, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind of file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{key: _for_editors(value) for key, value in schema_of(model).items() if key != "title"},
    }


def _for_editors(node: Any) -> Any:
    """A schema that says beside what a value means how it is written, and no key that is refused.

    Messages point at the form that was missed; an editor shows the description before anything is
    written, and `patternErrorMessage` (of the language servers) in place of the bare pattern.
    """
    if isinstance(node, list):
        return [_for_editors(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _for_editors(value) for key, value in node.items() if key != "$comment"}
    if "patternProperties" in found:
        found["additionalProperties"] = False
    if form := node.get("$comment"):
        meaning = found.get("description")  # one of several forms has none of its own
        if meaning and form not in meaning:
            found["description"] = f"{meaning} {form}"
        if "pattern" in found:
            found["patternErrorMessage"] = f"Written in another way. {form}{_such_as(found)}"
    return found


def _such_as(schema: dict[str, Any]) -> str:
    written = [one for one in schema.get("examples", ()) if isinstance(one, str)]
    return f" For example: {', '.join(written)}" if written else ""


def _tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if key != "title" or "type" in value}
    if "default" in tidy and tidy["default"] in (None, [], {}):
        del tidy["default"]
    options = [option for option in tidy.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        del tidy["anyOf"]
        tidy = {**options[0], **tidy}
    return tidy


def described(model: type[BaseModel], path: Path) -> dict[str, Any]:
    """The part of a model's JSON Schema for the value at a path; {} where there is none."""
    whole = schema_of(model)
    part = whole
    for step in path:
        part = _into(_resolved(part, whole), step)
        for option in part.get("anyOf", ()):  # the optional ones: null is never written
            if "$ref" in option:
                part = {**part, **_resolved(option, whole)}
    return {**_resolved(part, whole)}


def _resolved(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return {**whole["$defs"][name], **{k: v for k, v in part.items() if k != "$ref"}}
    return part


def _into(part: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        return dict(part.get("items", {}))
    if step in part.get("properties", {}):
        return dict(part["properties"][step])
    for option in part.get("anyOf", ()):
        if step in option.get("properties", {}):
            return dict(option["properties"][step])
    rest = part.get("additionalProperties")
    if isinstance(rest, dict):
        return rest
    return dict(next(iter(part.get("patternProperties", {}).values()), {}))


def first_sentence(schema: dict[str, Any]) -> str:
    """What a value is, as a phrase."""
    text = str(schema.get("description", "")).partition(". ")[0].removesuffix(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def sample(schema: dict[str, Any]) -> Any:
    """A value of this kind, from the examples of it or of its parts; {} or None without any."""
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    if "properties" in schema:
        return {key: sample(schema["properties"][key]) for key in schema.get("required", ())}
    if "items" in schema:
        return [sample(schema["items"])]
    return {} if schema.get("type") == "object" else None


def example(schema: dict[str, Any]) -> str:
    """A value of this kind, as one would write it."""
    found = sample(schema)
    return (
        flow(found)
        if found
        else {"array": "[...]", "object": "{...}"}.get(
            schema.get("type", ""), "0" if found == 0 else "..."
        )
    )


def flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    text = value if isinstance(value, str) else json.dumps(value)
    return f'"{text}"' if isinstance(value, str) and ":" in text else text
