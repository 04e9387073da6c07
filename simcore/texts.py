"""Sentences from (text, parameters): the one renderer, and all texts of one language.

`static/strata/text.js` is its twin in the browser; `tests/data/render.json` holds both to the same table.
Only integers are computed with, so that both print the same digits.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from simcore.catalog import load_catalog
from simcore.component import LANGUAGES, read_texts

__all__ = ["render", "show_bytes", "show_count", "show_time", "sources", "texts"]

HERE = Path(__file__).parent
MINUS = "−"
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_][a-z0-9_]*)(?::([a-z]+))?\}|[{}]")
_TIME_STEPS = ((1, "ns"), (10**3, "µs"), (10**6, "ms"), (10**9, "s"))
_BYTE_STEPS = tuple((2 ** (10 * i), unit) for i, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB")))


def render(template: str, params: Mapping[str, Any]) -> str:
    """`{x}` as it is, `{x:time}` from ns, `{x:bytes}`, `{x:count}`; `{{` is a brace.

    Raises KeyError if a parameter is missing and ValueError if the template or a value does not fit.
    """

    def one(match: re.Match[str]) -> str:
        whole, name, style = match[0], match[1], match[2]
        if name is None:
            if len(whole) == 1:
                raise ValueError(f"stray {whole!r} in {template!r}; write {whole * 2!r}")
            return whole[0]
        if name not in params:
            raise KeyError(f"{template!r} needs the parameter {name!r}; given: {', '.join(sorted(params))}")
        if style is None:
            return _plain(params[name])
        if style not in _STYLES:
            raise ValueError(f"unknown style {style!r} in {template!r}; known: {', '.join(_STYLES)}")
        return _STYLES[style](params[name])

    return _PLACEHOLDER.sub(one, template)


def show_time(ns: int) -> str:
    """Three significant digits: 1 284 000 000 → "1.28 s", 1 500 → "1.50 µs", 40 → "40 ns"."""
    return _signed(ns, lambda amount: _three_digits(amount, _TIME_STEPS, keep_zeros=True))


def show_bytes(size: int) -> str:
    """Three significant digits, none superfluous: 2³⁶ → "64 GiB", 1 536 → "1.5 KiB"."""
    return _signed(size, lambda amount: _three_digits(amount, _BYTE_STEPS, keep_zeros=False))


def show_count(count: int) -> str:
    """1204 → "1,204"."""
    return _signed(count, lambda amount: f"{amount:,}")


def _signed(value: int, show: Callable[[int], str]) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} must be an integer")
    return (MINUS if value < 0 else "") + show(abs(value))


def _three_digits(amount: int, steps: tuple[tuple[int, str], ...], *, keep_zeros: bool) -> str:
    """Half is rounded up; a value that rounds to the next unit is shown in it, if there is one."""
    step = max(i for i, (size, _) in enumerate(steps) if amount >= size or i == 0)
    if step == 0:
        return f"{amount} {steps[0][1]}"
    size, unit = steps[step]
    for decimals in (2, 1, 0):
        scaled = (amount * 10**decimals + size // 2) // size
        if scaled < 1000:
            break
    if scaled >= 1000 and step + 1 < len(steps) and scaled * size >= steps[step + 1][0]:
        return _three_digits(steps[step + 1][0], steps, keep_zeros=keep_zeros)
    digits = f"{scaled // 10**decimals:,}"
    fraction = str(scaled % 10**decimals).rjust(decimals, "0") if decimals else ""
    if not keep_zeros:
        fraction = fraction.rstrip("0")
    return f"{digits}.{fraction} {unit}" if fraction else f"{digits} {unit}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


_STYLES: dict[str, Callable[[Any], str]] = {"time": show_time, "bytes": show_bytes, "count": show_count}


@lru_cache(maxsize=1)
def sources() -> Mapping[str, Any]:
    """Every paper, datasheet and campaign that an entry cites, by key."""
    file = HERE / "sources.toml"
    found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=8)
def texts(lang: str) -> dict[str, Any]:
    """All texts of one language: what the page fetches once. A missing file is an error."""
    if lang not in LANGUAGES:
        raise ValueError(f"no language {lang!r}; there are {', '.join(LANGUAGES)}")
    asked = read_texts(HERE / f"requests.{lang}.toml")
    return {
        "components": {name: dict(entry.texts(lang)) for name, entry in load_catalog().entries.items()},
        **{part: dict(asked[part]) for part in ("kinds", "signs")},
        "findings": dict(read_texts(HERE / "stack" / f"findings.{lang}.toml")),
        "sources": dict(sources()),
    }
