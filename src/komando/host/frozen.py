"""Frozen values that cost little to define: this program starts anew for each question and minute.

`dataclasses` compiles the methods of each class from text and loads `inspect` for it: 27 of the
134 ms (CPU, Python 3.11) that one `observe` took. Here all classes share the same few methods. To
type checkers (PEP 681) and to the functions of `dataclasses` they are frozen dataclasses all the
same, so that whoever takes their fields apart needs to know nothing of this.
"""

from __future__ import annotations

from .typed import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    from typing import ClassVar, TypeVar

    _Value = TypeVar("_Value", bound="Frozen")


class _DataclassFields:
    """What the functions of `dataclasses` look for, made when one of them looks."""

    def __get__(self, value: object, owner: type[Frozen]) -> Any:
        """The fields of the class that was asked."""
        from dataclasses import make_dataclass

        return vars(make_dataclass(owner.__name__, owner._fields))["__dataclass_fields__"]


@dataclass_transform(frozen_default=True)
class Frozen:
    """A value: its fields are the annotations of its class, in their order, with their defaults.

    Two are equal when they are of one class and all fields are, but for those that the class names
    as `aside`. The fields are those of its own annotations: nothing is inherited.
    """

    __dataclass_fields__ = _DataclassFields()
    _fields: ClassVar[tuple[str, ...]] = ()
    _compared: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, *, aside: tuple[str, ...] = ()) -> None:
        """Reads the fields off the class."""
        cls._fields = tuple(cls.__annotations__)
        cls._compared = tuple(name for name in cls._fields if name not in aside)
        own = vars(cls)
        cls._defaults = {name: own[name] for name in cls._fields if name in own}

    def __init__(self, *given: Any, **named: Any) -> None:
        """Takes the fields in their order or by name; raises TypeError as any call does."""
        values = dict(zip(self._fields, given, strict=False))
        values |= named
        whole = {**self._defaults, **values}
        if len(values) < len(given) + len(named) or whole.keys() != {*self._fields}:
            name, fields = type(self).__name__, ", ".join(self._fields)
            raise TypeError(f"{name} takes {fields}; given: {', '.join(values) or 'nothing'}")
        vars(self).update(whole)

    def __setattr__(self, name: str, value: object) -> None:
        """A value never changes."""
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        """A value never changes."""
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        """Of one class, and all that is compared is equal."""
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        """As equality."""
        return hash(self._key())

    def __repr__(self) -> str:
        """As it is written in Python."""
        fields = (f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({', '.join(fields)})"

    def _key(self) -> tuple[Any, ...]:
        values = vars(self)
        return tuple([values[name] for name in self._compared])


def replace(value: _Value, **changes: Any) -> _Value:
    """The same value with other fields; raises TypeError for one that it does not have."""
    return type(value)(**{**vars(value), **changes})


def asdict(value: Frozen) -> dict[str, Any]:
    """The fields of a value by name, in their order; values within it stay what they are."""
    fields = vars(value)
    return {name: fields[name] for name in value._fields}
