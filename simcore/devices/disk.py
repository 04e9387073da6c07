"""What disks have in common: a driver that queues a command, a medium that takes its time, an interrupt.

The interrupt comes in on the CPU that submitted: multi-queue drivers give each CPU its own queue and vector.
Writes have places of their own in the device, since what limits them is not what limits reads; they are
answered from the drive's fast memory, and a flush waits until that is on the medium. Without a flush a drive
keeps them there until the power goes, unless its capacitors last for carrying them over; that it would empty
that memory by itself when it has nothing else to do is left out. There are drives that answer a flush and do
nothing.
"""

from collections.abc import Callable

from simcore.cpu import Cpu, Steps, Thread
from simcore.devices.hardware import Hardware
from simcore.requests import Request
from simcore.roles import Hypervisor
from simcore.trace import DEVICE
from simcore.waiting import Station


class Drive(Hardware):
    """A driver's way down to a drive and back up; what the drive does in between is said below."""

    reads: Station
    writes: Station
    base_bytes: int
    poller: Thread | None = None  # its driver, if that is a program which looks for answers all the time,
    told: Callable[[Request], Steps] | None = (
        None  # or one that sleeps until the interrupt's handler tells it
    )

    @property
    def write_cache(self) -> bool:
        """One with capacitors has nothing that could be lost, and says so."""
        return bool(self.settings["write_cache"] != "protected")

    def _taken(self, request: Request) -> None:
        """A write is in the drive's fast memory, and answered."""
        if request.writes:
            if self.settings["write_cache"] == "protected":
                self.sim.durable.update(request.writes)
            else:
                self.volatile += request.writes

    def _empty(self, kept: list[tuple[int, int]]) -> None:
        """What was in that memory when the flush came is on the medium."""
        if kept:
            self.sim.durable.update(kept)
            self.volatile = [write for write in self.volatile if write not in self.sim.durable]

    def _issue(self, request: Request) -> Cpu:
        """The driver's way down, on the CPU that will be interrupted: the real one beneath a guest, if the
        driver is the hypervisor's."""
        self.spend(request, "queue_command", "doorbell")
        cpu = request.flow.thread.cpu
        return cpu.core if isinstance(self.kernel, Hypervisor) else cpu

    def _beyond(self, request: Request) -> int:
        """The bytes that the medium's own time does not cover."""
        return max(0, request.bytes - self.base_bytes)

    def _complete(self, request: Request, cpu: Cpu) -> Steps:
        if self.poller is not None:
            yield from self.hop(request, self.poller)
        else:
            yield from self._interrupt(request, cpu)
            if self.told is not None:
                yield from self.told(request)
        self.spend(request, "complete_command")

    def _interrupt(self, request: Request, cpu: Cpu) -> Steps:
        """To the CPU that the driver is on."""
        return self._notify(request, cpu)


class Disk(Drive):
    medium: tuple[str, ...] = ()  # the stages of a read inside the device, in order
    written: tuple[str, ...] = ()  # and of a write

    def wire(self) -> None:
        link = self.op("transfer", DEVICE).what
        self.reads = self.station(self.constant("parallel"), link)
        self.writes = self.station(self.constant("parallel_writes"), link)
        self.base_bytes: int = self.constant("base_bytes")

    def read(self, request: Request) -> Steps:
        cpu = self._issue(request)
        yield from self.submit(request, self.reads, *self.medium, per=self._beyond(request))
        yield from self._complete(request, cpu)

    def write(self, request: Request) -> Steps:
        cpu = self._issue(request)
        yield from self.submit(request, self.writes, *self.written, per=self._beyond(request))
        self._taken(request)
        yield from self._complete(request, cpu)

    def flush(self, request: Request) -> Steps:
        """With nothing to do it is answered at once."""
        cpu = self._issue(request)
        if self.settings["write_cache"] == "volatile":
            kept = list(self.volatile)
            yield from self.submit(request, self.writes, "flush_cache")
            self._empty(kept)
        else:
            yield from self.submit(request, self.writes)
        yield from self._complete(request, cpu)
