"""The command line: `python -m simcore run linux-on-kvm`. Its JSON forms are a contract for scripts.

Exit 0: done. 1: the scenario has errors; findings are on stderr, as JSON with `--json`. 2: bad usage, with
the nearest names. 130: `calibrate` was interrupted.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

import simcore
from simcore import calibrate as calibration
from simcore import terminal, units
from simcore.catalog import nearest
from simcore.explain.journey import requests_of

DONE, FAULTY, USAGE, INTERRUPTED = 0, 1, 2, 130
LARGEST_SEED = 2**53 - 1
"""What a browser can hold exactly."""


class UsageError(Exception):
    """The command cannot be carried out as it was written."""


class Parser(argparse.ArgumentParser):
    """Says which name was perhaps meant."""

    def options(self) -> set[str]:
        """Of this command and those below it."""
        found = {option for action in self._actions for option in action.option_strings}
        for action in self._actions:
            for sub in action.choices.values() if isinstance(action.choices, dict) else ():
                found |= sub.options()
        return found

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        unknown = re.search(r"unrecognized arguments: (--?[\w-]+)", message)
        near: list[str] = []
        if choice:
            near = nearest(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif unknown:
            near = nearest(unknown[1], self.options())
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}{_meant(near)}\n")


def main(arguments: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except UsageError as error:
        print(f"python -m simcore {options.name}: {error}", file=sys.stderr)
        return USAGE
    except simcore.ScenarioError as error:
        _show_findings(error.findings, options.json)
        return FAULTY
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left: so do we
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m simcore", description="Simulate virtualization stacks.", allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="name")

    def add(name: str, command: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        sub.set_defaults(command=command, json=False)
        return sub

    stack = "a prebuilt id, a YAML or JSON file, or - for standard input"
    sub = add("catalog", catalog, "all components and prebuilt scenarios")
    sub.add_argument("--json", action="store_true")
    sub = add("check", check, "what is wrong with a scenario: all of it at once")
    sub.add_argument("stack", metavar="STACK", help=stack)
    sub.add_argument("--json", action="store_true")
    sub = add("run", run, "simulate a scenario")
    sub.add_argument("stack", metavar="STACK", help=stack)
    sub.add_argument(
        "--workload", metavar="W", default="boot", help="a workload of the scenario, else a component"
    )
    sub.add_argument(
        "--machine",
        metavar="M",
        help="another machine below the same stack: an id, or a profile that calibrate wrote",
    )
    sub.add_argument("--seed", metavar="N", type=_seed, default=1)
    sub.add_argument("--until", metavar="T", type=_time, help="end of the run, such as '20 s'")
    sub.add_argument("--trace", metavar="FILE", type=Path, help="write the trace here")
    sub.add_argument("--json", action="store_true")
    sub = add("race", race, "two or more scenarios on one axis, and why one is slower")
    sub.add_argument("stacks", metavar="STACK", nargs="+", help=stack)
    sub.add_argument("--workload", metavar="W", default="boot")
    sub.add_argument("--machine", metavar="M", help="another machine below the same stacks")
    sub.add_argument("--from", dest="start", choices=simcore.RACE_STARTS, default=simcore.RACE_STARTS[0])
    sub.add_argument("--seed", metavar="N", type=_seed, default=1)
    sub.add_argument("--json", action="store_true")
    sub = add("journey", journey, "one request through every layer, as text")
    sub.add_argument("stack", metavar="STACK", help=stack)
    sub.add_argument("--workload", metavar="W", default="random-read")
    sub.add_argument("--request", metavar="N", type=_count, default=0, help="which one, counted from 0")
    sub.add_argument("--json", action="store_true")
    sub = add("calibrate", calibrate, "measure this machine and write a machine profile")
    sub.add_argument("--quick", action="store_true", help="within two minutes instead of ten")
    sub.add_argument(
        "--out", metavar="FILE", type=Path, default=Path("machine.toml"), help="machine.toml if left out"
    )
    sub = add("validate", validate, "predicted against measured, case by case")
    sub.add_argument("--machine", metavar="FILE", help="score the composites of this profile instead")
    sub.add_argument("--json", action="store_true")
    add("schema", schema, "JSON Schema (draft-07) of a scenario")
    return parser


def catalog(options: argparse.Namespace) -> int:
    known, prebuilt = simcore.catalog(), simcore.prebuilt()
    if not options.json:
        return _print(terminal.catalog_lines(known, prebuilt))
    return _print_json(
        {
            "engine": simcore.ENGINE_VERSION,
            "ledger": known.version,
            "components": [entry.as_dict() for entry in known.entries.values()],
            "prebuilt": [{"id": name, "label": raw["label"]} for name, raw in prebuilt.items()],
        }
    )


def check(options: argparse.Namespace) -> int:
    findings = simcore.check(_load(options.stack))
    if any(finding.severity == "error" for finding in findings):
        raise simcore.ScenarioError(findings)
    if options.json:
        return _print_json([finding.as_dict() for finding in findings])
    if findings:
        _show_findings(findings, as_json=False)
    return _print([f"{options.stack}: can be run"])


def run(options: argparse.Namespace) -> int:
    scenario = _scenario(options.stack, options)
    if not options.json:
        _show_warnings(scenario)
    result = simcore.run(scenario, options.seed)
    if options.trace is not None:
        try:
            options.trace.write_bytes(result.trace_bytes)
        except OSError as error:
            raise UsageError(f"--trace: {options.trace} cannot be written: {error.strerror}") from None
    shown = {
        "stack": options.stack,
        "scenario_id": result.scenario_id,
        "seed": options.seed,
        "trace_sha256": result.trace_sha256,
        "outcome": result.outcome,
        "events": result.events,
        "spans": result.spans,
        "wall_s": round(result.wall_s, 4),
        "provenance": result.provenance,
    }
    _show_cut(result)
    if options.json:
        return _print_json(shown)
    return _print(terminal.run_lines(scenario.label.get("en", options.stack), shown))


def race(options: argparse.Namespace) -> int:
    if len(options.stacks) < 2:
        raise UsageError("a race needs two stacks or more")
    if options.stacks.count("-") > 1:
        raise UsageError("standard input can be read only once")
    scenarios = [_scenario(stack, options) for stack in options.stacks]
    result = simcore.race(scenarios, options.seed, options.start, names=_names(options.stacks))
    for one in result.results:
        _show_cut(one)
    if options.json:
        return _print_json(result.as_dict())
    return _print(terminal.race_lines(result, options.workload, options.seed))


def journey(options: argparse.Namespace) -> int:
    trace = simcore.run(_scenario(options.stack, options), 1).trace
    requests = requests_of(trace)
    if options.request >= len(requests):
        raise UsageError(f"--request {options.request}: this run has {len(requests)}, counted from 0")
    trip = simcore.journey(trace, requests[options.request])
    if options.json:
        return _print_json(trip.as_dict())
    return _print(trip.as_text("en").splitlines())


def calibrate(options: argparse.Namespace) -> int:
    out: Path = options.out
    if out.exists():
        raise UsageError(f"{out} exists already: remove it, or name another file with --out")
    if not os.access(out.parent, os.W_OK):
        raise UsageError(f"--out: {out} cannot be written: {out.parent} is no folder to write in")
    try:
        profile = calibration.calibrate(options.quick, out, lambda line: print(line, file=sys.stderr))
    except KeyboardInterrupt:
        print("interrupted: all is cleaned up, and nothing is written", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written: {error.strerror}") from None
    print(f"{out} is written: use it with --machine {out}", file=sys.stderr)
    return _print(profile.lines())


def validate(options: argparse.Namespace) -> int:
    machine = None
    if options.machine is not None:
        known = simcore.catalog()
        machine = known[_machine(options.machine, known)]
        if not machine.is_profile:
            raise UsageError(f"--machine: {options.machine} was not measured: it has no composites")
    try:
        result = simcore.validate(machine, progress=terminal.progress("runs"))
    except simcore.EntryError as error:
        print("\n".join(error.faults), file=sys.stderr)
        return FAULTY
    return _print_json(result) if options.json else _print(terminal.validation_lines(result))


def schema(_: argparse.Namespace) -> int:
    return _print_json(simcore.schema())


def _load(stack: str) -> dict[str, Any]:
    """The raw scenario that STACK names."""
    prebuilt = simcore.prebuilt()
    if stack in prebuilt:
        return prebuilt[stack]
    if stack == "-":
        return simcore.load(sys.stdin.buffer.read())
    file = Path(stack)
    if not file.is_file():
        raise UsageError(
            f"there is no prebuilt scenario and no file {stack!r}{_meant(nearest(stack, prebuilt))}"
        )
    try:
        return simcore.load(file)
    except OSError as error:
        raise UsageError(f"{stack} cannot be read: {error.strerror}") from None


def _scenario(stack: str, options: argparse.Namespace) -> simcore.Scenario:
    raw = _load(stack)
    known = simcore.catalog()
    own = raw.get("workloads")
    tables = [item for item in own if isinstance(item, dict)] if isinstance(own, list) else []
    workloads = [item["id"] for item in tables if isinstance(item.get("id"), str)]
    workloads += [entry.id for entry in known.of_role("workload")]
    _one_of("--workload", options.workload, workloads, known)
    machine = getattr(options, "machine", None)
    if machine is not None:
        machine = _machine(machine, known)
    until = getattr(options, "until", None)
    return simcore.scenario(raw, workload=options.workload, until=until, machine=machine)


def _machine(name: str, known: simcore.Catalog) -> str:
    """The id of a machine: one of the catalogue, or that of a profile in a file."""
    if not Path(name).is_file():
        _one_of("--machine", name, [entry.id for entry in known.of_role("machine")], known)
        return name
    try:
        return simcore.add_machine(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--machine: {name} cannot be read: {error}") from None
    except simcore.EntryError as error:
        raise UsageError("\n".join(f"--machine: {name}: {fault}" for fault in error.faults)) from None


def _one_of(option: str, name: str, names: list[str], known: simcore.Catalog) -> None:
    if name not in names and known.aliases.get(name) not in names:
        raise UsageError(
            f"{option}: there is no {name!r}; there are {', '.join(names)}{_meant(nearest(name, names))}"
        )


def _names(stacks: list[str]) -> list[str]:
    """The lanes' names: what was written, numbered from the second time on."""
    return [
        stack if stack not in stacks[:place] else f"{stack}#{stacks[:place].count(stack) + 1}"
        for place, stack in enumerate(stacks)
    ]


def _meant(near: list[str]) -> str:
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _seed(text: str) -> int:
    number = _count(text)
    if number > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text} is larger than {LARGEST_SEED}")
    return number


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _time(text: str) -> str:
    try:
        ns = units.duration_ns(text)
    except units.UnitError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write it like '20 s'") from None
    if ns <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be more than nothing")
    return text


def _show_findings(findings: Iterable[simcore.Finding], as_json: bool) -> None:
    shown = [finding.as_dict() for finding in findings]
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False), file=sys.stderr)
    else:
        for line in terminal.finding_lines(shown, sys.stderr):
            print(line, file=sys.stderr)


def _show_warnings(scenario: simcore.Scenario) -> None:
    warnings = simcore.check(scenario.canonical())
    if warnings:
        _show_findings(warnings, as_json=False)


def _show_cut(result: simcore.Result) -> None:
    """A run that reached its budget says so; its result is what there was until then."""
    if result.cut is not None:
        finding = simcore.Finding(result.cut["id"], "", result.cut, "warning").as_dict()
        print(f"{finding['message']} {finding['hint']}", file=sys.stderr)


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    sys.stdout.flush()
    return DONE


def _print_json(value: Any) -> int:
    return _print([json.dumps(value, indent=2, ensure_ascii=False)])


if __name__ == "__main__":
    sys.exit(main())
