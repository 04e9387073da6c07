"""Calibration: a run through toy probes, what an interrupted one leaves, what a profile says and hides."""

import getpass
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import simcore
from simcore import calibrate as calibration
from simcore.__main__ import main
from simcore.calibrate import Profile, calibrate, emulation, probes
from simcore.calibrate.bench import LIMIT_S, Bench, Missing
from simcore.calibrate.samples import show_ns, summary
from simcore.component import read_entry

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(calibration.__file__).parent
PATIENCE_S = 60
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="not on Linux")


def toy(
    name: str, quantities: tuple[str, ...], measure: Callable[[Bench], None], portable: bool = True
) -> ModuleType:
    """A probe that is no file."""
    probe = ModuleType(f"toys.{name}")
    probe.TITLE, probe.QUANTITIES, probe.SECONDS = f"Toy: {name}", quantities, (1, 1)
    probe.PORTABLE, probe.measure = portable, measure
    return probe


def good(bench: Bench) -> None:
    bench.timing("fast", [100.0] * 98 + [150.0, 151.0], note="of a toy")
    bench.timing("per_byte", [0.25, 0.5, 0.75], per="B")
    bench.constant("ratio", 2.34567, n=3)
    bench.composite("whole", [2e6, 3e6, 4e6])


GOOD = toy("good", ("fast", "per_byte", "ratio", "whole"), good)


def breaks(bench: Bench) -> None:
    bench.timing("before", [1.0, 2.0])
    raise RuntimeError("the sensor is on fire")


BREAKS = toy("breaks", ("before", "after"), breaks)


def run(tmp_path: Path, *toys: ModuleType) -> tuple[Profile, str, list[str]]:
    """The profile, its text, the lines of progress."""
    said: list[str] = []
    file = tmp_path / "profile.toml"
    profile = calibrate(True, file, said.append, list(toys))
    return profile, file.read_text(), said


# ----------------------------------------------------------------------------------------------- statistics


def test_the_99_percent_quantile_is_given_over_the_median() -> None:
    found = summary([float(ns) for ns in range(1, 101)])
    assert (found.median, found.n) == (50.5, 100)
    assert found.p99_ratio == pytest.approx(99.01 / 50.5)
    assert found.spread == "p99=1.96x"


def test_outliers_are_counted_and_still_in_the_median() -> None:
    found = summary([10.0, 11.0, 12.0, 13.0, 14.0, 1000.0, 1001.0, 1002.0])
    assert (found.median, found.outliers) == (13.5, 3)


def test_a_sample_at_five_deviations_is_no_outlier_and_one_beyond_is() -> None:
    assert summary([90.0, 100.0, 110.0, 150.0, 50.0]).outliers == 0
    assert summary([90.0, 100.0, 110.0, 151.0, 50.0]).outliers == 1


def test_the_ticks_of_a_clock_are_no_outliers() -> None:
    assert summary([1000.0] * 60 + [1001.0] * 40).outliers == 0


def test_equal_samples_have_no_spread() -> None:
    assert summary([7.0, 7.0, 7.0]).spread == "none"
    assert summary([7.0]).n == 1


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0.02345, "0.02345 ns"), (0, "0 ns"), (153.24, "153.2 ns"), (1204, "1.204 us"),
        (12_345_678, "12.35 ms"), (2.5e9, "2.5 s"), (123_456e9, "123500 s"),
    ],
)  # fmt: skip
def test_times_are_written_with_four_digits_and_their_unit(ns: float, text: str) -> None:
    assert show_ns(ns) == text
    assert simcore.machine_profile  # the unit is one that entries know:
    read = tomllib.loads(f'time = "{text}"')["time"]
    assert float(read.split()[0]) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[read.split()[1]] == (
        pytest.approx(ns, rel=1e-3)
    )


# -------------------------------------------------------------------------------------------- a whole run


def test_a_profile_is_hardware_with_what_was_measured_in_it(tmp_path: Path) -> None:
    _, text, _ = run(tmp_path, GOOD)
    entry = read_entry(tmp_path / "profile.toml")
    assert entry.is_profile
    assert entry.timings["fast"].amount == 100
    assert (entry.timings["fast"].spread_text, entry.timings["fast"].outliers) == ("p99=1.5x", 2)
    assert (entry.timings["per_byte"].per, entry.timings["per_byte"].probe) == ("B", "good")
    assert entry.constants["ratio"].value == 2.346
    assert tomllib.loads(text)["composites"]["whole"]["time"] == "3 ms"
    assert {"power_supply", "fast"} <= set(entry.timings)
    assert entry.settings["cpus"].default == os.cpu_count()


def test_a_profile_is_a_machine_to_run_stacks_on(tmp_path: Path) -> None:
    _, text, _ = run(tmp_path, GOOD)
    machine = simcore.add_machine(text)
    scenario = simcore.scenario(simcore.prebuilt()["linux"], workload="boot", machine=machine)
    assert simcore.run(scenario).outcome["workloads"]["boot"]["n"] == 1


def test_a_failing_probe_stops_no_other_and_keeps_what_it_had(tmp_path: Path) -> None:
    profile, text, said = run(tmp_path, BREAKS, GOOD)
    raw = tomllib.loads(text)
    assert {"before", "fast"} <= set(raw["timings"])
    missing = {"probe": "breaks", "quantity": "after", "reason": "RuntimeError: the sensor is on fire"}
    assert raw["missing"] == [missing]
    assert [re.sub(r"\(.*", "", line) for line in said] == ["[1/2] Toy: breaks ", "[2/2] Toy: good "]
    assert "  after (breaks): RuntimeError: the sensor is on fire" in profile.lines()


def test_one_failing_quantity_stops_no_other_of_its_probe(tmp_path: Path) -> None:
    def measure(bench: Bench) -> None:
        with bench.attempt("first"):
            bench.tool("no-such-tool")
        with bench.attempt("second"):
            bench.timing("second", [1.0])

    _, text, _ = run(tmp_path, toy("two", ("first", "second"), measure))
    raw = tomllib.loads(text)
    assert "second" in raw["timings"]
    assert [(one["quantity"], one["reason"]) for one in raw["missing"]] == [
        ("first", "no-such-tool is not installed")
    ]


def test_a_quantity_that_a_probe_forgets_is_missing(tmp_path: Path) -> None:
    _, text, _ = run(tmp_path, toy("lazy", ("something",), lambda bench: None))
    assert [one["quantity"] for one in tomllib.loads(text)["missing"]] == ["something"]


def test_a_probe_measures_what_it_promises_and_only_once() -> None:
    with Bench(quick=True) as bench:
        bench.begin("toy", ("a", "b"))
        bench.timing("a", [1.0])
        with pytest.raises(ValueError, match="has a result"):
            bench.missing("a", "but it has")
        with pytest.raises(ValueError, match="QUANTITIES"):
            bench.constant("c", 1.0)
        with pytest.raises(Missing, match="no samples"):
            bench.timing("b", [])


def test_the_table_at_the_end_has_a_row_for_each_quantity(tmp_path: Path) -> None:
    profile, _, _ = run(tmp_path, GOOD)
    rows = [line.split() for line in profile.lines()]
    assert rows[0] == ["quantity", "median", "spread", "n", "outliers"]
    assert rows[1:] == [
        ["fast", "100", "ns", "p99=1.5x", "100", "2"],
        ["per_byte", "0.5", "ns", "/", "B", "p99=1.49x", "3", "0"],
        ["ratio", "2.346", "3"],
        ["whole", "3", "ms", "p99=1.33x", "3", "0"],
    ]


def test_what_is_missing_for_the_same_reason_shares_a_line(tmp_path: Path) -> None:
    def measure(bench: Bench) -> None:
        bench.missing("c", "it is too dark")
        raise Missing("there is no thermometer")

    profile, _, _ = run(tmp_path, toy("blind", ("a", "b", "c"), measure), BREAKS)
    assert list(profile.lines())[-4:] == [
        "Not measured:",
        "  c (blind): it is too dark",
        "  a, b (blind): there is no thermometer",
        "  after (breaks): RuntimeError: the sensor is on fire",
    ]


def test_on_another_system_only_portable_probes_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    elsewhere = toy("elsewhere", ("deep",), lambda bench: bench.timing("deep", [1.0]), portable=False)
    profile, _, _ = run(tmp_path, elsewhere, GOOD)
    assert profile.missing == [
        {"probe": "elsewhere", "quantity": "deep", "reason": "is measured on Linux only"}
    ]
    assert {one.name for one in profile.measured} == set(GOOD.QUANTITIES)


def test_when_the_time_is_up_what_is_left_is_missing_and_the_clean_up_goes_on() -> None:
    with Bench(quick=True) as bench:
        bench.begin("toy", ())
        bench.deadline = time.monotonic() - 1
        ended = []
        bench.undo(lambda: ended.append(bench.run(sys.executable, "-c", "print(1)").stdout.strip()))
        with pytest.raises(Missing, match="were over"):
            bench.run(sys.executable, "-c", "")
        assert bench.clean_up() == []
        assert ended == ["1"]


def test_a_program_that_hangs_is_ended_and_said_to() -> None:
    with Bench(quick=True) as bench:
        with pytest.raises(Missing, match="sleep did not end within"):
            bench.run("sleep", 1000, timeout=0.05)
        assert bench.clean_up() == []


def test_undo_runs_last_in_first_out_and_one_that_fails_is_said() -> None:
    order: list[int] = []
    with Bench(quick=True) as bench:
        for number in range(3):
            bench.undo(lambda number=number: order.append(number))
        now = bench.undo(lambda: order.append(99))
        bench.undo(lambda: Path("/no/such/file").unlink())
        now()
        assert bench.clean_up() == ["FileNotFoundError: No such file or directory"]
    assert order == [99, 2, 1, 0]


# ------------------------------------------------------------------------------------------------ discretion


def test_a_profile_never_names_host_user_or_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "alices-laptop")
    monkeypatch.setattr(platform, "node", lambda: "alices-laptop.example.org")
    monkeypatch.setattr(platform, "release", lambda: "6.1.0-alices-laptop")
    monkeypatch.setattr(getpass, "getuser", lambda: "alice")

    def measure(bench: Bench) -> None:
        bench.timing("noted", [1.0], note="on alices-laptop, in /home/alice/measurements/file")
        raise OSError(13, "cannot open /home/alice/secret of alice@alices-laptop.example.org, but /dev/kvm")

    profile, text, _ = run(tmp_path, toy("talks", ("noted", "open"), measure))
    for shown in (text, "\n".join(profile.lines())):
        assert not re.search(r"alice|/home|" + re.escape(str(tmp_path)), shown)
    assert "/dev/kvm" in text


@on_linux
def test_a_profile_says_under_which_conditions_it_was_made(tmp_path: Path) -> None:
    machine = tomllib.loads(run(tmp_path, GOOD)[1])["machine"]
    assert set(machine) == {
        "label", "date", "system", "kernel", "arch", "cpu", "cpus", "memory", "clock", "clock_source",
        "hypervisor", "mitigations", "load", "root", "quick", "tools",
    }  # fmt: skip
    assert machine["quick"] is True
    assert machine["root"] is (os.geteuid() == 0)
    assert machine["kernel"] == platform.release()


# ------------------------------------------------------------------------------------------------- interrupts

INTERRUPTED = """
import os, subprocess, sys, time
from pathlib import Path
from types import ModuleType
from simcore import calibrate
from simcore.__main__ import main

outside = Path(sys.argv[1]) / "made"
MARK = str(outside) + "-process"
sleeper = [sys.executable, "-c", "import time; time.sleep(1000)", MARK]

def measure(bench):
    outside.mkdir()
    bench.undo(outside.rmdir)
    bench.start(*sleeper)
    daemon = "import os, sys; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
    subprocess.run([sys.executable, "-c", daemon + "os.execv(sys.argv[1], sys.argv[1:])", *sleeper])
    bench.undo(lambda: (print("undoing", flush=True), time.sleep(0.3)))
    (bench.scratch / "big").write_bytes(bytes(1000))
    if "whole" in sys.argv:
        with bench.whole():
            print("ready", flush=True)
            time.sleep(0.5)
            print("done", flush=True)
    try:
        print("ready", flush=True)
        time.sleep(1000)
    except BaseException:
        if "swallowed" not in sys.argv:
            raise
    bench.run("sleep", 1000)

toy = ModuleType("toys.makes")
toy.TITLE, toy.QUANTITIES, toy.SECONDS, toy.PORTABLE, toy.measure = "Toy", ("x",), (1, 1), True, measure
calibrate.probes = lambda: [toy]
sys.exit(main(["calibrate", "--out", sys.argv[1] + "/profile.toml"]))
"""


def with_mark(mark: str) -> list[str]:
    """The ids of processes whose command line has this word."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(file.parent.name)
    return found


@on_linux
@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("plain", signal.SIGINT),
        ("plain", signal.SIGTERM),
        ("plain", signal.SIGHUP),
        ("whole", signal.SIGTERM),
        ("swallowed", signal.SIGINT),
        ("twice", signal.SIGINT),
    ],
)
def test_an_interrupted_run_leaves_nothing(how: str, number: signal.Signals, tmp_path: Path) -> None:
    """No process, not even one that has left its session; no scratch directory; nothing half written."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path), how],
        env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    mark = f"{tmp_path}/made-process"
    deadline = time.monotonic() + PATIENCE_S
    while len(with_mark(mark)) < 2:
        assert time.monotonic() < deadline
    process.send_signal(number)
    if how == "whole":
        assert process.stdout.readline() == "done\n"
    if how == "twice":
        assert process.stdout.readline() == "undoing\n"
        process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said.splitlines()[-1]) == (
        130, "interrupted: all is cleaned up, and nothing is written",
    )  # fmt: skip
    assert with_mark(mark) == []
    assert list(scratch.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


# ------------------------------------------------------------------------------------------ the command line


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("mine")
    assert main(["calibrate", "--quick", "--out", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--out", str(tmp_path / "nowhere" / "x.toml")]) == 2
    assert "[1/" not in capsys.readouterr().err


def test_without_any_tool_there_is_a_profile_and_a_list_of_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", "--quick"]) == 0
    entry = read_entry(tmp_path / "machine.toml")
    missing = {one["quantity"]: one["reason"] for one in entry.raw["missing"]}
    wanted = {name for probe in probes() if probe.SECONDS[0] for name in probe.QUANTITIES}
    assert wanted - {*missing, *entry.timings, *entry.constants} == set()
    assert "no C compiler" in missing["syscall"]
    assert entry.constants["clock"].status != "measured"
    assert re.search(r"  clock, syscall, .* \(cpu\): no C compiler", capsys.readouterr().out)


@on_linux
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_compiler_is_all_that_the_basic_quantities_need(tmp_path: Path) -> None:
    """Without root and without other tools; a few samples."""
    with Bench(quick=True) as bench:
        for measurement in (
            "syscall",
            "signal",
            "pipe_round_trip_one_core",
            "thread",
            "fork",
            "fault_4k",
            "timer",
        ):
            samples = bench.native(measurement, 5)
            assert len(samples) == 5
            assert min(samples) > 0
        assert len(bench.native("cycles", 5, source="native_portable")) == 5
        assert min(bench.native("latency", 5, 2**15, source="native_portable")) > 0
        assert min(bench.native("fork_exec", 5, bench.tiny())) > 0


def test_a_guests_results_are_told_from_its_kernels_messages() -> None:
    said = "[ 2.49] random: crng init done\r\ninteger 1.5\r\nfloat 2\r\ninteger 2.5\r\n[  3.1] reboot: off"
    found = emulation._results([said, "memory 4\n"])
    assert found == {"integer": [1.5, 2.5], "float": [2.0], "memory": [4.0], "syscall": [], "translate": []}


@on_linux
@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="/dev/kvm may not be opened")
def test_the_tiny_guest_leaves_for_user_space_at_a_port_and_not_at_cpuid() -> None:
    """Measured as differences, which a busy machine drowns: one quiet moment is enough."""
    with Bench(quick=True) as bench:
        for _attempt in range(20):
            user = bench.native("exit_user", 20, source="native_kvm")
            kernel = bench.native("exit_kernel", 5, source="native_kvm")
            if min(user) > min(kernel) > 0:
                return
        pytest.fail(f"user space {user}, kernel {kernel}")


# ------------------------------------------------------------------------------------------------ all probes

every_probe = pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.__name__.rpartition(".")[2])


def test_the_estimates_keep_within_two_and_ten_minutes() -> None:
    assert sum(probe.SECONDS[0] for probe in probes()) <= LIMIT_S[0] < 120
    assert sum(probe.SECONDS[1] for probe in probes()) <= LIMIT_S[1] < 600


@every_probe
def test_every_probe_says_what_it_measures_and_what_disturbs_it(probe: ModuleType) -> None:
    assert "isturbed by" in (probe.__doc__ or "")
    assert len(set(probe.QUANTITIES)) == len(probe.QUANTITIES) > 0


@every_probe
def test_every_probe_and_quantity_has_its_line_in_the_reference(probe: ModuleType) -> None:
    page = (ROOT / "docs" / "reference" / "calibrate.md").read_text()
    name = probe.__name__.rpartition(".")[2]
    section = re.search(rf"^### {name}$.*?(?=^###? |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    listed = [
        name
        for row in re.findall(r"^\| (`.*?) \|", section[0], re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(listed) == sorted(probe.QUANTITIES)


@on_linux
@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.c")), ids=lambda file: file.name)
def test_the_c_helpers_compile_without_a_warning(file: Path, tmp_path: Path) -> None:
    strict = ["-std=c11", "-pedantic"] if file.stem == "native_portable" else ["-std=gnu11"]
    linked = ["-static", "-nostdlib", "-ffreestanding"] if file.stem == "tiny" else ["-pthread"]
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", *strict, file, *linked, "-o", tmp_path / "out"],
        check=True,
    )
