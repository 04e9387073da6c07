"""A timing is a cost with a birth certificate: how long, how spread out, who measured it, where, on what.

One entry table becomes one frozen `Timing`; a run turns it into about a thousand integers, quantiles that
draws walk through. The table's mean is the stated time (to 1/2048 ns), so spread makes no stack faster or
slower on average.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, TypeVar, cast

from simcore import units

__all__ = [
    "QUANTILES",
    "SIZE_PER",
    "STATUSES",
    "Constant",
    "EntryError",
    "Own",
    "Spread",
    "Timing",
    "choose",
    "parse_constant",
    "parse_timing",
    "quantiles",
    "unknown_keys",
]

QUANTILES = 1024
FIXED_POINT = 2**20
"""A `per` timing of 0.1 ns a byte is the integer 104858 in units of 2⁻²⁰ ns."""
SIZE_PER = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
STATUSES = ("measured", "published", "derived", "assumed")
MARKS = ("exit", "interrupt", "fault", "marker")

_SHAPE_BITS = 24
_Z99 = NormalDist().inv_cdf(0.99)
_COMMON_KEYS = {"status", "source", "where", "evidence", "machine", "clock", "reason", "note", "also"}
_COMMON_KEYS |= {"measured_by", "probe", "n", "outliers"}
_TIMING_KEYS = _COMMON_KEYS | {"time", "per", "curve", "over", "spread", "spread_status", "marks"}
_CONSTANT_KEYS = _COMMON_KEYS | {"value"}


class EntryError(ValueError):
    """Everything that is wrong with an entry, one sentence a fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Spread:
    """How draws scatter: lognormal ("p99=2x": 99 % quantile over median), uniform ("range=…"), not at all."""

    kind: str = "none"
    low: Fraction = Fraction(1)
    high: Fraction = Fraction(1)

    @staticmethod
    def parse(text: object) -> "Spread":
        expected = "'none', 'p99=2x' or 'range=0.5x..1.5x'"
        if text == "none":
            return Spread()
        try:
            kind, _, rest = str(text).partition("=")
            numbers = [Fraction(part.removesuffix("x")) for part in rest.split("..") if part.endswith("x")]
            if kind == "p99" and len(numbers) == 1 and numbers[0] >= 1:
                return Spread("p99", Fraction(1), numbers[0])
            if kind == "range" and len(numbers) == 2 and 0 <= numbers[0] <= numbers[1] and numbers[1] > 0:
                return Spread("range", numbers[0], numbers[1])
        except (ValueError, ZeroDivisionError):
            pass
        raise units.UnitError("spread", text, expected)


@dataclass(frozen=True)
class Timing:
    """One `[timings.<op>]` table. `amount` is in cycles if `in_cycles`, else in ns; exact."""

    op: str
    text: str
    amount: Fraction
    in_cycles: bool
    status: str
    per: str | None = None
    curve: tuple[tuple[Fraction, Fraction], ...] = ()
    over: str | None = None
    spread: Spread = Spread()
    spread_text: str = "none"
    spread_status: str = "assumed"
    source: str | None = None
    where: str | None = None
    evidence: tuple[str, ...] = ()
    machine: str | None = None
    clock_hz: int | None = None
    reason: str | None = None
    note: str | None = None
    marks: str | None = None
    measured_by: Mapping[str, Fraction] = field(default_factory=dict, hash=False)
    probe: str | None = None
    n: int | None = None
    outliers: int | None = None
    borrowed: bool = False
    also: tuple["Timing", ...] = ()

    @property
    def unit_divisor(self) -> int:
        """`table[i] * quantity // unit_divisor` is ns: quantity in bytes for B … GiB, else a count."""
        return FIXED_POINT * SIZE_PER.get(self.per, 1) if self.per else 1

    def mean(self, clock_hz: int, x: float | None = None) -> Fraction:
        """Mean ns (per unit, if `per`), at `x` on the curve if there is one; not rounded."""
        amount = self.amount if x is None or not self.curve else _on_curve(self.curve, Fraction(str(x)))
        return amount * 10**9 / clock_hz if self.in_cycles else amount

    def times(self, factor: float) -> "Timing":
        """The same, `factor` times as long."""
        exact = Fraction(str(factor))
        curve = tuple((x, y * exact) for x, y in self.curve)
        return replace(
            self,
            amount=self.amount * exact,
            curve=curve,
            text=f"{factor:g} × {self.text}" if exact != 1 else self.text,
        )

    def mean_ns(self, clock_hz: int) -> int:
        return int(self.mean(clock_hz) + Fraction(1, 2))


@dataclass(frozen=True)
class Constant:
    """Anything that is not a cost. `value` is in base units (ns, bytes, Hz, per second), a text or a list."""

    name: str
    text: Any
    value: Any = field(hash=False)
    status: str = "assumed"
    source: str | None = None
    where: str | None = None
    evidence: tuple[str, ...] = ()
    machine: str | None = None
    clock_hz: int | None = None
    reason: str | None = None
    note: str | None = None
    measured_by: Mapping[str, Fraction] = field(default_factory=dict, hash=False)
    probe: str | None = None
    n: int | None = None
    outliers: int | None = None
    borrowed: bool = False
    also: tuple["Constant", ...] = ()


_Number = TypeVar("_Number", Timing, Constant)
Own = Mapping[str, Timing | Constant]
"""What a machine's profile says of itself: quantities by name (see `simcore.calibrate`)."""


def choose(main: _Number, family: str | None, own: Own = MappingProxyType({})) -> _Number:
    """The value for a machine: what its own profile gives (`measured_by`), else the value measured on its
    family, else the main one: borrowed, if at home elsewhere."""
    if main.measured_by and (measured := _measured(main, family, own)) is not None:
        return cast(_Number, measured)
    if family is not None:
        for candidate in (main, *main.also):
            if candidate.machine == family:
                return cast(_Number, candidate)
    if main.machine is not None:
        main = replace(main, borrowed=True)
    return main


def _measured(main: Timing | Constant, family: str | None, own: Own) -> Timing | Constant | None:
    """`main` as this machine's own quantities give it; None if one is missing or they give nothing."""
    terms = [(own.get(name), factor) for name, factor in main.measured_by.items()]
    total = Fraction(0)
    for quantity, factor in terms:
        amount = _amount(quantity)
        if amount is None or (isinstance(main, Timing) and getattr(quantity, "in_cycles", True)):
            return None
        total += factor * amount
    if total <= 0:
        return None
    first = cast(Timing | Constant, terms[0][0])
    how = " ".join(f"{'-' if f < 0 else '+'} {_factor(abs(f))}{name}" for name, f in main.measured_by.items())
    known: dict[str, Any] = {
        "status": "measured" if len(terms) == 1 else "derived",
        "source": None,
        "where": None,
        "evidence": (),
        "machine": family,
        "reason": f"of this machine's own profile: {how.removeprefix('+ ')}",
        "probe": first.probe,
        "n": first.n,
        "also": (),
    }
    if isinstance(main, Constant):
        return replace(main, value=int(total) if total.denominator == 1 else float(total), **known)
    assert isinstance(first, Timing)
    return replace(
        main, text=_shown(total), amount=total, in_cycles=False, curve=(),
        spread=first.spread, spread_text=first.spread_text, spread_status="measured", **known,
    )  # fmt: skip


def _amount(quantity: Timing | Constant | None) -> Fraction | None:
    if isinstance(quantity, Timing):
        return quantity.amount
    return None if quantity is None else Fraction(str(quantity.value))


def _shown(ns: Fraction) -> str:
    """Four digits, in the unit that people would choose."""
    unit, size = next((u, s) for u, s in (("ms", 10**6), ("us", 10**3), ("ns", 1)) if ns >= s or s == 1)
    return f"{float(ns / size):.4g} {unit}"


def _factor(factor: Fraction) -> str:
    return "" if factor == 1 else f"{float(factor):.4g} × "


def quantiles(
    timing: Timing, clock_hz: int, spread: bool = True, x: float | None = None, count: int = QUANTILES
) -> tuple[int, ...]:
    """`count` quantiles in ns, or with `per` in fixed point (see `unit_divisor`), in ascending order.

    Without spread all are equal. `x` is the place on the curve of a timing that has one.
    """
    mean = timing.mean(clock_hz, x)
    return _scaled(mean * FIXED_POINT if timing.per else mean, timing.spread if spread else Spread(), count)


@lru_cache(maxsize=4096)
def _scaled(mean: Fraction, spread: Spread, count: int) -> tuple[int, ...]:
    """Integers in the shape of `spread` whose mean is `mean`: what one rounds away the next one gets."""
    if spread.kind == "none":
        return (int(mean + Fraction(1, 2)),) * count
    shape = _shape(spread, count)
    numerator, denominator = mean.numerator * count, mean.denominator * sum(shape)
    table, reached, given = [], 0, 0
    for weight in shape:
        reached += weight
        until_here = (2 * numerator * reached + denominator) // (2 * denominator)
        table.append(until_here - given)
        given = until_here
    return tuple(table)


@lru_cache(maxsize=256)
def _shape(spread: Spread, count: int) -> tuple[int, ...]:
    """Relative weights as integers: rounded so coarsely that every machine's `exp` agrees."""
    middles = [(i + 0.5) / count for i in range(count)]
    if spread.kind == "p99":
        sigma = math.log(spread.high) / _Z99
        weights = [math.exp(sigma * NormalDist().inv_cdf(p)) for p in middles]
    else:
        low, high = float(spread.low), float(spread.high)
        weights = [low + (high - low) * p for p in middles]
    return tuple(round(w * 2**_SHAPE_BITS) for w in weights)


def _on_curve(curve: tuple[tuple[Fraction, Fraction], ...], x: Fraction) -> Fraction:
    """Straight lines between the points, flat beyond the ends."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]


def parse_timing(op: str, table: object, faults: list[str]) -> Timing | None:
    """A `[timings.<op>]` table; what is wrong with it is added to `faults`, each with the way out."""
    return _parse(f"timings.{op}", table, faults, lambda t: _timing(op, t), _TIMING_KEYS, _INHERITED)


def parse_constant(name: str, table: object, faults: list[str]) -> Constant | None:
    """A `[constants.<name>]` table, likewise."""
    return _parse(f"constants.{name}", table, faults, lambda t: _constant(name, t), _CONSTANT_KEYS, ())


_INHERITED = ("per", "over", "spread", "spread_status", "marks")


def _parse(
    where: str,
    table: object,
    faults: list[str],
    build: Callable[[Mapping[str, Any]], _Number],
    keys: set[str],
    inherited: tuple[str, ...],
) -> _Number | None:
    if not isinstance(table, Mapping):
        faults.append(f"[{where}] must be a table")
        return None
    others: Any = table.get("also", [])
    if not isinstance(others, list) or not all(isinstance(other, Mapping) for other in others):
        faults.append(f"[{where}] also must be written [[{where}.also]]")
        others = []
    shared = {key: table[key] for key in inherited if key in table}
    parsed: list[_Number] = []
    tables: list[Mapping[str, Any]] = [table, *others]
    own: Mapping[str, Any]
    for number, own in enumerate(tables):
        place = f"[{where}]" if number == 0 else f"[[{where}.also]] {number}"
        before = len(faults)
        faults += [f"{place} {fault}" for fault in [*unknown_keys(own, keys), *_certificate(own)]]
        try:
            value = build({**shared, **own})
        except (units.UnitError, ValueError) as error:
            faults.append(f"{place} {error}")
            continue
        if len(faults) == before or number == 0:
            parsed.append(value)
    return replace(parsed[0], also=tuple(parsed[1:])) if parsed else None


def unknown_keys(table: Mapping[str, Any], known: set[str]) -> list[str]:
    return [f"unknown key {key!r}; known: {', '.join(sorted(known))}" for key in table if key not in known]


def _certificate(table: Mapping[str, Any]) -> list[str]:
    status = table.get("status")
    if status not in STATUSES:
        return [f"status {status!r} must be one of {', '.join(STATUSES)}"]
    faults = []
    if status in ("measured", "published") and not (table.get("source") or table.get("probe")):
        faults.append(f"is {status}: name its source (a key in simcore/sources.toml)")
    if status in ("assumed", "derived") and not table.get("reason"):
        faults.append(
            f"is {status}: give the reason (what was looked for, why this value; or the arithmetic)"
        )
    if table.get("marks", "exit") not in MARKS:
        faults.append(f"marks {table['marks']!r} must be one of {', '.join(MARKS)}")
    return faults


def _common(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{key: table.get(key) for key in ("source", "where", "machine", "reason", "note")},
        **{key: table.get(key) for key in ("probe", "n", "outliers")},
        "measured_by": _measured_by(table.get("measured_by", {})),
        "status": str(table.get("status")),
        "evidence": tuple(table.get("evidence", ())),
        "clock_hz": units.frequency_hz(table["clock"], "clock") if "clock" in table else None,
    }


def _measured_by(table: object) -> Mapping[str, Fraction]:
    """`measured_by = {syscall = 0.5}`: what a machine's own profile puts in place of this number."""
    if not isinstance(table, Mapping) or not all(isinstance(f, (int, float)) for f in table.values()):
        raise ValueError("measured_by must be factors by quantity: {syscall = 0.5}")
    return MappingProxyType({str(name): Fraction(str(factor)) for name, factor in table.items()})


def _timing(op: str, table: Mapping[str, Any]) -> Timing:
    curve, in_cycles = _curve(table)
    if curve:
        text, amount = str(table.get("time", table["curve"][0][1])), curve[0][1]
    elif "time" in table:
        text = str(table["time"])
        amount, in_cycles = units.duration(table["time"])
    else:
        raise ValueError('needs time = "1.2 us" (or a curve)')
    if amount < 0:
        raise ValueError(f"time {text!r} must not be negative")
    spread_text = str(table.get("spread", "none"))
    return Timing(
        op=op, text=text, amount=amount, in_cycles=in_cycles, curve=curve,
        per=table.get("per"), over=table.get("over"), marks=table.get("marks"),
        spread=Spread.parse(spread_text), spread_text=spread_text,
        spread_status=str(table.get("spread_status", "assumed")),
        **_common(table),
    )  # fmt: skip


def _curve(table: Mapping[str, Any]) -> tuple[tuple[tuple[Fraction, Fraction], ...], bool]:
    """`curve = [[1, "10 us"], [8, "14 us"]]`, x rising, all in ns or all in cycles."""
    if "curve" not in table:
        return (), False
    points = [(Fraction(str(x)), *units.duration(y, "curve")) for x, y in table["curve"]]
    rising = all(a[0] < b[0] for a, b in pairwise(points))
    if not points or not rising or len({in_cycles for _, _, in_cycles in points}) != 1:
        raise ValueError("curve needs points [x, time] with x rising and one kind of unit")
    return tuple((x, y) for x, y, _ in points), points[0][2]


def _constant(name: str, table: Mapping[str, Any]) -> Constant:
    if "value" not in table:
        raise ValueError("needs a value")
    return Constant(name=name, text=table["value"], value=_base_units(table["value"]), **_common(table))


def _base_units(value: Any) -> Any:
    if isinstance(value, str):
        number = units.guess(value)
        return value if number is None else number
    if isinstance(value, list):
        return tuple(_base_units(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _base_units(item) for key, item in value.items()}
    return value
