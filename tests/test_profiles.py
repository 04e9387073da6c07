"""A measured machine is hardware: what may come from outside, what is kept of it, what it changes."""

import pytest

import simcore
from simcore import machines
from simcore.catalog import load_catalog
from tests.profiles import FAULTY, LAPTOP, WITH_NAMES
from tests.seen import scenario


def faults_of(text: str) -> list[str]:
    with pytest.raises(simcore.EntryError) as caught:
        simcore.machine_profile(text)
    return caught.value.faults


def test_only_what_calibrate_writes_is_kept() -> None:
    kept = simcore.profile_text(WITH_NAMES)
    assert not any(word in kept for word in ("alice", "SN-0815", "02:42"))
    assert kept == simcore.profile_text(LAPTOP) == simcore.profile_text(kept)
    assert simcore.machine_profile(WITH_NAMES).id == simcore.machine_profile(kept).id


def test_what_is_kept_is_everything_that_calibrate_writes() -> None:
    kept = simcore.profile_text(LAPTOP)
    lines = {line.strip() for line in LAPTOP.splitlines() if line.strip()}
    assert {line for line in lines if line not in kept} == {'model = "simcore.hardware.machine:Machine"'}


def test_all_faults_are_told_at_once() -> None:
    said = "\n".join(faults_of(FAULTY))
    for fault in ("cpus is missing", "date is missing", "'kernel'", "clock", "'rumour'", "'5'"):
        assert fault in said


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no [machine] table"),
        ("machine = [", "not TOML"),
        ("x" * (simcore.LARGEST_PROFILE + 1), "at most"),
        (LAPTOP.replace("default = 4", "default = 4000000").replace("max = 64", "max = 9000000"), "1024"),
        (LAPTOP.replace('"3 GHz"', '"0 Hz"'), "1 MHz"),
        (LAPTOP.replace('"3 GHz"', '"fast"'), "1 MHz"),
        (LAPTOP.replace('time = "400 ns"', 'time = "-400 ns"'), "negative"),
        (LAPTOP.replace('probe = "cpu"', "", 1), "name its source"),
        (
            f"composites = 3\n{LAPTOP.replace('[composites.runc_run]', '[ignored]')}",
            "composites must be tables",
        ),
    ],
)
def test_a_profile_that_cannot_be_hardware_is_refused_with_the_reason(text: str, word: str) -> None:
    assert word in "\n".join(faults_of(text))


def test_its_id_stays_when_what_nobody_can_measure_becomes_better_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a profile lacks is filled in from another entry; links must outlive that."""
    before = simcore.machine_profile(LAPTOP)
    monkeypatch.setattr(machines, "LIKE", "server-2s-xeon")
    machines.machine_profile.cache_clear()
    after = simcore.machine_profile(LAPTOP)
    machines.machine_profile.cache_clear()
    assert after.id == before.id
    assert after.timings["power_supply"] != before.timings["power_supply"]


def test_every_measured_value_makes_it_another_machine() -> None:
    assert (
        simcore.machine_profile(LAPTOP.replace("400 ns", "401 ns")).id != simcore.machine_profile(LAPTOP).id
    )


def test_a_run_on_it_uses_its_numbers_and_is_another_scenario() -> None:
    machine = simcore.add_machine(LAPTOP)
    on_it = scenario("linux-on-kvm", workload="random-read", machine=machine)
    on_ours = scenario("linux-on-kvm", workload="random-read", machine="laptop")
    assert on_it.id(1) != on_ours.id(1)
    timings = {(one["is"], one["op"]): one for one in simcore.run(on_it).trace.header["timings"]}
    assert timings["linux", "syscall_entry"]["ns"] == 200  # half of what its profile says of `syscall`
    assert timings["linux", "syscall_entry"]["status"] == "measured"
    means = [simcore.run(one).outcome["workloads"]["random-read"]["mean_ns"] for one in (on_it, on_ours)]
    assert means[0] != means[1]


def test_a_machine_that_is_not_known_here_is_a_finding() -> None:
    assert "m-000000000000" not in load_catalog()
    with pytest.raises(simcore.ScenarioError, match="unknown-component"):
        scenario("linux", machine="m-000000000000")
