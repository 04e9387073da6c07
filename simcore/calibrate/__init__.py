"""Measure this machine: `python -m simcore calibrate` writes a machine profile.

Each probe is a file of this folder with a function `measure(bench)`; being there is being run. A profile is
a hardware entry like any other, with what was measured in it: the models take their numbers from it when
it is the machine of a run.

    TITLE        what the progress line says
    QUANTITIES   the names of all that it may measure
    SECONDS      (quick, full): about how long it takes; 0 quick: it runs in a full calibration only
    PORTABLE     it runs on other systems than Linux too
    measure      measures, and reports each quantity to the bench: a timing, a constant, or missing and why
"""

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from .bench import Bench, Missing, reason_of
from .profile import Profile, conditions

__all__ = ["Probe", "Profile", "calibrate", "probes"]

HERE = Path(__file__).parent
Say = Callable[[str], None]


class Probe(Protocol):
    """A module of this folder that measures something."""

    __name__: str
    TITLE: str
    QUANTITIES: tuple[str, ...]
    SECONDS: tuple[int, int]
    PORTABLE: bool

    def measure(self, bench: Bench) -> None: ...


def probes() -> list[Probe]:
    """All probes, in alphabetical order; those of full calibrations only come last."""
    modules = [importlib.import_module(f"{__name__}.{file.stem}") for file in sorted(HERE.glob("*.py"))]
    found = [module for module in modules if hasattr(module, "measure")]
    return sorted(found, key=lambda probe: probe.SECONDS[0] == 0)


def calibrate(quick: bool, out: Path, say: Say, among: Sequence[Probe] | None = None) -> Profile:
    """Run the probes in order and write the profile to `out`, which must not exist.

    `say` is told the progress. A probe that fails does not stop the others. Raises KeyboardInterrupt on
    SIGINT and SIGTERM; by then all that was made is gone, and nothing is written.
    """
    start = time.monotonic()
    with Bench(quick) as bench:
        profile = Profile(conditions(bench))
        chosen = [probe for probe in (probes() if among is None else among) if not quick or probe.SECONDS[0]]
        for number, probe in enumerate(chosen):
            say(_progress(number, chosen, quick, time.monotonic() - start))
            _run(bench, probe, say)
        profile.take(bench)
        with bench.whole():
            _write(out, profile.toml())
    return profile


def _run(bench: Bench, probe: Probe, say: Say) -> None:
    """One probe; what it did not measure is listed with the reason."""
    name = probe.__name__.rpartition(".")[2]
    bench.begin(name, probe.QUANTITIES)
    reason = "the probe did not report it"
    try:
        if sys.platform != "linux" and not probe.PORTABLE:
            raise Missing("is measured on Linux only")
        probe.measure(bench)
    except Exception as error:
        reason = reason_of(error)
    finally:
        for failure in bench.clean_up():
            say(f"  {name} left something behind: {failure}")
    if bench.interrupted:  # also where the exception was lost on its way, in a destructor for one
        raise KeyboardInterrupt
    for quantity in bench.left():
        bench.missing(quantity, reason)


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise
    except OSError:
        out.unlink(missing_ok=True)
        raise


def _progress(number: int, chosen: Sequence[Probe], quick: bool, elapsed_s: float) -> str:
    left_s = sum(probe.SECONDS[0 if quick else 1] for probe in chosen[number:])
    return (
        f"[{number + 1}/{len(chosen)}] {chosen[number].TITLE} "
        f"({elapsed_s:.0f} s so far, about {left_s} s left)"
    )
