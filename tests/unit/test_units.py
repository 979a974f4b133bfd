from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from komando.units import MOST_BITS, Pair, Percent, PercentPair, Price, Rate, Unfit, Window


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("1 bit/s", 1),
        ("64 kbit/s", 64_000),
        ("20 Mbit/s", 20_000_000),
        ("2.5 Gbit/s", 2_500_000_000),
        ("10000 Gbit/s", MOST_BITS),
    ],
)
def test_a_rate_has_one_spelling(text: str, bits: int) -> None:
    assert Rate.parse(text) == Rate(bits)
    assert str(Rate(bits)) == text


@given(st.integers(min_value=1, max_value=MOST_BITS))
def test_a_rate_survives_being_written(bits: int) -> None:
    assert Rate.parse(str(Rate(bits))) == Rate(bits)


@pytest.mark.parametrize(
    ("text", "check", "remedy"),
    [
        ("20", "rate-unit", "`20 Mbit/s`"),
        ("20 MB/s", "rate-bytes", "`160 Mbit/s`"),
        ("1.5 GB/s", "rate-bytes", "`12 Gbit/s`"),
        ("1.5 GiB/s", "rate-bytes", "`12.88 Gbit/s`"),
        ("2.5 TB/s", "rate-bytes", "multiply"),
        ("20 Mibit/s", "rate-form", "`20.97 Mbit/s`"),
        ("1 TB/s", "rate-bytes", "`8000 Gbit/s`"),
        ("-1 Mbit/s", "rate-negative", "minus"),
        ("0 kbit/s", "rate-zero", "nothing"),
        ("0.0000001 kbit/s", "rate-form", "decimals"),
        ("10^30 Mbit/s", "rate-range", "zeros"),
        ("1" + "0" * 5000 + " Mbit/s", "rate-range", "zeros"),
        ("10001 Gbit/s", "rate-range", "zeros"),
        ("20 mbps", "rate-form", "`20 Mbit/s`"),
        ("20M", "rate-form", "`20 Mbit/s`"),
        ("2,5 Gbit/s", "rate-form", "`2.5 Gbit/s`"),
        ("1_000 kbit/s", "rate-form", "`1000 kbit/s`"),
        ("1,000 Mbit/s", "rate-form", "`1000 Mbit/s`, or `1 Mbit/s` if the comma"),
        ("1,000,000 kbit/s", "rate-form", "`1000000 kbit/s`"),
        ("1.000,5 kbit/s", "rate-form", "`1000.5 kbit/s`"),
        ("1e3 Mbit/s", "rate-form", "`1000 Mbit/s`"),
        ("20 30 Mbit/s", "rate-form", "a number"),
        (f"0.{'0' * 40}1 Mbit/s", "rate-form", "fewer digits"),
        ("fast", "rate-form", "a number"),
        ("", "rate-form", "a number"),
        ("20 Mbit/s ", "rate-form", "`20 Mbit/s`"),
        ("\u0662\u0660 Mbit/s", "rate-form", "a number"),
    ],
)
def test_a_rate_in_another_spelling_names_the_right_one(text: str, check: str, remedy: str) -> None:
    with pytest.raises(Unfit) as refusal:
        Rate.parse(text)
    assert refusal.value.check == check
    assert remedy in refusal.value.remedy


@pytest.mark.parametrize("bits", [0, -1, MOST_BITS + 1])
def test_no_rate_beyond_the_bounds(bits: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        Rate(bits)


class _Line(BaseModel):
    rates: Pair
    usable: PercentPair


def test_a_pair_is_one_value_or_two() -> None:
    one = _Line.model_validate({"rates": "20 Mbit/s", "usable": "90 %"})
    assert one.rates == Pair(Rate(20_000_000), Rate(20_000_000))
    two = _Line.model_validate(
        {"rates": {"down": "20 Mbit/s", "up": "1 Mbit/s"}, "usable": {"down": "90 %", "up": "95 %"}}
    )
    assert (two.rates.of("down"), two.rates.of("up")) == (Rate(20_000_000), Rate(1_000_000))
    assert str(two.rates) == "20 Mbit/s down, 1 Mbit/s up"
    assert _Line.model_validate_json(two.model_dump_json()) == two


@pytest.mark.parametrize(
    ("rates", "where"),
    [
        ({"down": "20 Mbit/s"}, ("rates", "up")),
        ({"down": "20 Mbit/s", "up": 5}, ("rates", "up")),
        ({"down": "1 Mbit/s", "up": "1 Mbit/s", "side": "1 Mbit/s"}, ("rates", "side")),
        (True, ("rates",)),
        (10**400, ("rates",)),
        (["20 Mbit/s"], ("rates",)),
    ],
)
def test_a_wrong_pair_names_its_part(rates: object, where: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        _Line.model_validate({"rates": rates, "usable": "90 %"})
    assert [error["loc"] for error in refusal.value.errors()] == [where]


@pytest.mark.parametrize(
    ("text", "start", "end"), [("07:00-15:30", 420, 930), ("00:00-24:00", 0, 1440)]
)
def test_a_window_is_minutes_of_a_day(text: str, start: int, end: int) -> None:
    assert Window.parse(text) == Window(start, end)
    assert str(Window(start, end)) == text


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("15:30-07:00", "window-order"),
        ("07:00-07:00", "window-order"),
        ("07:00-24:30", "window-hour"),
        ("07:60-08:00", "window-hour"),
        ("24:01-24:02", "window-hour"),
        ("7:00-15:30", "window-form"),
        ("07.00 - 15.30", "window-form"),
        ("always", "window-form"),
    ],
)
def test_a_window_that_cannot_be(text: str, check: str) -> None:
    with pytest.raises(Unfit) as refusal:
        Window.parse(text)
    assert refusal.value.check == check


def test_a_share_is_taken_exactly_and_rounded_down() -> None:
    assert Percent.parse("92.5 %").hundredths == 9250
    assert str(Percent(9250)) == "92.5 %"
    assert Percent.parse("90 %").share_of(Rate(999)) == Rate(899)
    assert Percent(1).share_of(Rate(1)) == Rate(1)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("0 %", "how much"),
        ("101 %", "the whole"),
        ("90", "`90 %`"),
        ("90%", "`90 %`"),
        ("0.9", "`90 %` if that part"),
        ("1e2 %", "`100 %`"),
        ("92,5 %", "`92.5 %`"),
        ("0.001 %", "two decimals"),
        ("ninety %", "a number"),
        ("-5 %", "minus"),
    ],
)
def test_a_share_beyond_the_bounds(text: str, remedy: str) -> None:
    with pytest.raises(Unfit, match="percent") as refusal:
        Percent.parse(text)
    assert remedy in refusal.value.remedy


def test_a_price_is_whole_units() -> None:
    price = Price.parse("95000000 IDR/month")
    assert (price.amount, price.currency, price.period) == (95_000_000, "IDR", "month")
    assert str(price) == "95000000 IDR/month"
    with pytest.raises(Unfit):
        Price.parse("Rp 95.000.000")
