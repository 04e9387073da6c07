"""Timings: tables of draws that keep the mean, and certificates without which no number gets in."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.timings import QUANTILES, Spread, choose, parse_constant, parse_timing, quantiles

GHZ = 10**9


def timing(**table):
    faults = []
    parsed = parse_timing("op", {"status": "assumed", "reason": "a test", **table}, faults)
    assert faults == []
    return parsed


def faults_of(**table):
    faults = []
    parse_timing("op", table, faults)
    return faults


@given(
    st.integers(1, 10**9),
    st.sampled_from(["none", "p99=2x", "p99=1.1x", "p99=20x", "range=0.5x..1.5x", "range=0x..3x"]),
)
def test_the_mean_of_a_table_is_the_stated_time(ns, spread):
    table = quantiles(timing(time=f"{ns} ns", spread=spread), GHZ)
    assert len(table) == QUANTILES
    assert abs(Fraction(sum(table), QUANTILES) - ns) <= Fraction(1, 2 * QUANTILES)
    assert min(table) >= 0


def test_the_99th_percentile_is_the_stated_multiple_of_the_median():
    table = quantiles(timing(time="1 ms", spread="p99=3x"), GHZ)
    assert table[1013] / table[511] == pytest.approx(3, rel=0.01)
    assert list(table) == sorted(table)


def test_without_spread_every_draw_is_the_mean():
    assert set(quantiles(timing(time="1500 ns", spread="p99=9x"), GHZ, spread=False)) == {1500}


def test_a_table_of_fractions_of_a_nanosecond_still_keeps_its_mean():
    table = quantiles(timing(time="0.3 ns", spread="p99=2x"), GHZ)
    assert sum(table) == pytest.approx(0.3 * QUANTILES, abs=1)


def test_cycles_scale_with_the_clock_and_nanoseconds_do_not():
    cycles, ns = timing(time="3000 cycles"), timing(time="1000 ns")
    assert [cycles.mean_ns(3 * GHZ), cycles.mean_ns(2 * GHZ)] == [1000, 1500]
    assert [ns.mean_ns(3 * GHZ), ns.mean_ns(2 * GHZ)] == [1000, 1000]


@pytest.mark.parametrize(
    ("time", "per", "quantity", "ns"),
    [
        ("0.1 ns", "B", 4096, 409),
        ("0.1 ns", "B", 2**30, 107374182),
        ("211 ms", "GiB", 2**30, 211_000_000),
        ("211 ms", "GiB", 2**29, 105_500_000),
        ("2 us", "cpu", 5, 10_000),
        ("1 ns", "KiB", 1024 * 10**6, 10**6),
        ("5 us", "page", 0, 0),
    ],
)
def test_a_timing_per_unit_is_multiplied_without_losing_precision(time, per, quantity, ns):
    op = timing(time=time, per=per)
    value = quantiles(op, GHZ)[0] * quantity // op.unit_divisor
    assert value == pytest.approx(ns, rel=1e-5, abs=1)


def test_the_fitting_machine_is_chosen_and_another_is_marked_as_borrowed():
    also = [{"time": "2 us", "status": "assumed", "reason": "x", "machine": "zen"}]
    op = timing(time="1 us", machine="skylake-sp", per="page", also=also)
    assert choose(op, "zen").amount == 2000
    assert choose(op, "zen").per == "page"
    assert not choose(op, "zen").borrowed
    assert not choose(op, "skylake-sp").borrowed
    assert choose(op, "laptop").amount == 1000
    assert choose(op, "laptop").borrowed
    assert not choose(timing(time="1 us"), "laptop").borrowed


def test_a_curve_is_straight_between_its_points_and_flat_beyond_them():
    op = timing(curve=[[1, "10 us"], [3, "20 us"]], over="depth")
    assert [op.mean(GHZ, x) for x in (0, 1, 2, 3, 9)] == [10_000, 10_000, 15_000, 20_000, 20_000]
    assert set(quantiles(op, GHZ, x=2)) == {15_000}


def test_every_fault_of_a_table_is_named():
    text = "\n".join(faults_of(time="5", status="rumour", colour="red"))
    assert "'5'" in text
    assert "rumour" in text
    assert "colour" in text


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"time": "1 us", "status": "published"}, "source"),
        ({"time": "1 us", "status": "assumed"}, "reason"),
        ({"time": "1 us", "status": "derived", "source": "x"}, "reason"),
        ({"time": "-1 us", "status": "assumed", "reason": "x"}, "negative"),
        ({"status": "assumed", "reason": "x"}, "time"),
        ({"time": "1 us", "spread": "p99=0.5x", "status": "assumed", "reason": "x"}, "spread"),
        ({"time": "1 us", "spread": "wide", "status": "assumed", "reason": "x"}, "spread"),
        ({"time": "1 us", "marks": "party", "status": "assumed", "reason": "x"}, "marks"),
        ({"curve": [[2, "1 us"], [1, "2 us"]], "status": "assumed", "reason": "x"}, "rising"),
    ],
)
def test_a_number_without_a_proper_certificate_is_refused(table, word):
    assert any(word in fault for fault in faults_of(**table))


def test_constants_are_kept_in_base_units_and_as_written():
    faults = []
    table = {"value": ["64 KiB", "3 ms", "ext4", 7], "status": "assumed", "reason": "x"}
    constant = parse_constant("sizes", table, faults)
    assert faults == []
    assert constant.value == (65536, 3_000_000, "ext4", 7)
    assert constant.text == ["64 KiB", "3 ms", "ext4", 7]


def test_spreads_are_read_as_exact_fractions():
    assert Spread.parse("p99=1.53x").high == Fraction("1.53")
    assert Spread.parse("none") == Spread()
