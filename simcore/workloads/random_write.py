"""Writes of one block at random places, past the page cache or into it, with or without fsync."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.workloads.random_access import RandomAccess


class RandomWrite(RandomAccess):
    unsynced = 0  # writes since the last fsync

    def _access(self, request: Request) -> Steps:
        if self.settings["sync"]:
            yield from self.ask(request, "service", self)
        else:
            yield from self._write(request, counted=True)

    def service(self, request: Request) -> Steps:
        """A write, and an fsync if it is time for one: both together are what is counted."""
        yield from self._write(request, counted=False)
        self.unsynced += 1
        if self.unsynced >= self.settings["sync"]:
            self.unsynced = 0
            yield from self.sync(request, self.below)

    def _write(self, request: Request, counted: bool) -> Steps:
        cached = self.settings["cache"] == "buffered"
        return self.put(request, self.below, self.settings["block"], cached, counted)
