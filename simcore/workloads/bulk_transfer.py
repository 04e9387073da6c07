"""A stream of bytes to another machine, as much of it under way at once as TCP's window allows.

TCP sends packets of the cable's size. With segmentation offload it does not make them itself: it hands down
pieces of up to 64 KiB, and the card cuts them up at the very end. Everybody on the way, a guest's host
included, then has one piece to handle instead of 46 packets.
"""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.workloads.slots import Slots


class BulkTransfer(Slots):
    def wire(self) -> None:
        super().wire()
        self.piece: int = self.constant("large_segment" if self.settings["offload"] else "packet")

    def _load(self) -> tuple[int, int]:
        size, window = self.settings["size"], self.settings["window"]
        return -(-size // self.piece), max(1, window // self.piece)

    def _unit(self, request: Request) -> Steps:
        yield from self.ask(request, "round_trip", self)

    def round_trip(self, request: Request) -> Steps:
        """A piece, and that it has arrived."""
        yield from self.part(request, "send", self.below, over="network", size_bytes=self.piece)
