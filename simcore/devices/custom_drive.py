"""A drive by its figures: what a data sheet or a benchmark of the bare drive says, given as settings.

How long a request takes when it is alone, how many it works on at once (what it answers a second when its
queue is full is the quotient), and what each further block takes on its link.
"""

from simcore.cpu import Steps
from simcore.devices.disk import Drive
from simcore.requests import Request
from simcore.trace import DEVICE


class CustomDrive(Drive):
    def wire(self) -> None:
        self.link = self.sim.what(self.node, self.entry.id, "transfer", DEVICE)
        self.reads = self.station(self.settings["reads_at_once"], self.link)
        self.writes = self.station(self.settings["writes_at_once"], self.link)
        self.base_bytes = self.constant("base_bytes")

    def read(self, request: Request) -> Steps:
        cpu = self._issue(request)
        medium = self.sim.what(self.node, self.entry.id, "medium_read", DEVICE)
        yield self.reads.accept, [(medium, self.settings["read"]), self._transfer(request)]
        yield from self._complete(request, cpu)

    def write(self, request: Request) -> Steps:
        cpu = self._issue(request)
        medium = self.sim.what(self.node, self.entry.id, "medium_write", DEVICE)
        yield self.writes.accept, [(medium, self.settings["write"]), self._transfer(request)]
        self._taken(request)
        yield from self._complete(request, cpu)

    def flush(self, request: Request) -> Steps:
        cpu = self._issue(request)
        if self.settings["write_cache"] == "volatile":
            kept = list(self.volatile)
            cache = self.sim.what(self.node, self.entry.id, "flush_cache", DEVICE)
            yield self.writes.accept, [(cache, self.settings["flush"])]
            self._empty(kept)
        else:
            yield from self.submit(request, self.writes)
        yield from self._complete(request, cpu)

    def _transfer(self, request: Request) -> tuple[int, int]:
        """What is beyond the first block, over the one link."""
        return self.link, self._beyond(request) * self.settings["further_block"] // self.base_bytes
