"""Reads of one block at random places, from the disk or through the page cache."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.simulation import mix
from simcore.workloads.random_access import RandomAccess


class RandomRead(RandomAccess):
    def _access(self, request: Request) -> Steps:
        file = self.below.root if self.settings["file_of"] == "image" else None
        yield from self.ask(request, "read", self.below, self.settings["block"], self._page(), file)

    def _page(self) -> int | None:
        """The place of the next read, for the page cache to look up; none if the read goes past it."""
        if self.settings["cache"] == "direct":
            return None
        places = max(1, self.settings["file"] // self.settings["block"])
        return int(mix(self.sim.seed, self.id, "place", self.left) % places)
