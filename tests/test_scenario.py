"""Scenarios: read safely, one canonical form each, ids that last, edits that are checked again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simcore
from simcore.stack.source import DEEPEST, LARGEST, load, to_yaml

PREBUILT = list(simcore.prebuilt())
PLAIN = """
stack:
  id: host
  is: server-2s-xeon
  settings: {memory: 64 GiB, cpus: 4}
  holds:
    - id: os
      is: linux
workloads:
  - {id: reads, is: random-read, on: os, settings: {depth: 4}}
until: 20 s
subject: os
"""


def faults(text):
    with pytest.raises(simcore.ScenarioError) as caught:
        load(text)
    return {finding.id for finding in caught.value.findings}


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────


def test_yaml_is_read_as_1_2_and_not_as_1_1():
    assert load("a: [no, on, 1:30, 0123, 1e3, ~, 'true', 64 GiB]")["a"] == [
        "no", "on", "1:30", 123, 1000.0, None, "true", "64 GiB",
    ]  # fmt: skip


def test_json_is_read_too():
    assert load('{"a": [1, "x", null, true]}') == {"a": [1, "x", None, True]}


def test_a_file_and_bytes_and_a_prebuilt_id_are_sources(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(PLAIN)
    assert load(file) == load(PLAIN.encode()) == load(PLAIN)
    assert load("linux") == simcore.prebuilt()["linux"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "empty"),
        ("# nothing", "empty"),
        ("- a list", "not-a-table"),
        ("a: [1", "not-yaml"),
        ("a: b: c", "not-yaml"),
        ("\tx: 1", "not-yaml"),
        ("a: \x00", "not-yaml"),
        (b"\xff\xfe\x00", "not-text"),
        ("a: &x 1", "alias"),
        ("a: *x", "alias"),
        ("a: !!python/object:os.system x", "tag"),
        ("a: 1\na: 2", "duplicate-key"),
        ('{"a": 1, "a": 2}', "duplicate-key"),
        ("a: 1\n---\nb: 2", "many-documents"),
        ("a: " + "[" * 100 + "]" * 100, "too-deep"),
        ('{"a":' * 30_000 + "1" + "}" * 30_000, "too-deep"),
        ("a: " + "x" * LARGEST, "too-large"),
    ],
    ids=range(17),
)
def test_what_is_no_clean_text_is_a_finding(text, finding):
    assert finding in faults(text)


def test_all_faults_of_form_are_found_at_once():
    assert faults("a: &x 1\nb: *x\nc: !t 1\na: 2") == {"alias", "tag", "duplicate-key"}


def test_a_billion_laughs_stay_a_kilobyte():
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert faults("\n".join(lines)) == {"alias"}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_findings(text):
    try:
        raw = load(text)
    except simcore.ScenarioError as error:
        raw = {finding.id: finding for finding in error.findings}
    assert isinstance(raw, dict)


safe_text = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), max_size=20)
safe_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | safe_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(safe_text, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(safe_text, safe_values, min_size=1, max_size=5))
def test_what_is_written_as_yaml_reads_back_the_same(raw):
    assert load(to_yaml(raw)) == raw


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_are_typed_and_defaults_are_filled_in():
    scenario = simcore.scenario(load(PLAIN))
    host = scenario.nodes["host"]
    assert host.settings["memory"] == 64 * 2**30
    assert host.settings["cpus"] == 4
    assert scenario.nodes["os"].settings["init"] == "systemd"
    assert scenario.workloads[0].settings["depth"] == 4
    assert scenario.workloads[0].start == "ready"
    assert scenario.until_ns == 20 * 10**9


def test_devices_and_firmware_are_nodes_whose_id_is_their_path():
    scenario = simcore.scenario(simcore.prebuilt()["linux-on-kvm"])
    assert list(scenario.nodes) == [
        "host", "host.disk", "host.firmware", "host-os", "hv", "vm1", "vm1.disk", "vm1.firmware", "guest-os",
    ]  # fmt: skip
    assert scenario.nodes["vm1.disk"].owner == "vm1"
    assert [node.id for node in scenario.below(scenario.nodes["guest-os"])] == [
        "vm1",
        "hv",
        "host-os",
        "host",
    ]


def test_tenants_are_what_starts_once_the_host_is_ready():
    assert simcore.scenario(simcore.prebuilt()["docker-on-linux"]).tenants == {"web"}
    kvm = simcore.scenario(simcore.prebuilt()["linux-on-kvm"])
    assert kvm.tenants == {"vm1", "vm1.disk", "vm1.firmware", "guest-os"}


# ── one form, one id ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("64 GiB, cpus: 4", "65536 MiB, cpus: 4, firmware: uefi"),
        PLAIN.replace("settings: {memory: 64 GiB, cpus: 4}", "settings: {cpus: 4, disk: {is: nvme}}"),
        PLAIN.replace("20 s", "20000 ms"),
        PLAIN.replace("on: os,", "start: ready, on: os,"),
        "schema_version: 1\n" + PLAIN,
        json.dumps(load(PLAIN), sort_keys=True),
    ],
    ids=["units and defaults", "long form", "time", "start", "version", "json"],
)
def test_equal_scenarios_have_one_id_however_they_are_written(other):
    assert simcore.scenario(load(other)).id(1) == simcore.scenario(load(PLAIN)).id(1)


def test_different_scenarios_and_seeds_have_different_ids():
    texts = [
        PLAIN,
        PLAIN.replace("cpus: 4", "cpus: 5"),
        PLAIN.replace("id: os", "id: oss").replace("on: os", "on: oss"),
    ]
    texts[2] = texts[2].replace("subject: os", "subject: oss")
    texts += [PLAIN.replace("20 s", "21 s"), PLAIN + "label: mine\n"]
    ids = [simcore.scenario(load(text)).id(seed) for text in texts for seed in (1, 2)]
    assert len(set(ids)) == len(ids)
    assert all(len(name) == 16 and name.isalnum() and name == name.lower() for name in ids)


@pytest.mark.parametrize("name", PREBUILT)
def test_the_canonical_form_is_a_scenario_again_the_same(name):
    scenario = simcore.scenario(simcore.prebuilt()[name], workload="random-read")
    for again in (scenario.canonical(), load(scenario.to_yaml()), load(json.dumps(scenario.canonical()))):
        assert simcore.scenario(again).canonical() == scenario.canonical()
        assert simcore.scenario(again).id(7) == scenario.id(7)


# ── edits ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PREBUILT)
@pytest.mark.parametrize("workload", [entry.id for entry in simcore.catalog().of_role("workload")])
def test_every_prebuilt_accepts_every_workload(name, workload):
    raw = simcore.prebuilt()[name]
    scenario = simcore.scenario(raw, workload=workload)
    assert [(w.id, w.on) for w in scenario.workloads] == [(workload, raw["subject"])]


def test_a_workload_of_the_scenario_comes_first_and_the_others_stay():
    text = PLAIN.replace("until", "  - {id: burn, is: spin, on: os}\nuntil")
    scenario = simcore.scenario(load(text), workload="burn")
    assert [workload.id for workload in scenario.workloads] == ["burn", "reads"]


def test_a_component_replaces_the_scenarios_workloads():
    scenario = simcore.scenario(load(PLAIN)).with_workload("boot")
    assert [(w.id, w.is_, w.on) for w in scenario.workloads] == [("boot", "boot", "os")]


def test_paths_reach_nodes_devices_and_workloads():
    raw = simcore.prebuilt()["linux-on-kvm"]
    changes = {"vm1.vcpus": 4, "vm1.disk.cache": "none", "host.disk": "hdd", "random-read.depth": 8}
    scenario = simcore.scenario(raw, workload="random-read", vary=changes)
    assert scenario.nodes["vm1"].settings["vcpus"] == 4
    assert scenario.nodes["host.disk"].is_ == "hdd"
    assert scenario.workloads[0].settings["depth"] == 8


def test_a_path_to_nowhere_is_answered_with_the_nearest():
    with pytest.raises(simcore.ScenarioError) as caught:
        simcore.scenario(load(PLAIN)).vary({"host.cpu": 4, "nobody.cpus": 1})
    assert [(f.id, f.path) for f in caught.value.findings] == [
        ("unknown-path", "host.cpu"),
        ("unknown-path", "nobody.cpus"),
    ]
    assert "host.cpus" in caught.value.findings[0].as_dict()["hint"]


def test_another_machine_carries_the_same_stack():
    scenario = simcore.scenario(simcore.prebuilt()["linux-on-kvm"], machine="laptop")
    assert scenario.stack.is_ == "laptop"
    assert scenario.with_machine("server-2s-xeon").stack.is_ == "server-2s-xeon"
    assert scenario.id(1) != scenario.with_machine("server-2s-xeon").id(1)


def test_an_end_can_be_set():
    assert simcore.scenario(load(PLAIN)).with_until("5 s").until_ns == 5 * 10**9


def test_an_edit_leaves_the_raw_scenario_alone():
    raw = load(PLAIN)
    before = json.dumps(raw)
    simcore.scenario(raw, workload="boot", until="9 s", vary={"host.cpus": 8}, machine="laptop")
    assert json.dumps(raw) == before


def test_the_prebuilt_scenarios_come_the_smallest_first():
    def layers(node):
        return 1 + sum(map(layers, node.get("holds", ())))

    sizes = [layers(simcore.prebuilt()[name]["stack"]) for name in PREBUILT]
    assert sizes == sorted(sizes)
    assert PREBUILT[0] == "linux"


def test_the_depth_cap_leaves_room_for_real_stacks():
    assert DEEPEST >= 2 * 20
