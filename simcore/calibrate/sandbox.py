"""What no namespace cleans up: cgroups, and the containers that make some.

All else that a measurement makes in the system, its C helper makes in namespaces that end with it.
"""

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .bench import Bench, Missing

__all__ = ["Bundle", "cgroup_version", "fresh_cgroups", "program_root", "two_cpus"]

NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
MOUNTS = (("/proc", "proc"), ("/dev", "tmpfs"))
TRIES, TRY_S = 300, 0.01


def two_cpus() -> tuple[int, int]:
    """Two CPUs that we may run on; the same one twice if there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1 % len(allowed)]


def cgroup_version() -> int:
    """Container runtimes use version 2 only where no hierarchy of version 1 is mounted."""
    kinds = {kind for kind, _ in _mounted()}
    if not kinds:
        raise Missing("no cgroup file system is mounted")
    return 1 if "cgroup" in kinds else 2


def fresh_cgroups(bench: Bench, name: str) -> list[Path]:
    """Where a cgroup `name` would be, in each hierarchy that runc would use. It does not exist yet; when the
    probe ends it is removed, with all that runs in it."""
    kind = "cgroup" if cgroup_version() == 1 else "cgroup2"
    parents = [root for found, root in _mounted() if found == kind]
    if not bench.root and kind == "cgroup2":  # a part of the tree may be this user's
        own = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2]
        parents = [root / own.lstrip("/") for root in parents]
    if not all(os.access(parent, os.W_OK) for parent in parents):
        raise Missing("the cgroups are not writable here: run it as root, outside a container")
    groups = [parent / name for parent in parents]
    for group in groups:
        bench.undo(partial(_remove, group))
    return groups


def program_root(bench: Bench) -> Path:
    """A root file system of one static program, /init, which ends at once."""
    program = bench.scratch / "root" / "init"
    if not program.exists():
        program.parent.mkdir()
        shutil.copy(bench.tiny(), program)
    return program.parent


@dataclass(frozen=True)
class Bundle:
    """A container for runc or crun whose only program ends at once; several of them if need be.

    In commands, "{}" stands for the number of the container.
    """

    runtime: tuple[str, ...]
    folder: str
    name: str

    @classmethod
    def make(cls, bench: Bench, tool: str, count: int = 1) -> "Bundle":
        path = bench.tool(tool)
        if not bench.root:
            raise Missing(f"{tool} is measured as root only: run it as root")
        folder, name = bench.scratch / tool, f"strata-{os.getpid()}"
        root = program_root(bench)
        for number in range(count):
            fresh_cgroups(bench, f"{name}-{number}")
            (folder / f"{number}").mkdir(parents=True, exist_ok=True)
            config = _config(root, f"/{name}-{number}")
            (folder / f"{number}" / "config.json").write_text(json.dumps(config))
        return cls((path, "--root", str(folder / "state")), f"{folder}/{{}}", f"{name}-{{}}")

    def command(self, verb: str) -> list[str]:
        """`runc create`, start, delete or run."""
        given = ["--bundle", self.folder] if verb in ("create", "run") else []
        return [*self.runtime, verb, *given, self.name]


def _config(root: Path, cgroup: str) -> dict[str, object]:
    """Namespaces, a cgroup, /proc and /dev; no seccomp filter, no user namespace."""
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(root)},
        "process": {"args": ["/init"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "mounts": [{"destination": place, "type": kind, "source": kind} for place, kind in MOUNTS],
        "linux": {"cgroupsPath": cgroup, "namespaces": [{"type": kind} for kind in NAMESPACES]},
    }


def _mounted() -> list[tuple[str, Path]]:
    """The cgroup hierarchies: type and mount point, each once."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, options = after.split()[0], after.split()[-1]
        if kind in ("cgroup", "cgroup2"):
            found[kind, options] = kind, Path(before.split()[4])
    return list(found.values())


def _remove(group: Path) -> None:
    """Remove a cgroup and those below it; a process in them is killed first."""
    for folder, _, _ in os.walk(group, topdown=False):
        for _ in range(TRIES):
            try:
                Path(folder).rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                _kill(Path(folder))
                time.sleep(TRY_S)
        else:
            raise OSError(f"the cgroup {group.name} could not be removed")


def _kill(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
