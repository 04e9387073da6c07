"""Findings: what is wrong with a scenario, where, why real machines forbid it, and what to change.

Code says (id, path, parameters); the sentences stand in `findings.<lang>.toml`. An id never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from simcore.component import read_texts
from simcore.texts import render

__all__ = ["ERROR", "WARNING", "Finding", "ScenarioError", "finding_texts"]

ERROR, WARNING = "error", "warning"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Finding:
    """One fault. `path` is `id.setting`, or a place such as `stack.holds[1]` where there is no usable id."""

    id: str
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    severity: str = ERROR

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """With its sentences: message (what is wrong), why (what real machines do), hint (what to change)."""
        texts = finding_texts(lang)[self.id]
        shown = {key: _shown(value) for key, value in self.params.items()}
        sentences = {key: render(texts[key], shown) for key in ("message", "why", "hint")}
        near = shown.get("nearest")
        if near and "nearest_hint" in texts:
            sentences["hint"] = render(texts["nearest_hint"], shown)
        return {"id": self.id, "severity": self.severity, "path": self.path, "params": shown, **sentences}


class ScenarioError(Exception):
    """A scenario that cannot run. `findings` holds all that is wrong with it, warnings included."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(f"{f.id} at {f.path or 'the top'}" for f in findings))
        self.findings = findings


@lru_cache(maxsize=8)
def finding_texts(lang: str) -> Mapping[str, Any]:
    return read_texts(HERE / f"findings.{lang}.toml")


def _shown(value: object) -> Any:
    """Parameters as they may be printed: lists joined, long values cut, strange types named."""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_shown(item)) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "{…}"
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    text = str(value) if not isinstance(value, int) else "…"
    return text if len(text) <= 80 else text[:79] + "…"
