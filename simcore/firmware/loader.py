"""What every firmware ends with: it reads a boot loader from the disk and starts it."""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Computer


class Firmware(Layer):
    owner: Computer

    def _load(self, request: Request) -> Steps:
        """The boot loader, read in pieces; firmware has no file cache and waits for each."""
        thread = request.flow.thread
        self.spend(request, "load_loader")
        left, piece = self.constant("loader_image"), self.constant("loader_read")
        while left > 0:
            yield from self.ask(request, "read", self.owner.disk, min(left, piece))
            yield from self.hop(request, thread)
            left -= piece
        self.log(request, "boot", disk=self.owner.disk.id)
        self.spend(request, "loader")
        self.log(request, "loader")
