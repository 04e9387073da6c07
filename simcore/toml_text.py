"""Writing TOML, which Python's own `tomllib` only reads: tables, lists of tables, plain values."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["toml_lines"]


def toml_lines(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """A table in TOML: first its values, then the tables in it."""
    inner = {key: value for key, value in table.items() if _is_table(value)}
    for key, value in table.items():
        if key not in inner and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        name = f"{path}{_key(key)}"
        for part in [value] if isinstance(value, Mapping) else value:
            if not isinstance(value, Mapping):
                yield from ("", f"[[{name}]]")
            elif not part or not all(isinstance(below, Mapping) for below in part.values()):
                yield from ("", f"[{name}]")
            yield from toml_lines(part, f"{name}.")


def _is_table(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, Sequence) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    assert isinstance(value, Sequence)
    return f"[{', '.join(_value(one) for one in value)}]"
