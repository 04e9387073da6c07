"""Whole scenarios by id: `<id>.yaml` beside this file, data only. The smallest stack comes first."""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from simcore.stack.source import load

__all__ = ["prebuilt"]

HERE = Path(__file__).parent


def prebuilt() -> dict[str, dict[str, Any]]:
    """id → raw scenario, yours to change."""
    return copy.deepcopy(_all())


@lru_cache(maxsize=1)
def _all() -> dict[str, dict[str, Any]]:
    found = {file.stem: load(file) for file in HERE.glob("*.yaml")}
    return {
        name: found[name] for name in sorted(found, key=lambda name: (_layers(found[name]["stack"]), name))
    }


def _layers(node: dict[str, Any]) -> int:
    return 1 + sum(_layers(held) for held in node.get("holds", ()))
