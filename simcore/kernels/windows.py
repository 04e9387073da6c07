"""Windows NT: one kernel for all programs; it runs them by priority, keeps NTFS and owns the devices.

A read is a packet (IRP) that the I/O manager makes and hands down a stack of drivers: filters, NTFS, volume
and disk, storport with the device's own miniport. The device's interrupt does next to nothing: it queues a
deferred procedure call (DPC), which runs before any thread of that CPU does, completes the packet on its way
up and wakes the reader, in whose context the rest is done (APC). A process is not copied but made from the
program's file; a page that it touches comes from a list of pages that were cleared in idle time.

A boot goes boot manager -> loader -> kernel -> boot drivers -> session manager -> services and logon. Under
Hyper-V it is this loader that starts the hypervisor, beneath itself.
"""

from simcore.cpu import Steps, Thread
from simcore.kernels.ndis import Ndis
from simcore.kernels.processes import Processes
from simcore.kernels.writeback import Writeback
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.priority import Priority
from simcore.trace import QUEUE
from simcore.waiting import Gate


class Windows(Processes, Ndis, Writeback):
    clearing = ()  # of a page that is touched: done before, by the zero page thread

    def wire(self) -> None:
        super().wire()
        self.at_once = self.constant("writes_at_once")
        self.sched = Priority(
            self.sim,
            self.computer.cpus,
            self.constant(f"quantum_{self.settings['edition']}"),
            self.constant("highest_boosted"),
            self.constant("boost"),
            self.node,
        )
        self.sched.queue_what = self.engine_what("run_queue", QUEUE)
        self.sched.irq_what = self.engine_what("interrupted", QUEUE)
        self.first = self.process(f"{self.id}/system")
        self._services: dict[str, Request] = {}
        self._cached: dict[tuple[int, int], Gate] = {}  # what programs have read through the cache manager
        self._programs: set[str] = set()

    def process(self, name: str) -> Thread:
        thread = Thread(self.sched, name, self.node, self.constant("default_priority"))
        self.threads.append(thread)
        return thread

    def take_over(self) -> None:
        self.sched.take_over(self.plan("context_switch"), self.plan("interrupt_entry"))

    def renice(self, thread: Thread, nice: int) -> None:
        """A priority class for each range of nice."""
        for least, priority in self.constant("nice_priorities"):
            if nice >= least:
                thread.weight = priority

    # ---------------------------------------------------------------------- files and devices

    def read(self, request: Request) -> Steps:
        """Past the cache (FILE_FLAG_NO_BUFFERING), into the reader's own pages."""
        if request.cached:
            yield from self._through_cache(request)
            return
        reader = request.flow.thread
        self.spend(request, "syscall_entry", "lock_pages")
        yield from self.submit_bio(request)
        yield from self._back(request, reader)

    def write(self, request: Request) -> Steps:
        if not request.cached:
            yield from self.read(request)
            return
        request.cached = False
        self.spend(request, "syscall_entry", "cache_manager")
        self.repeat(request, -(-request.bytes // self.constant("block")), "page_alloc")
        self.spend(request, "copy_to_user", per=request.bytes)
        yield from self._make_dirty(request)
        self.spend(request, "syscall_exit")
        yield from self.settle()

    def _dirty_limits(self) -> tuple[int, int]:
        """Its lazy writer goes by time alone; who writes too much waits for it."""
        most = self.computer.settings["memory"] // self.constant("dirty_divisor")
        return most, most

    def flush(self, request: Request) -> Steps:
        """FlushFileBuffers: what is dirty in the system cache, then the disk's own cache."""
        caller = request.flow.thread
        request.cached = False
        self.spend(request, "syscall_entry")
        yield from self.settle()
        yield from self._write_out(request)
        if self.computer.disk.write_cache:
            yield from self.submit_bio(request)
            yield from self._back(request, caller)
        else:
            self.spend(request, "syscall_exit")

    def submit_bio(self, request: Request) -> Steps:
        """A packet down the stack of drivers and up again: all of a read for a driver that asks itself."""
        self.spend(request, "io_manager", "filter_stack", "ntfs_map", "storage_stack")
        yield from self.computer.disk.serve(request)
        self.spend(request, "queue_dpc", "dpc", "io_complete")

    def _page_out(self, request: Request) -> Steps:
        thread = request.flow.thread
        yield from self.submit_bio(request)
        self.spend(request, "wake_up")
        yield from self.hop(request, thread, "interrupt_exit")

    def _back(self, request: Request, caller: Thread) -> Steps:
        """From the DPC into the context of the thread that asked."""
        self.spend(request, "wake_up")
        yield from self.hop(request, caller, "interrupt_exit")
        self.spend(request, "completion_apc", "syscall_exit")

    def _through_cache(self, request: Request) -> Steps:
        """The bytes are copied out of the system cache; what is not there is read first, and only once."""
        reader, page = request.flow.thread, request.page
        request.page, request.cached = None, False  # below this cache, the read is like any other
        self.spend(request, "syscall_entry", "cache_manager")
        yield from self.settle()  # what is in the cache is seen now, not before
        arrived = self._cached.get(page) if page is not None else None
        if arrived is not None:
            yield from self.until(request, arrived)
        else:
            arrived = self.gate()
            if page is not None:
                self._cached[page] = arrived
            self.repeat(request, -(-request.bytes // self.constant("block")), "page_alloc")
            yield from self.submit_bio(request)
            self.spend(request, "wake_up")
            yield from self.hop(request, reader, "interrupt_exit")
            yield from self.settle()
            arrived.open(self.sim.now, reader, request.span)
        self.spend(request, "copy_to_user", per=request.bytes)
        self.spend(request, "syscall_exit")

    # ---------------------------------------------------------------------- programs

    def exec(self, request: Request) -> Steps:
        """The loader in the new process maps the program and its libraries; a process is made first if there
        is none yet."""
        thread, made = request.flow.thread, 0
        if thread not in self._memory:
            self.spend(request, "fork")
            made = yield from self._take(request, thread, "fork_pages")
        if request.program not in self._programs:
            self._programs.add(request.program)
            yield from self._read_in(request, self.constant("program_reads"), self.constant("block"))
        self.spend(request, "exec")
        self._begin(request)
        taken = yield from self._take(request, thread, "exec_pages")
        return made + taken

    # ---------------------------------------------------------------------- the stages of a boot

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)  # the computer; its firmware has started the boot manager
        if "direct-kernel" not in self.offered:
            yield from self.load(request)
        yield from self._start_kernel(request)
        yield from self._start_session(request)

    def load(self, request: Request) -> Steps:
        thread = request.flow.thread
        self.log(request, "bootmgr")
        self.spend(request, "bootmgr")
        self.log(request, "winload")
        left, piece = self.constant("boot_images"), self.constant("loader_read")
        while left > 0:
            yield from self.ask(request, "read", self.computer.disk, min(left, piece))
            yield from self.hop(request, thread)
            left -= piece
        self.spend(request, "winload")

    def _start_kernel(self, request: Request) -> Steps:
        computer = self.computer
        memory, cpus = computer.settings["memory"], len(computer.cpus)
        self.take_over()
        self.log(request, "version", build=self.constant(f"build_{self.settings['edition']}"))
        if isinstance(computer, VirtualMachine):
            self.log(request, "root" if computer.entry.control_domain else "guest")
        self.spend(request, "setup_memory", per=memory // computer.memory_nodes)
        if cpus > 1:
            self.spend(request, "cpu_bringup", per=cpus - 1)
        self.log(request, "processors", cpus=cpus, memory=memory)
        self.spend(request, "executive")
        computer.first_run(request, self.constant("boot_blocks"))
        if isinstance(computer, VirtualMachine) and not computer.entry.control_domain:
            yield from computer.below.emulate(request, computer.below.constant("probe_exits"))
        else:
            self.spend(request, "probe_platform")
        for driver in self.constant("boot_drivers"):
            self.spend(request, "start_driver")
            self.log(request, "driver", driver=driver)
        for drive in computer.drives:
            if drive.kernel is self:  # and has not been lent to somebody
                yield from self.ask(request, "boot", drive)
        self.spend(request, "mount_volume")
        yield from self._read_in(request, self.constant("mount_reads"), self.constant("block"))
        self.log(request, "mounted", disk=computer.disk.entry.id)

    def _start_session(self, request: Request) -> Steps:
        """The first process makes the others; services start side by side, each after those that it needs."""
        self.log(request, "session_manager")
        self.spend(request, "session_manager")
        yield from self._read_in(request, self.constant("session_reads"), self.constant("service_read"))
        self.log(request, "wininit")
        self.spend(request, "wininit")
        yield from self.settle()
        names = self.constant(f"services_{self.settings['edition']}")
        awaited = names[-1:]
        if self.computer.entry.control_domain:
            awaited += self.constant("services_root")
        for name in dict.fromkeys((*names, *awaited)):
            self._services[name] = self.spawn("service", self.process(name), self.sim.now, cause=request)
        for name in awaited:
            yield from self.join(request, self._services[name])
        self.spend(request, "logon_ui")
        self.log(request, "logon")

    def service(self, request: Request) -> Steps:
        """One automatic service, or what shows the logon screen."""
        name = request.flow.thread.name
        service = self.constant(f"service_{name}")
        for earlier in service["after"]:
            if earlier in self._services:  # not every edition has all of them
                yield from self.join(request, self._services[earlier])
        self.spend(request, "fork", "exec")
        yield from self._read_in(request, service["reads"], self.constant("service_read"))
        self.spend(request, f"service_{name}")
        self.log(request, "running", service=service["name"])

    def _read_in(self, request: Request, times: int, size_bytes: int) -> Steps:
        """Reads of the kernel's own, for a page fault or a driver."""
        thread = request.flow.thread
        for _ in range(times):
            self.spend(request, "ntfs_map", "storage_stack")
            yield from self.ask(request, "read", self.computer.disk, size_bytes)
            self.spend(request, "queue_dpc", "dpc", "io_complete", "wake_up")
            yield from self.hop(request, thread, "interrupt_exit")
