"""A program that computes on its memory: what it pays for beyond its instructions is finding its pages.

A CPU keeps the translations of a few hundred pages (the TLB). A program that jumps about in more memory than
they cover must look others up, and in a guest each look-up goes through two sets of page tables. Its time
on a bare machine is its `work`: the walks of one dimension are in it.
"""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Computer
from simcore.workloads.spin import Spin


class Compute(Spin):
    owner: Computer

    def service(self, request: Request) -> Steps:
        """One piece: counted as a request."""
        work_ns = self.settings["work"]
        self.work(request, "compute", work_ns)
        page = self.settings["pages"]
        natively, misses = self._misses(work_ns, page), self._misses(work_ns, self.owner.translated(page))
        self.owner.walk(request, misses, page, more=misses - natively)
        yield from self.settle()

    def _misses(self, work_ns: int, entry_bytes: int) -> int:
        """How often its addresses are in no page that the TLB covers, with so much to an entry."""
        program = self.constant(f"program_{self.settings['program']}")
        covered = self.owner.tlb_entries * entry_bytes
        beyond = max(0, 1 - covered / program["memory"])
        every_ns = self.settings["every"] or program["every"]
        return int(work_ns * beyond / every_ns)
