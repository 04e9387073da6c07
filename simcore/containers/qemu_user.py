"""QEMU's user mode: a program of another instruction set runs as a process of the kernel below.

It is registered in the kernel (binfmt_misc): a program that begins like one of that instruction set is not
started, this one is, with the other as its argument. It translates the program block by block, as QEMU does
with a whole machine; but here the translation ends at the system call. Its number and arguments are put into
the form that this kernel wants, the kernel does it as for anybody, and the answer is converted back. Memory
is the process's own, so its faults are the kernel's, and no software looks up where an address leads.
"""

from simcore.cpu import Steps
from simcore.requests import Request
from simcore.roles import Engine


class QemuUser(Engine):
    def boot(self, request: Request) -> Steps:
        """A unit of init tells the kernel; nothing of it runs until there is a program."""
        yield from self.down(request)
        self.spend(request, "register")
        self.log(request, "registered")
        yield from self.settle()

    def pace(self, instructions: str, isa: str = "") -> float:
        suffix = "_arm" if isa == "arm64" else ""
        return float(self.constant(f"slowdown_{instructions}{suffix}"))

    @property
    def program_bytes(self) -> int:
        size: int = self.constant("program")
        return size

    def begin(self, request: Request) -> None:
        """Each process translates anew: what a program does at its start is run once, so it suffers most."""
        self.spend(request, "start_interpreter")
        self.spend(request, "translate_block", per=self.constant("start_blocks"))

    def out(self, request: Request) -> None:
        self.spend(request, "leave_code", "convert_call")

    def back(self, request: Request) -> None:
        self.spend(request, "convert_result", "enter_code")
