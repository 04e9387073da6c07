"""Linux: one kernel for all programs above it; it schedules them, keeps their files and owns the devices.

A read goes system call -> VFS -> file system -> block layer -> driver; the reader sleeps; the device's
interrupt finishes the request on whatever CPU takes it, and wakes the reader. A guest runs this same code:
what differs lies below it.

A boot goes loader -> unpack itself -> memory -> CPUs -> drivers -> initramfs -> root file system -> init.
Its units start side by side on the CPUs there are, each after those that it needs; the entry lists them.
"""

from functools import partial
from typing import Any

from simcore.cpu import Steps, Thread
from simcore.frames import Frames, Page
from simcore.kernels.ksm import Ksm
from simcore.kernels.network import Network
from simcore.kernels.processes import Processes
from simcore.kernels.writeback import Writeback
from simcore.requests import Request
from simcore.roles import VirtualMachine
from simcore.schedulers.base import Scheduler
from simcore.schedulers.dedicated import Dedicated
from simcore.schedulers.fair import Cfs, Fair
from simcore.schedulers.round_robin import RoundRobin
from simcore.trace import CPU, QUEUE
from simcore.waiting import Gate


class Linux(Processes, Writeback, Ksm, Network):
    sched: Scheduler
    reads_steal = halts_for_locks = True

    def wire(self) -> None:
        if self.settings["mitigations"] == "off":
            self.instead("syscall_entry", "syscall_entry_bare")
            self.instead("syscall_exit", "syscall_exit_bare")
        super().wire()
        self.at_once = self.constant("writes_at_once")
        cpus = self.computer.cpus
        if self.settings["scheduler"] == "round-robin":
            self.sched = RoundRobin(self.sim, cpus, self.constant("round_robin_slice"), self.node)
        else:
            weight, slice_ns = self.constant("default_weight"), self.constant("slice")
            credit, granularity = self.constant("sleeper_credit"), self.constant("wakeup_granularity")
            if self.settings["scheduler"] == "cfs":
                self.sched = Cfs(self.sim, cpus, slice_ns, weight, credit, granularity, self.node)
            else:
                self.sched = Fair(self.sim, cpus, slice_ns, weight, self.node)
        self.sched.tick_ns = self.constant("tick")
        self.sched.queue_what = self.engine_what("run_queue", QUEUE)
        self.sched.irq_what = self.engine_what("interrupted", QUEUE)
        self.sched.throttle_what = self.engine_what("throttled", QUEUE)
        self.first = self.process(f"{self.id}/init")
        self.mounts = self.constant("boot_mounts")
        self._dedicated: dict[str, Thread] = {}
        self._units: dict[str, Request] = {}
        self._pages: dict[tuple[Any, Any], Gate] = {}  # the page cache, of what programs read
        self._programs: set[str] = set()  # which programs are in it
        if not isinstance(self.computer, VirtualMachine):
            self.frames = Frames(self.computer.settings["memory"] // self.constant("block"))
            if self.settings["ksm"]:
                self._switch_ksm()

    def process(self, name: str) -> Thread:
        thread = Thread(self.sched, name, self.node, self.constant("default_weight"))
        self.threads.append(thread)
        return thread

    def dedicate(self, name: str) -> Thread:
        """Its CPU is taken from all others (isolcpus): the last one."""
        if name not in self._dedicated:
            core = self.sched.cpus.pop().core
            self.sched.idle &= ~core.bit
            polling = self.sim.what(self.node, self.entry.id, "busy_poll", CPU)
            sched = Dedicated(self.sim, core, polling, self.node)
            sched.queue_what = self.sched.queue_what
            self._dedicated[name] = Thread(sched, name, self.node, self.constant("default_weight"))
            self.threads.append(self._dedicated[name])
        return self._dedicated[name]

    def take_over(self) -> None:
        spaces = self.computer.new_address_space
        self.sched.take_over(self.plan("context_switch"), self.plan("irq_entry"), spaces)

    def renice(self, thread: Thread, nice: int) -> None:
        weights = self.constant("nice_weights")
        thread.weight = max(1, round(thread.weight * weights[str(nice)] / weights[str(0)]))

    @property
    def boot_files(self) -> list[tuple[str, int]]:
        """The kernel itself, and what its services read as they start. The initramfs has been given back."""
        files, each = [("kernel", self.constant("kernel_image"))], self.constant("service_read")
        if self.settings["init"] == "systemd":
            for name in self.constant(f"{self.settings['units']}_units"):
                files.append((name, self.constant(f"service_{name}")["reads"] * each))
        return files

    def read(self, request: Request) -> Steps:
        """A direct read: past the page cache, from the device into the reader's buffer."""
        if request.cached:
            return (yield from self._buffered(request))
        reader = request.flow.thread
        self.spend(request, request.entry, "vfs_read", "extent_map", "pin_pages", "blk_submit")
        yield from self.computer.disk.serve(request)
        self.spend(request, "blk_complete", "wake_up")
        yield from self.hop(request, reader, "irq_exit")
        self.spend(request, "unpin_pages", "syscall_exit")
        return 0

    def write(self, request: Request) -> Steps:
        """A direct write: the same way, with the data going down."""
        if request.cached:
            yield from self._write_later(request)
        else:
            yield from self.read(request)

    def _write_later(self, request: Request) -> Steps:
        """A buffered write: into the page cache, and done. Whoever wants it kept asks for a flush."""
        request.cached = False
        self.spend(request, request.entry, "vfs_read", "page_cache_lookup")
        self.repeat(request, -(-request.bytes // self.constant("block")), "page_alloc", "page_dirty")
        self.spend(request, "copy_to_user", per=request.bytes)
        yield from self._make_dirty(request)
        self.spend(request, "syscall_exit")
        yield from self.settle()

    def _dirty_limits(self) -> tuple[int, int]:
        """Writers are slowed down on the way from one threshold to the other: the second is never reached."""
        percent = self.computer.settings["memory"] // self.constant("percent")
        background, most = self.settings["dirty_background_ratio"], self.settings["dirty_ratio"]
        slowdown = max(0, most - background) * self.constant("dirty_slowdown")
        return percent * background, int(percent * (background + slowdown))

    def flush(self, request: Request) -> Steps:
        """The disk shall keep what it has acknowledged: the last step of an fsync. Before it goes what has
        only been written to the page cache. A disk that says it has no cache is not asked."""
        caller = request.flow.thread
        request.cached = False
        self.spend(request, request.entry)
        yield from self.settle()
        yield from self._write_out(request)
        if self.computer.disk.write_cache:
            self.spend(request, "blk_submit")
            yield from self.computer.disk.serve(request)
            self.spend(request, "blk_complete", "wake_up")
            yield from self.hop(request, caller, "irq_exit")
        self.spend(request, "syscall_exit")

    def submit_bio(self, request: Request) -> Steps:
        self.spend(request, "blk_submit")
        yield from self.computer.disk.serve(request)
        self.spend(request, "blk_complete")

    def page_in(self, request: Request, size_bytes: int) -> Steps:
        self.spend(request, "page_cache_lookup")
        self.repeat(request, -(-size_bytes // self.constant("block")), "page_alloc")
        yield from self._read_in(request, size_bytes)

    def _buffered(self, request: Request) -> Steps:
        """Through the page cache: the device is asked only for what is not there, and the bytes are copied.
        Answers with how many bytes are in the cache now that were not.

        Who wants a page that is on its way waits for it; nobody asks twice.
        """
        reader, page, kept = request.flow.thread, request.page, 0
        request.page, request.cached = None, False
        self.spend(request, request.entry, "vfs_read", "page_cache_lookup")
        yield from self.settle()  # what is in the cache is seen now, not before
        arrived = self._pages.get(page) if page is not None else None
        if arrived is not None:
            yield from self.until(request, arrived)
        else:
            arrived = self.gate()
            blocks = -(-request.bytes // self.constant("block"))
            if page is not None:
                self._pages[page] = arrived
                if self.computer.lacks(blocks):
                    yield from self.computer.make_room(request, blocks)
                if self.frames is not None:
                    self.frames.cache(blocks)
                else:
                    self.computer.use(request, blocks)
                self._keep(blocks)
                kept = blocks * self.constant("block")
            self.repeat(request, blocks, "page_alloc")
            self.spend(request, "extent_map", "blk_submit")
            request.page = page  # below this cache, the read is like any other
            yield from self.computer.disk.serve(request)
            self.spend(request, "blk_complete", "wake_up")
            yield from self.hop(request, reader, "irq_exit")
            yield from self.settle()
            arrived.open(self.sim.now, reader, request.span)
        self.spend(request, "copy_to_user", per=request.bytes)
        self.spend(request, "syscall_exit")
        return kept

    def drop_page(self, request: Request, page: tuple[Any, Any], size_bytes: int) -> None:
        if self._pages.pop(page, None) is None:
            return
        blocks = size_bytes // self.constant("block")
        if self.frames is not None:
            self.frames.cache(-blocks)
        else:
            self.computer.free(blocks)
        self._keep(-blocks)
        self.repeat(request, blocks, "drop_page")

    def _keep(self, blocks: int) -> None:
        """So many blocks of files more, or less, are in the page cache."""
        self.cached_bytes += blocks * self.constant("block")
        self.count("page_cache", self.cached_bytes)

    def exec(self, request: Request) -> Steps:
        """The program takes the place of the process's memory; what is no process yet becomes one first."""
        thread = request.flow.thread
        known = self._memory.get(thread)
        if known is None:
            self.spend(request, "fork")
            yield from self._take(request, thread, "fork_pages")
        if request.program not in self._programs:
            self._programs.add(request.program)
            yield from self._fetch(request, "exec_reads", "block")
            for _ in range(request.bytes // self.constant("service_read")):
                yield from self._read_in(request, self.constant("service_read"))
        self.spend(request, "exec")
        self._write_address_space(request)
        self._begin(request)
        yield from self.settle()
        old = self._memory.pop(thread)
        self.computer.free(old.pages)
        taken = yield from self._take(request, thread, "exec_pages")
        return taken - (old.pages * self.constant("block") if known else 0)

    def boot(self, request: Request) -> Steps:
        yield from self.down(request)  # the computer; its firmware has started a boot loader
        began = self.sim.now
        if "direct-kernel" not in self.offered:  # the firmware has no kernel for it
            yield from self._load(request)
        yield from self._start_kernel(request)
        yield from self._mount_root(request)
        yield from self._fetch(request, "exec_reads", "block")
        self.spend(request, "exec_init")
        self.log(request, "run_init")
        if self.settings["init"] == "systemd":
            yield from self._start_units(request, began)

    def service(self, request: Request) -> Steps:
        """One unit of init: after those that it needs, a process that reads, computes and perhaps waits."""
        name = request.flow.thread.name
        unit = self.constant(f"service_{name}")
        for earlier in unit["after"]:
            if earlier in self._units:  # not every system has all of them
                yield from self.join(request, self._units[earlier])
        self.spend(request, "fork", "exec")
        self.log(request, "starting", unit=unit["unit"])
        for _ in range(unit["reads"]):
            yield from self._read_in(request, self.constant("service_read"))
        self.spend(request, f"service_{name}")
        if f"wait_{name}" in self.entry.timings:
            yield from self.wait(request, f"wait_{name}")
        self.log(request, "started", unit=unit["unit"])

    # ---------------------------------------------------------------------- when memory is short

    def make_room(self, request: Request, pages: int) -> Steps:
        """First what can be read again, then what nobody has used for longest; and if there is nowhere to put
        that, whoever has most must end."""
        frames, swap = self.frames, (self.settings["swap"] or 0) // self.constant("block")
        assert frames is not None
        while frames.lack(pages):
            if self._pages and frames.cached > 0:
                each = frames.cached // len(self._pages)
                del self._pages[next(iter(self._pages))]
                frames.cache(-each)
                self._keep(-each)
                self.repeat(request, each, "drop_page")
            elif frames.gone < swap and (gone := frames.put_away(self.constant("swap_cluster"))):
                number = sum(held.pages for held in gone)
                self.repeat(request, number, "swap_out")
                yield from self._transfer(request, "write", number * self.constant("block"))
            elif (victim := frames.largest()) is not None:
                vm, page = victim.owner, victim.page
                node = vm.node if page is None else page[0]
                self.spend(request, "oom_kill")
                yield from self.settle()
                name = vm.id if page is None else frames.programs[node]
                self.log(request, "oom", name=name, size=victim.pages * self.constant("block"))
                frames.forget(node, vm)
                self.sim.at(0, partial(self.sim.kill, node))
            else:
                return
            yield from self.settle()

    def bring_back(self, request: Request, page: Page) -> Steps:
        """A major fault: the page is read from the swap area, by whoever needs it."""
        assert self.frames is not None
        held = self.frames.away[page]
        self.spend(request, "fault_entry")
        if self.frames.lack(held.pages):
            yield from self.make_room(request, held.pages)
        self.repeat(request, held.pages, "page_alloc")
        yield from self._read_in(request, held.pages * self.constant("block"))
        self.spend(request, "map_page")
        yield from self.settle()
        if page in self.frames.away:  # nobody else has brought it meanwhile
            self.frames.bring_back(page)

    def out_of_memory(self, request: Request, group: str) -> Steps:
        self.spend(request, "oom_kill")
        yield from self.settle()
        memory = self._memory.pop(request.flow.thread)
        size = memory.pages * self.constant("block")
        self.log(request, "group_oom", name=request.program, group=group, size=size)
        self._give_back(memory)
        return size

    # ---------------------------------------------------------------------- the stages of a boot

    def _load(self, request: Request) -> Steps:
        """The boot loader reads the kernel and the initramfs; nothing of the kernel runs yet."""
        thread, piece = request.flow.thread, self.constant("loader_read")
        left = self.constant("kernel_image") + self.constant("initramfs_image")
        while left > 0:
            yield from self.ask(request, "read", self.computer.disk, min(left, piece))
            yield from self.hop(request, thread)
            left -= piece

    def _start_kernel(self, request: Request) -> Steps:
        computer = self.computer
        memory, cpus = computer.settings["memory"], len(computer.cpus)
        self.take_over()
        if self.settings["image"] == "compressed":
            self.spend(request, "decompress")
        self.log(request, "linux_version")
        self.log(request, "command_line", disk=self._disk_name())
        self.spend(request, "setup_memory", per=memory // computer.memory_nodes)
        self.log(request, "memory", memory=memory, pages=memory // self.constant("block"))
        if cpus > 1:
            self.spend(request, "cpu_bringup", per=cpus - 1)
        self.log(request, "smp", cpus=cpus)
        self.spend(request, "initcalls")
        computer.first_run(request, self.constant("boot_blocks"))
        self.log(request, "net")
        if isinstance(computer, VirtualMachine) and not computer.entry.control_domain:
            # Virtual devices answer at once, but each question is an exit.
            yield from computer.below.emulate(request, computer.below.constant("probe_exits"))
        else:
            self.spend(request, "probe_platform")
        for drive in computer.drives:
            if drive.kernel is self:  # and has not been lent to somebody
                self.spend(request, "driver_probe_disk")
                drive.log(request, "probed", model=computer.disk_model)
                yield from self.ask(request, "boot", drive)
        if self.settings["init"] == "direct" and "network" in computer.devices:  # no service will do it
            yield from self.wait(request, "ip_autoconfig")
            self.log(request, "ip_config")
        yield from self._fetch(request, "partition_reads", "block")
        self.log(request, "disk_found", disk=self._disk_name())
        if initramfs := self.constant("initramfs_image"):
            self.log(request, "unpack_initramfs")
            self.spend(request, "initramfs_unpack", per=initramfs)
            self.log(request, "free_initramfs", size=initramfs)
            self.spend(request, "initramfs_init")
            yield from self.wait(request, "initramfs_wait")

    def _mount_root(self, request: Request) -> Steps:
        self.spend(request, "mount_root")
        yield from self._fetch(request, "mount_reads", "block")
        self.log(request, "mount_root", disk=self._disk_name())

    def _start_units(self, request: Request, began: int) -> Steps:
        """Start all units, each of which waits for those before it, and wait for the last: the target."""
        yield from self.settle()
        user_space = self.sim.now
        self.log(request, "systemd")
        names = self.constant(f"{self.settings['units']}_units")
        for name in names:
            self._units[name] = self.spawn("service", self.process(name), user_space, cause=request)
        yield from self.join(request, self._units[names[-1]])
        now = self.sim.now
        self.log(request, "target")
        times = {"kernel": user_space - began, "userspace": now - user_space, "total": now - began}
        self.log(request, "startup_finished", **times)

    # ---------------------------------------------------------------------- what it reads for itself

    def _fetch(self, request: Request, count: str, size: str) -> Steps:
        for _ in range(self.constant(count)):
            yield from self._read_in(request, self.constant(size))

    def _page_out(self, request: Request) -> Steps:
        thread = request.flow.thread
        self.spend(request, "extent_map")
        yield from self.submit_bio(request)
        self.spend(request, "wake_up")
        yield from self.hop(request, thread, "irq_exit")

    def _read_in(self, request: Request, size_bytes: int) -> Steps:
        """Into the page cache: no system call, no user's pages."""
        yield from self._transfer(request, "read", size_bytes)

    def _transfer(self, request: Request, kind: str, size_bytes: int) -> Steps:
        """Between memory and the disk; the thread waits."""
        thread = request.flow.thread
        self.spend(request, "extent_map", "blk_submit")
        yield from self.ask(request, kind, self.computer.disk, size_bytes)
        self.spend(request, "blk_complete", "wake_up")
        yield from self.hop(request, thread, "irq_exit")

    def _disk_name(self) -> str:
        """Each driver names its disks in its own way: nvme0n1, sda, vda."""
        kind = self.computer.disk.entry.id
        name: str = self.constant("disk_names").get(kind, kind)
        return name
