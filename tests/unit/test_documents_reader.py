from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from komando.diagnostics import Location
from komando.documents.files import MOST_TOLD
from komando.documents.reader import read


def data(text: str) -> Any:
    reading = read("x.yaml", text.encode())
    assert reading.diagnostics == []
    assert reading.document is not None
    return reading.document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("10:30", "10:30"),
        ("2026-11-24", "2026-11-24"),
        ("1_000", "1_000"),
        ("=", "="),
        ("<<", "<<"),
        ("true", True),
        ("FALSE", False),
        ("False positive", "False positive"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("'5'", "5"),
        ('"true"', "true"),
        ('""', ""),
        ("9" * 99, 1e99),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = data(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_positions_of_keys_and_values() -> None:
    text = "a: 1\nb:\n  - x\n  - {c: [2, '3']}\nd: >\n  folded\n  text\n"
    text += "e: \u00e9\u00e9 # \u00e9\nf: 6\n"
    document = read("x.yaml", text.encode()).document
    assert document is not None
    assert document.key(("a",)) == Location("x.yaml", 1, 1)
    assert document.value(("a",)) == Location("x.yaml", 1, 4)
    assert document.value(("b",)) == Location("x.yaml", 3, 3)
    assert document.value(("b", 0)) == Location("x.yaml", 3, 5)
    assert document.key(("b", 1, "c")) == Location("x.yaml", 4, 6)
    assert document.value(("b", 1, "c", 1)) == Location("x.yaml", 4, 13)
    assert document.value(("d",)) == Location("x.yaml", 5, 4)
    assert document.value(("e",)) == Location("x.yaml", 8, 4)
    assert document.value(("f",)) == Location("x.yaml", 9, 4)
    assert document.value(("b", 1, "c", 7, "nothing")) == document.value(("b", 1, "c"))
    assert document.value(("nothing",)) == Location("x.yaml", 1, 1)


def test_positions_after_a_key_that_was_refused() -> None:
    reading = read("x.yaml", b"a: 1\na: {b: [1, 2]}\n? [x]\n: {y: 1}\nc: 3\n")
    assert [one.id for one in reading.diagnostics] == ["yaml-duplicate-key", "yaml-key"]
    assert reading.document is not None
    assert reading.document.data == {"a": 1, "c": 3}
    assert reading.document.key(("c",)) == Location("x.yaml", 5, 1)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    document = read("x.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n").document
    assert document is not None
    assert document.data == {"a": 1, "b": 2}
    assert document.value(("b",)) == Location("x.yaml", 2, 4)


def test_a_tab_after_a_colon_does_not_hide_the_rest() -> None:
    reading = read("x.yaml", b"a:\t1\nb: &x 2\n")
    assert [(one.id, str(one.location)) for one in reading.diagnostics] == [
        ("yaml-tab", "x.yaml:1:3"),
        ("yaml-anchor", "x.yaml:2:4"),
    ]


def test_an_alias_bomb_costs_what_its_bytes_cost() -> None:
    names = [f"n{number}" for number in range(200)]
    lines = ["n0: &n0 [x, x]"]
    lines += [f"{b}: &{b} [*{a}, *{a}]" for a, b in pairwise(names)]
    reading = read("x.yaml", "\n".join(lines).encode())
    assert [one.id for one in reading.diagnostics][-1] == "faults-many"
    assert len(reading.diagnostics) == MOST_TOLD + 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_ends_early(opening: str) -> None:
    reading = read("x.yaml", b"a:\n  " + opening.encode() * 5000)
    assert [one.id for one in reading.diagnostics] == ["yaml-depth"]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_told(raw: bytes) -> None:
    reading = read("x.yaml", raw)
    assert reading.document is not None or reading.diagnostics
    for one in reading.diagnostics:
        assert one.location.line >= 1
        assert one.location.column >= 1


_VALUES = st.recursive(
    st.integers(-(10**9), 10**9)
    | st.booleans()
    | st.text("abcnoyestrul 0123456789.:-", min_size=1),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcde", min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcde", min_size=1), _VALUES, min_size=1, max_size=4))
def test_what_is_written_with_quotes_is_read_back(value: dict[str, Any]) -> None:
    text = yaml.dump(_quoted(value), Dumper=yaml.SafeDumper, default_style=None, sort_keys=False)
    assert data(text) == value


class _Quoted(str):
    __slots__ = ()


yaml.SafeDumper.add_representer(
    _Quoted,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"'),
)


def _quoted(value: Any) -> Any:
    """Texts in quotes, as yaml.dump reads YAML 1.1 into bare words."""
    if isinstance(value, dict):
        return {key: _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    return _Quoted(value) if isinstance(value, str) else value


def test_a_lone_carriage_return_ends_the_file_there() -> None:
    reading = read("x.yaml", b"a: 1\rb: 2\n")
    assert [one.id for one in reading.diagnostics] == ["yaml-character"]
    assert reading.document is None


@pytest.mark.parametrize("mark", ["\u0007", "\u2028", "\u202e"])
def test_every_character_that_no_text_needs_is_told_up_to_a_bound(mark: str) -> None:
    reading = read("x.yaml", f"a: x{mark}y\nb: {mark}\n".encode())
    assert [str(one.location) for one in reading.diagnostics[:2]] == ["x.yaml:1:5", "x.yaml:2:4"]
    assert reading.document is not None
    assert reading.document.mark(("a",)) in reading.broken
    many = read("x.yaml", f"a: x{mark * 51}y\n".encode())
    assert [one.id for one in many.diagnostics][-1] == "faults-many"
    assert len(many.diagnostics) == MOST_TOLD + 1
    assert many.document is None


def test_values_with_an_anchor_or_a_tag_begin_behind_it() -> None:
    text = (
        "a: &x 1\nb: !!str  &y\t'2'\nc: [&z 3, ! 4, &e ]\nd: &v\n  e: 5\n&k f: 6\ng: &n # nothing\n"
    )
    reading = read("x.yaml", text.encode())
    document = reading.document
    assert document is not None
    places = {("a",): 7, ("b",): 14, ("c", 0): 8, ("c", 1): 13, ("d",): 4, ("f",): 7}
    assert {path: document.value(path).column for path in places} == places
    assert document.key(("f",)) == Location("x.yaml", 6, 4)
    assert [one.id for one in reading.diagnostics].count("value-empty") == 2
