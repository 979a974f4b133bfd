"""The values of the host program: as frozen dataclasses, and cheaper to define."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from komando.host.frozen import Frozen, asdict, replace


class Pair(Frozen):
    """Two fields, one of them with a default."""

    left: int
    right: str = "r"

    @property
    def both(self) -> str:
        return f"{self.left}{self.right}"


class Read(Frozen, aside=("source",)):
    """What was read somewhere."""

    text: str
    source: str = ""
    more: Mapping[str, str] = MappingProxyType({})


class Other(Frozen):
    """As Pair, by another name."""

    left: int
    right: str = "r"


def test_fields_come_in_their_order_or_by_name() -> None:
    assert Pair(1, "x") == Pair(right="x", left=1) == Pair(1, right="x")
    assert Pair(1).both == "1r"
    assert repr(Pair(1)) == "Pair(left=1, right='r')"


@pytest.mark.parametrize(
    ("given", "named"), [((), {}), ((1, "x", 2), {}), ((1,), {"left": 2}), ((1,), {"rigth": "x"})]
)
def test_a_field_too_few_too_many_twice_or_unknown_is_refused(
    given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="Pair takes left, right"):
        Pair(*given, **named)


def test_nothing_can_be_set_or_deleted() -> None:
    one = Pair(1)
    with pytest.raises(AttributeError, match="left cannot be set"):
        one.left = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="left cannot be deleted"):
        del one.left
    assert one.left == 1


def test_values_are_equal_by_class_and_by_all_that_is_not_aside() -> None:
    assert {Pair(1), Pair(1)} == {Pair(1, "r")}
    assert Pair(1) != Pair(2)
    assert Pair(1) != Other(1)
    assert Read("a", "here") == Read("a", "there")
    assert Read("a") != Read("b")
    assert Read("a") != Read("a", more={"b": "c"})
    assert Pair(1) != (1, "r")


def test_a_value_with_other_fields_is_another_one() -> None:
    one = Pair(1, "x")
    assert replace(one, left=2) == Pair(2, "x")
    assert one == Pair(1, "x")
    with pytest.raises(TypeError):
        replace(one, middle=3)
    assert list(asdict(Read("a", "b"))) == ["text", "source", "more"]


def test_dataclasses_takes_them_for_its_own() -> None:
    one = Pair(1)
    assert [field.name for field in dataclasses.fields(Pair)] == ["left", "right"]
    assert dataclasses.asdict(one) == asdict(one) == {"left": 1, "right": "r"}
    assert dataclasses.replace(one, right="x") == Pair(1, "x")
