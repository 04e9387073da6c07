"""The ways to a disk under KVM: who is on the way of a read, what leaves the guest, and what that comes to.

Each claim is about a mechanism: which threads and layers a request visits, how often the CPU leaves the
guest. Runs are without spread, since two of them are compared.
"""

import itertools
from collections import Counter
from typing import Any

import pytest

import simcore
from simcore.explain.journey import Journey
from tests.seen import MS, QEMU, US, S, Span, lines, ran, requests, scenario, spans
from tests.test_properties import check_cpus, check_tree

SOONER = {"host-os.init": "direct", "guest-os.init": "direct"}
SPDK = {"is": "vhost-user-blk", "device": "host.disk2"}
OWN_DRIVER = {"is": "virtio-blk-nvme", "device": "host.disk2"}
LENT = {"is": "passthrough", "device": "host.disk2"}
MONITOR = ("host-os/vm1/main", "host-os/vm1/io")
"""QEMU's threads, but for those that carry virtual CPUs."""


def guest(disk: Any, machine: str = "server-2s-xeon", **settings: Any) -> dict[str, Any]:
    """A Linux guest under KVM on a host with a second drive, with this disk."""
    inner = {"id": "guest-os", "is": "linux", "settings": {"init": "direct"}}
    vm = {"id": "vm1", "is": "vm", "settings": {"vcpus": 2, "disk": disk} | settings, "holds": [inner]}
    hv = {"id": "hv", "is": "kvm-qemu", "holds": [vm]}
    host_os = {"id": "host-os", "is": "linux", "settings": {"init": "direct"}, "holds": [hv]}
    disks = {"disk": "nvme", "disk2": "nvme"}
    return {"stack": {"id": "host", "is": machine, "settings": disks, "holds": [host_os]}}


def reads(raw: dict[str, Any] | str, **settings: Any) -> simcore.Result:
    """Random reads in the guest of this stack."""
    stack = dict(simcore.prebuilt()[raw] if isinstance(raw, str) else raw)
    on = stack.get("subject", "guest-os")
    stack["workloads"] = [{"id": "reads", "is": "random-read", "on": on, "settings": settings}]
    vary = {path: value for path, value in SOONER.items() if path.split(".")[0] in scenario(stack).nodes}
    return simcore.run(scenario(stack, vary=vary), spread=False)


def last(result: simcore.Result) -> Journey:
    """The last of the reads: nothing is still cold."""
    request = [row for row in requests(result.trace, "read") if row["workload"] >= 0][-1]
    return simcore.journey(result.trace, request["id"])


def mean(result: simcore.Result) -> int:
    found: int = result.outcome["workloads"]["reads"]["mean_ns"]
    return found


def per_s(result: simcore.Result) -> float:
    found: float = result.outcome["workloads"]["reads"]["per_s"]
    return found


def threads(trip: Journey) -> set[str]:
    return {stop.thread for stop in trip.stops}


def ops(trip: Journey, *nodes: str) -> list[str]:
    return [stop.op for stop in trip.stops if not nodes or stop.node in nodes]


def exits(trip: Journey) -> int:
    return sum(instant["kind"] == "exit" for instant in trip.instants)


def steps_of(result: simcore.Result) -> list[Span]:
    """All that was done for the reads themselves."""
    asked = {row["id"] for row in requests(result.trace, "read", "reads")}
    return [span for span in spans(result.trace) if span.request in asked]


def exits_per_read(result: simcore.Result) -> float:
    """All of them while the reads go on, caused by whatever."""
    trace = result.trace
    kinds, nodes = trace.header["instant_kinds"], [node["id"] for node in trace.header["nodes"]]
    found = requests(trace, "read", "reads")
    start, end = found[0]["start_ns"], found[-1]["end_ns"]
    inside = [row for row in trace.rows("instants") if start <= row["at_ns"] <= end]
    counted = Counter(kinds[row["kind"]] for row in inside if nodes[row["node"]] == "hv")
    return counted["exit"] / len(found)


# ------------------------------------------------------------------------- QEMU drives the drive itself (nvme://)


def test_with_a_driver_of_its_own_qemu_makes_no_system_call_but_sleeps_as_before() -> None:
    """The host's kernel has the drive's interrupt and the wake-ups, and no part of the read itself."""
    trip, plain = last(reads(guest(OWN_DRIVER))), last(reads(guest("virtio-blk")))
    host = set(ops(trip, "host-os"))
    assert not {"syscall_entry", "extent_map", "blk_submit", "blk_complete"} & host
    assert {"irq_entry", "wake_up"} <= host
    issued = [
        stop.thread for stop in trip.stops if stop.op in ("queue_command", "doorbell", "complete_command")
    ]
    assert set(issued) == {"host-os/vm1/io"}
    woken = [sum(i["kind"] == "wakeup" for i in one.instants) for one in (plain, trip)]
    assert woken[0] == woken[1]
    assert exits(trip) == exits(plain)


def test_what_it_saves_in_the_kernel_it_spends_on_another_turn_of_its_loop() -> None:
    """So it is no SPDK: that does the same work and never sleeps."""
    own, plain, polled = (mean(reads(guest(disk))) for disk in (OWN_DRIVER, "virtio-blk", SPDK))
    assert own == pytest.approx(plain, rel=0.1)
    assert own > 1.8 * polled


# --------------------------------------------------------------------------- a kernel thread in place of QEMU


def test_vhost_removes_the_return_to_the_monitor() -> None:
    """The same device, the same guest: only who serves the ring differs."""
    by_qemu, by_kernel = (last(reads(guest({"is": "virtio-scsi", "backend": b}))) for b in ("qemu", "vhost"))
    assert threads(by_qemu) & set(MONITOR)
    assert not threads(by_kernel) & set(MONITOR)
    assert {"host-os/vm1.disk/vhost"} <= threads(by_kernel)
    assert by_kernel.end_ns - by_kernel.start_ns < by_qemu.end_ns - by_qemu.start_ns


def test_with_vhost_the_host_is_asked_without_a_system_call_or_a_file() -> None:
    trip = last(reads("kvm-vhost"))
    host = ops(trip, "host-os")
    assert "blk_submit" in host
    assert not {"syscall_entry", "vfs_read", "extent_map", "syscall_exit"} & set(host)


def test_vhost_still_needs_the_kick_and_the_interrupt() -> None:
    """An ioeventfd wakes the worker, an irqfd tells the guest."""
    trip = last(reads("kvm-vhost"))
    assert exits(trip) == 1
    assert ops(trip, "hv") == ["vm_exit", "ioeventfd", "irqfd", "halt_wake", "vm_entry"]


def test_the_worker_ends_with_its_guest() -> None:
    raw = guest({"is": "virtio-scsi", "backend": "vhost"})
    load = {"id": "reads", "is": "random-read", "on": "guest-os", "settings": {"count": 10**6}}
    raw["workloads"] = [load | {"start": "200 s"}]
    raw["interventions"] = [{"at": "200.01 s", "on": "vm1", "do": "fail"}]
    result = simcore.run(scenario(raw | {"until": "200.02 s"}))
    assert result.outcome["nodes"]["vm1.disk"]["state"] == "killed"
    served = [s.end for s in spans(result.trace) if s.thread.startswith("host-os/vm1.disk/")]
    assert 200 * S < max(served) <= 200 * S + 10 * MS


# -------------------------------------------------------------------- a process that polls, not a thread


def test_vhost_user_moves_the_work_to_a_process_that_polls() -> None:
    """Nobody is notified, and the host's kernel has no part in a read."""
    trip = last(reads(guest(SPDK)))
    assert exits(trip) == 0
    assert "ioeventfd" not in ops(trip)
    assert {stop.node for stop in trip.stops} == {"guest-os", "vm1.disk", "host.disk2", "hv"}
    drive = [stop.thread for stop in trip.stops if stop.node == "host.disk2" and stop.kind == "cpu"]
    assert set(drive) == {"host-os/spdk"}
    assert sum(instant["kind"] == "interrupt" for instant in trip.instants) == 1  # the guest's


def test_requests_that_come_while_the_process_is_at_work_wait_for_it() -> None:
    """On its thread as on any other: what it does in that time is not theirs."""
    result = reads(guest(SPDK), depth=8, count=100)
    polled = [s for s in steps_of(result) if s.thread == "host-os/spdk"]
    assert {s.node for s in polled if s.kind == "cpu"} == {"vm1.disk", "host.disk2", "hv"}
    assert {(s.node, s.op) for s in polled if s.kind == "queue"} == {("host-os", "run_queue")}


def test_who_polls_has_taken_a_cpu_from_everybody_else() -> None:
    """Three threads on four CPUs run side by side; with SPDK on one of them, too; a fourth has to wait."""
    ends = {}
    for disk in ("virtio-blk", SPDK):
        for load in (3, 4):
            raw = guest(disk)
            raw["stack"]["settings"]["cpus"] = 4
            spin = {"work": "50 ms", "count": 1, "threads": load}
            raw["workloads"] = [
                {"id": "spin", "is": "spin", "on": "host-os", "settings": spin, "start": "200 s"}
            ]
            lane = simcore.run(scenario(raw), spread=False).outcome["workloads"]["spin"]
            ends[str(disk), load] = lane["mean_ns"]
    assert ends["virtio-blk", 3] == pytest.approx(ends["virtio-blk", 4], rel=0.02)
    assert ends[str(SPDK), 3] == pytest.approx(ends["virtio-blk", 3], rel=0.02)
    assert ends[str(SPDK), 4] > 1.2 * ends["virtio-blk", 4]


def test_a_cpu_that_polls_is_busy_all_the_time() -> None:
    result = reads(guest(SPDK))
    found = [s for s in spans(result.trace) if s.thread == "host-os/spdk" and s.kind == "cpu"]
    found.sort(key=lambda span: span.start)
    first = next(span.start for span in found if span.op == "poll_turn")
    busy = sum(span.length for span in found if span.start >= first)
    assert any(span.op == "busy_poll" for span in found)
    assert busy == pytest.approx(
        max(span.end for span in found) - first, rel=0.35
    )  # a drive's time is not its own
    for one, other in itertools.pairwise(found):
        assert one.end <= other.start


# ------------------------------------------------------------------------------------------- the real device


def test_passthrough_has_no_exit_that_an_access_to_the_device_causes() -> None:
    """The guest's driver rings the real doorbell; what remains is the way back of a guest that had halted."""
    trip = last(reads("nvme-passthrough"))
    assert exits(trip) == 0
    assert ops(trip, "hv") == ["halt_wake", "vm_entry"]
    assert {stop.thread for stop in trip.stops if stop.op == "doorbell"} == {"guest-os/reads"}
    assert "host-os" not in {stop.node for stop in trip.stops}
    assert [stop.op for stop in trip.stops if stop.kind == "device"] == ["iommu_translate", "medium_read"]


def busy(machine: str, disk: Any) -> simcore.Result:
    """One virtual CPU, which somebody else keeps busy all the time, so that it never halts."""
    raw = guest(disk, machine, vcpus=1)
    raw["workloads"] = [
        {"id": "reads", "is": "random-read", "on": "guest-os", "settings": {"count": 200}},
        {"id": "spin", "is": "spin", "on": "guest-os", "settings": {"work": "1 s", "count": 1}},
    ]
    return simcore.run(scenario(raw), spread=False)


def test_with_posted_interrupts_and_a_busy_vcpu_a_read_has_no_exit_at_all() -> None:
    assert exits_per_read(busy("server-2s-xeon", LENT)) == 0


def test_without_posted_interrupts_each_read_takes_the_vcpu_out_of_its_guest_once() -> None:
    """The host takes the interrupt, and passes it on as the guest is entered again: one exit, not two."""
    result = busy("laptop", LENT)
    assert exits_per_read(result) == pytest.approx(1, abs=0.05)
    passed_on = [s for s in spans(result.trace) if s.op == "forward_interrupt"]
    assert len(passed_on) >= 200


def test_the_same_busy_guest_with_a_virtual_disk_leaves_for_each_request() -> None:
    assert exits_per_read(busy("server-2s-xeon", "virtio-blk")) >= 0.9


def test_an_interrupt_wakes_a_sleeping_vcpu_by_way_of_the_host() -> None:
    """Nothing can be posted to a virtual CPU that has no CPU: it has been asleep since its guest halted."""
    raw = guest(LENT)
    raw["stack"]["settings"]["disk2"] = "hdd"  # longer than KVM polls
    trip = last(reads(raw, count=5))
    assert "forward_interrupt" in ops(trip, "hv")
    assert any(stop.node == "host-os" for stop in trip.stops)


@pytest.mark.parametrize("disk", [LENT, SPDK, OWN_DRIVER], ids=["passthrough", "vhost-user", "nvme://"])
def test_where_a_device_reaches_into_a_guest_all_of_its_memory_is_there_from_the_start(disk: Any) -> None:
    """It must not fault, so it is filled and pinned; with a virtual disk a guest gets it as it uses it."""
    ready, memory = {}, {}
    for name, given in (("virtio-blk", "virtio-blk"), ("real", disk)):
        raw = guest(given, memory="4 GiB") | {"subject": "guest-os"}
        outcome = simcore.run(scenario(raw, workload="boot"), spread=False).outcome
        ready[name] = outcome["lane"]["end_ns"] - outcome["lane"]["start_ns"]
        memory[name] = outcome["nodes"]["vm1"]["memory"]
    assert memory["real"] - QEMU == 4 << 30 > 4 * memory["virtio-blk"]
    assert ready["real"] > ready["virtio-blk"] + 500 * MS


def test_without_such_a_device_a_balloon_gives_back_what_the_guest_has_freed() -> None:
    """And the next process that gets those pages has the host find memory for them again."""
    found = {}
    for balloon in (False, True):
        raw = guest("virtio-blk", balloon=balloon)
        raw["workloads"] = [{"id": "spawn", "is": "spawn", "on": "guest-os", "settings": {"count": 5}}]
        result = simcore.run(scenario(raw), spread=False)
        touches = [s for s in spans(result.trace) if s.op == "first_touch"]
        found[balloon] = result.outcome["nodes"]["vm1"]["memory"], len(touches)
    assert found[True][0] < found[False][0]
    assert found[True][1] > 2 * found[False][1]


def test_a_guest_may_be_quicker_than_the_bare_machine() -> None:
    """Its vCPU polls where a real CPU sleeps and has to wake: that is no error."""
    bare = mean(reads(simcore.prebuilt()["linux"]))
    assert mean(reads("nvme-passthrough")) < 1.02 * bare


def test_the_host_drives_the_second_disk_itself_until_it_is_lent() -> None:
    kept, lent = (reads(guest(disk)).trace for disk in ("virtio-blk", LENT))
    assert (("host.disk2", "probed") in {(n, t) for _, n, t in lines(kept)}) is True
    assert (("host.disk2", "probed") in {(n, t) for _, n, t in lines(lent)}) is False
    assert ("vm1.disk", "probed") in {(n, t) for _, n, t in lines(lent)}


# ------------------------------------------------------------------------------------------ emulated devices


def test_ide_leaves_the_guest_about_ten_times_a_request_and_each_time_goes_all_the_way_to_qemu() -> None:
    trip = last(reads("kvm-emulated-ide"))
    assert 10 <= exits(trip) <= 15
    counted = Counter(ops(trip, "hv"))
    assert counted["exit_to_user"] == counted["device_emulate"] == counted["vm_exit"]
    assert exits(trip) > 1.5 * exits(last(reads(guest("ahci"))))


@pytest.mark.parametrize("stack", [guest("ahci"), "linux-on-virtualbox"], ids=["kvm", "virtualbox"])
def test_ahci_leaves_the_guest_five_to_seven_times_a_request(stack: Any) -> None:
    """Two registers to issue a command, five to take its answer, whichever hypervisor plays it."""
    assert 5 <= exits(last(reads(stack))) <= 7


def test_ide_does_one_thing_at_a_time() -> None:
    """A deeper queue brings nothing, where with AHCI it brings much."""
    ide = [per_s(reads("kvm-emulated-ide", depth=depth, count=200)) for depth in (1, 16)]
    ahci = [per_s(reads(guest("ahci"), depth=depth, count=200)) for depth in (1, 16)]
    assert ide[1] < 1.15 * ide[0]
    assert ahci[1] > 1.5 * ahci[0]


def test_the_access_that_starts_an_emulated_device_goes_to_qemu_like_any_other() -> None:
    """Nobody has registered it as a notification, so no ioeventfd is on the way."""
    for disk in ("ide", "ahci"):
        steps = ops(last(reads(guest(disk))), "hv")
        assert "ioeventfd" not in steps
        assert "exit_to_user" in steps


# ------------------------------------------------------------------------------------------------ Firecracker


def test_a_microvms_interrupt_costs_two_exits_more() -> None:
    """Over MMIO the guest must read why it was interrupted, and acknowledge it."""
    trip = last(reads("firecracker"))
    assert exits(trip) == 1 + 2
    last_one = [stop.op for stop in trip.stops if stop.node in ("hv", "vm1.disk")]
    assert last_one[-5:] == ["vm_exit", "exit_to_user", "device_emulate", "vm_entry", "complete"]


def test_one_thread_plays_all_of_a_microvms_devices() -> None:
    header = ran("firecracker", "boot").trace.header
    names = {t["name"] for t in header["threads"] if t["name"].startswith("vm1/")}
    assert names == {"vm1/main", "vm1/vcpu0"}


def test_firecracker_carries_out_one_request_after_another() -> None:
    """Its thread sleeps with each: what a flash drive could do at the same time is lost."""
    micro, full = dict(simcore.prebuilt()["firecracker"]), guest("virtio-blk")
    gain = {}
    for name, raw in (("firecracker", micro), ("qemu", full)):
        raw["stack"] = raw["stack"] | {"settings": {"disk": "nvme-flash"}}
        alone, many = (reads(raw, depth=depth, count=300) for depth in (1, 16))
        gain[name] = per_s(many) / per_s(alone)
        assert bool([s for s in spans(many.trace) if s.op == "lock_device_thread"]) is (name == "firecracker")
    assert gain["firecracker"] < 2 < 5 < gain["qemu"]


def test_a_write_of_a_microvm_ends_in_the_hosts_page_cache() -> None:
    """No device has seen it when it is answered."""
    raw = dict(simcore.prebuilt()["firecracker"])
    raw["workloads"] = [{"id": "writes", "is": "random-write", "on": "guest-os"}]
    result = simcore.run(scenario(raw), spread=False)
    request = requests(result.trace, "write", "writes")[-1]
    trip = simcore.journey(result.trace, request["id"])
    assert not [stop for stop in trip.stops if stop.node == "host.disk"]
    assert "copy_to_user" in ops(trip, "host-os")
    assert [stop for stop in last(reads("firecracker")).stops if stop.node == "host.disk"]


def started(hypervisor: str, **vary: Any) -> simcore.Result:
    """The same small guest, started by one monitor or the other."""
    raw = dict(simcore.prebuilt()["firecracker"])
    if hypervisor == "qemu":
        inner = {"id": "guest-os", "is": "linux-microvm", "settings": {"image": "uncompressed"}}
        raw = guest("virtio-blk", vcpus=1, memory="256 MiB", firmware="qboot", direct_kernel=True)
        raw["stack"]["holds"][0]["holds"][0]["holds"][0]["holds"] = [inner]
        raw["subject"] = "guest-os"
    return simcore.run(scenario(raw, workload="boot", vary=vary), spread=False)


def spent(result: simcore.Result, op: str) -> int:
    return sum(span.end - span.start for span in spans(result.trace) if span.op == op)


def test_a_microvm_is_in_its_program_before_a_guest_of_qemu_with_the_same_kernel() -> None:
    """No PC is built and no firmware runs; orders in a file are quicker than calls over a socket."""
    ways = ("firecracker", {"hv.orders": "file"}), ("firecracker", {}), ("qemu", {})
    lanes = [started(name, **vary).outcome["lane"] for name, vary in ways]
    by_file, by_api, qemu = (lane["end_ns"] - lane["start_ns"] for lane in lanes)
    assert by_file < by_api < qemu
    assert 80 * MS < by_api < 200 * MS


def test_an_uncompressed_kernel_is_dearer_to_load_and_quicker_to_start() -> None:
    """QEMU copies all of it; the guest has nothing to unpack."""
    plain, packed = (started("qemu", **{"guest-os.image": how}) for how in ("uncompressed", "compressed"))
    assert spent(plain, "load_uncompressed") > 0 == spent(packed, "load_uncompressed")
    assert spent(packed, "decompress") > spent(plain, "decompress")  # which the host has, too
    assert plain.outcome["lane"]["end_ns"] < packed.outcome["lane"]["end_ns"]


def test_what_the_monitor_needs_for_itself_counts_as_the_guests_memory() -> None:
    """2.5 MiB for Firecracker and several times that for QEMU, beside what the guest has touched."""
    found = [started(name).outcome["nodes"]["vm1"]["memory"] for name in ("qemu", "firecracker")]
    assert found[0] - QEMU == found[1] - (2552 << 10)
    assert QEMU > 4 * (2552 << 10)


# ------------------------------------------------------------------------------------------------------ depth


def test_a_read_in_a_guest_takes_the_engine_fewer_than_nine_events() -> None:
    """What nobody else can observe is no event of its own: so many reads a second rest on it."""
    few, many = (reads(guest("virtio-blk"), count=count).events for count in (100, 200))
    assert (many - few) / 100 < 9


@pytest.mark.parametrize(
    "disk", ["virtio-blk", {"is": "virtio-scsi", "backend": "vhost"}], ids=["qemu", "vhost"]
)
def test_exits_for_each_request_fall_with_depth(disk: Any) -> None:
    """A back end that is at work anyway is not notified. That the guest halts when it is done is left."""
    runs = [reads(guest(disk), depth=depth, count=320) for depth in (1, 2, 16)]
    found = [exits_per_read(result) for result in runs]
    assert found[0] == pytest.approx(2, abs=0.05)  # the notification, and halting
    assert found[0] > found[1] >= found[2]
    assert found[2] < 0.6 * found[0]
    kicks = [len([s for s in steps_of(result) if s.op == "ioeventfd"]) for result in (runs[0], runs[2])]
    assert kicks[0] == 320
    assert kicks[1] < 0.2 * 320


@pytest.mark.parametrize("stack", ["xen-pv", "xen-pvh", "hyperv-server"])
def test_they_fall_with_rings_whose_other_end_is_a_domain_of_its_own(stack: str) -> None:
    """Xen's event channels and VMBus' signals, in both directions; the real disk's interrupt is left."""
    few, many = (exits_per_read(reads(stack, depth=depth, count=320)) for depth in (1, 16))
    assert many < 0.6 * few


def under_esxi(depth: int, read: str, count: int) -> float:
    """Reads in a guest of ESXi from a drive of which each takes so long; returns the interrupts that the
    VMkernel sends for each of the last of them, half a second after they began."""
    raw = dict(simcore.prebuilt()["linux-on-esxi"])
    drive = {"is": "custom-drive", "read": read, "reads_at_once": 64}
    raw["stack"] = raw["stack"] | {"settings": raw["stack"]["settings"] | {"disk": drive}}
    result = reads(raw, depth=depth, count=count)
    assert result.outcome["workloads"]["reads"]["n"] == count
    asked = requests(result.trace, "read", "reads")
    late = {row["id"] for row in asked if row["start_ns"] >= asked[0]["start_ns"] + S // 2}
    told = [span for span in spans(result.trace) if span.op == "post_interrupt" and span.request in late]
    return len(told) / len(late)


def test_the_vmkernel_leaves_interrupts_out_only_with_many_under_way_and_many_a_second() -> None:
    """Few in flight: others may not follow. Few a second: there is nothing to save."""
    assert under_esxi(2, "500 us", 2400) == 1
    assert under_esxi(16, "20 ms", 800) == 1
    assert under_esxi(16, "2 ms", 5000) < 0.8


def lent(machine: str, coalesce: int, **load: Any) -> simcore.Result:
    """Reads from a drive that was lent to the guest, and interrupts once for so many answers."""
    raw = guest(LENT, machine, vcpus=1)
    raw["stack"]["settings"]["disk2"] = {"is": "nvme", "coalesce": coalesce}
    return reads(raw, **load)


def test_without_posted_interrupts_exits_fall_as_the_drive_tells_of_several_answers_at_once() -> None:
    """Every interrupt of a lent drive goes by way of the host, whatever the depth: it is the drive that can
    make them fewer."""
    found = [exits_per_read(lent("laptop", most, depth=16, count=400)) for most in (1, 4, 8)]
    assert found == pytest.approx([1, 1 / 4, 1 / 8], rel=0.1)
    assert per_s(lent("laptop", 8, depth=16, count=400)) > 1.2 * per_s(lent("laptop", 1, depth=16, count=400))


def test_a_lone_request_pays_for_coalescing_with_the_whole_time_that_the_drive_may_wait() -> None:
    plain, waits = (mean(lent("server-2s-xeon", most, count=50)) for most in (1, 8))
    assert waits == plain + 100 * US


def test_a_batch_that_is_not_full_is_told_of_when_its_first_answer_has_waited_long_enough() -> None:
    result = lent("laptop", 8, depth=3, count=30)
    assert result.outcome["workloads"]["reads"]["n"] == 30
    assert max(s.length for s in steps_of(result) if s.op == "coalesced") == 100 * US
    assert exits_per_read(result) == pytest.approx(1 / 3, abs=0.05)


def test_an_answer_that_finds_the_guests_handler_at_work_interrupts_nobody() -> None:
    runs = [reads(guest("vhost-blk"), depth=depth, count=320) for depth in (1, 16)]
    sent = [sum(span.op == "irqfd" for span in steps_of(result)) for result in runs]
    assert sent[0] == 320 > 2 * sent[1]


def test_they_do_not_where_each_access_is_an_exit() -> None:
    found = [exits_per_read(reads(guest("ide"), depth=depth, count=160)) for depth in (1, 16)]
    assert min(found) > 10


# ------------------------------------------------------------------------------------------ the host's cache


def test_qemus_defaults_have_one_more_wake_up_each_way() -> None:
    """Through the page cache its thread would have to wait, so another one does."""
    plain, pooled = (
        last(reads(guest({"is": "virtio-blk", "cache": cache, "aio": aio})))
        for cache, aio in (("none", "native"), ("writeback", "threads"))
    )
    woken = [sum(i["kind"] == "wakeup" for i in trip.instants) for trip in (plain, pooled)]
    assert woken[1] == woken[0] + 2
    assert any("pool" in thread for thread in threads(pooled))
    assert "page_cache_lookup" in ops(pooled, "host-os")
    assert "page_cache_lookup" not in ops(plain, "host-os")


def test_a_pools_threads_are_as_many_as_wait_at_once() -> None:
    result = reads(guest({"is": "virtio-blk", "cache": "none", "aio": "threads"}), depth=4, count=100)
    pool = {t["name"] for t in result.trace.header["threads"] if "/pool" in t["name"]}
    assert 2 <= len(pool) <= 4


# ------------------------------------------------------------------------------------- whatever the disk is

DISKS: dict[str, Any] = {
    "passthrough": LENT,
    "not-posted": LENT,
    "coalesced": LENT,
    "vhost-user": SPDK,
    "nvme-driver-in-qemu": OWN_DRIVER,
    "vhost-scsi": {"is": "virtio-scsi", "backend": "vhost"},
    "vhost-blk": "vhost-blk",
    "virtio-blk": "virtio-blk",
    "virtio-blk-by-pool": {"is": "virtio-blk", "cache": "writeback", "aio": "threads"},
    "ahci": "ahci",
    "ide": "ide",
}


@pytest.mark.parametrize("killed", [None, "vm1"])
@pytest.mark.parametrize("disk", DISKS)
def test_no_more_cpu_is_handed_out_than_there_is(disk: str, killed: str | None) -> None:
    """A busy guest that reads and writes, a neighbour on the host; killed in the middle, or not."""
    raw = guest(DISKS[disk], "laptop" if disk in ("not-posted", "coalesced") else "server-2s-xeon")
    second = {"is": "nvme", "coalesce": 4} if disk == "coalesced" else "hdd"
    raw["stack"]["settings"] |= {"cpus": 3, "disk2": second}
    spin = {"work": "3 ms", "count": 2, "threads": 3}
    raw["workloads"] = [
        {"id": "reads", "is": "random-read", "on": "guest-os", "settings": {"count": 30, "depth": 4}},
        {"id": "writes", "is": "random-write", "on": "guest-os", "settings": {"count": 20, "depth": 2}},
        {"id": "spin", "is": "spin", "on": "guest-os", "settings": spin},
        {"id": "beside", "is": "periodic", "on": "host-os", "settings": {"count": 5}, "start": "90 s"},
    ]
    result = simcore.run(scenario(raw))
    check_tree(result.trace, spans(result.trace))
    assert all(numbers["n"] for numbers in result.outcome["workloads"].values())
    if killed is not None:
        middle = requests(result.trace, "read", "reads")[10]["start_ns"]
        raw["interventions"] = [{"at": f"{middle} ns", "on": killed, "do": "fail"}]
        result = simcore.run(scenario(raw))
        assert result.outcome["nodes"]["vm1.disk"]["state"] == "killed"
    check_cpus(spans(result.trace), 3)


# ------------------------------------------------------------- w02: does the virtual disk matter, and when?

WAYS: dict[str, Any] = {"virtio": "virtio-blk", "polled": SPDK, "own-driver": OWN_DRIVER}


def ladder(**load: Any) -> dict[str, simcore.Result]:
    found = {"native": reads(simcore.prebuilt()["linux"], **load)}
    return found | {name: reads(guest(disk), **load) for name, disk in WAYS.items()}


def test_w02_on_a_fast_drive_at_depth_one_the_way_to_it_is_half_of_a_read() -> None:
    """About 8.8 us native, 9.6 through a process that polls, 22 through virtio; two sleeping threads less."""
    found = {name: mean(result) for name, result in ladder().items()}
    assert found["native"] == pytest.approx(8.8 * US, rel=0.1)
    assert found["native"] < found["polled"] < 1.2 * found["native"]
    assert found["own-driver"] > 1.8 * found["polled"]
    assert found["virtio"] > 2 * found["native"]
    vhost = mean(reads("kvm-vhost"))
    assert found["polled"] < vhost < found["virtio"] < mean(reads("kvm-emulated-ide"))


def test_w02_the_largest_part_of_what_virtio_adds_is_waking_threads_and_their_work_not_the_exit() -> None:
    trip = last(reads(guest("virtio-blk")))
    device = sum(s.end_ns - s.start_ns for s in trip.stops if s.kind == "device")
    left = sum(s.end_ns - s.start_ns for s in trip.stops if s.op in ("vm_exit", "ioeventfd"))
    back_end = sum(s.end_ns - s.start_ns for s in trip.stops if s.thread == "host-os/vm1/io")
    assert left < device < back_end


def test_w02_on_a_hard_disk_nobody_sees_it() -> None:
    means = []
    for stack in ("linux", "linux-on-kvm"):
        raw = dict(simcore.prebuilt()[stack])
        raw["stack"] = raw["stack"] | {"settings": {"disk": "hdd"}}
        means.append(mean(reads(raw, count=20)))
    assert means[0] < means[1] < 1.05 * means[0]


def test_w02_at_depth_the_path_costs_requests_a_second() -> None:
    found = {name: per_s(result) for name, result in ladder(depth=128, count=2000).items()}
    assert found["virtio"] < 0.9 * found["native"]
    assert found["virtio"] < found["polled"]


def test_w02_large_transfers_hardly_notice() -> None:
    found = {name: mean(result) for name, result in ladder(block="1 MiB", count=50).items()}
    assert max(found.values()) < 1.06 * found["native"]
