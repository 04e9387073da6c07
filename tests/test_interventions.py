"""What happens when something is killed or changed in mid-run: who ends with it, and who does not notice."""

from functools import cache
from typing import Any

import pytest

import simcore
from tests.seen import GUESTS, MS, S, Span, lines, ran, requests, scenario, spans

GUEST = {"vm1", "vm1.disk", "vm1.firmware", "guest-os"}


def with_(stack: str | dict[str, Any], *interventions: dict[str, Any]) -> dict[str, Any]:
    raw = simcore.prebuilt()[stack] if isinstance(stack, str) else stack
    return {**raw, "interventions": list(interventions)}


def kill(on: str, at_ns: int) -> dict[str, Any]:
    return {"at": f"{at_ns} ns", "on": on, "do": "fail", "fault": "kill"}


def ended(result: simcore.Result) -> set[str]:
    return {name for name, node in result.outcome["nodes"].items() if node["state"] == "killed"}


@cache
def middle(stack: str) -> int:
    """A moment in the middle of the workload, within a piece of it."""
    lane = ran(stack, "spin").outcome["lane"]
    return int(lane["end_ns"]) - 50 * MS + 7


# --------------------------------------------------------------------------------- who ends with whom (w10)


@pytest.mark.parametrize(
    ("stack", "victim", "dead"),
    [
        ("docker-on-linux", "web", {"web"}),
        ("docker-on-linux", "engine", {"engine"}),
        ("docker-on-linux", "host-os", {"host-os", "engine", "web"}),
        ("docker-on-linux", "host", {"host", "host.disk", "host.firmware", "host-os", "engine", "web"}),
        ("linux-on-kvm", "guest-os", {"guest-os"}),
        ("linux-on-kvm", "vm1", GUEST),
        ("linux-on-kvm", "host-os", {"host-os", "hv", *GUEST}),
        ("linux-on-virtualbox", "vm1", GUEST),
        ("linux-on-virtualbox", "hv", {"hv", *GUEST}),
    ],
)
def test_a_kill_takes_what_stands_on_it_and_nothing_else(stack: str, victim: str, dead: set[str]) -> None:
    at = middle(stack)
    result = simcore.run(scenario(with_(stack, kill(victim, at)), workload="spin"))
    assert ended(result) == dead
    told = result.outcome["nodes"] | result.outcome["workloads"]
    on = result.scenario.workloads[0].on
    died = {name: node["killed_ns"] for name, node in told.items() if "killed_ns" in node}
    assert died == dict.fromkeys((*dead, *(["spin"] if on in dead else [])), at)
    lane = result.outcome["lane"]
    if on in dead:
        assert lane["finished"] is False
        assert 0 < result.outcome["workloads"]["spin"]["n"] < 10
        assert [span for span in spans(result.trace) if span.node == "spin" and span.end > at] == []
    else:
        assert lane["finished"] is True
        assert result.outcome["workloads"]["spin"] == ran(stack, "spin").outcome["workloads"]["spin"]


def test_killing_dockerd_kills_no_container() -> None:
    """The shims hold them."""
    at = middle("docker-on-linux")
    result = simcore.run(
        scenario(
            with_("docker-on-linux", kill("engine", at)),
            workload="random-read",
            vary={
                "random-read.count": 3000,
            },
        )
    )
    assert ended(result) == {"engine"}
    assert result.outcome["workloads"]["random-read"]["n"] == 3000


def two_guests(**second: Any) -> dict[str, Any]:
    """Two guests with a vCPU each on a host with one core, each with something to do."""
    guests = [
        {
            "id": f"vm{i}",
            "is": "vm",
            "settings": {"vcpus": 1, "memory": "512 MiB"},
            "holds": [{"id": f"guest{i}", "is": "linux", "settings": {"init": "direct"}}],
        }
        for i in (1, 2)
    ]
    loads = [
        {
            "id": f"load{i}",
            "is": "spin",
            "on": f"guest{i}",
            "start": "130 s",
            "settings": {"work": "10 ms", "count": 20},
        }
        for i in (1, 2)
    ]
    loads[1] |= second
    kernel = {"id": "host-os", "is": "linux", "settings": {"init": "direct"}}
    kernel["holds"] = [{"id": "hv", "is": "kvm-qemu", "holds": guests}]
    host = {"id": "host", "is": "server-2s-xeon", "settings": {"cpus": 1}, "holds": [kernel]}
    return {"stack": host, "workloads": loads}


def test_the_neighbour_of_a_killed_guest_gets_its_cpu() -> None:
    both = simcore.run(scenario(two_guests()))
    result = simcore.run(scenario(with_(two_guests(), kill("vm1", 130 * S + 100 * MS))))
    assert ended(result) == {"vm1", "vm1.disk", "vm1.firmware", "guest1"}
    alone, shared = (one.outcome["workloads"]["load2"] for one in (result, both))
    assert alone["n"] == shared["n"] == 20
    assert alone["p50_ns"] < 1.1 * 10 * MS < 1.5 * 10 * MS < shared["p50_ns"]


@pytest.mark.parametrize("stack", GUESTS)
def test_a_guest_killed_while_it_boots_says_no_more(stack: str) -> None:
    whole = ran(stack, "boot")
    said = {text: at for at, _, text in lines(whole.trace, "guest-os")}
    at = (said["linux_version"] + said["mount_root"]) // 2
    result = simcore.run(scenario(with_(stack, kill("vm1", at)), workload="boot"))
    before = [line for line in lines(whole.trace) if line[0] <= at]
    assert list(lines(result.trace)) == before
    assert result.outcome["nodes"]["guest-os"]["ready_ns"] is None
    assert result.outcome["workloads"]["boot"]["n"] == 0
    assert [
        span for span in spans(result.trace) if span.end > at and span.kind == "cpu" and "vm1" in span.thread
    ] == []


def test_a_container_whose_engine_dies_first_never_starts() -> None:
    ready = ran("docker-on-linux", "boot").outcome["nodes"]
    at = (ready["engine"]["ready_ns"] + ready["web"]["ready_ns"]) // 2
    result = simcore.run(scenario(with_("docker-on-linux", kill("engine", at)), workload="boot"))
    assert result.outcome["nodes"]["web"]["ready_ns"] is None
    assert result.outcome["workloads"]["boot"]["n"] == 0
    late = simcore.run(
        scenario(with_("docker-on-linux", kill("engine", ready["host-os"]["ready_ns"] + MS)), workload="boot")
    )
    assert late.outcome["nodes"]["web"]["state"] == "off"


def test_a_dead_disk_answers_no_more() -> None:
    lane = ran("linux", "random-read").outcome["lane"]
    at = (lane["start_ns"] + lane["end_ns"]) // 2
    result = simcore.run(scenario(with_("linux", kill("host.disk", at)), workload="random-read"))
    n = result.outcome["workloads"]["random-read"]["n"]
    assert 0 < n < 100
    assert result.outcome["lane"]["finished"] is False
    read = requests(result.trace, "read", "random-read")
    assert len(read) in (n, n + 1)


def test_a_kill_before_its_time_or_twice_changes_nothing_more() -> None:
    at = middle("docker-on-linux")
    once = simcore.run(scenario(with_("docker-on-linux", kill("web", at)), workload="spin"))
    twice = simcore.run(
        scenario(with_("docker-on-linux", kill("web", at), kill("web", at + MS)), workload="spin")
    )
    assert list(twice.trace.spans["end_ns"]) == list(once.trace.spans["end_ns"])
    early = simcore.run(scenario(with_("docker-on-linux", kill("web", 1 * S)), workload="spin"))
    assert early.outcome["nodes"]["web"]["state"] == "killed"
    assert early.outcome["nodes"]["engine"]["state"] == "ready"
    assert early.outcome["workloads"]["spin"]["n"] == 0


def test_until_an_intervention_nothing_differs() -> None:
    """A what-if is a branch: the same run with the same luck until then."""
    at = middle("docker-on-linux")
    plain, changed = (
        simcore.run(scenario(with_("docker-on-linux", *what), workload="spin"))
        for what in ([], [kill("web", at)])
    )
    first, second = (
        [(s.node, s.op, s.start, s.end) for s in spans(result.trace) if s.end < at]
        for result in (plain, changed)
    )
    assert len(first) > 500
    assert first == second


# -------------------------------------------------------------------------------------- a limit, in mid-run


def throttled(found: list[Span]) -> list[Span]:
    return [span for span in found if span.op == "throttled"]


def limited(cpus: float | None, work: str = "98 ms", **vary: Any) -> simcore.Scenario:
    """Work in a container that has rested long enough to have its whole quota."""
    raw = simcore.prebuilt()["docker-on-linux"]
    load = {"id": "load", "is": "spin", "on": "web", "start": "200 s", "settings": {"work": work, "count": 1}}
    limits = {} if cpus is None else {"web.cpus": cpus}
    return scenario({**raw, "workloads": [load]}, vary=limits | vary)


def test_without_a_limit_100_ms_of_work_take_100_ms() -> None:
    result = simcore.run(limited(None, "100 ms"), spread=False)
    assert result.outcome["workloads"]["load"]["mean_ns"] == 100 * MS
    assert throttled(spans(result.trace)) == []


@pytest.mark.parametrize("seed", range(1, 9))
def test_98_ms_of_work_under_a_quota_of_20_in_100_ms_take_318_to_418(seed: int) -> None:
    """What is left of the quota at once, a pause to the first refill, then a burst in each period."""
    result = simcore.run(limited(0.2), seed, spread=False)
    took = result.outcome["workloads"]["load"]["mean_ns"]
    assert 317 * MS <= took <= 420 * MS
    pauses = throttled(spans(result.trace))
    assert 3 <= len(pauses) <= 5
    assert {span.kind for span in pauses} == {"queue"}
    assert {span.node for span in pauses} == {"host-os"}
    assert took == pytest.approx(98 * MS + sum(span.length for span in pauses), rel=0.01)


def test_98_ms_of_work_under_a_quota_of_20_in_100_ms_take_five_periods_at_most() -> None:
    """The cost of starting container and program is charged to the same quota; the rest just suffices."""
    took = [
        simcore.run(limited(0.2, "98 ms"), seed).outcome["workloads"]["load"]["mean_ns"]
        for seed in range(1, 31)
    ]
    assert min(took) >= 315 * MS
    assert max(took) <= 425 * MS


def test_with_100_ms_of_work_the_cost_of_the_start_may_need_a_sixth_period() -> None:
    took = [
        simcore.run(limited(0.2, "100 ms"), seed).outcome["workloads"]["load"]["mean_ns"]
        for seed in range(1, 31)
    ]
    assert min(took) >= 320 * MS
    assert max(took) < 500 * MS
    assert sorted(took)[15] <= 425 * MS


def test_what_runs_over_until_the_tick_is_paid_back() -> None:
    """Two seconds of work at a fifth of a CPU take ten, although every burst may end up to a tick late."""
    took = simcore.run(limited(0.2, "2 s")).outcome["workloads"]["load"]["mean_ns"]
    assert 9_880 * MS <= took <= 10_110 * MS


def test_the_period_does_not_begin_with_the_load() -> None:
    took = {
        simcore.run(limited(0.2), seed, spread=False).outcome["workloads"]["load"]["mean_ns"] // MS
        for seed in range(1, 9)
    }
    assert len(took) > 4


def test_four_threads_use_up_the_periods_quota_in_a_quarter_of_the_time() -> None:
    result = simcore.run(limited(0.2, **{"load.threads": 4, "load.work": "24500 us"}), spread=False)
    assert 319 * MS <= result.outcome["workloads"]["load"]["mean_ns"] <= 425 * MS
    pauses = throttled(spans(result.trace))
    assert max(span.length for span in pauses) > 90 * MS


def test_a_limit_set_in_mid_run_throttles_from_then_on() -> None:
    at = middle("docker-on-linux") - 30 * MS
    setting = {"at": f"{at} ns", "on": "web", "do": "set", "settings": {"cpus": 0.2}}
    result = simcore.run(scenario(with_("docker-on-linux", setting), workload="spin"))
    plain = ran("docker-on-linux", "spin")
    pauses = throttled(spans(result.trace))
    assert pauses
    assert min(span.start for span in pauses) >= at
    assert result.outcome["lane"]["end_ns"] > plain.outcome["lane"]["end_ns"] + 100 * MS
    assert result.outcome["workloads"]["spin"]["n"] == 10


def test_a_limit_lifted_in_mid_run_lets_it_go() -> None:
    slow = limited(0.2)
    lifted = {"at": "200 s", "on": "web", "do": "set", "settings": {"cpus": 64}}
    fast = scenario({**slow.canonical(), "interventions": [lifted]})
    times = [simcore.run(one, spread=False).outcome["workloads"]["load"]["mean_ns"] for one in (slow, fast)]
    assert times[1] < 105 * MS < times[0]


def test_a_weight_does_nothing_on_an_idle_machine_and_divides_a_busy_one() -> None:
    raw = simcore.prebuilt()["docker-on-linux"]
    (kernel,) = raw["stack"]["holds"]
    other = {"id": "other", "is": "container", "runtime": "engine", "settings": {"weight": 300}}
    host = {
        **raw["stack"],
        "settings": {"cpus": 1},
        "holds": [{**kernel, "holds": [*kernel["holds"], other]}],
    }
    loads = [
        {
            "id": f"on-{on}",
            "is": "spin",
            "on": on,
            "start": "200 s",
            "settings": {"work": "10 ms", "count": count},
        }
        for on, count in (("web", 20), ("other", 60))
    ]
    busy = simcore.run(simcore.scenario({"stack": host, "workloads": loads}), spread=False).outcome[
        "workloads"
    ]
    assert busy["on-web"]["mean_ns"] == pytest.approx(4 * 10 * MS, rel=0.1)
    assert busy["on-other"]["mean_ns"] == pytest.approx(4 / 3 * 10 * MS, rel=0.1)
    idle = simcore.run(simcore.scenario({"stack": host, "workloads": loads[1:]}), spread=False).outcome[
        "workloads"
    ]
    assert idle["on-other"]["mean_ns"] == pytest.approx(10 * MS, rel=0.01)


# ----------------------------------------------------------------------------------------------- neighbours


@pytest.mark.parametrize("scheduler", ["fair", "cfs", "round-robin"])
def test_two_guests_on_one_core_get_half_each_and_the_rest_is_the_hosts_queue(scheduler: str) -> None:
    """Nothing in the guest says so: to its kernel the CPU just looks slow."""
    raw = two_guests()
    raw["stack"]["holds"][0]["settings"]["scheduler"] = scheduler
    result = simcore.run(simcore.scenario(raw), spread=False)
    found = spans(result.trace)
    for i in (1, 2):
        took = result.outcome["workloads"][f"load{i}"]["mean_ns"] * 20
        assert took == pytest.approx(2 * 200 * MS, rel=0.3 if scheduler == "round-robin" else 0.1)
        thread = f"guest{i}/load{i}"
        stolen = sum(
            span.length
            for span in found
            if span.thread == thread and span.op == "run_queue" and span.node == "host-os"
        )
        own = [
            span
            for span in found
            if span.thread == thread and span.op == "run_queue" and span.node == f"guest{i}"
        ]
        assert stolen == pytest.approx(took - 200 * MS, rel=0.1)
        assert sum(span.length for span in own if span.start > 130 * S) < 5 * MS


def test_a_neighbour_on_another_core_takes_nothing() -> None:
    raw = two_guests()
    raw["stack"]["settings"]["cpus"] = 4
    result = simcore.run(simcore.scenario(raw), spread=False)
    for i in (1, 2):
        assert result.outcome["workloads"][f"load{i}"]["mean_ns"] == pytest.approx(10 * MS, rel=0.01)


def test_more_vcpus_than_cores_is_a_warning_and_runs() -> None:
    findings = simcore.check(two_guests())
    assert [(f.id, f.severity) for f in findings] == [("more-vcpus-than-cores", "warning")]


# -------------------------------------------------------------------------------------------- when to start


def test_a_tenant_that_starts_by_hand_never_does() -> None:
    raw = simcore.prebuilt()["linux-on-kvm"]
    (kernel,) = raw["stack"]["holds"]
    (hypervisor,) = kernel["holds"]
    (vm,) = hypervisor["holds"]
    for start, state, begins in (("manual", "off", None), ("300 s", "ready", 300 * S)):
        late = {**hypervisor, "holds": [{**vm, "start": start}]}
        stack = {**raw["stack"], "holds": [{**kernel, "holds": [late]}]}
        result = simcore.run(scenario({**raw, "stack": stack}, workload="boot"))
        assert result.outcome["nodes"]["vm1"]["state"] == state
        first = [span.start for span in spans(result.trace) if span.node == "vm1" and span.op == "boot"]
        assert first == ([] if begins is None else [begins]) or abs(first[0] - begins) < MS


def test_a_workload_stops_asking_when_its_time_is_up() -> None:
    raw = simcore.prebuilt()["linux"]
    load = {"id": "load", "is": "periodic", "on": "host-os", "for": "95 ms"}
    result = simcore.run(scenario({**raw, "workloads": [load]}))
    assert result.outcome["workloads"]["load"]["n"] in (9, 10)


# ------------------------------------------------------------------------------------------ started again


def restarting(*interventions: dict[str, Any]) -> simcore.Result:
    stack = simcore.Draft(simcore.prebuilt()["docker-on-linux"]).set("web.restart", "always").raw
    return simcore.run(scenario(with_(dict(stack), *interventions), workload="spin"))


def test_a_container_with_a_restart_policy_comes_up_again_and_its_program_begins_anew() -> None:
    at = middle("docker-on-linux")
    result, before = restarting(kill("web", at)), ran("docker-on-linux", "spin").outcome
    web, spin = result.outcome["nodes"]["web"], result.outcome["workloads"]["spin"]
    assert (web["state"], web["restarts"]) == ("ready", 1)
    assert web["ready_ns"] == before["nodes"]["web"]["ready_ns"] < at < at + 100 * MS < web["again_ns"]
    lost = at - before["nodes"]["web"]["ready_ns"]
    assert spin["finished_ns"] > before["workloads"]["spin"]["finished_ns"] + lost
    assert "restarts" in [text for _at, node, text in lines(result.trace) if node == "engine"]


def test_it_comes_up_as_often_as_it_is_killed() -> None:
    at = middle("docker-on-linux")
    result = restarting(kill("web", at), kill("web", at + 2 * S))
    assert result.outcome["nodes"]["web"]["restarts"] == 2
    assert result.outcome["lane"]["finished"] is True


def test_a_blow_to_a_dead_container_changes_nothing() -> None:
    at = middle("docker-on-linux")
    once, twice = (restarting(kill("web", at), *more) for more in ((), (kill("web", at + MS),)))
    assert twice.outcome["nodes"]["web"] == once.outcome["nodes"]["web"]


def test_nobody_starts_a_container_again_when_dockerd_is_dead() -> None:
    at = middle("docker-on-linux")
    for killed in ((kill("engine", at), kill("web", at + MS)), (kill("web", at), kill("engine", at + MS))):
        result = restarting(*killed)
        assert result.outcome["nodes"]["web"]["state"] == "killed"
        assert result.outcome["lane"]["finished"] is False


def test_without_a_policy_it_stays_dead() -> None:
    result = simcore.run(
        scenario(with_("docker-on-linux", kill("web", middle("docker-on-linux"))), workload="spin")
    )
    assert result.outcome["nodes"]["web"]["restarts"] == 0
    assert ended(result) == {"web"}


def test_without_its_guards_the_door_to_the_kernel_is_passed_faster() -> None:
    """222 cycles with mitigations, 153.75 without; the call itself is the same."""
    runs = [
        simcore.run(scenario("linux", workload="system-call", vary={"host-os.mitigations": how}))
        for how in ("auto", "off")
    ]
    guarded, bare = (run.outcome["workloads"]["system-call"]["mean_ns"] for run in runs)
    assert 0.6 < bare / guarded < 0.8
