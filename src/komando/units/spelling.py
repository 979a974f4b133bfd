"""How values are written in policy files, and how a wrong spelling is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Unfit(ValueError):
    """A value that cannot stand, with the check that refuses it and the way out.

    `path` leads from the refused value to the part at fault (a key, an index), if not the whole.
    `secret` says that the value may be one, and is shown nowhere.
    """

    def __init__(
        self,
        check: str,
        message: str,
        *,
        expected: str,
        remedy: str,
        path: tuple[str | int, ...] = (),
        secret: bool = False,
    ) -> None:
        super().__init__(message)
        self.check = check
        self.message = message
        self.expected = expected
        self.remedy = remedy
        self.path = path
        self.secret = secret


@dataclass(frozen=True)
class Spelling:
    """How one kind of value is written in a policy file: for validation and for JSON Schema.

    As an annotation (`Annotated[IPv4Address, Spelling(...)]`) it makes a pydantic field that is
    read by `parse`, which gets what stood in the file (never only text) and may raise `Unfit`.
    """

    parse: Callable[[Any], Any]
    description: str
    examples: tuple[str, ...]
    pattern: str | None = None

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return self.as_core()

    def as_core(self) -> CoreSchema:
        """This spelling as a schema of pydantic's core."""
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.as_json()

    def as_json(self) -> JsonSchemaValue:
        """This spelling as a JSON Schema; a field's own description leaves the comment as it is."""
        found: JsonSchemaValue = {
            "type": "string",
            "description": self.description,
            "$comment": self.description,
        }
        if self.pattern is not None:
            found["pattern"] = self.pattern
        if self.examples:
            found["examples"] = list(self.examples)
        return found


class Written:
    """A value type with one spelling; subclasses give `spelling` and `parse`."""

    __slots__ = ()
    spelling: ClassVar[Spelling]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return cls.spelling.as_core()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return cls.spelling.as_json()


def two_ways(
    cls: Callable[[Any, Any], Any], one: CoreSchema, both: Callable[[str], Any]
) -> CoreSchema:
    """The schema of a value that is written once for both directions, or as `{down, up}`."""
    field = core_schema.typed_dict_field
    inner = core_schema.typed_dict_schema(
        {"down": field(one), "up": field(one)}, extra_behavior="forbid"
    )

    def read(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if type(value) is str:
            return both(value)
        if type(value) is dict:
            found = handler(value)
            return cls(found["down"], found["up"])
        if type(value) is cls:
            return value
        return both(shown(value))

    return core_schema.no_info_wrap_validator_function(
        read, inner, serialization=core_schema.plain_serializer_function_ser_schema(_plain_pair)
    )


def _plain_pair(value: Any) -> dict[str, str]:
    return {"down": str(value.down), "up": str(value.up)}


def two_ways_json(spelling: Spelling) -> JsonSchemaValue:
    """The JSON Schema of a value that is written once, or as `{down, up}`."""
    one = {key: value for key, value in spelling.as_json().items() if key != "description"}
    both = f"{spelling.description} One value for both directions, or down and up."
    return {
        "description": both,
        "$comment": both,
        "examples": [spelling.examples[0]],
        "anyOf": [
            one,
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["down", "up"],
                "properties": {
                    "down": {**one, "description": "Towards the office (download)."},
                    "up": {**one, "description": "From the office (upload)."},
                },
            },
        ],
    }


def shown(value: object) -> str:
    """A bare number as text, an integer of thousands of digits shortly; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if abs(value) < 10**18 else f"{float(min(value, 10**300)):g}"
