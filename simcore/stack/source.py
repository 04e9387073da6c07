"""Text to a raw scenario: YAML 1.2 or JSON, safely, with every fault of form found.

No aliases (a kilobyte of them explodes to gigabytes), no tags, no double keys, caps on size and depth. `no`,
`on` and `1:30` stay what they look like: this is YAML 1.2, not 1.1.
"""

import copy
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from .findings import Finding, ScenarioError

__all__ = ["DEEPEST", "LARGEST", "load", "prebuilt", "scalar", "to_yaml"]

PREBUILT = Path(__file__).parents[1] / "prebuilt"

LARGEST = 256 * 1024
"""Bytes. A scenario of a thousand guests is 100 KiB."""
DEEPEST = 64
"""Lists and tables within one another. One layer of a stack is two."""

_INT = re.compile(r"[-+]?[0-9]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")


def load(source: str | bytes | Path) -> dict[str, Any]:
    """The raw scenario of a prebuilt id, or in a text, in bytes or in a file.

    Raises ScenarioError with all faults of form, and OSError if a file cannot be read.
    """
    if isinstance(source, str) and source in _prebuilt():
        return prebuilt()[source]
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(LARGEST + 1)
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if len(data) > LARGEST:
        raise ScenarioError([Finding("too-large", params={"limit": LARGEST})])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError([Finding("not-text", params={"byte": error.start})]) from None
    findings: list[Finding] = []
    value = _json(text, findings) if text.lstrip()[:1] == "{" else None
    if value is None and not findings:
        value = _yaml(text, findings)
    if findings:
        raise ScenarioError(findings)
    if value is None:
        raise ScenarioError([Finding("empty")])
    if not isinstance(value, dict):
        raise ScenarioError([Finding("not-a-table", params={"value": value})])
    return value


def prebuilt() -> dict[str, dict[str, Any]]:
    """The whole scenarios that come with Strata, by id, the smallest stack first. Yours to change."""
    return copy.deepcopy(_prebuilt())


@lru_cache(maxsize=1)
def _prebuilt() -> dict[str, dict[str, Any]]:
    found = {file.stem: load(file) for file in PREBUILT.glob("*.yaml")}
    names = sorted(found, key=lambda name: (_layers(found[name]["stack"]), name))
    return {name: found[name] for name in names}


def _layers(node: dict[str, Any]) -> int:
    return 1 + sum(_layers(held) for held in node.get("holds", ()))


def scalar(text: str) -> Any:
    """A plain word as YAML 1.2 reads it: `4` a number, `true` a truth value, `no` and `64 GiB` texts."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if number - number == 0 else text
    return text


def to_yaml(raw: dict[str, Any]) -> str:
    """A raw scenario as people write it: JSON's short forms for leaves, blocks for the rest."""
    return "".join(_block(raw, 0))


def _json(text: str, findings: list[Finding]) -> Any:
    """The value of a JSON text; None if it is none (it may still be YAML in braces)."""

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key in _repeated([key for key, _ in pairs]):
            findings.append(Finding("duplicate-key", params={"key": key}))
        return dict(pairs)

    def no_number(name: str) -> Any:
        raise ValueError(name)

    try:
        value = json.loads(text, object_pairs_hook=table, parse_constant=no_number)
    except RecursionError:
        findings.append(Finding("too-deep", params={"limit": DEEPEST}))
        return None
    except ValueError:
        findings.clear()
        return None
    if _depth(value) > DEEPEST:
        findings.append(Finding("too-deep", params={"limit": DEEPEST}))
    return value


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        depth += 1
    return depth - 1


def _repeated(keys: list[str]) -> list[str]:
    return sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []


class _TooDeepError(Exception):
    """The text nests deeper than the cap: reading stops."""


def _yaml(text: str, findings: list[Finding]) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    try:
        return _Builder(reader.parse(text), findings).document()
    except _TooDeepError:
        findings.append(Finding("too-deep", params={"limit": DEEPEST}))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        params = {"line": line, "column": column, "problem": error.problem or str(error)}
        findings.append(Finding("not-yaml", f"line {line}", params))
    except (YAMLError, ValueError, RecursionError, NotImplementedError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        findings.append(Finding("not-yaml", "line 1", {"line": 1, "column": 1, "problem": problem}))
    return None


_BEGINS = (ScalarEvent, AliasEvent, SequenceStartEvent, MappingStartEvent)


class _Builder:
    """Parser events to plain values; aliases, tags and double keys become findings, one for each line."""

    def __init__(self, events: Iterator[Any], findings: list[Finding]) -> None:
        self.events, self.findings, self.depth = events, findings, 0

    def document(self) -> Any:
        value: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._find("many-documents", event)
            elif documents and isinstance(
                event, (ScalarEvent, AliasEvent, SequenceStartEvent, MappingStartEvent)
            ):
                read = self._value(event)
                value = read if documents == 1 else value
        return value

    def _find(self, finding: str, event: Any, **params: Any) -> None:
        self.findings.append(Finding(finding, f"line {event.start_mark.line + 1}", params))

    def _value(self, event: Any) -> Any:
        if isinstance(event, AliasEvent):
            self._find("alias", event, anchor=event.anchor)
            return None
        if event.anchor:
            self._find("alias", event, anchor=event.anchor)
        if event.tag and event.tag != "!":
            self._find("tag", event, tag=str(event.tag))
        if isinstance(event, ScalarEvent):
            plain = event.style is None or event.style == ""
            return scalar(event.value) if plain else event.value
        self.depth += 1
        if self.depth > DEEPEST:
            raise _TooDeepError
        value: Any = self._list() if isinstance(event, SequenceStartEvent) else self._table()
        self.depth -= 1
        return value

    def _list(self) -> list[Any]:
        items = []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._value(event))
        return items

    def _table(self) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._value(event)
            name = key if isinstance(key, str) else json.dumps(key, default=str)
            if name in table:
                self._find("duplicate-key", event, key=name)
            table[name] = self._value(next(self.events))
        return table


def _block(value: Any, indent: int) -> Iterator[str]:
    """Lines of `value`, a table or a list of tables, `indent` spaces in."""
    margin = " " * indent
    if isinstance(value, dict):
        for key, item in value.items():
            if _is_leaf(item):
                yield f"{margin}{_word(key)}: {_flow(item)}\n"
            else:
                yield f"{margin}{_word(key)}:\n"
                yield from _block(item, indent + 2)
        return
    for item in value:
        if _is_leaf(item) or not isinstance(item, dict):
            yield f"{margin}- {_flow(item)}\n"
        else:
            lines = "".join(_block(item, indent + 2))
            yield f"{margin}- {lines[indent + 2 :]}"


def _is_leaf(value: Any) -> bool:
    """Written on one line: a word, or a short table or list of words."""
    if not isinstance(value, (dict, list)):
        return True
    return len(_flow(value)) <= 90 and _depth(value) <= (2 if isinstance(value, dict) else 1)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_word(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _word(value)


def _word(value: Any) -> str:
    """A scalar that reads back as the same value: bare where that is safe, in JSON's quotes where not."""
    if isinstance(value, str):
        bare = re.fullmatch(r"[A-Za-z0-9./][A-Za-z0-9 %./+_-]*", value) and scalar(value) == value
        return value if bare and value == value.strip() else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
