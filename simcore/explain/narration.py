"""A run told in words: the stack, what happened when, what the time went to, the work, and one request.

The same record as every view reads, so that whoever cannot or does not want to watch has all of it: as a
transcript, for a screen reader, for a search.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.component import read_texts
from simcore.texts import render, show_time, texts
from simcore.trace import NONE, Trace

from .gap import RACE_STARTS, lane_of
from .journey import followed, journey, requests_of
from .steps import time_steps

__all__ = ["Narration", "Section", "narration", "time_parts"]

HERE = Path(__file__).parent
MOST_PARTS = 12
DEPTH = {"firmware": 1, "device": 1}


@dataclass(frozen=True)
class Section:
    """A heading and its lines; `kind` names what they are: stack, events, parts, steps, work or journey."""

    kind: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Narration:
    title: str
    sections: tuple[Section, ...]

    def as_text(self) -> str:
        told = [self.title, ""]
        for section in self.sections:
            told += [section.title, *(f"  {line}" for line in section.lines), ""]
        return "\n".join(told)


def narration(trace: Trace, lang: str = "en", kind: str = "", at_ns: int | None = None) -> Narration:
    """All that a run's record has to say, in one language. Times are as the record has them: exact.

    Where it is about requests of a `kind`, one of them stands first: that of a moment, else the one of middle
    length.
    """
    words, known = read_texts(HERE / f"narration.{lang}.toml"), texts(lang)
    names = _names(trace, known)
    sections = [
        Section("stack", words["stack"], tuple(_stack(trace, known))),
        Section("events", words["events"], tuple(_events(trace, words, known, names))),
        Section("parts", words["parts"], tuple(_parts(trace, words, known, names))),
        Section("steps", words["steps"], tuple(_steps(trace, words, known, names))),
        Section("work", words["work"], tuple(_work(trace, words, names))),
    ]
    if kind and (chosen := followed(trace, kind, at_ns)):
        request, nth, of = chosen
        which = render(words["which"], {"what": known["kinds"][kind]["name"], "n": nth, "of": of})
        lines = journey(trace, request).as_text(lang, names).rstrip().splitlines()
        sections.insert(0, Section("journey", which, tuple(lines)))
    elif requests_of(trace):
        lines = journey(trace).as_text(lang, names).rstrip().splitlines()
        sections.append(Section("journey", words["journey"], tuple(lines)))
    lane = trace.header["outcome"]["lane"]
    ended = words["finished"] if lane.get("finished", True) else words["unfinished"]
    length = show_time(lane["end_ns"] - lane["start_ns"])
    return Narration(render(ended, {"time": length}), tuple(one for one in sections if one.lines))


def time_parts(trace: Trace) -> list[dict[str, Any]]:
    """What the lane's time went to, from host-ready to its finish: layer, component, text and ns of each part
    of the critical path, the largest first. They sum to it exactly."""
    ordered = sorted(lane_of(trace, "", RACE_STARTS[0]).parts.items(), key=lambda item: (-item[1], item[0]))
    return [{"layer": layer, "is": is_, "text": text, "ns": ns} for (layer, is_, text), ns in ordered if ns]


def _names(trace: Trace, known: Mapping[str, Any]) -> dict[str, str]:
    """By node: its component's short name, with the id where two nodes would read alike."""
    nodes = trace.header["nodes"]
    short = [str(known["components"].get(node["is"], {}).get("short", node["is"])) for node in nodes]
    return {
        node["id"]: f"{name} ({node['id']})" if short.count(name) > 1 else name
        for node, name in zip(nodes, short, strict=True)
    }


def _stack(trace: Trace, known: Mapping[str, Any]) -> Iterator[str]:
    """From the hardware up."""
    nodes = trace.header["nodes"]
    for node in nodes:
        depth, below = DEPTH.get(node["role"], 0), node["parent"]
        while below != NONE:
            depth, below = depth + 1, nodes[below]["parent"]
        component = known["components"].get(node["is"], {})
        sub = component.get("sub", "")
        yield "  " * depth + str(component.get("label", node["is"])) + (f": {sub}" if sub else "")


def _events(
    trace: Trace, words: Mapping[str, Any], known: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[str]:
    """What kernels and others logged, and who was ready when, in the order of time."""
    header = trace.header
    told: list[tuple[int, str]] = []
    for row in trace.rows("logs"):
        line = header["texts"][row["text"]]
        node = header["nodes"][row["node"]]["id"]
        said = render(known["components"][line["is"]]["log"][line["text"]], line["params"])
        told.append((row["at_ns"], f"{names[node]}: {said}"))
    for name, node in header["outcome"]["nodes"].items():
        if node["ready_ns"] is not None and node["ready_ns"] >= 0 and name in names:
            told.append((node["ready_ns"], render(words["ready"], {"who": names[name]})))
    for at_ns, said in sorted(told, key=lambda item: item[0]):
        yield f"{_seconds(at_ns)}  {said}"


def _parts(
    trace: Trace, words: Mapping[str, Any], known: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[str]:
    parts = time_parts(trace)
    for part in parts[:MOST_PARTS]:
        yield f"{show_time(part['ns'])}  {_done(part, known, names)}"
    if rest := parts[MOST_PARTS:]:
        yield render(words["rest"], {"n": len(rest), "time": show_time(sum(part["ns"] for part in rest))})


def _done(part: Mapping[str, Any], known: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A part's operation and where."""
    ops = known["components"].get(part["is"], {}).get("ops", {})
    named = ops.get(part["text"]) or known["kinds"].get(part["text"]) or {}
    return f"{named.get('name', part['text'])}, {names.get(part['layer'], part['layer'])}"


def _steps(
    trace: Trace, words: Mapping[str, Any], known: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[str]:
    """The critical path in order of time: whose turn, what it did longest, and for whom."""
    for step in time_steps(trace):
        told = _flow(step, known, names)
        if step["for"]:
            behalf = render(words["behalf"], {"who": _flow(step["for"], known, names)})
            told = f"{_done(step['parts'][0], known, names)}, {behalf}"
        yield f"{_seconds(step['start_ns'])}  {show_time(step['end_ns'] - step['start_ns'])}  {told}"


def _flow(flow: Mapping[str, Any], known: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind = known["kinds"].get(flow["kind"], {}).get("name", flow["kind"])
    return f"{kind}, {names.get(flow['layer'], flow['layer'])}"


def _work(trace: Trace, words: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    for name, load in trace.header["outcome"]["workloads"].items():
        who = names.get(name, name)
        if load["finished_ns"] is None:
            yield render(words["lost"], {"who": who, "n": load["n"]})
        elif load["mean_ns"] is None:
            yield render(words["done"], {"who": who, "n": load["n"], "at": _seconds(load["finished_ns"])})
        else:
            params = {"who": who, "n": load["n"], "at": _seconds(load["finished_ns"])}
            times = {key: show_time(int(load[f"{key}_ns"])) for key in ("mean", "p99")}
            yield render(words["done_each"], {**params, **times})


def _seconds(at_ns: int) -> str:
    """As a kernel prints them: seconds and six digits."""
    return f"[{at_ns // 10**9:>3}.{at_ns % 10**9 // 1000:06}]"
