"""One entry: what a component is, what it sits on, what can be set, what its steps cost.

Read from `<id>.toml`. A variant is data: two entries may name the same model. Texts stand beside the entry,
one file a language.
"""

import importlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from simcore import units
from simcore.timings import Constant, EntryError, Own, Timing, parse_constant, parse_timing, unknown_keys

__all__ = [
    "LANGUAGES",
    "ROLES",
    "SETTING_TYPES",
    "Entry",
    "Setting",
    "SettingError",
    "make_entry",
    "read_entry",
    "read_texts",
]

LANGUAGES = ("en", "zh-hans")
FAULTS: Mapping[str, tuple[str, ...]] = {"machine": ("kill", "power-cut")}
"""What may strike a node of a role, if its entry does not say; the first is meant where none is named."""
ROLES = ("machine", "firmware", "kernel", "hypervisor", "vm", "engine", "container", "device", "workload")
SETTING_TYPES = (
    "int", "time", "size", "rate", "share", "choice", "bool", "text", "component", "cpus", "node",
)  # fmt: skip
TOO_LONG = 200
LARGEST = 2**62
"""Nothing in a trace may be larger than a 64-bit integer; neither may a setting."""

_ID = re.compile(r"[a-z][a-z0-9-]*")
_ENTRY_KEYS = {
    "model", "role", "sits_on", "needs", "provides", "settings", "timings", "constants", "control_plane",
    "aliases", "family", "faults", "data", "machine", "composites", "missing", "like",
    "control_domain",
}  # fmt: skip
_SETTING_KEYS = {"type", "default", "min", "max", "choices", "roles", "live", "provides", "note"}


class SettingError(ValueError):
    """A value that a setting cannot take. `reason`: wrong-unit, wrong-type, out-of-range or not-a-choice."""

    def __init__(self, reason: str, **params: Any) -> None:
        super().__init__(f"{reason}: {params}")
        self.reason, self.params = reason, params


@dataclass(frozen=True)
class Setting:
    """One thing that can be set: its type, what it is unless set, and its limits. `default` None: not set."""

    name: str
    type: str
    default: Any = None
    min: Any = None
    max: Any = None
    choices: tuple[Any, ...] = ()
    roles: tuple[str, ...] = ()
    live: bool = False
    provides: str | None = None

    @property
    def example(self) -> str:
        """How a value is written."""
        if self.type == "choice":
            return " | ".join(str(choice) for choice in self.choices)
        if self.default is not None and self.type in ("int", *_QUANTITIES):
            return self.said(self.default)
        return _EXAMPLES[self.type]

    def parse(self, value: object) -> Any:
        """The typed value: ns, bytes and counts are int; shares, CPUs and rates are float."""
        if self.type == "choice":
            if isinstance(value, (str, int, float)) and value in self.choices:
                return value
            raise SettingError("not-a-choice", value=value, choices=list(self.choices))
        typed = self._typed(value)
        low, high = self.min, self.max
        if isinstance(typed, (int, float)) and not isinstance(typed, bool):
            low = low if low is not None else (-LARGEST if self.type == "int" else 0)
            high = high if high is not None else (1 if self.type == "share" else LARGEST)
            if not low <= typed <= high:
                raise SettingError("out-of-range", value=value, low=self.said(low), high=self.said(high))
        return typed

    def _typed(self, value: object) -> Any:
        try:
            if self.type in _QUANTITIES:
                return _QUANTITIES[self.type](value)
        except units.UnitError:
            raise SettingError("wrong-unit", value=value, expected=self.example) from None
        if self.type == "int" and isinstance(value, int) and not isinstance(value, bool):
            return value
        if self.type == "bool" and isinstance(value, bool):
            return value
        if self.type in ("text", "component", "node") and isinstance(value, str) and len(value) < TOO_LONG:
            return value
        raise SettingError("wrong-type", value=value, expected=self.example)

    def as_dict(self) -> dict[str, Any]:
        shown = {name: self.show(getattr(self, name)) for name in ("default", "min", "max")}
        listed = {"choices": list(self.choices), "roles": list(self.roles)}
        given = {name: value for name, value in {**shown, **listed}.items() if value not in (None, [])}
        return {"type": self.type, **given, "live": self.live}

    def show(self, value: Any) -> Any:
        """The shortest exact way to write a typed value: what canonical scenarios and pages show."""
        if value is None or isinstance(value, bool):
            return value
        if self.type == "time":
            return units.show_duration(value)
        if self.type == "size":
            return units.show_size(value)
        if self.type == "rate":
            return f"{units.show_number(value)}/s"
        if self.type in ("share", "cpus"):
            return units.show_number(value)
        return value

    def said(self, value: Any) -> str:
        """The same as a person reads it, who may write it so too: with µs."""
        text = str(self.show(value))
        return text.removesuffix("us") + "µs" if self.type == "time" and text.endswith(" us") else text


_QUANTITIES = {
    "time": units.duration_ns,
    "size": units.size_bytes,
    "rate": units.rate_per_s,
    "share": units.share,
    "cpus": units.cpus,
}
_EXAMPLES = {
    "int": "4",
    "time": "200 µs",
    "size": "64 GiB",
    "rate": "100/s",
    "share": "50 %",
    "bool": "true",
    "text": "nginx",
    "component": "nvme",
    "cpus": "0.5",
    "node": "host.disk",
}


@dataclass(frozen=True)
class Entry:
    """A component. `needs` is offered by something below it, `provides` is offered to what stands on it.

    `control_plane`: it stands beside the data path. `control_domain`: a vm that belongs to its hypervisor
    (dom0, the root partition): it owns the devices, and starts before any tenant.
    """

    id: str
    model: str
    role: str
    file: Path = field(repr=False)
    sits_on: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    control_plane: bool = False
    control_domain: bool = False
    aliases: tuple[str, ...] = ()
    family: str | None = None
    faults: tuple[str, ...] = ()
    like: str | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    timings: Mapping[str, Timing] = field(default_factory=dict, repr=False)
    constants: Mapping[str, Constant] = field(default_factory=dict, repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def is_profile(self) -> bool:
        """Is it a machine that was measured by `calibrate`?"""
        return "machine" in self.raw

    @property
    def own(self) -> Own:
        """What such a profile says of its machine, by quantity; nothing of any other entry."""
        return {**self.constants, **self.timings} if self.is_profile else {}

    @property
    def dir(self) -> Path:
        return self.file.parent

    @cached_property
    def model_class(self) -> type[Any]:
        module, _, name = self.model.partition(":")
        found: type[Any] = getattr(importlib.import_module(module), name)
        return found

    def as_dict(self) -> dict[str, Any]:
        """All that is known about it, in the units that people write."""
        given = {name: self.raw.get(name, {}) for name in ("timings", "constants")}
        return {
            "id": self.id,
            "role": self.role,
            "label": self.texts("en")["label"],
            "model": self.model,
            "sits_on": list(self.sits_on),
            "needs": list(self.needs),
            "provides": list(self.provides),
            "control_plane": self.control_plane,
            "aliases": list(self.aliases),
            "settings": {name: setting.as_dict() for name, setting in self.settings.items()},
            **given,
        }

    def texts(self, lang: str) -> Mapping[str, Any]:
        """Label, note, ops and log lines in one language. A missing file is a fault of the entry."""
        if lang in self.words:
            return self.words[lang]
        own = read_texts(self.dir / f"{self.id}.{lang}.toml")
        return (
            own if self.like is None else _over(own, read_entry(self.dir / f"{self.like}.toml").texts(lang))
        )


@lru_cache(maxsize=4096)
def read_texts(file: Path) -> Mapping[str, Any]:
    """A TOML file of texts, read once."""
    try:
        return MappingProxyType(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise EntryError([f"{file.name}: is missing; texts stand beside every entry"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EntryError([f"{file.name}: is not TOML: {error}"]) from None


def read_entry(file: Path) -> Entry:
    """The entry in `file`. Raises EntryError with everything that is wrong, not only the first fault."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EntryError([f"{file.name}: is not TOML: {error}"]) from None
    return make_entry(file, _whole(file, raw))


def _whole(file: Path, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """With what it leaves unsaid since it is `like` another entry of its folder, perhaps like a third."""
    like = raw.get("like")
    if not isinstance(like, str):
        return raw
    base = file.parent / f"{like}.toml"
    try:
        return _over(raw, _whole(base, tomllib.loads(base.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        raise EntryError([f"{file.name}: like {like!r}: there is no {like}.toml beside it"]) from None


def _over(own: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """A variant says only what differs: its tables' rows replace those of the same name, all else is the
    base's."""
    merged = {**base, **own}
    for table in ("settings", "timings", "constants", "ops", "log"):
        if table in base and table in own:
            merged[table] = {**base[table], **own[table]}
    return merged


def make_entry(
    file: Path, raw: Mapping[str, Any], words: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> Entry:
    """An entry already in memory. `file` gives its id; its texts are `words`, else those beside the file."""
    faults: list[str] = []
    entry = _entry(file, raw, words, faults)
    if faults:
        raise EntryError([f"{file.name}: {fault}" for fault in faults])
    return entry


def _entry(
    file: Path, raw: Mapping[str, Any], words: Mapping[str, Mapping[str, Any]], faults: list[str]
) -> Entry:
    name = file.stem
    if not _ID.fullmatch(name):
        faults.append(f"the id {name!r} must be lower case with hyphens")
    faults += unknown_keys(raw, _ENTRY_KEYS)
    if raw.get("role") not in ROLES:
        faults.append(f"role {raw.get('role')!r} must be one of {', '.join(ROLES)}")
    if not re.fullmatch(r"[\w.]+:\w+", str(raw.get("model", ""))):
        faults.append(f"model {raw.get('model')!r} must be written 'simcore.folder.module:Class'")
    for role in _strings(raw, "sits_on", faults):
        if role not in ROLES:
            faults.append(f"sits_on {role!r} must be one of {', '.join(ROLES)}")
    return Entry(
        id=name,
        file=file,
        model=str(raw.get("model")),
        role=str(raw.get("role")),
        sits_on=_strings(raw, "sits_on", faults),
        needs=_strings(raw, "needs", faults),
        provides=_strings(raw, "provides", faults),
        control_plane=raw.get("control_plane", False) is True,
        control_domain=raw.get("control_domain", False) is True,
        aliases=_strings(raw, "aliases", faults),
        family=raw.get("family"),
        like=raw.get("like"),
        faults=_strings(raw, "faults", faults)
        if "faults" in raw
        else FAULTS.get(str(raw.get("role")), ("kill",)),
        settings=_tables(raw, "settings", _setting, faults),
        timings=_tables(raw, "timings", parse_timing, faults),
        constants=_tables(raw, "constants", parse_constant, faults),
        data=MappingProxyType(raw.get("data", {})),
        raw=MappingProxyType(raw),
        words=words,
    )


def _strings(raw: Mapping[str, Any], key: str, faults: list[str]) -> tuple[str, ...]:
    value = raw.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    faults.append(f"{key} must be a list of texts")
    return ()


def _tables(raw: Mapping[str, Any], key: str, parse: Any, faults: list[str]) -> Mapping[str, Any]:
    tables = raw.get(key, {})
    if not isinstance(tables, Mapping):
        faults.append(f"{key} must be tables: [{key}.<name>]")
        return {}
    parsed = {name: parse(name, table, faults) for name, table in tables.items()}
    return MappingProxyType({name: value for name, value in parsed.items() if value is not None})


def _setting(name: str, table: object, faults: list[str]) -> Setting | None:
    place = f"[settings.{name}]"
    if not isinstance(table, Mapping) or table.get("type") not in SETTING_TYPES:
        faults.append(f"{place} type must be one of {', '.join(SETTING_TYPES)}")
        return None
    faults += [f"{place} {fault}" for fault in unknown_keys(table, _SETTING_KEYS)]
    if table["type"] == "choice" and not table.get("choices"):
        faults.append(f"{place} is a choice: give its choices")
    setting = Setting(
        name=name,
        type=table["type"],
        choices=tuple(table.get("choices", ())),
        roles=tuple(table.get("roles", ())),
        live=table.get("live", False) is True,
        provides=table.get("provides"),
    )
    limits: dict[str, Any] = {}
    for key in ("min", "max", "default"):
        if key not in table:
            continue
        try:
            limits[key] = Setting(**{**vars(setting), **limits}).parse(table[key])
        except SettingError as error:
            faults.append(f"{place} {key} {table[key]!r}: {error}")
    return Setting(**{**vars(setting), **limits})
