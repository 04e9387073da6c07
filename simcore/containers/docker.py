"""Docker: a command asks dockerd, dockerd asks containerd, containerd starts a shim, the shim starts runc.

All of them stand beside the stack: they make a container and look after it, and no request of a running
container passes through them. Each is a program of its own, so between any two there is a wake-up. What many
containers started together queue for are locks: the network's (rtnl) and the database's one writer.
"""

from simcore.cpu import Steps, Thread
from simcore.layer import READY, Layer
from simcore.requests import Request
from simcore.roles import Engine, Kernel


class Docker(Engine):
    below: Kernel

    def wire(self) -> None:
        self.dockerd, self.containerd = self._program("dockerd"), self._program("containerd")

    def boot(self, request: Request) -> Steps:
        """The daemons start when the host has booted."""
        yield from self.down(request)
        starter = request.flow.thread
        yield from self.hop(request, self.containerd)
        self.spend(request, "containerd_start")
        self.log(request, "containerd_ready")
        yield from self.hop(request, self.dockerd)
        self.spend(request, "dockerd_start")
        self.log(request, "docker_ready")
        yield from self.hop(request, starter)

    def create(self, request: Request, container: Layer) -> Steps:
        """`docker run`: from the command to a container whose program may start."""
        name = container.id
        first = request.flow.thread  # becomes the container's first process
        command, dockerd = self._program(f"docker-run/{name}"), self._program(f"dockerd/{name}")
        yield from self.hop(request, command)
        yield from self.ask(request, "exec", self.below)
        self.spend(request, "cli_start", "cli_request")

        yield from self.hop(request, dockerd)
        self.spend(request, "api_create", "rw_layer")
        yield from self._sync(request, self.constant("create_syncs"))
        self.log(request, "created", name=name, image=container.settings["image"])
        yield from self.hop(request, command)
        self.spend(request, "cli_request")

        yield from self.hop(request, dockerd)
        yield from self._begin(request, container, first, dockerd, name)

    def restarts_in(self) -> int | None:
        """The shim tells containerd, and that dockerd, which waits a little in case it dies at once."""
        return self.constant("restart_delay") if self.state == READY else None

    def restart(self, request: Request, container: Layer) -> Steps:
        """As its start, without the command and `create`: the container is there."""
        name = f"{container.id}/{container.starts}"
        first, dockerd = request.flow.thread, self._program(f"dockerd/{name}")
        yield from self.hop(request, dockerd)
        yield from self.delete(request, container)
        self.below.mounts -= self.constant("mounts")
        self.log(request, "restarts", name=container.id)
        yield from self._begin(request, container, first, dockerd, name)

    def _begin(self, request: Request, container: Layer, first: Thread, dockerd: Thread, name: str) -> Steps:
        """dockerd's own part of `start`: the files and the network; then the programs that follow."""
        self.spend(request, "overlay_mount")
        yield from self.settle()
        self.below.mounts += self.constant("mounts")
        yield from self._rtnl(request, "network_sandbox")
        yield from self._commit(request, "network_database", self.constant("network_syncs"))
        linux = self.below  # no other has namespaces
        linux.log(request, "bridge_port")
        yield from self._run(request, container, first, dockerd, name)
        self.log(request, "started", name=container.id)

    def _run(self, request: Request, container: Layer, first: Thread, dockerd: Thread, name: str) -> Steps:
        """containerd, a shim and runc: the last programs between the command and the container's own."""
        containerd = self._program(f"containerd/{name}")
        shim, runc = self.process(f"shim/{name}"), self.process(f"runc/{name}")
        container.threads += (shim, runc)  # they end with the container, not with the daemons
        yield from self.hop(request, containerd)
        self.spend(request, "containerd_create")
        yield from self._commit(request, "database", self.constant("database_syncs"))
        yield from self.hop(request, shim)
        yield from self.ask(request, "exec", self.below)
        self.spend(request, "shim_start")
        self._weigh(1)
        self.below.computer.use(request, self._shim_pages)
        self.log(request, "shim", name=container.id)
        yield from self.hop(request, runc)
        self.spend(request, "parse_mounts", per=self.below.mounts * self.constant("parses"))
        container.spend(request, "runc_exec")

        yield from self.hop(request, first)
        container.spend(request, "cgroup_join", "namespaces", "mounts", "pivot_root", "masked_paths")
        yield from self.hop(request, dockerd)
        yield from self._rtnl(request, "veth_attach")
        yield from self.hop(request, first)
        container.spend(request, "capabilities_seccomp", "exec_fifo")

        yield from self.hop(request, containerd)
        self.spend(request, "task_start")
        yield from self.hop(request, runc)
        container.spend(request, "runc_start")
        yield from self.hop(request, first)

    def delete(self, request: Request, container: Layer) -> Steps:
        """Its shim ends with it."""
        yield from super().delete(request, container)
        self._weigh(-1)
        self.below.computer.free(self._shim_pages)

    @property
    def _shim_pages(self) -> int:
        found: int = self.constant("shim_memory") // self.below.constant("block")
        return found

    def _weigh(self, shims: int) -> None:
        """So many shims more, or less."""
        self.count("memory", (self.memory_bytes or 0) + shims * self.constant("shim_memory"))

    def _rtnl(self, request: Request, op: str) -> Steps:
        """Under the kernel's one lock for changes to the network."""
        yield from self.below.lock(request, "rtnl")
        self.spend(request, op)
        yield from self.below.unlock(request, "rtnl")

    def _commit(self, request: Request, database: str, syncs: int) -> Steps:
        """Write to a database that has one writer at a time, and waits for the disk each time."""
        yield from self.lock(request, database)
        yield from self._sync(request, syncs)
        yield from self.unlock(request, database)

    def _sync(self, request: Request, times: int) -> Steps:
        """fsync: what was written goes down to the disk, then the disk is told to keep it."""
        for _ in range(times):
            for _ in range(self.constant("sync_writes")):
                yield from self.ask(request, "write", self.below, self.constant("sync_bytes"))
            yield from self.ask(request, "flush", self.below)

    def _program(self, name: str) -> Thread:
        """A thread of the daemons or the command: it ends with the engine."""
        thread = self.process(name)
        self.threads.append(thread)
        return thread
