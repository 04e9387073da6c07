"""What real machines forbid.

Two rules cover nearly every component: it must sit on a layer of the right role, and what it needs must be
offered by something below it. The rest are named rules, each a finding that teaches.
"""

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simcore.catalog import Catalog, load_catalog, nearest
from simcore.component import Entry

from .findings import ERROR, WARNING, Finding, ScenarioError
from .reader import MOST, UNKNOWN, Reader
from .scenario import OWNER_ROLES, TENANT_ROLES, Node, Scenario

__all__ = ["check", "examine", "legal", "of_its_kind", "put", "tables"]

PROCESS_HOMES = ("kernel", "container")
"""Where a process may run, and so a workload."""
INSTRUCTION_SETS = {"x86-64", "arm64"}
SILENT = {"x86-64"}
"""Those with sensitive instructions that do not trap without privileges, but do something else."""
REAL_CARD = "nic"
"""What a machine gets that needs a network card and has none."""
LOWEST_SOFTWARE = ("kernel", "hypervisor")
"""What a computer boots into."""
NAMED = {"iommu": "no-iommu", "snapshots": "no-snapshots"}
"""Capabilities whose lack has a finding of its own."""


def check(raw: object, catalog: Catalog | None = None) -> list[Finding]:
    """All findings at once, errors before warnings; no error exactly when the scenario can be built."""
    return examine(raw, catalog or load_catalog())[1]


def legal(
    raw: Mapping[str, Any],
    *,
    workload: str | None = None,
    until: str | None = None,
    vary: Mapping[str, Any] | None = None,
    machine: str | None = None,
    catalog: Catalog | None = None,
) -> Scenario:
    """The scenario, after these edits. Raises ScenarioError with all findings if it has an error."""
    catalog = catalog or load_catalog()
    if any(edit is not None for edit in (workload, until, vary, machine)):
        edited = copy.deepcopy(dict(raw))
        try:
            _edit(edited, catalog, workload, until, vary or {}, machine)
        except ScenarioError as error:
            seen = {(finding.id, finding.path) for finding in error.findings}
            others = [finding for finding in check(raw, catalog) if (finding.id, finding.path) not in seen]
            raise ScenarioError([*error.findings, *others]) from None
        raw = edited
    scenario, findings = examine(raw, catalog)
    if scenario is None or any(finding.severity == ERROR for finding in findings):
        raise ScenarioError(findings)
    return scenario


def examine(raw: object, catalog: Catalog) -> tuple[Scenario | None, list[Finding]]:
    reader = Reader(catalog)
    scenario = reader.scenario(raw)
    findings = reader.findings
    if scenario is not None:
        found = itertools.chain(
            needs(scenario, catalog),
            guests_in_guests_have_a_hypervisor_for_them(scenario, catalog),
            firmware_is_of_its_computer(scenario, catalog),
            *(rule(scenario) for rule in RULES),
        )
        findings += itertools.islice(found, max(0, MOST - len(findings)))
    if len(findings) >= MOST:
        findings = [*findings[:MOST], Finding("too-many", params={"limit": MOST})]
    return scenario, sorted(findings, key=lambda finding: finding.severity != ERROR)


def _edit(
    raw: dict[str, Any],
    catalog: Catalog,
    workload: str | None,
    until: str | None,
    vary: Mapping[str, Any],
    machine: str | None,
) -> None:
    """Changes `raw` as `--machine`, `--workload`, `--vary` and `--until` say, in this order."""
    if machine is not None and isinstance(raw.get("stack"), dict):
        raw["stack"]["is"] = machine
    if workload is not None:
        raw["workloads"] = _only_workload(raw, catalog, workload)
        _plug_in_cards(raw, catalog)
    faults = [fault for path, value in vary.items() if (fault := put(raw, catalog, path, value)) is not None]
    if faults:
        raise ScenarioError(faults)
    if until is not None:
        raw["until"] = until


def _only_workload(raw: Mapping[str, Any], catalog: Catalog, name: str) -> list[Any]:
    """The scenario's own workload `name` before its others, else one of that component on the subject."""
    own = raw.get("workloads")
    own = own if isinstance(own, list) else []
    first = [item for item in own if isinstance(item, dict) and item.get("id") == name]
    if first:
        return first + [item for item in own if item is not first[0]]
    entry = catalog.get(name)
    if entry is None or entry.role != "workload":
        known = [str(item.get("id")) for item in own if isinstance(item, dict)]
        known += [entry.id for entry in catalog.of_role("workload")]
        raise ScenarioError(
            [
                Finding(
                    "unknown-workload",
                    "workloads",
                    {"name": name, "known": known, "nearest": nearest(name, known)},
                )
            ]
        )
    if raw.get("subject") is None:
        raise ScenarioError([Finding("missing-subject", "subject", {"name": name})])
    return [{"id": name, "is": entry.id, "on": raw["subject"], "start": "ready"}]


def _plug_in_cards(raw: dict[str, Any], catalog: Catalog) -> None:
    """A workload that is asked for by name and talks to other machines finds a card in every computer on its
    way: a guest's is of the same family as its disk."""
    scenario = Reader(catalog).scenario(raw)
    if scenario is None:
        return
    for workload in scenario.workloads:
        if "network" in workload.entry.needs and workload.on in scenario.nodes:
            for computer in _on_the_way_out(scenario, scenario.nodes[workload.on]):
                siblings = (device.entry.data.get("card") for device in computer.devices.values())
                card = REAL_CARD if computer.role == "machine" else next(filter(None, siblings), None)
                if card is not None and "network" not in computer.devices:
                    put(raw, catalog, f"{computer.id}.network", card)


def _on_the_way_out(scenario: Scenario, node: Node) -> Iterator[Node]:
    """The computers that a packet of this node passes; the machine's card is the control domain's."""
    while node is not scenario.stack:
        node = scenario.computer(node)
        if node.entry.control_domain:
            node = scenario.stack
        yield node


def put(raw: dict[str, Any], catalog: Catalog, path: str, value: Any) -> Finding | None:
    """Sets `id.setting` in the raw scenario; a finding if there is no such place."""
    reader = Reader(catalog)
    scenario = reader.scenario(raw)
    name, _, setting = path.rpartition(".")
    owners: dict[str, Any] = {}
    if scenario is not None:
        owners = {**scenario.nodes, **{workload.id: workload for workload in scenario.workloads}}
    if name not in owners:
        return Finding("unknown-path", path, {"path": path, "nearest": nearest(name, owners)})
    known = sorted(owners[name].entry.settings)
    if setting not in known:
        return Finding(
            "unknown-path", path, {"path": path, "nearest": [f"{name}.{n}" for n in nearest(setting, known)]}
        )
    root, *steps = name.split(".")
    table = next((table for table in tables(raw) if table.get("id") == root), None)
    if table is None:  # it has no id that could be used
        return Finding("unknown-path", path, {"path": path, "nearest": nearest(name, owners)})
    target = table.get("settings")
    if not isinstance(target, dict):
        target = table["settings"] = {}
    owner = owners[root]
    for step in steps:
        device = owner.devices[step]
        if not isinstance(target.get(step), dict):
            target[step] = {"is": target.get(step) or device.is_}
        target, owner = target[step], device
    target[setting] = value
    return None


def tables(raw: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The raw tables of all nodes and workloads."""
    waiting: list[Any] = [raw.get("stack"), raw.get("workloads")]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            yield item
            waiting.append(item.get("holds"))


def root_is_a_machine(scenario: Scenario) -> Iterator[Finding]:
    if scenario.stack.role not in ("machine", UNKNOWN):
        yield Finding("root-not-machine", scenario.stack.id, {"is_": scenario.stack.is_})


def sits_on(scenario: Scenario) -> Iterator[Finding]:
    """Every node stands on a layer of a role that its entry names; a machine on nothing."""
    for node in scenario.nodes.values():
        below = scenario.nodes[node.parent] if node.parent is not None else None
        if below is None or UNKNOWN in (node.role, below.role) or below.role in node.entry.sits_on:
            continue
        lower = {"below": below.is_, "below_role": below.role}
        roles = node.entry.sits_on
        yield Finding("sits-on", node.id, {"is_": node.is_, "role": node.role, **lower, "roles": roles})


def needs(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    """Every capability that an entry needs is offered by something below it that it can see."""
    for node in scenario.nodes.values():
        if not node.entry.needs:
            continue
        offered = scenario.offered(node)
        for capability in node.entry.needs:
            if node.role == "firmware" and capability in INSTRUCTION_SETS:
                continue  # what its own computer understands counts, and no other's below
            if capability in INSTRUCTION_SETS and capability not in offered:
                host = ", ".join(sorted(INSTRUCTION_SETS & offered))
                yield Finding("isa-mismatch", node.id, {"is_": node.is_, "isa": capability, "host": host})
            elif capability not in offered:
                providers = [entry.id for entry in catalog.entries.values() if capability in entry.provides]
                params = {"is_": node.is_, "capability": capability, "providers": providers}
                yield Finding(NAMED.get(capability, "not-offered"), node.id, params)


def guests_have_the_hosts_instruction_set(scenario: Scenario) -> Iterator[Finding]:
    """A guest's instructions run on the CPU below as they are, unless its hypervisor translates them."""
    for node in scenario.nodes.values():
        below = scenario.nodes[node.parent] if node.role == "vm" and node.parent is not None else None
        if below is None or "any-instruction-set" in below.entry.provides:
            continue
        own, offered = INSTRUCTION_SETS & set(node.entry.provides), scenario.offered(below)
        if own and INSTRUCTION_SETS & offered and not own & offered:
            host = ", ".join(sorted(INSTRUCTION_SETS & offered))
            yield Finding("isa-mismatch", node.id, {"is_": node.is_, "isa": ", ".join(own), "host": host})


def firmware_is_of_its_computer(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    """The first program that a computer runs is in the instruction set of that computer's own CPUs."""
    for node in scenario.nodes.values():
        owner = scenario.nodes.get(node.owner or "")
        if node.role != "firmware" or owner is None:
            continue
        wanted, own = INSTRUCTION_SETS & set(node.entry.needs), INSTRUCTION_SETS & owner.provides
        if not own or wanted <= own:
            continue
        others = [
            one.id
            for one in catalog.of_role("firmware")
            if owner.role in one.sits_on and INSTRUCTION_SETS & set(one.needs) <= own
        ]
        isa, host = (", ".join(sorted(sets)) for sets in (wanted, own))
        params = {"is_": node.is_, "isa": isa, "computer": owner.is_, "host": host, "providers": others}
        yield Finding("firmware-isa", node.id, params)


def kernels_without_privileges_are_caught(scenario: Scenario) -> Iterator[Finding]:
    """A guest's kernel that runs as a program would must trap wherever it reads or changes the machine."""
    for node in scenario.nodes.values():
        isa = INSTRUCTION_SETS & scenario.offered(node)
        if node.entry.data.get("unprivileged_kernel") and isa and not isa - SILENT:
            yield Finding("does-not-trap", node.id, {"is_": node.is_, "isa": ", ".join(isa)})


def guests_in_guests_have_a_hypervisor_for_them(scenario: Scenario, catalog: Catalog) -> Iterator[Finding]:
    """A vm that offers virtualization stands on a hypervisor that plays it."""
    for node in scenario.nodes.values():
        below = scenario.nodes[node.parent] if node.role == "vm" and node.parent is not None else None
        if below is None or not node.settings.get("nested") or below.role != "hypervisor":
            continue
        if "nested-virtualization" not in below.entry.provides:
            able = [one.id for one in catalog.entries.values() if "nested-virtualization" in one.provides]
            yield Finding("no-nesting", node.id, {"below": below.is_, "node": node.id, "providers": able})


def of_its_kind(entry: Entry, place: str) -> bool:
    """A network card where a card belongs, a disk where a disk does."""
    return entry.role != "device" or (place == "network") is ("network" in entry.provides)


def devices_fit_their_place(scenario: Scenario) -> Iterator[Finding]:
    """A network card is no disk, and the other way round."""
    for node in scenario.nodes.values():
        for place, device in node.devices.items():
            if not of_its_kind(device.entry, place):
                yield Finding("wrong-place", f"{node.id}.{place}", {"is_": device.is_, "place": place})


def traffic_has_a_way_out(scenario: Scenario) -> Iterator[Finding]:
    """Who talks to other machines needs a card, and so does every computer below."""
    asks = [one.id for one in scenario.nodes.values() if one.role == "vm" and "network" in one.devices]
    wants = {name: scenario.computer(scenario.nodes[name]) for name in asks}
    wants |= {
        one.id: scenario.computer(scenario.nodes[one.on])
        for one in scenario.workloads
        if "network" in one.entry.needs and one.on in scenario.nodes
    }
    for who, computer in wants.items():
        real = scenario.stack if computer.entry.control_domain else computer
        if "network" not in real.devices:
            yield Finding("no-network", who, {"computer": computer.id})


def containers_have_an_engine_beside_them(scenario: Scenario) -> Iterator[Finding]:
    beside = {
        node.id: {held.id: held for held in node.holds if held.role in ("engine", UNKNOWN)}
        for node in scenario.nodes.values()
    }
    for node in scenario.nodes.values():
        siblings = beside[node.parent] if node.parent is not None else {}
        makers = (
            one for one in siblings.values() if one.role == UNKNOWN or "oci-runtime" in one.entry.provides
        )
        engines = [one.id for one in makers]
        if node.role != "container":
            if node.runtime is not None and node.role != UNKNOWN:
                yield Finding("runtime-not-here", f"{node.id}.runtime", {"is_": node.is_, "role": node.role})
        elif node.runtime is None:
            yield Finding("runtime-missing", node.id, {"nearest": engines})
        elif node.runtime not in engines:
            yield Finding(
                "runtime-unknown", f"{node.id}.runtime", {"runtime": node.runtime, "nearest": engines}
            )


def images_are_of_an_instruction_set_that_runs(scenario: Scenario) -> Iterator[Finding]:
    """A container of another one starts and fails, unless an emulator is registered beside it: legal, and
    worth a word."""
    for node in scenario.nodes.values():
        if node.role != "container" or node.parent is None or node.settings.get("platform") is None:
            continue
        isa, offered = node.settings["platform"], scenario.offered(node)
        emulated = any("binfmt" in held.entry.provides for held in scenario.nodes[node.parent].holds)
        if INSTRUCTION_SETS & offered and isa not in offered and not emulated:
            host = ", ".join(sorted(INSTRUCTION_SETS & offered))
            params = {"is_": node.is_, "isa": isa, "host": host}
            yield Finding("exec-format-error", f"{node.id}.platform", params, WARNING)


def computers_have_one_kernel(scenario: Scenario) -> Iterator[Finding]:
    """A machine or vm boots into one kernel or one type-1 hypervisor: neither none nor two."""
    for node in scenario.nodes.values():
        if node.role not in OWNER_ROLES or any(held.role == UNKNOWN for held in node.holds):
            continue
        booted = [held.id for held in node.holds if held.role in LOWEST_SOFTWARE]
        if not booted:
            yield Finding("no-kernel", node.id, {"is_": node.is_, "role": node.role})
        elif len(booted) > 1:
            yield Finding("two-kernels", node.id, {"is_": node.is_, "role": node.role, "kernels": booted})


def hypervisors_have_their_control_domain(scenario: Scenario) -> Iterator[Finding]:
    """One that leaves the devices to a guest of its own has that guest: neither none nor two."""
    for node in scenario.nodes.values():
        wanted = node.entry.data.get("control_domain")
        if node.role != "hypervisor" or any(held.role == UNKNOWN for held in node.holds):
            continue
        domains = [held.id for held in node.holds if held.entry.control_domain]
        if wanted is not None and not domains:
            yield Finding("no-control-domain", node.id, {"is_": node.is_, "wanted": wanted})
        elif len(domains) > 1:
            yield Finding("two-control-domains", node.id, {"is_": node.is_, "domains": domains})


def kernels_know_their_computer(scenario: Scenario) -> Iterator[Finding]:
    """A virtual machine that is not like a real one boots only kernels that were changed for it."""
    for node in scenario.nodes.values():
        ported = node.entry.data.get("ported")
        for held in node.holds:
            if ported is not None and held.role == "kernel" and ported not in held.provides:
                yield Finding("not-ported", held.id, {"is_": held.is_, "vm": node.is_, "ported": ported})
        own = node.entry.data.get("kernel")
        for held in node.holds:
            if own is not None and held.role == "kernel" and own not in held.entry.provides:
                yield Finding("not-its-kernel", held.id, {"is_": held.is_, "vm": node.is_, "kernel": own})


def only_tenants_start_late(scenario: Scenario) -> Iterator[Finding]:
    for node in scenario.nodes.values():
        if node.start is not None and node.role not in (*TENANT_ROLES, UNKNOWN):
            yield Finding("start-not-here", f"{node.id}.start", {"is_": node.is_, "role": node.role})


def references_lead_somewhere(scenario: Scenario) -> Iterator[Finding]:
    """Settings that name a node, and what a guest's disk is kept on."""
    for node in scenario.nodes.values():
        for name, setting in node.entry.settings.items():
            other = node.settings[name]
            if setting.type == "node" and other is not None and other not in scenario.nodes:
                yield Finding(
                    "unknown-node",
                    f"{node.id}.{name}",
                    {"node": other, "nearest": nearest(other, scenario.nodes)},
                )
        if node.backing is not None:
            yield from _backing(scenario, node)


def _backing(scenario: Scenario, node: Node) -> Iterator[Finding]:
    path = f"{node.id}.backing"
    owner = scenario.nodes[node.owner] if node.owner is not None else None
    if owner is None or owner.role != "vm":
        yield Finding("backing-not-here", path, {"is_": node.is_})
        return
    on = node.backing.on if node.backing is not None else None
    outside = [lower.devices["disk"].id for lower in scenario.below(owner) if "disk" in lower.devices]
    if on is not None and on not in outside:
        yield Finding(
            "unknown-node", f"{path}.on", {"node": on, "nearest": nearest(on, outside) or outside[:3]}
        )


def lent_devices_have_one_owner(scenario: Scenario) -> Iterator[Finding]:
    """A real device that a setting `device` names is one that its machine can do without, and nobody else
    has."""
    owners: dict[str, str] = {}
    for node in scenario.nodes.values():
        if "device" not in node.entry.settings:
            continue
        path, name = f"{node.id}.device", node.settings["device"]
        real = [device for device in scenario.stack.devices.values() if device.role == "device"]
        kept = [scenario.stack.devices.get(place) for place in ("disk", "network")]
        spare = [device.id for device in real if device not in kept]
        params = {"device": name, "nearest": spare or [f"{scenario.stack.id}.disk2"]}
        if name is None:
            yield Finding("missing-field", path, {"field": "device", "expected": "device: host.disk2"})
        elif name not in scenario.nodes:
            continue  # the rule about references has told it
        elif name not in [device.id for device in real]:
            yield Finding("device-not-real", path, params)
        elif name not in spare:
            yield Finding("device-of-the-host", path, {**params, "host": scenario.stack.id})
        elif name in owners:
            yield Finding("device-taken", path, {**params, "owner": owners[name]})
        else:
            owners[name] = node.id


def snapshots_hold_no_lent_device(scenario: Scenario) -> Iterator[Finding]:
    """The state of a virtual device can be saved; that of a real one stays in the hardware."""
    for node in scenario.nodes.values():
        if "snapshots" in node.entry.needs:
            for device in node.devices.values():
                if "iommu" in device.entry.needs:
                    yield Finding("device-not-saved", device.id, {"device": device.is_, "node": node.id})


def what_a_device_reaches_stays_where_it_is(scenario: Scenario) -> Iterator[Finding]:
    """A guest whose memory a real device reaches cannot give any of it back."""
    for node in scenario.nodes.values():
        owner = scenario.nodes.get(node.owner or "")
        if "iommu" in node.entry.needs and owner is not None and owner.settings.get("balloon"):
            yield Finding("balloon-pinned", f"{owner.id}.balloon", {"device": node.id, "is_": node.is_})


CACHED = ("writeback", "writethrough", "unsafe")  # the modes that go through the host's page cache


def asynchronous_io_goes_past_the_page_cache(scenario: Scenario) -> Iterator[Finding]:
    for node in scenario.nodes.values():
        if node.settings.get("aio") == "native" and node.settings.get("cache") in CACHED:
            cache = node.settings["cache"]
            yield Finding("aio-needs-direct", f"{node.id}.aio", {"is_": node.is_, "cache": cache})


def who_polls_leaves_a_cpu(scenario: Scenario) -> Iterator[Finding]:
    """A program that polls has a CPU to itself; there must be another one for everything else."""
    for node in scenario.nodes.values():
        if node.entry.data.get("polls") and _number(scenario.stack, "cpus") < 2:
            yield Finding("no-cpu-to-spare", node.id, {"is_": node.is_, "host": scenario.stack.id})


def workloads_run_in_a_kernel_or_container(scenario: Scenario) -> Iterator[Finding]:
    places = [(f"{workload.id}.on", workload.on) for workload in scenario.workloads if workload.on]
    if scenario.subject is not None:
        places.append(("subject", scenario.subject))
    elif not scenario.workloads:
        yield Finding("missing-subject", "subject", {"name": "boot"})
    homes = [node.id for node in scenario.nodes.values() if node.role in PROCESS_HOMES]
    for path, on in places:
        node = scenario.nodes.get(on)
        if node is None:
            yield Finding("unknown-node", path, {"node": on, "nearest": nearest(on, homes)})
        elif node.role not in (*PROCESS_HOMES, UNKNOWN):
            inside = [inner.id for inner in node.walk() if inner.role in PROCESS_HOMES]
            yield Finding(
                "workload-not-here", path,
                {"on": on, "is_": node.is_, "role": node.role, "nearest": inside[:3] or homes[:3]},
            )  # fmt: skip


def talk_stays_on_one_kernel(scenario: Scenario) -> Iterator[Finding]:
    """Who a workload talks to, if it names somebody, runs on the same kernel."""
    for workload in scenario.workloads:
        on = scenario.nodes.get(workload.on)
        for name, setting in workload.entry.settings.items():
            other = workload.settings[name]
            if setting.type != "node" or other is None or on is None or on.role not in PROCESS_HOMES:
                continue
            computer = scenario.computer(on)
            homes = [
                node.id
                for node in scenario.nodes.values()
                if node.role in PROCESS_HOMES and scenario.computer(node) is computer
            ]
            params = {"node": other, "nearest": nearest(other, homes) or homes[:3]}
            if other not in scenario.nodes:
                yield Finding("unknown-node", f"{workload.id}.{name}", params)
            elif other not in homes:
                yield Finding("peer-elsewhere", f"{workload.id}.{name}", {**params, "on": on.id})


def interventions_happen_in_the_run(scenario: Scenario) -> Iterator[Finding]:
    for intervention in scenario.interventions:
        if scenario.until_ns is not None and intervention.at_ns >= scenario.until_ns:
            yield Finding(
                "too-late",
                f"{intervention.path}.at",
                {"at_ns": intervention.at_ns, "until_ns": scenario.until_ns},
            )


def guests_fit(scenario: Scenario) -> Iterator[Finding]:
    """More virtual CPUs than cores, more memory promised than there is: legal, and worth a word."""
    guests: dict[str, list[Node]] = {}
    for node in scenario.nodes.values():
        if node.role == "vm" and node.parent is not None:
            guests.setdefault(scenario.computer(node).id, []).append(node)
    for owner, vms in guests.items():
        host = scenario.nodes[owner]
        vcpus, cores = sum(_number(vm, "vcpus") for vm in vms), _number(host, "cpus", "vcpus")
        if 0 < cores < vcpus:
            yield Finding("more-vcpus-than-cores", owner, {"vcpus": vcpus, "cores": cores}, WARNING)
        promised, memory = sum(_number(vm, "memory") for vm in vms), _number(host, "memory")
        if 0 < memory < promised:
            yield Finding("memory-overcommitted", owner, {"promised": promised, "memory": memory}, WARNING)


def reservations_can_be_kept(scenario: Scenario) -> Iterator[Finding]:
    """What is reserved for guests is there for all of them at once."""
    reserved: dict[str, float] = {}
    for node in scenario.nodes.values():
        if node.role == "vm" and node.parent is not None and node.settings.get("reservation"):
            owner = scenario.computer(node).id
            reserved[owner] = reserved.get(owner, 0) + node.settings["reservation"]
    for owner, cpus in reserved.items():
        if 0 < (cores := _number(scenario.nodes[owner], "cpus", "vcpus")) < cpus:
            yield Finding("reservations-too-large", owner, {"reserved": cpus, "cores": cores})


def _number(node: Node, *names: str) -> int:
    return int(next((node.settings[name] for name in names if node.settings.get(name)), 0))


RULES: tuple[Callable[[Scenario], Iterator[Finding]], ...] = (
    root_is_a_machine,
    sits_on,
    containers_have_an_engine_beside_them,
    images_are_of_an_instruction_set_that_runs,
    computers_have_one_kernel,
    hypervisors_have_their_control_domain,
    kernels_know_their_computer,
    guests_have_the_hosts_instruction_set,
    kernels_without_privileges_are_caught,
    only_tenants_start_late,
    references_lead_somewhere,
    lent_devices_have_one_owner,
    snapshots_hold_no_lent_device,
    devices_fit_their_place,
    traffic_has_a_way_out,
    what_a_device_reaches_stays_where_it_is,
    asynchronous_io_goes_past_the_page_cache,
    who_polls_leaves_a_cpu,
    workloads_run_in_a_kernel_or_container,
    talk_stays_on_one_kernel,
    interventions_happen_in_the_run,
    guests_fit,
    reservations_can_be_kept,
)
