"""What a teacher shows before a class, and what must come out of it, whatever the numbers are."""

import copy
from typing import Any

import pytest

import simcore
from simcore.catalog import load_catalog
from tests.seen import S, family, requests, spans


def outcome(stack: str | dict[str, Any], workload: str | None, **vary: Any) -> dict[str, Any]:
    raw = simcore.prebuilt()[stack] if isinstance(stack, str) else stack
    named = {key.replace("__", "."): value for key, value in vary.items()}
    if workload is not None:
        named |= {f"{workload}.{key[6:]}": named.pop(key) for key in list(named) if key.startswith("with__")}
    scenario = simcore.scenario(raw, workload=workload, vary=named)
    found: dict[str, Any] = simcore.run(scenario, spread=False).outcome["workloads"]
    return found


def mean(stack: str, workload: str, **vary: Any) -> int:
    found: int = outcome(stack, workload, **vary)[workload]["mean_ns"]
    return found


# ------------------------------------------------------------------------------ does the virtual disk matter?

OWN_DRIVER = {"host__disk2": "nvme", "vm1__disk": {"is": "virtio-blk-nvme", "device": "host.disk2"}}
SPDK = {"host__disk2": "nvme", "vm1__disk": {"is": "vhost-user-blk", "device": "host.disk2"}}


def test_on_a_fast_disk_the_way_to_it_is_what_counts() -> None:
    """One read at a time on Optane: the host itself, a polling back end, the kernel's, QEMU's; and QEMU's own
    driver for the drive, which sleeps, too."""
    native = mean("linux", "random-read")
    polled = mean("linux-on-kvm", "random-read", **SPDK)
    own_driver = mean("linux-on-kvm", "random-read", **OWN_DRIVER)
    kernel, monitor = mean("kvm-vhost", "random-read"), mean("linux-on-kvm", "random-read")
    emulated = mean("kvm-emulated-ide", "random-read")
    assert native < polled < kernel < monitor < emulated
    assert 1.5 < monitor / native < 3
    assert polled / native < 1.6
    assert 1.5 * polled < own_driver < emulated


def test_on_a_slow_disk_the_way_to_it_cannot_be_seen() -> None:
    native, guest = (mean(stack, "random-read", host__disk="hdd") for stack in ("linux", "linux-on-kvm"))
    assert 1 < guest / native < 1.06
    ways = (SPDK, OWN_DRIVER)
    others = [mean("linux-on-kvm", "random-read", **way | {"host__disk2": "hdd"}) for way in ways]
    assert max(others) < 1.06 * native


def test_in_large_pieces_the_way_costs_next_to_nothing() -> None:
    sizes = {"random-read.block": "1 MiB"}
    native, guest = (mean(stack, "random-read", **sizes) for stack in ("linux", "linux-on-kvm"))
    assert 1 < guest / native < 1.1
    others = [mean("linux-on-kvm", "random-read", **way, **sizes) for way in (SPDK, OWN_DRIVER)]
    assert max(others) < 1.1 * native


def test_at_depth_the_way_costs_reads_per_second() -> None:
    deep = {"random-read.depth": 128, "random-read.count": 2000}
    rates = {
        stack: outcome(stack, "random-read", **deep)["random-read"]["per_s"]
        for stack in ("linux", "linux-on-kvm")
    }
    assert rates["linux-on-kvm"] < rates["linux"] / 2
    own_driver = outcome("linux-on-kvm", "random-read", **OWN_DRIVER, **deep)["random-read"]["per_s"]
    polled = outcome("linux-on-kvm", "random-read", **SPDK, **deep)["random-read"]["per_s"]
    assert own_driver < polled / 2
    assert rates["linux-on-kvm"] > 10**9 / mean("linux-on-kvm", "random-read")


# --------------------------------------------------------------------------------- whose time is it: steal


def crowded(guests: int, cores: int) -> dict[str, Any]:
    """Guests with one virtual CPU each, and a program in each that computes for 100 ms."""
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-kvm"]))
    raw["stack"]["settings"] |= {"cpus": cores}
    kernel = raw["stack"]["holds"][0]
    kernel["settings"] = {"init": "direct"}
    (vm,) = kernel["holds"][0]["holds"]
    vm["settings"] |= {"vcpus": 1, "memory": "256 MiB"}
    vm["holds"][0]["settings"] = {"init": "direct"}
    vms, loads = [], []
    for number in range(1, guests + 1):
        one = copy.deepcopy(vm)
        one["id"], one["holds"][0]["id"] = f"vm{number}", f"guest{number}"
        vms.append(one)
        loads.append({"id": f"spin{number}", "is": "spin", "on": f"guest{number}", "start": "100 s"})
        loads[-1]["settings"] = {"work": "100 ms", "count": 1}
    kernel["holds"][0]["holds"] = vms
    return {"stack": raw["stack"], "subject": "guest1", "workloads": loads}


def test_two_guests_on_one_core_take_twice_the_time_and_half_of_it_is_stolen() -> None:
    """A guest cannot see it by its own clock: its CPU simply was not there."""
    alone = outcome(crowded(1, 1), None)["spin1"]["mean_ns"]
    result = simcore.run(simcore.scenario(crowded(2, 1)), spread=False)
    times = [result.outcome["workloads"][f"spin{number}"]["mean_ns"] for number in (1, 2)]
    assert times == [pytest.approx(2 * alone, rel=0.1)] * 2
    waits = [span for span in spans(result.trace) if span.op == "run_queue" and span.thread == "guest1/spin1"]
    stolen = sum(span.length for span in waits if span.node == "host-os" and span.start > 100 * S)
    assert stolen / times[0] == pytest.approx(0.5, abs=0.1)


def told(guest: dict[str, int]) -> int:
    """All that a kernel says of its CPUs."""
    return guest["user_ns"] + guest["system_ns"] + guest["idle_ns"] + guest["steal_ns"]


def crowded_by(hypervisor: str, vm: str = "vm", disk: str = "ahci") -> dict[str, Any]:
    raw = crowded(2, 1)
    top = raw["stack"]["holds"][0]["holds"][0]
    top["is"], top["settings"] = hypervisor, {}
    for one in top["holds"]:
        one["is"], one["settings"]["disk"] = vm, disk
    return raw


def test_a_guest_of_kvm_reads_what_is_stolen_and_a_guest_of_virtualbox_only_looks_slow() -> None:
    """Half of the core is each one's. The host knows it of both; a guest knows what it is told."""
    seen, blind = (
        simcore.run(simcore.scenario(raw), spread=False).outcome["nodes"]["guest1"]["cpu"]
        for raw in (crowded(2, 1), crowded_by("virtualbox"))
    )
    work = 100_000_000
    assert [seen["stolen_ns"], blind["stolen_ns"]] == [pytest.approx(work, rel=0.05)] * 2
    assert seen["steal_ns"] == seen["stolen_ns"]
    assert seen["user_ns"] == work
    assert blind["steal_ns"] == 0
    assert blind["user_ns"] == pytest.approx(2 * work, rel=0.05)
    for guest in seen, blind:
        assert guest["system_ns"] < 0.05 * work


def test_what_a_kernel_says_of_its_cpus_adds_up_to_their_time() -> None:
    raw = simcore.prebuilt()["kvm-vhost"]
    result = simcore.run(simcore.scenario(raw, workload="random-read"), spread=False)
    kernel = result.outcome["nodes"]["guest-os"]
    since = result.trace.header["end_ns"] - kernel["ready_ns"]
    vcpus = next(node for node in result.trace.header["nodes"] if node["id"] == "vm1")["settings"]["vcpus"]
    assert told(kernel["cpu"]) == since * vcpus
    assert min(kernel["cpu"].values()) >= 0
    assert kernel["cpu"]["system_ns"] > kernel["cpu"]["user_ns"] > 0  # it reads: that is the kernel's work
    assert "cpu" not in result.outcome["nodes"]["host-os"]


def test_who_offers_a_steal_clock() -> None:
    offers = {"kvm-qemu", "firecracker", "xen"}
    entries = [entry for entry in load_catalog().entries.values() if entry.role == "hypervisor"]
    assert {entry.id for entry in entries if "steal-clock" in entry.provides} == offers


@pytest.mark.parametrize("asked", [True, False])
def test_esxi_offers_its_steal_clock_if_the_machine_asks_for_it(asked: bool) -> None:
    raw = copy.deepcopy(dict(simcore.prebuilt()["linux-on-esxi"]))
    raw["stack"]["settings"] = {"cpus": 1}
    hypervisor = raw["stack"]["holds"][0]
    (vm,) = hypervisor["holds"]
    vm["settings"] = vm.get("settings", {}) | {"vcpus": 1, "memory": "256 MiB", "steal_clock": asked}
    vm["holds"][0]["settings"] = {"init": "direct"}
    second = copy.deepcopy(vm)
    second["id"], second["holds"][0]["id"] = "vm2", "guest2"
    hypervisor["holds"] = [vm, second]
    guests = [vm["holds"][0]["id"], "guest2"]
    loads = [
        {"id": f"spin-{on}", "is": "spin", "on": on, "start": "200 s", "settings": {"work": "50 ms"}}
        for on in guests
    ]
    made = simcore.scenario({"stack": raw["stack"], "subject": guests[0], "workloads": loads})
    cpu = simcore.run(made, spread=False).outcome["nodes"]["guest2"]["cpu"]
    assert cpu["stolen_ns"] > 400_000_000
    assert cpu["steal_ns"] == (cpu["stolen_ns"] if asked else 0)


def test_on_two_cores_nothing_is_stolen() -> None:
    alone = outcome(crowded(1, 2), None)["spin1"]["mean_ns"]
    both = outcome(crowded(2, 2), None)
    assert both["spin1"]["mean_ns"] == pytest.approx(alone, rel=0.05)


# ------------------------------------------------------------------------------------- a storm of microVMs


def storm(guests: int, cores: int, disk: str = "nvme") -> int:
    """When the last of so many microVMs has run its first instruction, from the moment that all may start."""
    raw = copy.deepcopy(dict(simcore.prebuilt()["firecracker"]))
    raw["stack"]["settings"] |= {"cpus": cores, "disk": disk, "memory": "64 GiB"}
    kernel = raw["stack"]["holds"][0]
    kernel["settings"] = {"init": "direct"}
    (vm,) = kernel["holds"][0]["holds"]
    vms, loads = [], []
    for number in range(1, guests + 1):
        one = copy.deepcopy(vm)
        one["id"], one["holds"][0]["id"] = f"vm{number}", f"guest{number}"
        vms.append(one)
        loads.append({"id": f"boot{number}", "is": "boot", "on": f"guest{number}"})
    kernel["holds"][0]["holds"] = vms
    scenario = simcore.scenario({"stack": raw["stack"], "subject": "guest1", "workloads": loads})
    result = simcore.run(scenario, spread=False, budget=simcore.Budget(wall_s=3600)).outcome
    ready: int = result["host_ready_ns"]
    return max(load["finished_ns"] for load in result["workloads"].values()) - ready


def test_a_storm_is_flat_while_there_are_cores_and_grows_with_the_guests_beyond() -> None:
    one, ten, fifty, hundred = (storm(guests, 48) for guests in (1, 10, 50, 100))
    assert ten == pytest.approx(one, rel=0.05)
    assert fifty == pytest.approx(one, rel=0.15)  # two more than there are cores
    assert hundred == pytest.approx(100 / 48 * one, rel=0.15)


def test_on_few_cores_a_storm_takes_as_long_as_its_guests_take_together() -> None:
    one, twenty, forty = (storm(guests, 4) for guests in (1, 20, 40))
    assert twenty == pytest.approx(20 / 4 * one, rel=0.1)
    assert forty == pytest.approx(40 / 4 * one, rel=0.1)


def test_on_a_slow_disk_a_storm_is_bound_by_the_disk() -> None:
    """Each guest reads; the disk does one thing at a time. Three times the cores are of no use."""
    ten, forty = storm(10, 48, "hdd"), storm(40, 48, "hdd")
    assert forty > 3 * ten
    assert forty > 10 * storm(40, 48)
    assert storm(40, 16, "hdd") < 1.15 * forty


# ------------------------------------------------------------ ten of one image: whose page cache, what memory

FILE = 64 * 1024  # of the image, which each of the ten reads whole


def ten(stack: str, vary: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Ten tenants of a stack, which differ in the settings named, and a program in each that reads a file
    which came with its image. All nodes, as they are then."""
    raw = copy.deepcopy(dict(simcore.prebuilt()[stack]))
    raw["stack"]["settings"] = {"memory": "64 GiB"}
    kernel = raw["stack"]["holds"][0]
    kernel["settings"] = {"init": "direct"}
    inside = kernel if stack == "docker-on-linux" else kernel["holds"][0]
    (one,) = (held for held in inside["holds"] if held["is"] in ("container", "vm"))
    inside["holds"].remove(one)
    loads = []
    for number in range(10):
        tenant = copy.deepcopy(one)
        tenant["id"] = f"t{number}"
        tenant["settings"] = tenant.get("settings", {}) | {
            key: values[number] for key, values in vary.items()
        }
        on = tenant["id"]
        if tenant["is"] == "vm":
            on = f"guest{number}"
            tenant["holds"][0] |= {"id": on, "settings": {"init": "direct"}}
        inside["holds"].append(tenant)
        reads = {"cache": "buffered", "file": "64 KiB", "count": 200, "file_of": "image"}
        loads.append({"id": f"r{number}", "is": "random-read", "on": on, "settings": reads})
    scenario = simcore.scenario({"stack": raw["stack"], "subject": loads[0]["on"], "workloads": loads})
    nodes: dict[str, dict[str, Any]] = simcore.run(scenario, spread=False).outcome["nodes"]
    return nodes


def cached(nodes: dict[str, dict[str, Any]]) -> tuple[float, float]:
    """How many times the file is in the page cache of the host's kernel, and of all others together."""
    times = {name: node.get("page_cache", 0) / FILE for name, node in nodes.items()}
    host = times.pop("host-os")
    return host, sum(times.values())


def file_disks(cache: str, images: list[str | None]) -> dict[str, Any]:
    named = [{"image": image} if image else {} for image in images]
    return {"disk": [{"is": "virtio-blk", "aio": "threads", "cache": cache} | one for one in named]}


def test_ten_containers_of_one_image_have_its_files_in_memory_once_and_ten_guests_ten_times_or_more() -> None:
    """Past the host's cache each guest has them in its own. Through it the host has them as well: once if
    all their disks are one file, ten times if each has a copy of it."""
    one, copies = ["base"] * 10, [f"copy{number}" for number in range(10)]
    assert cached(ten("docker-on-linux", {"image": ["base"] * 10})) == (1, 0)
    assert cached(ten("docker-on-linux", {"image": copies})) == (10, 0)
    assert cached(ten("linux-on-kvm", file_disks("none", one))) == (0, 10)
    assert cached(ten("linux-on-kvm", file_disks("writeback", one))) == (1, 10)
    assert cached(ten("linux-on-kvm", file_disks("writeback", copies))) == (10, 10)
    assert cached(ten("linux-on-kvm", file_disks("writeback", [None] * 10))) == (10, 10)


def test_a_container_takes_a_shim_a_guest_a_kernel_and_its_monitor() -> None:
    """What stands beside the ten: a shim of some 10 MiB each; Firecracker's few MiB and a guest's memory;
    QEMU's many."""
    mib = 2**20
    shims = ten("docker-on-linux", {})["engine"]["memory"] / 10
    micro, guest = (ten(stack, {})["t0"]["memory"] for stack in ("firecracker", "linux-on-kvm"))
    booted = 128 * mib
    assert 9 * mib < shims < 12 * mib
    assert booted < micro < booted + 3 * mib
    assert booted + 10 * mib < guest < booted + 32 * mib


# ----------------------------------------------------------------------------------------- a guest in a guest


def test_computing_costs_nothing_in_a_guest_of_a_guest() -> None:
    work = {"spin.work": "20 ms", "spin.count": 3}
    single, nested = (mean(stack, "spin", **work) for stack in ("linux-on-kvm", "nested-kvm"))
    assert nested / single == pytest.approx(1, abs=0.05)


def switches(stack: str, inner: str) -> int:
    """What the two hypervisors spend on one read's way out of the guest on top and back into it, without what
    they do for the read."""
    raw = simcore.prebuilt()[stack]
    trace = simcore.run(simcore.scenario(raw, workload="random-read"), spread=False).trace
    request = requests(trace, "read", "random-read")[-1]
    own = sorted(family(trace, spans(trace), request), key=lambda span: (span.start, span.id))
    steps = [span for span in own if span.kind == "cpu" and span.node in ("hv", inner)]
    out = next(place for place, span in enumerate(steps) if (span.node, span.op) == (inner, "vm_exit"))
    back = next(place for place, span in enumerate(steps) if (span.node, span.op) == (inner, "vm_entry"))
    around = 3 if inner != "hv" else 0  # as many ops lead to the inner hypervisor, and as many back
    ways = [*steps[out - around : out + 1], *steps[back : back + around + 1]]
    return sum(span.length for span in ways)


def test_an_exit_of_a_guest_of_a_guest_costs_several_exits_of_a_guest() -> None:
    """In runs: the inner hypervisor's way out and back in, to that of one which stands on the machine."""
    assert 7 < switches("nested-kvm", "inner-hv") / switches("linux-on-kvm", "hv") < 11


def first_touch(stack: str, **vary: Any) -> int:
    """What the hypervisors take for a page that a guest never had."""
    raw = simcore.prebuilt()[stack]
    named = {key.replace("__", "."): value for key, value in vary.items()}
    trace = simcore.run(simcore.scenario(raw, workload="page-touch", vary=named), spread=False).trace
    request = requests(trace, "touch", "page-touch")[1]
    own = family(trace, spans(trace), request)
    return sum(span.length for span in own if span.kind == "cpu" and span.component in ("kvm-qemu", "vm"))


def test_a_fault_of_a_guest_of_a_guest_costs_several_and_many_if_each_question_is_an_exit() -> None:
    """Twenty times as much was measured, where a mere exit of the inner guest took ten times as long."""
    single, nested = first_touch("linux-on-kvm"), first_touch("nested-kvm")
    assert 3 < nested / single < 7
    assert 7 < first_touch("nested-kvm", hv__vmcs_shadowing=False) / single < 20


# ------------------------------------------------------------------------------------ how deep a core sleeps


def test_a_core_that_only_halts_wakes_up_at_once_however_long_it_slept() -> None:
    exits = {}
    for states in "all", "halt":
        vary = {"host.idle_states": states, "periodic.sleep": "9 ms", "periodic.count": 20}
        scenario = simcore.scenario(simcore.prebuilt()["linux"], workload="periodic", vary=vary)
        found = spans(simcore.run(scenario, spread=False).trace)
        exits[states] = {span.op for span in found if span.op.startswith("idle_exit")}
    assert exits["halt"] == {"idle_exit"}
    assert "idle_exit_deep" in exits["all"]
