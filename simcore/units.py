"""Words to numbers and back: "1.2 us" is 1200 ns, "64 GiB" is 68719476736 bytes.

Every quantity that people write carries its unit; inside, time is integer nanoseconds, sizes are integer
bytes, and no bare number has to be guessed. Exact fractions in between: "0.1 ns" per byte loses nothing.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

__all__ = [
    "FREQUENCY_UNITS",
    "RATE_UNITS",
    "SIZE_UNITS",
    "TIME_UNITS",
    "UnitError",
    "cpus",
    "duration",
    "duration_ns",
    "frequency_hz",
    "guess",
    "rate_per_s",
    "share",
    "show_duration",
    "show_number",
    "show_size",
    "size_bytes",
]

TIME_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
SIZE_UNITS = {
    "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
FREQUENCY_UNITS = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
RATE_UNITS = {"/s": Fraction(1), "/min": Fraction(1, 60), "/h": Fraction(1, 3600)}

_SPELLINGS = {"µs": "us", "μs": "us", "KB": "kB", "cycle": "cycles"}
_QUANTITY = re.compile(r"([+-]?(?:\d{1,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*(\S{0,12})")


class UnitError(ValueError):
    """A quantity that cannot be read. `value` is what was written, `expected` an example of what to write."""

    def __init__(self, what: str, value: object, expected: str) -> None:
        super().__init__(f"{what}: {value!r} cannot be read; write it like {expected}")
        self.what, self.value, self.expected = what, value, expected


def _split(value: object) -> tuple[Fraction, str] | None:
    """("1.5", "GiB") of "1.5 GiB"; None if it does not look like a number with something behind it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value), ""
    if isinstance(value, float):
        return (Fraction(str(value)), "") if value - value == 0 else None
    if not isinstance(value, str):
        return None
    match = _QUANTITY.fullmatch(value.strip())
    if not match:
        return None
    return Fraction(match[1]), _SPELLINGS.get(match[2], match[2])


def _with_unit(value: object, units: Mapping[str, int | Fraction], what: str, expected: str) -> Fraction:
    parts = _split(value)
    if parts is None or parts[1] not in units:
        raise UnitError(what, value, expected)
    return parts[0] * units[parts[1]]


def _whole(amount: Fraction) -> int:
    """Rounded half away from zero: the same on every machine."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) + Fraction(1, 2))


def duration(value: object, what: str = "time") -> tuple[Fraction, bool]:
    """(amount, True) in CPU cycles for "1529 cycles", else (amount, False) in ns; not rounded."""
    parts = _split(value)
    if parts is not None and parts[1] == "cycles":
        return parts[0], True
    return _with_unit(value, TIME_UNITS, what, "'200 us' or '1529 cycles'"), False


def duration_ns(value: object, what: str = "time") -> int:
    return _whole(_with_unit(value, TIME_UNITS, what, "'200 us'"))


def size_bytes(value: object, what: str = "size") -> int:
    return _whole(_with_unit(value, SIZE_UNITS, what, "'64 GiB'"))


def frequency_hz(value: object, what: str = "frequency") -> int:
    return _whole(_with_unit(value, FREQUENCY_UNITS, what, "'3.0 GHz'"))


def rate_per_s(value: object, what: str = "rate") -> float:
    return float(_with_unit(value, RATE_UNITS, what, "'100/s'"))


def share(value: object, what: str = "share") -> float:
    """0.5 of "50 %" or of 0.5."""
    return float(_with_unit(value, {"%": Fraction(1, 100), "": Fraction(1)}, what, "'50 %'"))


def cpus(value: object, what: str = "CPUs") -> float:
    """A number of CPUs: 2, 0.5, or "500m" as orchestrators write it."""
    return float(_with_unit(value, {"": Fraction(1), "m": Fraction(1, 1000)}, what, "0.5"))


def guess(value: str) -> int | float | None:
    """The number in base units if `value` reads like a quantity of any kind, else None ("ext4", "cold")."""
    parts = _split(value)
    if parts is None:
        return None
    amount, unit = parts
    for units in (TIME_UNITS, SIZE_UNITS, FREQUENCY_UNITS):
        if unit in units:
            return _whole(amount * units[unit])
    if unit.endswith("/s") and unit[:-2] in SIZE_UNITS:
        return _whole(amount * SIZE_UNITS[unit[:-2]])
    if unit in RATE_UNITS:
        return float(amount * RATE_UNITS[unit])
    return float(amount / 100) if unit == "%" else None


def show_duration(ns: int) -> str:
    """The shortest exact spelling: 200000 → "200 us", 1500 → "1500 ns"."""
    return _exact(ns, ("s", "ms", "us"), TIME_UNITS, "ns")


def show_size(size: int) -> str:
    """The shortest exact spelling: 65536 → "64 KiB", 1000 → "1000 B"."""
    return _exact(size, ("TiB", "GiB", "MiB", "KiB"), SIZE_UNITS, "B")


def show_number(number: float) -> int | float:
    """2 for 2.0, 0.5 for 0.5: how a number is written down."""
    return int(number) if float(number).is_integer() else number


def _exact(amount: int, names: tuple[str, ...], units: Mapping[str, int], smallest: str) -> str:
    for name in names:
        if amount and amount % units[name] == 0:
            return f"{amount // units[name]} {name}"
    return f"{amount} {smallest}"
