"""One access to each page of fresh memory, in `passes` rounds; then the program ends and gives it back."""

from itertools import product

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Workload


class PageTouch(Workload):
    def wire(self) -> None:
        if self.settings["content"] != "own":
            self.sim.alike[self.node] = self.settings["content"]

    def run(self, request: Request) -> Steps:
        yield from self.ask(request, "exec", self.below)
        page = self.constant("page" if self.settings["pages"] == "4k" else f"page_{self.settings['pages']}")
        pages = -(-self.settings["size"] // page)
        for number_of_pass, number in product(range(self.settings["passes"]), range(pages)):
            if self.over(request):
                break
            if number == 0 and number_of_pass > 0 and self.settings["pause"]:
                yield from self.sleep(request, "pause", self.settings["pause"])
            yield from self.ask(request, "touch", self, page, number)
        yield from self.finish()
        yield from self.part(request, "exit", self.below)

    def touch(self, request: Request) -> Steps:
        """The instruction itself; the kernel is below it only if there is a fault."""
        self.spend(request, "access")
        yield from self.down(request)
