"""A byte to a server on another machine, and its answer; several such questions may be under way at once."""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.workloads.slots import Slots


class RequestResponse(Slots):
    def _load(self) -> tuple[int, int]:
        return self.settings["count"], self.settings["depth"]

    def _unit(self, request: Request) -> Steps:
        yield from self.ask(request, "round_trip", self)

    def round_trip(self, request: Request) -> Steps:
        yield from self.part(request, "send", self.below, over="network")
