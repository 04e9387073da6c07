"""Findings: what is wrong with a scenario, where, why real machines forbid it, and what to change.

Code says (id, path, parameters); the sentences stand in `findings.<lang>.toml`. An id never changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from simcore.component import read_texts
from simcore.texts import render

__all__ = ["ERROR", "WARNING", "Finding", "ScenarioError", "finding_texts"]

ERROR, WARNING = "error", "warning"
HERE = Path(__file__).parent
Naming = Callable[[str, str], str]
"""(parameter, value) → what it is called."""


@dataclass(frozen=True)
class Finding:
    """One fault. `path` is `id.setting`, or a place such as `stack.holds[1]` where there is no usable id."""

    id: str
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    severity: str = ERROR

    def as_dict(self, lang: str = "en", named: Naming | None = None) -> dict[str, Any]:
        """With its sentences: message (what is wrong), why (what real machines do), hint (what to change).
        `named` is for a page where nobody types ids: the name there of what a parameter holds."""
        texts = finding_texts(lang)[self.id]
        shown = {key: _shown(_named(key, value, named)) for key, value in self.params.items()}
        hint = "nearest_hint" if shown.get("nearest") and "nearest_hint" in texts else "hint"
        keys = {"message": "message", "why": "why", "hint": hint}
        if named is not None:
            keys |= {key: f"page_{key}" for key in keys if f"page_{key}" in texts}
        sentences = {key: render(texts[text], shown) for key, text in keys.items()}
        return {"id": self.id, "severity": self.severity, "path": self.path, "params": shown, **sentences}


class ScenarioError(Exception):
    """A scenario that cannot run. `findings` holds all that is wrong with it, warnings included."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(f"{f.id} at {f.path or 'the top'}" for f in findings))
        self.findings = findings


@lru_cache(maxsize=8)
def finding_texts(lang: str) -> Mapping[str, Any]:
    return read_texts(HERE / f"findings.{lang}.toml")


def _named(key: str, value: object, named: Naming | None) -> object:
    if named is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_named(key, item, named) for item in value]
    return named(key, value) if isinstance(value, str) else value


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
