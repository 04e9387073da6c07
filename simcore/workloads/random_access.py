"""Blocks at random places of a file: `depth` of them under way at once on one thread, `count` in all."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.workloads.slots import Slots


class RandomAccess(Slots):
    def _load(self) -> tuple[int, int]:
        return self.settings["count"], self.settings["depth"]

    def _unit(self, request: Request) -> Steps:
        yield from self._access(request)
        self.spend(request, "next_place")

    def _access(self, request: Request) -> Steps:
        """One of them."""
        raise NotImplementedError
