"""The command line: JSON keys that scripts rely on, and exit codes with a way out."""

import hashlib
import io
import json
import subprocess
import sys

import pytest

import simcore
from simcore.__main__ import main
from simcore.trace import Trace


@pytest.fixture
def cli(capsys, monkeypatch):
    """Runs a command; gives (exit code, stdout, stderr)."""

    def call(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            code = main(list(arguments))
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_run_prints_the_keys_of_the_contract(cli, tmp_path):
    file = tmp_path / "x.trace"
    code, out, _ = cli("run", "linux", "--seed", "7", "--trace", str(file), "--json")
    result = json.loads(out)
    assert code == 0
    assert list(result) == [
        "stack", "scenario_id", "seed", "trace_sha256", "outcome", "events", "spans", "wall_s", "provenance",
    ]  # fmt: skip
    assert (result["stack"], result["seed"]) == ("linux", 7)
    assert sorted(result["provenance"]) == ["assumed", "derived", "measured", "published"]
    assert sum(result["provenance"].values()) == pytest.approx(1, abs=1e-4)
    assert list(result["outcome"]["workloads"]) == ["boot"]
    trace = Trace.from_bytes(file.read_bytes())
    assert trace.header["scenario_id"] == result["scenario_id"]
    assert len(trace.spans["id"]) == result["spans"]


def test_the_written_trace_is_exactly_the_hashed_bytes(cli, tmp_path):
    file = tmp_path / "x.trace"
    _, out, _ = cli("run", "docker-on-linux", "--trace", str(file), "--json")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == json.loads(out)["trace_sha256"]


def test_the_same_seed_gives_the_same_trace_and_another_does_not(cli):
    hashes = [json.loads(cli("run", "linux", "--seed", seed, "--json")[1])["trace_sha256"] for seed in "112"]
    assert hashes[0] == hashes[1] != hashes[2]


def test_two_processes_give_the_same_trace():
    command = [sys.executable, "-m", "simcore", "run", "linux", "--workload", "random-read", "--json"]
    first, second = (
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(2)
    )
    assert first["trace_sha256"] == second["trace_sha256"]


def test_race_prints_lanes_order_and_gaps_that_sum(cli):
    code, out, _ = cli("race", "linux-on-kvm", "linux", "docker-on-linux", "--json")
    result = json.loads(out)
    assert code == 0
    assert [lane["stack"] for lane in result["lanes"]] == ["linux-on-kvm", "linux", "docker-on-linux"]
    assert result["order"] == ["linux", "docker-on-linux", "linux-on-kvm"]
    ends = {lane["stack"]: lane["end_ns"] for lane in result["lanes"]}
    assert [(gap["from"], gap["to"]) for gap in result["gaps"]] == list(
        zip(result["order"], result["order"][1:], strict=False)
    )
    for gap in [*result["gaps"], result["gap"]]:
        assert gap["total_ns"] == ends[gap["to"]] - ends[gap["from"]]
        assert sum(part["ns"] for part in gap["parts"]) == gap["total_ns"]
        assert all({"layer", "text", "ns"} <= part.keys() for part in gap["parts"])


def test_a_race_may_start_at_power_on_and_enter_one_stack_twice(cli):
    result = json.loads(cli("race", "linux", "linux", "--from", "power-on", "--json")[1])
    assert result["order"] == ["linux", "linux#2"]
    assert result["gap"]["total_ns"] == 0
    assert all(lane["end_ns"] > 10**9 for lane in result["lanes"])


def test_journey_prints_stops_and_instants(cli):
    code, out, _ = cli("journey", "linux-on-kvm", "--request", "2", "--json")
    trip = json.loads(out)
    assert code == 0
    known = {"node", "component", "op", "thread", "kind", "start_ns", "end_ns", "count"}
    assert set(trip["stops"][0]) == known
    assert {"exit", "interrupt", "wakeup"} <= {instant["kind"] for instant in trip["instants"]}
    assert all({"kind", "at_ns", "node"} <= instant.keys() for instant in trip["instants"])


def test_catalog_lists_everything(cli):
    result = json.loads(cli("catalog", "--json")[1])
    assert {entry["id"] for entry in result["components"]} == simcore.catalog().entries.keys()
    assert [one["id"] for one in result["prebuilt"]] == list(simcore.prebuilt())
    assert result["ledger"] == simcore.ledger_version()


def test_schema_accepts_every_prebuilt_scenario_and_names_draft_07(cli):
    schema = json.loads(cli("schema")[1])
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert set(schema["properties"]) >= {"stack", "workloads", "interventions", "until", "subject"}
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft7Validator(schema)
    jsonschema.Draft7Validator.check_schema(schema)
    for raw in simcore.prebuilt().values():
        assert list(validator.iter_errors(raw)) == []
        assert list(validator.iter_errors(simcore.scenario(raw, workload="random-read").canonical())) == []
    wrong = simcore.prebuilt()["linux"]
    wrong["stack"]["settings"]["cpu"] = 4
    assert list(validator.iter_errors(wrong))


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalog",),
        ("check", "linux"),
        ("run", "linux"),
        ("race", "linux", "docker-on-linux"),
        ("journey", "linux"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_has_a_form_for_people(cli, arguments):
    code, out, err = cli(*arguments)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) >= 1
    assert "\033" not in out


@pytest.mark.parametrize("command", ["check", "run", "journey"])
def test_a_faulty_scenario_is_exit_1_with_all_findings_as_json_on_stderr(cli, command):
    text = "stack: {id: host, is: linx, settings: {a: 1}}\nfoo: 1\n"
    code, out, err = cli(command, "-", "--json", stdin=text)
    findings = json.loads(err)
    assert (code, out) == (1, "")
    assert {"unknown-component", "unknown-field"} <= {finding["id"] for finding in findings}
    assert all({"id", "severity", "path", "message", "why", "hint"} <= finding.keys() for finding in findings)


def test_findings_for_people_say_where_what_and_what_to_do(cli):
    code, out, err = cli("check", "-", stdin="stack: {id: host, is: linx}\n")
    assert (code, out) == (1, "")
    assert "host.is" in err
    assert "Did you mean linux" in err


@pytest.mark.parametrize("text", ["a: [", "", "a: &x 1", "- 1", "{" * 50], ids=range(5))
def test_what_is_no_scenario_at_all_is_exit_1(cli, text):
    code, _, err = cli("run", "-", "--json", stdin=text)
    assert code == 1
    assert json.loads(err)


def test_check_passes_what_can_be_run_and_tells_warnings(cli):
    assert cli("check", "linux", "--json") == (0, "[]\n", "")
    raw = simcore.scenario(simcore.prebuilt()["linux-on-kvm"], vary={"vm1.vcpus": 64}).canonical()
    code, out, _ = cli("check", "-", "--json", stdin=json.dumps(raw))
    assert code == 0
    assert [finding["id"] for finding in json.loads(out)] == ["more-vcpus-than-cores"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("run", "linx"), "linux"),
        (("run", "linux", "--workload", "rando-read"), "random-read"),
        (("run", "linux", "--machine", "labtop"), "laptop"),
        (("run", "linux", "--machine", "nvme"), "laptop"),
        (("run", "linux", "--seed", "one"), "whole number"),
        (("run", "linux", "--seed", "-1"), "whole number"),
        (("run", "linux", "--seed", "9" * 18), "larger"),
        (("run", "linux", "--until", "5 bananas"), "20 s"),
        (("run", "linux", "--until", "0 s"), "more than nothing"),
        (("run", "linux", "--trace", "/nowhere/x"), "cannot be written"),
        (("run", "/"), "no file"),
        (("run",), "required"),
        (("rnu", "linux"), "did you mean run"),
        (("run", "linux", "--sead", "1"), "--seed"),
        (("race", "linux"), "two stacks"),
        (("race", "linux", "linux-on-kwm"), "linux-on-kvm"),
        (("race", "-", "-"), "only once"),
        (("race", "linux", "linux", "--from", "host"), "host-ready"),
        (("journey", "linux", "--request", "9999"), "counted from 0"),
        ((), "required"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_usage_is_exit_2_and_says_what_was_meant(cli, arguments, word):
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert word in err


def test_a_scenario_from_a_file_runs(cli, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(simcore.scenario(simcore.prebuilt()["linux"]).to_yaml(), encoding="utf-8")
    result = json.loads(cli("run", str(file), "--json")[1])
    same = json.loads(cli("run", "linux", "--json")[1])
    assert result["trace_sha256"] == same["trace_sha256"]
    assert result["scenario_id"] == same["scenario_id"]


def test_a_run_with_a_power_cut_says_which_writes_are_lost_and_where_they_stood(cli, tmp_path):
    raw = dict(simcore.prebuilt()["linux"])
    raw["stack"] = raw["stack"] | {"settings": {"disk": {"is": "nvme", "write_cache": "ignores-flush"}}}
    load = {"id": "writes", "is": "random-write", "on": "host-os", "start": "200 s"}
    raw["workloads"] = [load | {"settings": {"sync": 1, "cache": "buffered", "count": 12}}]
    raw["interventions"] = [{"at": "201 s", "on": "host", "do": "fail", "fault": "power-cut"}]
    file = tmp_path / "cut.json"
    file.write_text(json.dumps(raw))
    _, out, _ = cli("run", str(file), "--workload", "writes")
    (line,) = [line for line in out.splitlines() if "host.disk" in line and "writes" in line]
    assert line.split() == ["writes", "12", "12", "0", "12", "host.disk"]


def test_another_machine_gives_another_scenario(cli):
    laptop = json.loads(cli("run", "linux", "--machine", "laptop", "--json")[1])
    assert laptop["scenario_id"] != json.loads(cli("run", "linux", "--json")[1])["scenario_id"]
