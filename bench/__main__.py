"""Measure, print, write bench.json: {name: {value, unit, target, ok, note}}; what cannot run here is null
with a reason."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import engine, page

FIGURES: tuple[Callable[[], dict[str, dict[str, Any]]], ...] = (engine.reads, engine.race4, page.figures)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    parser.add_argument("--only", choices=[figure.__name__ for figure in FIGURES])
    chosen = parser.parse_args()
    measured: dict[str, dict[str, Any]] = {}
    for figure in FIGURES:
        if chosen.only in (None, figure.__name__):
            measured |= figure()
    width = max(map(len, measured))
    print(f"{'figure':{width}}  {'value':>12} {'unit':9} {'target':>10}  ok")
    for name, row in measured.items():
        value = "-" if row["value"] is None else f"{row['value']:,.4g}"
        ok = {True: "yes", False: "NO", None: "?"}[row["ok"]]
        print(f"{name:{width}}  {value:>12} {row['unit']:9} {row['target']:>10}  {ok:3} {row['note']}")
    print(f"\nPython {platform.python_version()} on {platform.machine()}, one run, side by side.")
    chosen.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


main()
