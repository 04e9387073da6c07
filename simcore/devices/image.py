"""A guest's disk that is a file of the host: past the host's page cache, or through it.

The cache mode says two things: whether the host's page cache is used, and what becomes of a flush.
`none` and `directsync` go past it (O_DIRECT). `writethrough` and `directsync` have each write flushed before
it is answered, and tell the guest that there is no cache. `unsafe` answers a flush without doing anything.

Several disks may be one file (`image`): what one guest has read of it the host's page cache has for all. That
holds for reads of which it is known where in the file they are: a program's, not those of a boot.
"""

from simcore.cpu import Steps
from simcore.layer import Layer
from simcore.requests import Request


class Image(Layer):
    backing: Layer  # who keeps the file

    @property
    def write_cache(self) -> bool:
        return self.settings["cache"] not in ("writethrough", "directsync")

    def _ask_image(self, request: Request) -> Steps:
        """What the guest has asked for, asked of the host."""
        cache = self.settings["cache"]
        if request.kind == "flush" and cache == "unsafe":
            return
        if request.page is not None:
            request.page = self.settings["image"] or self.node, request.page
        request.cached = cache in ("writeback", "writethrough", "unsafe")
        yield from self._ask_host(request)
        if request.kind == "write" and not self.write_cache:
            yield from self._ask_host(Request(self.sim, "flush", request.flow, self.backing.node))

    def _ask_host(self, request: Request) -> Steps:
        return self.backing.serve(request)
