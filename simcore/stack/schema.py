"""The JSON Schema (draft-07) of a scenario, made from the catalogue: what editors complete and check.

Draft-07, because that is what yaml-language-server reads. It knows fields, components, settings and how
values are written; which layer may stand on which is the business of the rules.
"""

from collections.abc import Iterable
from typing import Any

from simcore import units
from simcore.catalog import Catalog, load_catalog
from simcore.component import LANGUAGES, Entry, Setting

from .reader import ACTIONS, ID, LONGEST_SENTENCE
from .scenario import SCHEMA_VERSION

__all__ = ["schema"]

NODE_ROLES = ("machine", "kernel", "hypervisor", "vm", "engine", "container")
DEVICE_ROLES = ("device", "firmware")


def schema(catalog: Catalog | None = None) -> dict[str, Any]:
    catalog = catalog or load_catalog()
    devices = catalog.of_role(*DEVICE_ROLES)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Strata scenario",
        "type": "object",
        "required": ["stack"],
        "additionalProperties": False,
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "label": _ref("text"),
            "question": _ref("text"),
            "summary": _ref("text"),
            "stack": _ref("node"),
            "workloads": {"type": "array", "items": _ref("workload")},
            "interventions": {"type": "array", "items": _ref("intervention")},
            "until": _ref("time"),
            "subject": _ref("id"),
        },
        "definitions": {
            **_quantities(),
            "node": _node(catalog),
            "workload": _workload(catalog),
            "intervention": _intervention(catalog),
            **{f"device-{entry.id}": _device(entry, catalog) for entry in devices},
        },
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _quantities() -> dict[str, Any]:
    number = r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"

    def with_unit(names: Iterable[str], example: str) -> dict[str, Any]:
        pattern = f"^ *{number} *({'|'.join(names)}) *$"
        return {"type": "string", "pattern": pattern, "examples": [example]}

    sentence = {"type": "string", "maxLength": LONGEST_SENTENCE}
    by_language = dict.fromkeys(LANGUAGES, sentence)
    share = {"type": "number", "minimum": 0, "maximum": 1}
    return {
        "id": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "path": {"type": "string", "pattern": f"^{ID.pattern}(\\.[a-z0-9_-]+)*$"},
        "text": {
            "anyOf": [
                sentence,
                {"type": "object", "additionalProperties": False, "properties": by_language},
            ]
        },
        "time": with_unit([*units.TIME_UNITS, "µs", "μs"], "200 us"),
        "size": with_unit([*units.SIZE_UNITS, "KB"], "64 GiB"),
        "rate": with_unit(units.RATE_UNITS, "100/s"),
        "share": {"anyOf": [share, with_unit(["%"], "50 %")]},
        "cpus": {"anyOf": [{"type": "number", "minimum": 0}, with_unit(["m"], "500m")]},
        "start": {"anyOf": [{"const": "manual"}, _ref("time")]},
    }


def _node(catalog: Catalog) -> dict[str, Any]:
    entries = catalog.of_role(*NODE_ROLES)
    return {
        "type": "object",
        "required": ["id", "is"],
        "additionalProperties": False,
        "properties": {
            "id": _ref("id"),
            "is": _names(entries),
            "settings": {"type": "object"},
            "holds": {"type": "array", "items": _ref("node")},
            "runtime": {**_ref("id"), "description": "the engine beside it that makes this container"},
            "start": _ref("start"),
        },
        "allOf": _settings_by_component(entries, catalog),
    }


def _workload(catalog: Catalog) -> dict[str, Any]:
    entries = catalog.of_role("workload")
    return {
        "type": "object",
        "required": ["id", "is", "on"],
        "additionalProperties": False,
        "properties": {
            "id": _ref("id"),
            "is": _names(entries),
            "on": {**_ref("id"), "description": "a kernel or a container"},
            "settings": {"type": "object"},
            "start": {"anyOf": [{"enum": ["ready", "manual"]}, _ref("time")], "default": "ready"},
            "for": _ref("time"),
        },
        "allOf": _settings_by_component(entries, catalog),
    }


def _intervention(catalog: Catalog) -> dict[str, Any]:
    faults = sorted({fault for entry in catalog.entries.values() for fault in entry.faults})
    return {
        "type": "object",
        "required": ["at", "on", "do"],
        "additionalProperties": False,
        "properties": {
            "at": _ref("time"),
            "on": _ref("path"),
            "do": {"enum": list(ACTIONS)},
            "settings": {"type": "object"},
            "fault": {"enum": faults},
        },
    }


def _names(entries: Iterable[Entry]) -> dict[str, Any]:
    """Component ids, with their labels for editors that show them (VS Code and yaml-language-server do)."""
    listed = list(entries)
    names = [name for entry in listed for name in (entry.id, *entry.aliases)]
    labels = [str(entry.texts("en")["label"]) for entry in listed for _ in (entry.id, *entry.aliases)]
    return {"type": "string", "enum": names, "enumDescriptions": labels}


def _settings_by_component(entries: Iterable[Entry], catalog: Catalog) -> list[dict[str, Any]]:
    """If it is this component, then its settings are these."""
    return [
        {
            "if": {"properties": {"is": {"enum": [entry.id, *entry.aliases]}}},
            "then": {
                "properties": {
                    "settings": {
                        "type": ["object", "null"],
                        "additionalProperties": False,
                        "properties": _settings(entry, catalog),
                    }
                }
            },
        }
        for entry in entries
    ]


def _settings(entry: Entry, catalog: Catalog) -> dict[str, Any]:
    described = entry.texts("en").get("settings", {})
    found = {}
    for name, setting in entry.settings.items():
        form = _setting(setting, catalog)
        help_text = described.get(name, {}).get("help")
        found[name] = {
            **form,
            **({"default": setting.show(setting.default)} if setting.default is not None else {}),
            **({"description": help_text} if help_text else {}),
        }
    return found


def _setting(setting: Setting, catalog: Catalog) -> dict[str, Any]:
    if setting.type == "int":
        limits = {"minimum": setting.min, "maximum": setting.max}
        return {"type": "integer", **{key: value for key, value in limits.items() if value is not None}}
    if setting.type == "choice":
        return {"enum": list(setting.choices)}
    if setting.type == "bool":
        return {"type": "boolean"}
    if setting.type == "text":
        return {"type": "string"}
    if setting.type == "node":
        return _ref("path")
    if setting.type == "component":
        entries = catalog.of_role(*(setting.roles or DEVICE_ROLES))
        return {"anyOf": [_names(entries), *(_ref(f"device-{entry.id}") for entry in entries)]}
    return dict(_quantities()[setting.type])


def _device(entry: Entry, catalog: Catalog) -> dict[str, Any]:
    """The long form of a device: what it is, and its settings beside that."""
    backing = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"on": _ref("path"), "file": {"type": "string"}},
    }
    return {
        "type": "object",
        "required": ["is"],
        "additionalProperties": False,
        "properties": {
            "is": {"enum": [entry.id, *entry.aliases]},
            "backing": backing,
            **_settings(entry, catalog),
        },
    }
