"""Writing, flushing, and what a power cut takes: which writes a program was promised, and which of them are
on a medium.

`unsafe`, `writeback` and `none` are QEMU's words; VirtualBox says "host I/O cache" and "IgnoreFlush".
"""

import copy
from typing import Any

import pytest

import simcore
from tests.seen import S, Span, requests, scenario, spans

FLASH = {"host.disk": "nvme-flash"}
LIAR = {"host.disk": {"is": "nvme-flash", "write_cache": "ignores-flush"}}
CUT = {"at": "200.02 s", "on": "host", "do": "fail", "fault": "power-cut"}


def disk(cache: str, aio: str = "threads", is_: str = "virtio-blk") -> dict[str, Any]:
    return {"is": is_, "cache": cache} | ({"aio": aio} if is_ == "virtio-blk" else {})


def writes(
    stack: str, *interventions: dict[str, Any], vary: dict[str, Any] | None = None, **settings: Any
) -> simcore.Result:
    """A program that writes into the page cache from the 200th second on, with an fsync after each write."""
    raw = copy.deepcopy(dict(simcore.prebuilt()[stack]))
    load = {"id": "writes", "is": "random-write", "on": raw["subject"], "start": "200 s"}
    load["settings"] = {"sync": 1, "cache": "buffered", "count": 20} | settings
    raw["workloads"], raw["interventions"] = [load], list(interventions)
    return simcore.run(scenario(raw, vary=vary or {}), spread=False)


def kept(result: simcore.Result) -> dict[str, Any]:
    found: dict[str, Any] = result.outcome["workloads"]["writes"]["writes"]
    return found


def mean(result: simcore.Result) -> int:
    found: int = result.outcome["workloads"]["writes"]["mean_ns"]
    return found


def during(result: simcore.Result, *ops: str) -> list[Span]:
    """These ops, from the first write on."""
    asked = requests(result.trace, "service", "writes") or requests(result.trace, "write", "writes")
    return [span for span in spans(result.trace) if span.op in ops and span.start >= asked[0]["start_ns"]]


# ----------------------------------------------------------------- the power cut, just after an fsync (w12)


def test_w12_none_and_writeback_keep_what_was_acknowledged_and_unsafe_is_fastest_and_loses_it() -> None:
    found = {
        cache: writes("linux-on-kvm", CUT, vary=FLASH | {"vm1.disk": disk(cache)}, count=1000)
        for cache in ("none", "writeback", "unsafe")
    }
    for cache in ("none", "writeback"):
        outcome = kept(found[cache])
        assert outcome["durable"] == outcome["acknowledged"] > 10
        assert outcome["lost"] == 0
    unsafe = kept(found["unsafe"])
    assert unsafe["lost"] == unsafe["acknowledged"] > 100
    assert unsafe["held_by"] == {"host-os": unsafe["lost"]}
    assert mean(found["unsafe"]) < min(mean(found[cache]) for cache in ("none", "writeback")) / 5


@pytest.mark.parametrize("cache", ["writethrough", "directsync"])
def test_where_each_write_is_flushed_the_guests_own_flush_has_nothing_to_ask(cache: str) -> None:
    """The guest is told that its disk has no cache: its fsync ends with the writes that it waits for."""
    vary = FLASH | {"vm1.disk": disk(cache, "native" if cache == "directsync" else "threads")}
    result = writes("linux-on-kvm", vary=vary, count=5)
    assert len(during(result, "flush_cache")) == 5
    assert len([s for s in during(result, "ring_add") if s.thread == "guest-os/writes"]) == 5
    assert kept(writes("linux-on-kvm", CUT, vary=vary, count=1000))["lost"] == 0


@pytest.mark.parametrize(
    "stack",
    ["linux", "docker-on-linux", "windows", "linux-on-kvm", "xen-pv", "hyperv-server", "linux-on-esxi"],
)
def test_a_drive_that_lies_loses_what_was_acknowledged_whatever_stands_on_it(stack: str) -> None:
    honest, lying = (writes(stack, CUT, vary=vary, count=1000) for vary in (FLASH, LIAR))
    assert kept(honest)["lost"] == 0 < kept(honest)["acknowledged"]
    assert kept(lying)["lost"] == kept(lying)["acknowledged"]
    assert set(kept(lying)["held_by"]) == {"host.disk"}
    assert mean(lying) < mean(honest) / 3


def test_a_drive_with_capacitors_keeps_what_it_has_answered_and_need_not_be_asked() -> None:
    vary = {"host.disk": {"is": "nvme-flash", "write_cache": "protected"}}
    outcome = writes("linux", CUT, vary=vary, count=1000)
    assert kept(outcome)["lost"] == 0
    assert kept(outcome)["durable"] == kept(outcome)["acknowledged"]
    assert during(outcome, "flush_cache") == []


@pytest.mark.parametrize(("is_", "cache", "holder"), [("ide", "unsafe", "host-os"), ("ahci", "none", None)])
def test_virtualbox_ignores_flushes_of_ide_and_passes_on_those_of_sata(
    is_: str, cache: str, holder: str | None
) -> None:
    """Its defaults: the host's cache and no flush for the one, neither cache nor ignoring for the other."""
    vary = FLASH | {"vm1.disk": disk(cache, is_=is_)}
    for stack in ("linux-on-virtualbox", "virtualbox-on-windows"):
        outcome = kept(writes(stack, CUT, vary=vary, count=1000))
        assert outcome["acknowledged"] > 10
        assert outcome["lost"] == (outcome["acknowledged"] if holder else 0)
        assert set(outcome["held_by"]) == ({holder} if holder else set())


def test_firecrackers_default_loses_and_its_other_cache_type_does_not() -> None:
    for cache, loses in (("unsafe", True), ("writeback", False)):
        vary = FLASH | {"vm1.disk": {"is": "virtio-blk-mmio", "cache": cache}}
        assert (kept(writes("firecracker", CUT, vary=vary))["lost"] > 0) is loses


def test_without_fsync_nothing_is_promised_however_many_writes_have_returned() -> None:
    outcome = kept(writes("linux", CUT, sync=50, count=30))
    assert (outcome["written"], outcome["acknowledged"], outcome["lost"]) == (30, 0, 0)


@pytest.mark.parametrize(("victim", "loses"), [("guest-os", False), ("vm1", False), ("host-os", True)])
def test_what_stands_in_the_hosts_page_cache_outlives_the_guest_and_ends_with_the_hosts_kernel(
    victim: str, loses: bool
) -> None:
    """Cache mode unsafe again: it is as safe as the host is."""
    end = {"at": "200.02 s", "on": victim, "do": "fail"}
    outcome = kept(writes("linux-on-kvm", end, vary={"vm1.disk": disk("unsafe")}, count=1000))
    assert outcome["acknowledged"] > 100
    assert (outcome["lost"] == outcome["acknowledged"]) is loses
    if not loses:  # and the host's flusher brings it to the disk in time
        assert outcome["durable"] == outcome["acknowledged"]


def test_an_fsync_goes_through_every_layer_to_the_drive() -> None:
    """The guest's page cache, the ring, the monitor's thread, the host's page cache, the drive."""
    result = writes("linux-on-kvm", vary=FLASH | {"vm1.disk": disk("writeback")}, count=1)
    way = [
        (span.node, span.op)
        for span in sorted(
            during(
                result, "page_dirty", "ring_add", "pool_submit", "doorbell", "medium_write", "flush_cache"
            ),
            key=lambda s: s.start,
        )
    ]
    there = [
        ("guest-os", "page_dirty"),
        ("vm1.disk", "ring_add"),
        ("vm1.disk", "pool_submit"),
        ("host-os", "page_dirty"),
    ]
    flush = [
        ("vm1.disk", "ring_add"),
        ("vm1.disk", "pool_submit"),
        ("host.disk", "doorbell"),
        ("host.disk", "medium_write"),
    ]
    assert way == [*there, *flush, ("host.disk", "doorbell"), ("host.disk", "flush_cache")]


# ------------------------------------------------------------------------------ dirty pages and the flusher


def written_out(result: simcore.Result) -> list[int]:
    return [span.start for span in during(result, "medium_write")]


def test_what_is_dirty_stays_in_memory_for_half_a_minute_then_the_kernel_writes_it_out() -> None:
    result = writes("linux", sync=0, count=50)
    assert during(result, "page_dirty")
    out = written_out(result)
    assert len(out) == 50
    assert 230 * S <= min(out) <= max(out) <= 236 * S
    assert {s.thread for s in during(result, "queue_command")} == {"host-os/host-os/flusher"}


def test_over_the_background_ratio_it_is_written_out_at_once_and_nobody_waits() -> None:
    vary = {"host.memory": "1 GiB", "host-os.dirty_background_ratio": 1, "host-os.dirty_ratio": 90}
    result = writes("linux", vary=vary, sync=0, block="1 MiB", count=20)
    assert min(written_out(result)) < 201 * S
    assert not [s for s in during(result, "waiting") if s.thread == "host-os/writes"]


def test_who_writes_faster_than_the_disk_is_made_to_wait_and_in_the_end_writes_at_its_speed() -> None:
    low = {"host.memory": "1 GiB", "host-os.dirty_background_ratio": 1, "host-os.dirty_ratio": 3}
    free, held, direct = (
        writes("linux", vary={"host.disk": "sata-ssd"} | vary, sync=0, block="1 MiB", **settings).outcome[
            "workloads"
        ]["writes"]["per_s"]
        for vary, settings in (
            ({}, {"count": 200}),
            (low, {"count": 400}),
            ({}, {"count": 200, "cache": "direct", "depth": 8}),
        )
    )
    assert free > 3 * direct
    assert held == pytest.approx(direct, rel=0.15)


def test_an_fsync_waits_for_what_the_flusher_has_under_way_already() -> None:
    vary = {
        "host.disk": {"is": "hdd"},
        "host.memory": "1 GiB",
        "host-os.dirty_background_ratio": 0,
        "host-os.dirty_ratio": 90,
    }
    result = writes("linux", CUT | {"at": "201 s"}, vary=vary, sync=5, count=5)
    outcome = kept(result)
    assert outcome["durable"] == outcome["acknowledged"] == 5


def test_windows_writes_behind_too() -> None:
    result = writes("windows", sync=0, count=50)
    out = written_out(result)
    assert len(out) == 50
    assert 201 * S <= min(out) <= max(out) <= 211 * S
