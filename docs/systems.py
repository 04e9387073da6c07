"""The page of all prebuilt systems: what each is made of, and what one read does in it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import simcore
from simcore.explain.journey import requests_of
from simcore.texts import show_time

__all__ = ["EXPLAINED", "systems_page"]

EXPLAINED = Path(__file__).resolve().parent / "explanation" / "systems"
"""A page for each system that has more to say than its components do."""

INTRO = """\
Every prebuilt stack, with what a run of it says. `python -m simcore run ID` runs one, `race ID ID …` starts
several at the same moment, and `journey ID` shows each stop of the read below, with its time.

A **read** is one of 4 KiB, past the page cache, one at a time, with every operation at its mean. An **exit**
takes the CPU out of a guest; each is counted that lies between the read's submission and its return, whoever
caused it. A **hand-over** is where another thread goes on with it. **Ready** is from the moment when the host
is ready, and with it every control domain, to the first instruction of a program in the system.
"""


def systems_page(made: str) -> str:
    rows, sections = [], []
    for name, raw in simcore.prebuilt().items():
        scenario = simcore.scenario(raw, workload="random-read")
        trace = simcore.run(scenario, spread=False).trace
        trip = simcore.journey(trace, requests_of(trace)[-1])
        lane = simcore.run(simcore.scenario(raw, workload="boot"), spread=False).outcome["lane"]
        exits = sum(instant["kind"] == "exit" for instant in trip.instants)
        threads = [stop.thread for stop in trip.stops if stop.thread]
        handed = sum(one != other for one, other in itertools.pairwise(threads))
        rows.append(
            [
                f"[`{name}`](#{name})",
                scenario.label["en"],
                f"`{scenario.stack.is_}`",
                show_time(trip.end_ns - trip.start_ns),
                str(exits),
                str(handed),
                show_time(lane["end_ns"] - lane["start_ns"]),
            ]
        )
        sections += ["", *_section(name, scenario)]
    heads = ["id", "system", "machine", "a read", "exits", "hand-overs", "ready"]
    table = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(["# Systems", "", made, "", INTRO, *table, *sections]) + "\n"


def _section(name: str, scenario: simcore.Scenario) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield f"*{scenario.question['en']}* {scenario.summary['en']}"
    yield ""
    catalog = simcore.catalog()
    used = dict.fromkeys(node.is_ for node in scenario.nodes.values() if node.role != "workload")
    assert scenario.subject is not None
    subject = scenario.nodes[scenario.subject]
    layers = [*reversed(list(scenario.below(subject))), subject]
    yield "- From the metal up: " + " → ".join(f"[`{one.is_}`](components.md#{one.is_})" for one in layers)
    beside = [one for one in used if one not in {layer.is_ for layer in layers}]
    yield "- Beside them: " + ", ".join(f"[`{one}`](components.md#{one})" for one in beside)
    for node in layers:
        guests = [held for held in node.holds if held.role == "vm" and not held.entry.control_domain]
        if node.role == "hypervisor" and guests:
            yield f"- `{node.is_}` here is called: {simcore.type_label(scenario, node.id).label()}"
    eras = {one: catalog[one].texts("en").get("era") for one in used if catalog[one].role != "device"}
    yield "- Modelled: " + "; ".join(f"`{one}`: {era}" for one, era in eras.items() if era)
    if (EXPLAINED / f"{name}.md").exists():
        yield f"- More: [how it works and what is left out](../explanation/systems/{name}.md)"
