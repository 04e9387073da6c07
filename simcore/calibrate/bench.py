"""What a probe measures with: the C helper, other programs, a place for samples, and a promise to clean up.

Whatever a probe makes (a child process, a mount, an interface) is undone last-in first-out when the probe
ends, fails or is interrupted. A signal that arrives in the middle of `whole()` or of the clean-up waits for
its end, so nothing can be made without being known.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Bench", "Measured", "Missing"]

HERE = Path(__file__).parent
COMPILERS = ("cc", "gcc", "clang")
LINKING = (("-static", "-pthread"), ("-pthread",), ())
"""Static, so that a binary also runs inside an empty root; else as this system can."""
PORTABLE = "native_portable"
"""The C file that any system can compile; the others are for Linux."""
PATIENCE_S = (20, 60)
"""How long a program may take, in a quick and in a full calibration."""
LIMIT_S = (110, 570)
"""How long all may take: two minutes or ten, with something in reserve for the clean-up."""
CLEAN_UP_S = 1000
"""What is undone may start programs, also when the time is up."""
KILLED_S = 5
"""How long a killed process may take to end."""
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
Undo = Callable[[], object]


class Missing(Exception):  # noqa: N818 - an answer rather than an error
    """Why a quantity cannot be measured here, and how to get it: "runc is not installed"."""


@dataclass(frozen=True)
class Measured:
    """One result: samples in ns, or a single value."""

    kind: str  # timing, constant or composite
    name: str
    probe: str
    samples: tuple[float, ...] = ()
    value: float | str | None = None
    n: int = 1
    per: str | None = None
    note: str | None = None


class Bench:
    """The bench of one calibration, handed from probe to probe. While it is entered it hears the signals.

    quick: the run is to take two minutes at most; root: may namespaces, mounts and devices be made;
    scratch: a private directory, removed at the end.
    """

    scratch: Path

    def __init__(self, quick: bool) -> None:
        self.quick = quick
        self.deadline = time.monotonic() + self.pick(*LIMIT_S)
        self.root = hasattr(os, "geteuid") and os.geteuid() == 0
        self.measured: list[Measured] = []
        self.not_measured: dict[str, tuple[str, str]] = {}
        self.tools: dict[str, str] = {}
        self._probe = ""
        self._quantities: tuple[str, ...] = ()
        self._undo: list[Undo] = []
        self._binaries: dict[str, Path | Missing] = {}
        self._shields, self._pending = 0, False
        self.interrupted = False
        self._at_start = set(_children())
        self._leaving = contextlib.ExitStack()

    def __enter__(self) -> "Bench":
        try:
            with self.whole():
                self._arrive()
        except BaseException:
            self._leaving.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self.whole():
            self._leaving.close()

    def _arrive(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._leaving.callback(signal.signal, number, signal.signal(number, self._interrupt))
        if sys.platform == "linux":  # orphaned grandchildren come to us, so that they can be found
            ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        self.scratch = Path(tempfile.mkdtemp(prefix="strata-calibrate-"))
        self._leaving.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        self._leaving.callback(self.clean_up)

    # ---------------------------------------------------------------------------------------------- results

    def begin(self, probe: str, quantities: Sequence[str]) -> None:
        """From now on results are those of this probe."""
        self._probe, self._quantities = probe, tuple(quantities)

    def timing(
        self, name: str, samples_ns: Sequence[float], per: str | None = None, note: str | None = None
    ) -> None:
        """How long an operation takes: samples in ns (per unit, if `per`)."""
        self._add(Measured("timing", name, self._probe, _some(name, samples_ns), per=per, note=note))

    def constant(self, name: str, value: float | str, n: int = 1, note: str | None = None) -> None:
        """What is not a cost: a ratio, or a text with its unit such as "3.2 GHz"."""
        self._add(Measured("constant", name, self._probe, value=value, n=n, note=note))

    def composite(
        self,
        name: str,
        samples_ns: Sequence[float] = (),
        value: float | None = None,
        n: int = 1,
        note: str | None = None,
    ) -> None:
        """A result of the whole system: to be predicted from this run's primitives, never an input."""
        samples = () if value is not None else _some(name, samples_ns)
        self._add(Measured("composite", name, self._probe, samples, value, n, note=note))

    def missing(self, name: str, reason: str) -> None:
        """`name` is not measured here: why, and how to get it."""
        self._check(name)
        self.not_measured[name] = (self._probe, reason)

    @contextlib.contextmanager
    def attempt(self, *names: str) -> Iterator[None]:
        """If what stands inside fails, those of `names` that have no result are missing; the rest goes on."""
        try:
            yield
        except Exception as error:
            for name in names:
                if not self._has(name):
                    self.missing(name, reason_of(error))

    def left(self) -> list[str]:
        """The quantities that this probe has neither measured nor declared missing."""
        return [name for name in self._quantities if not self._has(name)]

    def _has(self, name: str) -> bool:
        return name in self.not_measured or any(one.name == name for one in self.measured)

    def _add(self, one: Measured) -> None:
        self._check(one.name)
        self.measured.append(one)

    def _check(self, name: str) -> None:
        if name not in self._quantities:
            raise ValueError(f"{name!r} is not in QUANTITIES of the probe {self._probe!r}")
        if self._has(name):
            raise ValueError(f"{name!r} of the probe {self._probe!r} has a result already")

    # --------------------------------------------------------------------------------------------- programs

    def pick(self, quick: int, full: int) -> int:
        """How many: fewer in a quick run."""
        return quick if self.quick else full

    def tool(self, name: str) -> str:
        """The path of a program; its version is put on record."""
        path = shutil.which(name)
        if path is None:
            raise Missing(f"{name} is not installed")
        if name not in self.tools:
            self.tools[name] = self._version(path)
        return path

    def native(self, *args: object, source: str = "native") -> list[float]:
        """The samples in ns that a subcommand of the C helper prints, one a line.

        `source` is the C file: native, or another native_*.c. A subcommand that cannot measure says why on
        stderr and ends with an error, which is raised as Missing.
        """
        done = self.run(self.binary(source), *args, check=False)
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or [f"{args[0]} ended with {done.returncode}"]
            raise Missing(said[-1])
        return [float(line) for line in done.stdout.split()]

    def binary(self, source: str = "native") -> Path:
        """The compiled C file `source`.c of this folder; compiled once, static where that is possible."""
        return self._compile(source, LINKING)

    def tiny(self) -> Path:
        """A static program of a few instructions without any library: it ends at once; with an argument it
        sleeps until it is killed. What is started where only the starting is to be timed."""
        return self._compile("tiny", (("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"),))

    def run(
        self,
        *command: object,
        check: bool = True,
        timeout: float | None = None,
        stdin: str | None = None,
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. Its whole process group is killed when it takes too long or the probe
        is interrupted."""
        if self.interrupted and not self._shields:  # the exception was lost on its way
            raise KeyboardInterrupt
        if self.deadline < time.monotonic():
            raise Missing(f"the {self.pick(*LIMIT_S)} s of a calibration were over before")
        timeout = min(timeout or self.pick(*PATIENCE_S), self.deadline - time.monotonic())
        process = self.start(
            *command,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            **options,
        )
        kill = self._undo[-1]
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            raise Missing(f"{Path(str(command[0])).name} did not end within {timeout:.0f} s") from None
        finally:
            with self.whole():
                kill()
                self._undo.remove(kill)
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        if check:
            done.check_returncode()
        return done

    def start(self, *command: object, **options: Any) -> subprocess.Popen[Any]:
        """Start a program in a process group of its own, which is killed when the probe ends."""
        with self.whole():
            process = subprocess.Popen([str(part) for part in command], start_new_session=True, **options)
            self._undo.append(lambda: _kill_group(process))
        return process

    # --------------------------------------------------------------------------------------------- clean-up

    def undo(self, call: Undo) -> Undo:
        """`call` is made when the probe ends, however it ends; what is returned makes it now instead.

        Register it before making the thing if undoing nothing does no harm, else together: `with
        bench.whole(): make(); bench.undo(unmake)`.
        """
        self._undo.append(call)

        def now() -> None:
            with self.whole():
                self._undo.remove(call)
                call()

        return now

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """What stands inside is not torn in two: a signal waits for its end."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._pending and not self._shields:
                self._pending = False
                raise KeyboardInterrupt

    def _interrupt(self, *_: object) -> None:
        """The handler of SIGNALS. Only the first one counts: the clean-up is not cut short."""
        if self.interrupted:
            return
        self.interrupted = True
        if self._shields:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def clean_up(self) -> list[str]:
        """Undo all, last in first out; whatever of our processes is left is killed. What could not be
        undone is said."""
        failed = []
        with self.whole():
            self.deadline += CLEAN_UP_S
            while self._undo:
                call = self._undo.pop()
                try:
                    call()
                except Exception as error:
                    failed.append(reason_of(error))
            _kill_all_but(self._at_start)
            self.deadline -= CLEAN_UP_S
        return failed

    # ---------------------------------------------------------------------------------------------- details

    def _compile(self, source: str, linkings: Sequence[Sequence[str]]) -> Path:
        if source not in self._binaries:
            try:
                self._binaries[source] = self._compiled(source, linkings)
            except Missing as missing:
                self._binaries[source] = missing
        found = self._binaries[source]
        if isinstance(found, Missing):
            raise found
        return found

    def _compiled(self, source: str, linkings: Sequence[Sequence[str]]) -> Path:
        if sys.platform != "linux" and source != PORTABLE:
            raise Missing("is measured on Linux only")
        compiler = next((name for name in COMPILERS if shutil.which(name)), None)
        if compiler is None:
            raise Missing(f"no C compiler ({', '.join(COMPILERS)}): install one, such as the package gcc")
        binary = self.scratch / source
        said = ""
        for linking in linkings:
            done = self.run(
                self.tool(compiler), "-O2", "-std=gnu11", "-o", binary, HERE / f"{source}.c", *linking,
                check=False,
            )  # fmt: skip
            if done.returncode == 0:
                return binary
            said = next((line for line in done.stderr.splitlines() if "error" in line), said)
        raise Missing(f"{compiler} cannot build {source}.c: {said}")

    def _version(self, path: str) -> str:
        try:
            done = self.run(path, "--version", check=False, timeout=10)
        except (Missing, OSError):
            return "unknown"
        found = re.search(r"\d+(\.\d+)+[\w.~+-]*", done.stdout + done.stderr)
        return found[0] if found else "unknown"


def reason_of(error: BaseException) -> str:
    """An error in one line, without the names of this machine's files."""
    if isinstance(error, Missing):
        return str(error)
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or "").strip().splitlines() or [f"ended with {error.returncode}"]
        return f"{Path(error.cmd[0]).name}: {said[-1]}"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def _some(name: str, samples: Sequence[float]) -> tuple[float, ...]:
    if not samples:
        raise Missing(f"{name}: there are no samples")
    return tuple(samples)


def _kill_group(process: subprocess.Popen[Any]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: nobody can end it
        process.wait(KILLED_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _kill_all_but(spared: set[int]) -> None:
    """End the children that nobody waits for, until there are none."""
    until = time.monotonic() + KILLED_S
    while (orphans := set(_children()) - spared) and time.monotonic() < until:
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _children() -> Iterator[int]:
    """The ids of this process's children, those included that it inherited."""
    for stat in Path("/proc").glob("[0-9]*/stat") if sys.platform == "linux" else ():
        with contextlib.suppress(OSError, ValueError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(stat.parent.name)
