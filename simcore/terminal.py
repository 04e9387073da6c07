"""What the command line prints for people: plain columns, a little colour where the terminal has any."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from simcore.catalog import Catalog
from simcore.component import ROLES
from simcore.explain.gap import Gap, RaceResult, part_label, signed_time
from simcore.texts import show_bytes, show_count, show_time

__all__ = ["catalog_lines", "finding_lines", "progress", "race_lines", "run_lines", "validation_lines"]

BAR = 36
FEW = 8
COLOURS = {"bold": "1", "soft": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Coloured if the stream is a terminal and nobody asked for none (NO_COLOR)."""
    stream = stream or sys.stdout
    if not stream.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def width(text: str) -> int:
    """Columns on the screen: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def columns(rows: Sequence[Sequence[str]], right: Iterable[int] = (), indent: int = 2) -> Iterator[str]:
    """Rows in columns, those of the numbers in `right` flush right."""
    flush = set(right)
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            pad = " " * (widths[i] - width(cell))
            cells.append(pad + cell if i in flush else cell + pad)
        yield (" " * indent + "  ".join(cells)).rstrip()


def bar(share: float) -> str:
    """A horizontal bar in eighths of a column; something, however small, is never nothing."""
    eighths = max(1, round(share * BAR * 8)) if share > 0 else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def finding_lines(findings: Sequence[Mapping[str, Any]], stream: TextIO) -> Iterator[str]:
    """Each finding: what and where, why, what to change."""
    for number, finding in enumerate(findings):
        if number:
            yield ""
        serious = finding["severity"] == "error"
        sign = paint("error" if serious else "warning", "red" if serious else "yellow", stream)
        place = paint(finding["path"], "bold", stream) if finding["path"] else "the scenario"
        yield f"{sign} at {place} [{finding['id']}]"
        yield f"  {finding['message']}"
        yield f"  {paint(finding['why'], 'soft', stream)}"
        yield f"  → {finding['hint']}"
    errors = sum(finding["severity"] == "error" for finding in findings)
    if errors:
        yield ""
        yield f"{errors} error{'s' if errors > 1 else ''}"


def catalog_lines(catalog: Catalog, prebuilt: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield paint("Prebuilt scenarios", "bold")
    rows = [(name, str(raw["label"]["en"])) for name, raw in prebuilt.items()]
    yield from columns(rows)
    for role in ROLES:
        entries = catalog.of_role(role)
        if not entries:
            continue
        yield ""
        yield paint(role, "bold")
        rows = []
        for entry in entries:
            texts = entry.texts("en")
            rows.append((entry.id, f"{texts['label']}: {texts['sub']}"))
        yield from columns(rows)
    yield ""
    yield paint(f"ledger {catalog.version}", "soft")


def run_lines(label: str, run: Mapping[str, Any]) -> Iterator[str]:
    """`run` as the JSON form has it."""
    outcome = run["outcome"]
    lane = outcome["lane"]
    yield paint(label, "bold")
    yield paint(f"{run['stack']} · seed {run['seed']} · scenario {run['scenario_id']}", "soft")
    yield ""
    ready = outcome["host_ready_ns"]
    name = next(iter(outcome["workloads"]), "workload")
    took = show_time(lane["end_ns"] - lane["start_ns"]) if lane["finished"] else "never"
    marks = [("host ready", "never" if ready is None else show_time(ready), "after power-on")]
    marks.append((f"{name} finished", took, "after host-ready"))
    yield from columns(marks, right=(1,))
    yield ""
    rows = [("node", "ready", "state", "memory")]
    for node, state in outcome["nodes"].items():
        at, memory = state["ready_ns"], state.get("memory")
        if at is None and state["state"] == "off" and "." in node:
            continue  # a device has no start of its own
        rows.append(
            (node, "" if at is None else show_time(at), state["state"], show_bytes(memory) if memory else "")
        )
    yield from columns(rows, right=(1, 3))
    yield ""
    spent = {node: state["cpu"] for node, state in outcome["nodes"].items() if "cpu" in state}
    if any(cpu["stolen_ns"] for cpu in spent.values()):
        said = ("user_ns", "system_ns", "idle_ns", "steal_ns", "stolen_ns")
        rows6 = [("its CPUs, as it says", "user", "system", "idle", "steal", "stolen in truth")]
        for node, cpu in spent.items():
            user, system, idle, steal, stolen = (show_time(cpu[name]) for name in said)
            rows6.append((node, user, system, idle, steal, stolen))
        yield from columns(rows6, right=range(1, 6))
        yield ""
    rows5 = [("workload", "requests", "mean", "p50", "p90", "p99", "per second")]
    for name, answered in outcome["workloads"].items():
        times = [answered[key] for key in ("mean_ns", "p50_ns", "p90_ns", "p99_ns")]
        shown = ["" if ns is None else show_time(ns) for ns in times]
        rate = "" if answered["per_s"] is None else f"{answered['per_s']:,.0f}"
        rows5.append((name, show_count(answered["n"]), shown[0], shown[1], shown[2], shown[3], rate))
    yield from columns(rows5, right=range(1, 7))
    yield ""
    rows7 = [("its writes", "written", "acknowledged", "durable", "lost", "not durable in")]
    for name, answered in outcome["workloads"].items():
        if writes := answered.get("writes"):
            counts = [show_count(writes[key]) for key in ("written", "acknowledged", "durable", "lost")]
            rows7.append((name, counts[0], counts[1], counts[2], counts[3], ", ".join(writes["held_by"])))
    if len(rows7) > 1:
        yield from columns(rows7, right=range(1, 5))
        yield ""
    yield "  how the time from host-ready is known"
    known = [(status, f"{share:.1%}", bar(share)) for status, share in run["provenance"].items()]
    yield from columns(known, right=(1,), indent=4)
    yield ""
    size = f"{show_count(run['spans'])} spans, {show_count(run['events'])} events"
    yield paint(f"{size} in {run['wall_s']:.2f} s of computing · trace {run['trace_sha256'][:16]}…", "soft")


def race_lines(result: RaceResult, workload: str, seed: int) -> Iterator[str]:
    yield paint(f"{workload}, from {result.start}, seed {seed}", "bold")
    yield ""
    longest = max((lane.end_ns for lane in result.ordered if lane.finished), default=0) or 1
    rows = [
        (
            str(place),
            lane.stack,
            show_time(lane.end_ns) if lane.finished else "never",
            bar(lane.end_ns / longest),
        )
        for place, lane in enumerate(result.ordered, 1)
    ]
    yield from columns(rows, right=(0, 2))
    for gap in result.gaps:
        yield ""
        yield from gap_lines(gap)


def gap_lines(gap: Gap) -> Iterator[str]:
    """The largest parts by name, the rest as one line: together exactly the gap."""
    yield (
        f"{paint(gap.to.stack, 'bold')} came {paint(show_time(gap.total_ns), 'bold')}"
        f" after {paint(gap.from_.stack, 'bold')}:"
    )
    rows = []
    for part in gap.parts[:FEW]:
        layer, op = part_label(part, gap, "en")
        rows.append((signed_time(part["ns"]), f"{layer} ({part['layer']})" if part["layer"] else "", op))
    rest = gap.parts[FEW:]
    if rest:
        rows.append((signed_time(sum(part["ns"] for part in rest)), f"{len(rest)} smaller parts", ""))
    yield from columns(rows, right=(0,), indent=4)


def progress(what: str) -> Callable[[int, int, str], None] | None:
    """A line on standard error that says how far something is; none where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int, now: str) -> None:
        end = "\n" if done + 1 >= total else ""
        print(f"\r\033[K{done + 1} of {total} {what}: {now}"[:110], end=end, file=sys.stderr, flush=True)

    return show


def validation_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """`validate` as the JSON form has it: each case with its sign, then the scores."""
    yield paint("Predicted against measured, as ratios to each study's anchor", "bold")
    rows = [("case", "family", "tier", "measured", "predicted", "off by")]
    for case in result["cases"]:
        ratios = f"{case['measured']:.4g}", f"{case['predicted']:.4g}"
        rows.append((case["id"], case["family"], case["tier"], *ratios, off_by(case)))
    yield from columns(rows, right=(3, 4))
    yield ""
    scored = {f"family {name}": totals for name, totals in result["families"].items()}
    scored |= {f"tier {name}": totals for name, totals in result["tiers"].items() if totals["n"]}
    rows6 = [("", "cases", "median", "p90", "90 % interval", "skill", "no effect")]
    rows6 += [(name, *score_cells(totals)) for name, totals in scored.items()]
    yield from columns(rows6, right=range(1, 7))
    orders = result["orders"]
    yield ""
    yield f"  orders: {orders['right']} of {orders['n']} pairs come out the right way round"
    for wrong in orders["inversions"]:
        yield f"    inverted in {wrong['study']}: {wrong['a']} and {wrong['b']}"
    for claim in result["largest"]:
        share = f"{claim['share']:.0%}"
        yield f"  largest in {claim['id']}: {claim['most']}, {share}; measured: {claim['expect']}"
    for row in result["sensitivity"]:
        yield f"  {row['component']}.{row['op']} × {row['factor']:g} would turn round {len(row['flips'])}"


def off_by(case: Mapping[str, Any]) -> str:
    """×0.85: the prediction is 0.85 of what was measured. A case without an effect: whether none came out."""
    if case["e"] is None:
        return "no effect, rightly" if case["no_effect_predicted"] else "an effect, wrongly"
    return f"×{case['factor']:.2f}"


def score_cells(totals: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    """n, median, p90, interval, skill, no effect: as the terminal and the docs show them."""
    silent = totals["no_effect"]
    shown = f"{silent['right']} of {silent['n']}" if silent["n"] else ""
    if totals["median_factor"] is None:
        return str(totals["n"]), "", "", "", "", shown
    low, high = totals["interval"]
    skill = "" if totals["skill"] is None else f"{totals['skill']:.2f}"
    factors = f"×{totals['median_factor']:.2f}", f"×{totals['p90_factor']:.2f}", f"×{low:.2f} to ×{high:.2f}"
    return str(totals["n"]), *factors, skill, shown
