"""Findings: all at once, each with its place and sentences; no error exactly when it can be built."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simcore
from simcore.component import LANGUAGES
from simcore.run import Run
from simcore.stack.findings import finding_texts
from simcore.stack.reader import MOST

HOST = {"id": "host", "is": "server-2s-xeon"}
OS = {"id": "os", "is": "linux"}


def linux(*held, **changes):
    return {"stack": {**HOST, "holds": [{**OS, "holds": list(held)}]}, "subject": "os", **changes}


def vm(name="vm1", *held, **settings):
    return {
        "id": name,
        "is": "vm",
        "settings": settings,
        "holds": list(held) or [{"id": f"{name}-os", "is": "linux"}],
    }


def kvm(*vms):
    return {"id": "hv", "is": "kvm-qemu", "holds": list(vms)}


def xen(*guests):
    return {"id": "hv", "is": "xen", "holds": list(guests)}


def dom0(name="dom0"):
    return {"id": name, "is": "dom0", "holds": [{"id": f"{name}-os", "is": "linux"}]}


def pv(*held):
    return {"id": "vm1", "is": "xen-pv", "holds": list(held) or [INNER]}


def under(hypervisor, *guests):
    return {"stack": {**HOST, "holds": [{"id": "hv", "is": hypervisor, "holds": list(guests)}]}}


def reserving(*cpus):
    """Guests of ESXi, each with so many CPUs reserved, on a machine of 12."""
    guests = [
        {
            "id": f"vm{n}",
            "is": "esxi-vm",
            "settings": {"reservation": one},
            "holds": [{**INNER, "id": f"in{n}"}],
        }
        for n, one in enumerate(cpus)
    ]
    return {**under("esxi", *guests), "subject": "in0"}


def on_xen(*guests):
    return {"stack": {**HOST, "holds": [xen(*guests)]}, "subject": "in"}


def found(raw):
    return {(finding.id, finding.path) for finding in simcore.check(raw)}


def host(*held, **fields):
    return {"stack": {**HOST, "holds": list(held) or [OS], **fields}, "subject": "os"}


def given_settings(**settings):
    return host(settings=settings)


def works(**fields):
    return linux(workloads=[{"id": "w", "is": "spin", "on": "os", **fields}])


def happens(**fields):
    return linux(interventions=[{"at": "5 s", "on": "os", "do": "fail", **fields}])


def lends(*devices, **spare):
    """A host that lends these devices, each to a guest of its own."""
    guests = [vm(f"vm{n}", disk={"is": "passthrough", "device": name}) for n, name in enumerate(devices)]
    return {**host({**OS, "holds": [kvm(*guests)]}, settings={"disk2": "nvme", **spare})}


def polled(**spare):
    """A guest whose disk a polling program serves."""
    guest = vm(disk={"is": "vhost-user-blk", "device": "host.disk2"})
    return host({**OS, "holds": [kvm(guest)]}, settings={"disk2": "nvme", **spare})


def restored(below="kvm-qemu", **settings):
    guest = {**vm("vm1", **settings), "is": "restored-vm"}
    raw = host({**OS, "holds": [{"id": "hv", "is": below, "holds": [guest]}]}, settings={"disk2": "nvme"})
    return {**raw, "subject": "vm1-os"}


ENGINE, WEB = {"id": "e", "is": "docker"}, {"id": "web", "is": "container"}
INNER = {"id": "in", "is": "linux"}
EVENT = "interventions[0]"
CASES = [
    # fields and values
    ({}, "missing-field", ""),
    ({"stack": [1]}, "wrong-type", "stack"),
    (linux(foo=1), "unknown-field", "foo"),
    (linux(schema_version=9), "schema-version", "schema_version"),
    (linux(until="5 bananas"), "wrong-unit", "until"),
    (linux(until="-5 s"), "out-of-range", "until"),
    (linux(label=[1]), "wrong-type", "label"),
    (linux(label={"fr": "x"}), "unknown-field", "label.fr"),
    (host(id=None), "missing-field", "stack"),
    (host(**{"is": None}), "missing-field", "host.is"),
    (host(id="Host 1"), "bad-id", "stack"),
    ({**host({**OS, "id": "host"}), "subject": "host"}, "double-id", "stack.holds[0]"),
    (host(**{"is": "server-2s-xeno"}), "unknown-component", "host.is"),
    (linux({"id": "d", "is": "nvme"}), "wrong-role", "d.is"),
    (linux({"id": "w", "is": "spin"}), "wrong-role", "w.is"),
    (given_settings(cpu=4), "unknown-setting", "host.cpu"),
    (given_settings(memory=-1), "wrong-unit", "host.memory"),
    (given_settings(memory="-1 GiB"), "out-of-range", "host.memory"),
    (given_settings(cpus="4"), "wrong-type", "host.cpus"),
    (given_settings(disk="linux"), "wrong-role", "host.disk"),
    (given_settings(disk="nvmee"), "unknown-component", "host.disk"),
    (given_settings(disk={"is": "nvme", "x": 1}), "unknown-setting", "host.disk.x"),
    (host({**OS, "settings": {"init": "upstart"}}), "not-a-choice", "os.init"),
    # stacking
    ({"stack": {"id": "vm1", "is": "vm", "holds": [OS]}, "subject": "os"}, "root-not-machine", "vm1"),
    (linux(vm()), "sits-on", "vm1"),
    (linux({"id": "k2", "is": "linux"}), "sits-on", "k2"),
    ({**host(kvm(vm())), "subject": "vm1-os"}, "sits-on", "hv"),
    (given_settings(disk="virtio-blk"), "sits-on", "host.disk"),
    (linux({**kvm(vm(disk="virtio-blk")), "is": "virtualbox"}), "not-offered", "vm1.disk"),
    (linux(kvm(vm("vm1", {**INNER, "holds": [{**kvm(), "id": "hv2"}]}))), "not-offered", "hv2"),
    ({"stack": HOST, "subject": "host"}, "no-kernel", "host"),
    (linux(kvm({"id": "vm1", "is": "vm"})), "no-kernel", "vm1"),
    (linux(kvm(vm("vm1", INNER, {**INNER, "id": "b"}))), "two-kernels", "vm1"),
    (host(OS, INNER), "two-kernels", "host"),
    (
        {**under("hyper-v", {"id": "root", "is": "root-partition", "holds": [INNER]}), "subject": "in"},
        "not-its-kernel",
        "in",
    ),
    (reserving(7, 6), "reservations-too-large", "host"),
    (on_xen(pv()), "no-control-domain", "hv"),
    (on_xen(dom0(), dom0("other"), pv()), "two-control-domains", "hv"),
    (on_xen(dom0(), pv({**INNER, "is": "windows"})), "not-ported", "in"),
    (linux(kvm({**pv(), "id": "vm2"})), "not-offered", "vm2"),
    (on_xen(dom0(), vm("vm2", INNER)), "not-offered", "vm2.disk"),
    # containers
    (linux(WEB), "runtime-missing", "web"),
    (linux({**WEB, "runtime": "ghost"}), "runtime-unknown", "web.runtime"),
    (
        linux(ENGINE, kvm(vm("vm1", {**INNER, "holds": [{**WEB, "runtime": "e"}]}))),
        "runtime-unknown",
        "web.runtime",
    ),
    (host(runtime="e"), "runtime-not-here", "host.runtime"),
    (host(start="5 s"), "start-not-here", "host.start"),
    (given_settings(disk={"is": "nvme", "backing": {"file": "x"}}), "backing-not-here", "host.disk.backing"),
    (
        linux(kvm(vm(disk={"is": "virtio-blk", "backing": {"on": "x"}}))),
        "unknown-node",
        "vm1.disk.backing.on",
    ),
    (
        linux(kvm(vm(disk={"is": "virtio-blk", "backing": {"on": "host.disk2"}}))),
        "unknown-node",
        "vm1.disk.backing.on",
    ),
    # devices that are lent
    (lends(None), "missing-field", "vm0.disk.device"),
    (lends("host.disk3"), "unknown-node", "vm0.disk.device"),
    (lends("host.firmware"), "device-not-real", "vm0.disk.device"),
    (lends("vm0.disk"), "device-not-real", "vm0.disk.device"),
    (lends("host.disk"), "device-of-the-host", "vm0.disk.device"),
    (lends("host.disk2", "host.disk2"), "device-taken", "vm1.disk.device"),
    (lends("host.disk2", iommu=False), "no-iommu", "vm0.disk"),
    (linux(kvm(vm(disk={"is": "virtio-blk", "cache": "writeback"}))), "aio-needs-direct", "vm1.disk.aio"),
    (polled(cpus=1), "no-cpu-to-spare", "vm1.disk"),
    (
        linux(kvm(vm(balloon=True, disk={"is": "passthrough", "device": "host.disk2"}))),
        "balloon-pinned",
        "vm1.balloon",
    ),
    # snapshots
    (linux({**vm(), "is": "restored-vm"}), "sits-on", "vm1"),
    (restored("virtualbox", disk="ahci"), "no-snapshots", "vm1"),
    (restored(disk={"is": "passthrough", "device": "host.disk2"}), "device-not-saved", "vm1.disk"),
    # workloads
    (linux(subject=None), "missing-subject", "subject"),
    (linux(subject="so"), "unknown-node", "subject"),
    (linux(kvm(vm()), subject="vm1"), "workload-not-here", "subject"),
    (works(on="host"), "workload-not-here", "w.on"),
    (works(on=None), "missing-field", "w"),
    (works(**{"is": "linux"}), "wrong-role", "w.is"),
    (works(id="os"), "double-id", "workloads[0]"),
    (linux(workloads={"id": "w"}), "wrong-type", "workloads"),
    (works(start="soon"), "wrong-unit", "w.start"),
    (works(**{"for": "0 s"}), "out-of-range", "w.for"),
    # interventions
    (happens(on="ghost"), "unknown-node", f"{EVENT}.on"),
    (happens(do="explode"), "unknown-action", f"{EVENT}.do"),
    (happens(fault="sulk"), "unknown-fault", f"{EVENT}.fault"),
    (happens(on="host", do="set", settings={"cpus": 1}), "not-live", f"{EVENT}.settings.cpus"),
    (happens(do="set"), "missing-field", EVENT),
    (happens(settings={"init": "direct"}), "not-here", f"{EVENT}.settings"),
    (happens(at="-5 s"), "out-of-range", f"{EVENT}.at"),
    ({**happens(), "until": "4 s"}, "too-late", f"{EVENT}.at"),
    (happens(at=None), "missing-field", EVENT),
    # warnings
    (linux(kvm(vm(vcpus=13))), "more-vcpus-than-cores", "host"),
    (linux(kvm(vm(memory="65 GiB"))), "memory-overcommitted", "host"),
]
each_case = pytest.mark.parametrize(
    ("raw", "finding", "path"), CASES, ids=[f"{i}-{case[1]}" for i, case in enumerate(CASES)]
)


@each_case
def test_each_mistake_is_found_at_its_place(raw, finding, path):
    assert (finding, path) in found(raw)


@each_case
def test_a_single_mistake_does_not_cause_a_crowd(raw, finding, path):
    assert len(found(raw)) <= 3


@pytest.mark.parametrize("lang", LANGUAGES)
@each_case
def test_every_finding_says_what_why_and_what_to_do(raw, finding, path, lang):
    for one in simcore.check(raw):
        shown = one.as_dict(lang)
        assert all(len(shown[key]) > 5 for key in ("message", "why", "hint"))
        assert shown["severity"] in ("error", "warning")


def test_all_findings_come_at_once():
    raw = linux(
        {"id": "web", "is": "container", "settings": {"cpus": "many"}}, foo=1, until="x", subject="nobody"
    )
    assert {"unknown-field", "wrong-unit", "runtime-missing", "unknown-node"} <= {
        name for name, _ in found(raw)
    }


def test_the_nearest_names_are_in_the_hint():
    raw = {"stack": {**HOST, "is": "server-2s-xeno", "settings": {"cpus": 4}, "holds": [OS]}, "subject": "os"}
    finding = next(f for f in simcore.check(raw) if f.id == "unknown-component")
    assert "server-2s-xeon" in finding.as_dict()["hint"]


def test_overcommitting_is_legal_and_worth_a_warning():
    raw = linux(kvm(vm(vcpus=13, memory="65 GiB")))
    assert {(f.id, f.severity) for f in simcore.check(raw)} == {
        ("more-vcpus-than-cores", "warning"),
        ("memory-overcommitted", "warning"),
    }
    simcore.scenario(raw)


def test_a_mountain_of_mistakes_is_cut_and_quick():
    raw = linux(*({"id": f"c{i}", "is": "containre", "x": 1} for i in range(3000)))
    findings = simcore.check(raw)
    assert len(findings) == MOST + 1
    assert "too-many" in {finding.id for finding in findings}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_finding_named_in_the_code_has_its_sentences(lang):
    texts = finding_texts(lang)
    assert {case[1] for case in CASES} <= texts.keys()
    for name, sentences in texts.items():
        assert {"message", "why", "hint"} <= sentences.keys(), name


# ── anything at all ──────────────────────────────────────────────────────────────────────────────────────

WORDS = [
    "host",
    "os",
    "linux",
    "vm",
    "vm1",
    "spin",
    "docker",
    "container",
    "kvm-qemu",
    "set",
    "fail",
    "ready",
    "nvme",
    "",
    "x",
]
KEYS = [
    "id",
    "is",
    "holds",
    "settings",
    "stack",
    "workloads",
    "interventions",
    "on",
    "do",
    "at",
    "until",
    "subject",
]
KEYS += [
    "runtime",
    "start",
    "label",
    "for",
    "fault",
    "cpus",
    "memory",
    "disk",
    "backing",
    "schema_version",
    "1",
]
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([*WORDS, "5 s", "-1 GiB", "1e99 s"])
)
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@given(junk)
def test_whatever_is_given_gets_findings_and_never_an_exception(raw):
    for finding in simcore.check(raw):
        finding.as_dict("zh-hans")


@given(st.data())
@settings(max_examples=200)
def test_a_scenario_with_anything_replaced_by_anything_is_still_examined(data):
    raw = copy.deepcopy(simcore.prebuilt()[data.draw(st.sampled_from(list(simcore.prebuilt())))])
    place = raw
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not place[key] or not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(junk)
    findings = simcore.check(raw)
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in findings:
        finding.as_dict()
    if errors:
        with pytest.raises(simcore.ScenarioError):
            simcore.scenario(raw)
    else:
        Run(simcore.scenario(raw))
