"""Writes of one block at random places, past the page cache."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.workloads.random_access import RandomAccess


class RandomWrite(RandomAccess):
    def _access(self, request: Request) -> Steps:
        yield from self.ask(request, "write", self.below, self.settings["block"])
