"""What a container is made of: namespaces, cgroups, mounts, a new root, links; and whole containers.

Each step is taken as a runtime takes it, by the same system call or netlink message, in a fresh process in
fresh namespaces: unshare(2); mkdir in each cgroup hierarchy and a write to cgroup.procs; mount(2) on an empty
folder of a tmpfs; pivot_root(2) to a bind mount; RTM_NEWLINK. What the kernel does in the background after a
step is given time to end. runc and crun are timed from fork until the command has ended, with a bundle of six
namespaces, one cgroup, /proc, /dev and one static program that ends at once; what each of the commands takes
only to start (`--version`) is timed with them.

Disturbed by: other processes that mount, fork or change links (the kernel's locks are shared); many mounts
(a mount namespace is a copy of them all); kernel options such as the preemption model.
"""

import os
import tarfile

from .bench import Bench, Missing, reason_of
from .sandbox import Bundle, cgroup_version, fresh_cgroups, program_root

HELPER = "native_containers"
KINDS = ("mount", "uts", "ipc", "pid", "net", "user", "cgroup", "time")
FREED = ("mount", "uts", "ipc", "pid", "net", "cgroup")
CGROUP = ("cgroup_create", "cgroup_join", "cgroup_remove")
MOUNTS = {
    "overlay_mount": "overlay",
    "proc_mount": "proc",
    "tmpfs_mount": "tmpfs",
    "bind_mount": "bind",
    "pivot_root": "pivot_root",
    "detach_old_root": "detach_old_root",
}
BIG_MIB, SMALL = 64, 4096
COPIES = ("copy_up", "copy_up_small", "copy_up_disk", "copy_up_disk_small")
LINKS = (
    "bridge_create",
    "veth_pair",
    "bridge_attach",
    "address_add",
    "link_up",
    "veth_move",
    "veth_delete",
    "bridge_delete",
)
RUNTIMES, VERBS = ("runc", "crun"), ("create", "start", "delete")
STEPS = ("create", "start", "program", "delete")

TITLE = "Containers: namespaces, cgroups, mounts, links, runtimes"
QUANTITIES = (
    *(f"ns_{kind}" for kind in KINDS),
    *(f"ns_{kind}_free" for kind in FREED),
    *CGROUP,
    *MOUNTS,
    *COPIES,
    *LINKS,
    *(f"{runtime}_{step}" for runtime in RUNTIMES for step in STEPS),
    "docker_run",
    "podman_run",
)
SECONDS = (12, 40)
PORTABLE = False


def measure(bench: Bench) -> None:
    inside = None if bench.root else "inside a user namespace"
    for kind in KINDS:
        with bench.attempt(f"ns_{kind}"):
            count = bench.pick(50, 200)
            bench.timing(f"ns_{kind}", bench.native("namespace", count, kind, source=HELPER), note=inside)
    for kind in FREED:
        with bench.attempt(f"ns_{kind}_free"):
            took = bench.native("freed", bench.pick(20, 60), kind, source=HELPER)
            bench.timing(f"ns_{kind}_free", took, note="from leaving it until the kernel has freed it")
    with bench.attempt(*CGROUP):
        _cgroups(bench)
    for name, kind in MOUNTS.items():
        with bench.attempt(name):
            took = bench.native("mount", bench.pick(100, 500), kind, _place(bench), source=HELPER)
            bench.timing(name, took, note=inside)
    for name in COPIES:
        with bench.attempt(name):
            _copy_up(bench, name)
    with bench.attempt(*LINKS):
        took = bench.native("links", bench.pick(20, 100), source="native_network")
        for number, name in enumerate(LINKS):
            bench.timing(name, took[number :: len(LINKS)])
    for runtime in RUNTIMES:
        with bench.attempt(*(f"{runtime}_{step}" for step in STEPS)):
            _runtime(bench, runtime)
    with bench.attempt("docker_run"):
        _docker(bench)
    with bench.attempt("podman_run"):
        _podman(bench)


def _cgroups(bench: Bench) -> None:
    groups = fresh_cgroups(bench, f"strata-{os.getpid()}")
    took = bench.native("cgroup", bench.pick(50, 200), *groups, source=HELPER)
    note = f"cgroup v{cgroup_version()}, {len(groups)} hierarchies" if len(groups) > 1 else "cgroup v2"
    for number, name in enumerate(CGROUP):
        bench.timing(name, took[number :: len(CGROUP)], note=note)


def _copy_up(bench: Bench, name: str) -> None:
    """The first opening for writing. On a disk the kernel also waits until the copy is on it."""
    on_disk, small = "disk" in name, name.endswith("small")
    if on_disk and not bench.root:
        raise Missing(
            "an overlay on the scratch directory's file system is mounted as root only: run it as root"
        )
    count = bench.pick(30, 100) if small else bench.pick(5, 20)
    size = SMALL if small else BIG_MIB << 20
    where = "disk" if on_disk else "tmpfs"
    took = bench.native("copy_up", count, _place(bench), size, where, source=HELPER)
    layers = "the scratch directory's file system" if on_disk else "tmpfs"
    if small:
        bench.timing(name, took, note=f"a file of 4 KiB, both layers on {layers}")
    else:
        note = f"a file of {BIG_MIB} MiB, both layers on {layers}"
        bench.timing(name, [one / BIG_MIB for one in took], per="MiB", note=note)


def _runtime(bench: Bench, runtime: str) -> None:
    """Each verb starts the program anew, which `run` does only once: what that takes is a step, too."""
    bundle = Bundle.make(bench, runtime)
    create, start, delete = (bundle.command(verb) for verb in VERBS)
    version = [bundle.runtime[0], "--version"]
    commands = (*create, "--", *start, "--", *version, "--", *delete)
    took = bench.native("spawn", bench.pick(15, 60), "apart", 1, *commands, source=HELPER)
    for number, step in enumerate(STEPS):
        bench.timing(f"{runtime}_{step}", took[number :: len(STEPS)])


def _docker(bench: Bench) -> None:
    """`docker run --rm` with everything as the engine has it, its network too."""
    tool, name = bench.tool("docker"), f"strata-{os.getpid()}"
    try:
        bench.run(tool, "version", timeout=10)
    except Exception as error:
        raise Missing(f"no docker engine answers ({reason_of(error)}): start one") from None
    archive = bench.scratch / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(program_root(bench) / "init", "init")
    bench.undo(lambda: bench.run(tool, "rmi", "--force", name, check=False))
    bench.run(tool, "import", archive, name)
    bench.undo(lambda: bench.run(tool, "rm", "--force", name, check=False))
    command = [tool, "run", "--rm", "--name", name, name, "/init"]
    bench.timing("docker_run", bench.native("spawn", bench.pick(5, 20), "here", 1, *command, source=HELPER))


def _podman(bench: Bench) -> None:
    """`podman run --rm`. No engine keeps order after it, so all that it makes is put where it ends with the
    measurement: its store and its cgroup; and no image, whose cache would stay, and no network's bridge."""
    tool, name = bench.tool("podman"), f"strata-{os.getpid()}"
    if not bench.root:
        raise Missing("podman is measured as root only: run it as root")
    fresh_cgroups(bench, name)
    podman = [tool, "--cgroup-manager", "cgroupfs"]
    for option in ("root", "runroot", "tmpdir"):
        podman += [f"--{option}", str(bench.scratch / "podman" / option)]
    command = [*podman, "run", "--rm", "--name", name, "--cgroup-parent", f"/{name}", "--network", "none"]
    command += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
    command += ["--rootfs", f"{program_root(bench)}:O", "/init"]
    took = bench.native("spawn", bench.pick(5, 20), "apart", 1, *command, source=HELPER)
    bench.timing("podman_run", took, note="an overlay over a folder, without a network")


def _place(bench: Bench) -> str:
    """An empty folder for layers."""
    place = bench.scratch / f"layers-{sum(1 for _ in bench.scratch.iterdir())}"
    place.mkdir()
    return str(place)
