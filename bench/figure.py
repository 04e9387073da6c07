"""One row of the table."""

from __future__ import annotations

import operator
from typing import Any

COMPARE = {"<=": operator.le, ">=": operator.ge}


def row(value: float | None, unit: str, target: str, note: str = "") -> dict[str, Any]:
    """`target` reads ">= 30000": whether `value` keeps it is worked out, never said by hand."""
    sign, limit = target.split()
    ok = None if value is None else COMPARE[sign](value, float(limit))
    return {"value": value, "unit": unit, "target": target, "ok": ok, "note": note}
