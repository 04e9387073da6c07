"""KSM: a thread of the host's kernel (ksmd) goes through the memory of virtual machines for equal pages.

It looks at so many pages, sleeps, and goes on; each look costs CPU time, whether it finds anything or not.
What it has seen twice, unchanged, it compares with all others; equal ones become one page that nobody may
write to. It looks only at memory that a program has offered (madvise with MADV_MERGEABLE, as QEMU does), in
small pages, and at none that a device reaches into.

Left out: that ksmd goes on for ever. Here it rests when a whole pass has found nothing new, until a virtual
machine gets more memory; without that no run would end. Nor does it break large pages into small ones.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import islice
from typing import Any

from simcore.cpu import Steps, Thread
from simcore.layer import KILLED
from simcore.requests import Request
from simcore.roles import Hypervisor, Kernel, VirtualMachine
from simcore.sharing import Sharing


class Ksm(Kernel):
    ksmd: Thread | None = None
    _scanning = _told = False

    def change(self, setting: str, value: Any, now: int) -> None:
        super().change(setting, value, now)
        self._switch_ksm()

    def _switch_ksm(self) -> None:
        """On: ksmd looks, and is told from now on when there is more. Off: what is merged stays so."""
        if self.frames is None:
            return
        self.frames.told = self._wake_ksmd if self.settings["ksm"] else None
        if self.settings["ksm"]:
            if self.frames.sharing is None:
                looks, most = self.constant("ksm_looks"), self.constant("ksm_most")
                self.frames.sharing = Sharing(self.frames, self._count_copies, looks, most)
            self._wake_ksmd()

    def _count_copies(self) -> None:
        """What several guests have is nobody's but the host's."""
        assert self.frames is not None
        assert self.frames.sharing is not None
        self.count("memory", self.frames.sharing.copies * self.constant("block"))

    def _wake_ksmd(self) -> None:
        self._told = True
        if not self._scanning:
            self._scanning = True
            self.sim.at(self.settings["ksm_sleep"], self._start_scan)

    def _start_scan(self) -> None:
        if self.state == KILLED:
            return
        if self.ksmd is None:
            self.ksmd = self.process(f"{self.id}/ksmd")
            self.ksmd.in_kernel = True
        self.spawn("scan", self.ksmd, self.sim.now)

    def scan(self, request: Request) -> Steps:
        """Pass after pass over all that is offered, while there is anything new."""
        assert self.frames is not None
        sharing = self.frames.sharing
        assert sharing is not None
        while (self._told or sharing.news) and self.settings["ksm"]:
            self._told = sharing.news = False
            sharing.waiting.clear()  # who is equal to whom is searched for anew in each pass
            before = sharing.saved
            offered = self._offered()
            while batch := list(islice(offered, self.settings["ksm_pages"])):
                self.repeat(request, len(batch), "ksm_look")
                merged = Counter(vm for page in batch for vm in sharing.look(*page))
                if merged:
                    self.repeat(request, merged.total(), "ksm_merge")
                    sharing.report()
                for vm, pages in merged.items():
                    vm.share(pages)
                yield from self.settle()
                yield from self.sleep(request, "ksm_rest", self.settings["ksm_sleep"])
            if sharing.saved != before:
                self.log(request, "ksm", shared=sharing.copies, saved=sharing.saved)
        self._scanning = False

    def _offered(self) -> Iterator[tuple[VirtualMachine, Hashable, Hashable]]:
        """One page after the other, each as it is when its turn comes."""
        assert self.frames is not None
        for hypervisor in self.holds:
            if not isinstance(hypervisor, Hypervisor) or not hypervisor.mergeable:
                continue
            for vm in hypervisor.holds:
                assert isinstance(vm, VirtualMachine)
                if vm.settings["pages"] == "4k" and not vm.pinned:
                    for page in vm.contents(self.frames.small_pages(vm)):
                        if vm.state != KILLED:
                            yield vm, *page
