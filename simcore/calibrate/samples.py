"""Samples to a median, a spread and a count of outliers. No sample is dropped."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Summary", "show_ns", "summary"]

OUTLYING = 5
"""Median absolute deviations from the median, beyond which a sample is counted as an outlier."""
STEPS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"))


@dataclass(frozen=True)
class Summary:
    """`p99_ratio` is the 99 % quantile over the median, between the samples if need be."""

    median: float
    p99_ratio: float
    n: int
    outliers: int

    @property
    def spread(self) -> str:
        """As an entry has it: "p99=1.3x"."""
        ratio = f"{max(self.p99_ratio, 1):.3g}"
        return "none" if ratio == "1" else f"p99={ratio}x"


def summary(samples: Sequence[float]) -> Summary:
    """Half a percent of the median counts as no deviation: a clock's ticks are no outliers."""
    median = statistics.median(samples)
    deviation = statistics.median(abs(one - median) for one in samples)
    limit = OUTLYING * max(deviation, median / 1000)
    return Summary(
        median=median,
        p99_ratio=_quantile(samples, 0.99) / median if median > 0 else 1,
        n=len(samples),
        outliers=sum(abs(one - median) > limit for one in samples),
    )


def show_ns(ns: float) -> str:
    """Four digits and the unit: "153.2 ns", "1.204 us"."""
    size, unit = next(((size, unit) for size, unit in STEPS if abs(ns) >= size), (1, "ns"))
    digits = f"{ns / size:.4g}"
    return f"{float(digits):g} {unit}"


def _quantile(samples: Sequence[float], share: float) -> float:
    """Straight between the two nearest samples."""
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
