"""One battery for every component: a new one is tested by existing.

Its code, its entry and its texts must name the same things; and a small stack with it must build, boot and
carry a read.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

import simcore
from simcore import roles
from simcore.calibrate import probes
from simcore.catalog import FOLDERS, load_catalog
from simcore.component import LANGUAGES, Entry
from simcore.layer import Layer
from simcore.requests import KINDS
from simcore.stack.rules import INSTRUCTION_SETS
from simcore.texts import render, texts
from simcore.trace import KINDS as SPAN_KINDS
from tests.models import OWN, Named, classes_of, named_by, named_by_others

ENTRIES = list(load_catalog().entries.values())
MACHINES = sorted(
    (entry.id for entry in ENTRIES if entry.role == "machine"), key=lambda id_: id_ != "server-2s-xeon"
)
BASES: dict[str, type] = {
    "machine": roles.Computer,
    "vm": roles.VirtualMachine,
    "kernel": roles.Kernel,
    "hypervisor": roles.Hypervisor,
    "engine": roles.Engine,
    "workload": roles.Workload,
}
MEASURED = {name for probe in probes() for name in probe.QUANTITIES}
"""What a machine's profile says beside its own operations; other models take their numbers from it."""
SHORT, SUB = 22, 48  # columns of a diagram's box
READ_BY_THE_BUILDER = {("machine", "clock")}
"""(role, constant) that no model asks for: the clock turns cycles into time before there is a model."""
WITHOUT_EFFECT_YET: set[tuple[str, str]] = set()
"""(entry, setting) that scenarios may give and no model reads; its help says so."""

every_component = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
on_every_machine = pytest.mark.parametrize("machine", MACHINES)
in_every_language = pytest.mark.parametrize("lang", LANGUAGES)


# ------------------------------------------------------------------------------------------- code and entry


def test_every_folder_has_components() -> None:
    assert {entry.dir for entry in ENTRIES} == set(FOLDERS)


@every_component
def test_its_model_is_a_layer_of_its_role(entry: Entry) -> None:
    assert issubclass(entry.model_class, BASES.get(entry.role, Layer))
    assert entry.model_class.__module__.startswith(f"simcore.{entry.dir.name}.")


@every_component
def test_its_public_methods_are_requests_or_what_its_role_owes(entry: Entry) -> None:
    """Dispatch is by name: a misspelt handler would silently pass everything down."""
    owed = {*KINDS, *dir(Layer), *dir(BASES.get(entry.role, Layer))}
    public = {
        name
        for cls in classes_of(entry)
        for name, value in vars(cls).items()
        if not name.startswith("_")
        and (callable(value) or isinstance(value, (property, staticmethod, classmethod)))
    }
    assert sorted(public - owed) == []


def names(entry: Entry, *what: str) -> list[Named]:
    """What stands in the code about this entry: in its own model, or in a neighbour's."""
    own = [named for named in named_by(entry) if named.whose == OWN]
    return [named for named in [*own, *named_by_others(entry)] if named.what in what]


def missing(named: list[Named], known: Mapping[str, Any]) -> list[str]:
    return [f"{n.literal} ({n.place})" for n in named if not any(n.matches(name) for name in known)]


def unused(named: list[Named], known: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in known if not any(n.matches(name) for n in named))


def own(entry: Entry, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Those that its own model must use: of a profile, those that no probe measures."""
    return {name: one for name, one in numbers.items() if not entry.is_profile or name not in MEASURED}


@every_component
def test_every_operation_in_its_code_has_a_timing_and_every_timing_is_used(entry: Entry) -> None:
    assert missing(names(entry, "op"), entry.timings) == []
    assert unused(names(entry, "op"), own(entry, entry.timings)) == []


@every_component
def test_every_constant_in_its_code_is_in_the_entry_and_every_one_is_used(entry: Entry) -> None:
    known = {name for name in own(entry, entry.constants) if (entry.role, name) not in READ_BY_THE_BUILDER}
    assert missing(names(entry, "constant"), entry.constants) == []
    assert unused(names(entry, "constant"), dict.fromkeys(known)) == []


@every_component
def test_every_setting_does_something(entry: Entry) -> None:
    """A setting with one possible value, or that is a device or offers something, does it by being there."""
    chosen = {
        name: setting
        for name, setting in entry.settings.items()
        if setting.type != "component"
        and setting.provides is None
        and len(setting.choices) != 1
        and (entry.id, name) not in WITHOUT_EFFECT_YET
    }
    assert unused(names(entry, "setting"), chosen) == []
    own = [named for named in named_by(entry) if named.what == "setting" and named.whose == OWN]
    assert missing(own, entry.settings) == []


@every_component
def test_it_asks_only_for_requests_that_exist(entry: Entry) -> None:
    asked = [named for named in named_by(entry) if named.what == "kind"]
    assert missing(asked, dict.fromkeys(KINDS)) == []


def test_every_kind_of_request_is_answered_by_some_layer() -> None:
    answered = {kind for entry in ENTRIES for kind in KINDS if hasattr(entry.model_class, kind)}
    assert sorted(set(KINDS) - answered) == []


@every_component
def test_what_a_profile_may_replace_in_it_is_measured_by_some_probe(entry: Entry) -> None:
    from simcore.calibrate import probes

    measured = {quantity for probe in probes() for quantity in probe.QUANTITIES}
    numbers = [*entry.timings.values(), *entry.constants.values()]
    wanted = {name for one in numbers for version in (one, *one.also) for name in version.measured_by}
    assert sorted(wanted - measured) == []


@every_component
def test_it_sits_on_roles_that_exist(entry: Entry) -> None:
    assert set(entry.sits_on) <= {other.role for other in ENTRIES}
    assert (entry.role == "machine") == (not entry.sits_on)


@every_component
def test_what_it_needs_is_offered_by_something(entry: Entry) -> None:
    offered = {capability for other in ENTRIES for capability in other.provides}
    offered |= {
        setting.provides for other in ENTRIES for setting in other.settings.values() if setting.provides
    }
    assert sorted(set(entry.needs) - offered) == []


# ---------------------------------------------------------------------------------------------------- texts


def keys(table: object, path: str = "") -> Iterator[str]:
    """Paths of all sentences, each with the placeholders in it."""
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from keys(value, f"{path}.{key}")
    else:
        yield path + "".join(sorted(re.findall(r"\{[a-z_0-9:]+\}", str(table))))


@every_component
def test_its_texts_say_the_same_in_every_language(entry: Entry) -> None:
    first, *others = [sorted(keys(entry.texts(lang))) for lang in LANGUAGES]
    assert all(other == first for other in others)


@in_every_language
@every_component
def test_it_has_all_texts_and_none_too_many(entry: Entry, lang: str) -> None:
    words = entry.texts(lang)
    assert {"label", "short", "sub", "note", "era"} <= set(words)
    assert set(words) <= {"label", "short", "sub", "note", "era", "settings", "ops", "log"}
    assert sorted(words.get("settings", {})) == sorted(entry.settings)
    shown = {named.literal for named in names(entry, "shown")}
    assert sorted(words.get("ops", {})) == sorted(set(own(entry, entry.timings)) | shown)
    assert {tuple(sorted(op)) for op in words.get("ops", {}).values()} <= {("explain", "name", "say")}
    assert {tuple(sorted(text)) for text in words.get("settings", {}).values()} <= {
        ("help", "label"),
        ("choices", "help", "label"),
    }
    for name, setting in entry.settings.items():
        called = words["settings"][name].get("choices", {})
        assert set(setting.choices) <= set(called), name
        assert entry.like or tuple(called) == setting.choices, name
    assert [path for path in keys(words) if not path.strip()] == []


@in_every_language
@every_component
def test_its_box_in_the_diagram_is_wide_enough_for_its_name(entry: Entry, lang: str) -> None:
    words = entry.texts(lang)
    assert columns(words["short"]) <= SHORT
    assert columns(words["sub"]) <= SUB


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@every_component
def test_its_kernel_log_is_english_everywhere_and_complete(entry: Entry) -> None:
    lines = entry.texts("en").get("log", {})
    assert all(entry.texts(lang).get("log", {}) == lines for lang in LANGUAGES)
    assert missing(names(entry, "log"), lines) == []
    assert unused(names(entry, "log"), lines) == []


@every_component
def test_its_chinese_is_chinese(entry: Entry) -> None:
    words = entry.texts("zh-hans")
    prose = [
        words["note"],
        *(op[part] for op in words.get("ops", {}).values() for part in ("say", "explain")),
    ]
    assert [text for text in prose if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_requests_and_what_the_engine_does_have_texts() -> None:
    first, *others = [sorted(keys(texts(lang)["kinds"])) for lang in LANGUAGES]
    assert all(other == first for other in others)
    engine = [named for entry in ENTRIES for named in named_by(entry) if named.what in ("engine", "lock")]
    wanted = {f"lock_{n.literal}" if n.what == "lock" else n.literal for n in engine} | set(KINDS)
    wanted |= {"waiting", "device_queue"}  # named in layer.py
    assert sorted(wanted - set(texts("en")["kinds"])) == []


def test_findings_say_the_same_in_every_language() -> None:
    first, *others = [sorted(keys(texts(lang)["findings"])) for lang in LANGUAGES]
    assert all(other == first for other in others)


# ------------------------------------------------------------------------------ a small stack with it in it


def isa_of(capabilities: Iterable[str]) -> str:
    return next(one for one in capabilities if one in INSTRUCTION_SETS)


def small_stacks(entry: Entry, machine: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stacks on this machine that contain the component, in each place where it may stand: those of one place
    differ in what else is in them, and the first that is legal will do."""

    def computer(id_: str, is_: str, holds: list[Any], **settings: Any) -> dict[str, Any]:
        return {"id": id_, "is": is_, "settings": settings, "holds": holds}

    isa = isa_of(load_catalog()[machine].provides)
    native = {"x86-64": "linux", "arm64": "linux-arm"}[isa]

    def kernel(id_: str, *holds: Any, is_: str = native) -> dict[str, Any]:
        short = {"init": "direct"} if "init" in load_catalog()[is_].settings else {}
        return {"id": id_, "is": is_, "settings": short, "holds": list(holds)}

    def scenario(
        stack: dict[str, Any], on: str, load: str = "random-read", place: str = ""
    ) -> tuple[str, dict[str, Any]]:
        few = {"count": 3} if "count" in load_catalog()[load].settings else {}
        loads = [{"id": "load", "is": load, "on": on, "settings": few}]
        if load != "random-read":
            loads.append({"id": "reads", "is": "random-read", "on": on, "settings": {"count": 2}})
        return place or repr(stack), {"stack": stack, "workloads": loads}

    def guest(hypervisor: str, vm: str = "", os: str = "", **settings: Any) -> dict[str, Any]:
        """Of the machine's instruction set, unless the VM or the kernel is of another."""
        own = load_catalog()[vm].provides if vm else load_catalog()[os].needs if os else [isa]
        vm = vm or {"x86-64": "vm", "arm64": "vm-arm"}[isa_of([*own, isa])]
        os = os or {"x86-64": "linux", "arm64": "linux-arm"}[isa_of([*own, isa])]
        return {
            "id": "hv",
            "is": hypervisor,
            "holds": [computer("vm1", vm, [kernel("guest", is_=os)], memory="512 MiB", **settings)],
        }

    def under(inner: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """The machine beneath a hypervisor: between them a kernel, or beside the guests a control domain."""
        of = load_catalog()[inner["is"]]
        if "whp" in of.needs:  # a program in Hyper-V's root partition
            root = computer("control", "root-partition", [kernel("os", inner, is_="windows")])
            below = {"id": "hyper-v", "is": "hyper-v-root", "holds": [root]}
            return computer("host", machine, [below], firmware="uefi-windows", **settings)
        if "machine" not in of.sits_on:
            return computer("host", machine, [kernel("os", inner)], **settings)
        wanted = of.data.get("control_domain")
        own = load_catalog()[wanted].data.get("kernel", native) if wanted else native
        domains = [computer("control", wanted, [kernel("os", is_=own)])] if wanted else []
        return computer("host", machine, [{**inner, "holds": domains + inner["holds"]}], **settings)

    def kinds_of_guest(hypervisor: str) -> list[str]:
        """Those made for this hypervisor, else the plain one."""
        offered = set(load_catalog()[hypervisor].provides)
        tenants = [other for other in ENTRIES if other.role == "vm" and not other.control_domain]
        return [other.id for other in tenants if offered & set(other.needs)] or [""]

    def contained(engine: str, container: str) -> list[Any]:
        return [{"id": "engine", "is": engine}, {"id": "box", "is": container, "runtime": "engine"}]

    hypervisors = [other.id for other in ENTRIES if other.role == "hypervisor"]
    devices = [other for other in ENTRIES if other.role == "device" and "vm" in other.sits_on]
    disks = [other.id for other in devices if "network" not in other.provides]
    lent = {"is": entry.id, "device": "host.disk2"} if "device" in entry.settings else None
    role, name = entry.role, entry.id
    card = role == "device" and "network" in entry.provides
    at = "network" if card else {"device": "disk"}.get(role, role)
    load = "request-response" if card else "random-read"
    if role == "machine" and name == machine:
        yield scenario(computer("host", machine, [kernel("os")]), "os")
    if role in ("firmware", "device") and "machine" in entry.sits_on:
        yield scenario(computer("host", machine, [kernel("os")], **{at: name}), "os", load)
    if role in ("firmware", "device") and "vm" in entry.sits_on:
        direct = {"direct_kernel": True} if "direct-kernel" in entry.needs else {}
        spare = {"disk2": "nvme", "iommu": True} if lent else {"network": "nic"} if card else {}
        for hypervisor, vm, disk in [
            (h, v, d) for h in hypervisors for v in kinds_of_guest(h) for d in disks
        ]:
            inner = guest(hypervisor, vm, **{"disk": disk, at: lent or name}, **direct)
            yield scenario(under(inner, **spare), "guest", load, f"{hypervisor} {vm}")
    if role == "kernel":
        yield scenario(computer("host", machine, [kernel("os", is_=name)]), "os")
    for hypervisor in hypervisors:
        own = load_catalog()[hypervisor].data.get("control_domain")
        if name == own if entry.control_domain else role in ("kernel", "vm") or name == hypervisor:
            plain = role == "vm" and not entry.control_domain
            for vm in [name] if plain else kinds_of_guest(hypervisor):
                for disk in disks:
                    inner = guest(hypervisor, vm, name if role == "kernel" else "", disk=disk)
                    place = "" if name == hypervisor else f"{hypervisor} {vm}"
                    yield scenario(under(inner), "guest", place=place)
    emulators = [other.id for other in ENTRIES if "binfmt" in other.provides]
    for emulator in emulators:
        if name in (emulator, "container"):
            *made, box = contained("docker", "container")
            foreign = next(other for other in ("arm64", "x86-64") if other != isa)
            held = [*made, {"id": "emulator", "is": emulator}, {**box, "settings": {"platform": foreign}}]
            stack = computer("host", machine, [kernel("os", *held)])
            yield scenario(stack, "box", place=f"in place of {foreign}")
    for engine in (other.id for other in ENTRIES if other.role == "engine" and other.id not in emulators):
        for container in (other.id for other in ENTRIES if other.role == "container"):
            if name in (engine, container) or role == "workload":
                stack = computer("host", machine, [kernel("os", *contained(engine, container))])
                yield scenario(stack, "box", name if role == "workload" else "random-read")
    if role == "workload":
        cards = ({"network": "nic"}, {"network": "vhost-net"}) if "network" in entry.needs else ({}, {})
        yield scenario(computer("host", machine, [kernel("os")], **cards[0]), "os", name)
        inner = guest("kvm-qemu", **cards[1])
        yield scenario(computer("host", machine, [kernel("os", inner)], **cards[0]), "guest", name)


@cache
def runs(component: str, machine: str) -> list[simcore.Result]:
    """A run of a small legal stack for each place of the component; on all machines but the first, of two."""
    legal: dict[str, simcore.Result] = {}
    for place, raw in small_stacks(load_catalog()[component], machine):
        if machine != MACHINES[0] and len(legal) == 2:
            break
        if place not in legal and not [f for f in simcore.check(raw) if f.severity == "error"]:
            legal[place] = simcore.run(simcore.scenario(raw))
    return list(legal.values())


@on_every_machine
@every_component
def test_a_small_stack_with_it_boots_and_carries_a_read(entry: Entry, machine: str) -> None:
    results = runs(entry.id, machine)
    assert results or any(runs(entry.id, other) for other in MACHINES), "legal nowhere, on no machine"
    for result in results:
        nodes = result.trace.header["nodes"]
        assert entry.id in [node["is"] for node in nodes]
        assert result.cut is None
        assert {node["state"] for node in result.outcome["nodes"].values()} == {"ready"}
        answered = {name: numbers["n"] for name, numbers in result.outcome["workloads"].items()}
        assert 0 not in answered.values(), answered
        reads = list(result.trace.tables["requests"]["kind"])
        assert result.trace.header["request_kinds"].index("read") in reads


@on_every_machine
@every_component
def test_everything_that_it_does_has_a_text_and_every_text_its_parameters(entry: Entry, machine: str) -> None:
    for result in runs(entry.id, machine):
        header = result.trace.header
        for lang in LANGUAGES:
            words = texts(lang)
            for op in header["ops"]:
                ops = words["components"][op["is"]]["ops"] if op["is"] else words["kinds"]
                assert op["op"] in ops, op
            for line in header["texts"]:
                template = words["components"][line["is"]]["log"][line["text"]]
                assert "{" not in render(template, line["params"])


@on_every_machine
@every_component
def test_every_span_that_costs_time_has_a_timing(entry: Entry, machine: str) -> None:
    """But for waiting, whose length comes out, and what a setting gives."""
    given = {named.literal for named in names(entry, "shown")}
    for result in runs(entry.id, machine):
        header, spans = result.trace.header, result.trace.spans
        for kind, op, timing in zip(spans["kind"], spans["op"], spans["timing"], strict=True):
            about = header["ops"][op]
            if SPAN_KINDS[kind] in ("cpu", "device") and about["is"] == entry.id and about["op"] not in given:
                assert timing >= 0, about
                assert header["timings"][timing]["op"] == about["op"]
