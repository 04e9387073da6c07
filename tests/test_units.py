"""Words to numbers: what people may write, and what they are told when they may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore import units


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1.2 us", 1200),
        ("200 us", 200_000),
        ("200us", 200_000),
        ("1.5 µs", 1500),
        ("3 ms", 3_000_000),
        ("0 ns", 0),
        ("0.4 ns", 0),
        ("0.5 ns", 1),
        ("2 min", 120_000_000_000),
        ("1e3 ns", 1000),
        ("-5 ns", -5),
    ],
)
def test_times_become_whole_nanoseconds(text, ns):
    assert units.duration_ns(text) == ns


def test_a_time_in_cycles_stays_in_cycles():
    assert units.duration("1529 cycles") == (1529, True)
    assert units.duration("0.1 ns") == (units.Fraction(1, 10), False)


@pytest.mark.parametrize(
    ("read", "text", "number"),
    [
        (units.size_bytes, "64 GiB", 64 * 2**30),
        (units.size_bytes, "4 kB", 4000),
        (units.size_bytes, "1.5 KiB", 1536),
        (units.frequency_hz, "3.0 GHz", 3_000_000_000),
        (units.rate_per_s, "100/s", 100.0),
        (units.rate_per_s, "30 /min", 0.5),
        (units.share, "50 %", 0.5),
        (units.share, 0.25, 0.25),
        (units.cpus, 0.5, 0.5),
        (units.cpus, "500m", 0.5),
        (units.cpus, 2, 2.0),
    ],
)
def test_each_kind_of_quantity_has_its_base_unit(read, text, number):
    assert read(text) == number


@pytest.mark.parametrize(
    "value", ["", "5", 7, "5 parsecs", "us", "1,5 us", "1 2 us", None, True, [], "inf s", "9" * 99 + " s"]
)
def test_what_is_no_time_is_refused(value):
    with pytest.raises(units.UnitError):
        units.duration_ns(value, "halt_poll")


def test_a_unit_error_names_the_thing_the_value_and_the_way_out():
    with pytest.raises(units.UnitError, match=r"halt_poll: '5 parsecs' .* like '200 us'"):
        units.duration_ns("5 parsecs", "halt_poll")


@given(st.integers(0, 2**62))
def test_a_shown_quantity_reads_back_exactly(number):
    assert units.duration_ns(units.show_duration(number)) == number
    assert units.size_bytes(units.show_size(number)) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64 KiB", 65536),
        ("3 ms", 3_000_000),
        ("3.0 GHz", 3 * 10**9),
        ("550 MB/s", 550_000_000),
        ("2/s", 2.0),
        ("25 %", 0.25),
        ("32", None),
        ("ext4", None),
        ("12 monkeys", None),
    ],
)
def test_constants_in_any_unit_are_recognised(text, value):
    assert units.guess(text) == value
