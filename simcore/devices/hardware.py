"""What the machine's own devices have in common: an interrupt, to the CPU that the driver is on.

That CPU may be a virtual one, of a guest to which the device was lent or of the control domain. All real
interrupts are the hypervisor's then, and it passes them on.
"""

from simcore.cpu import Cpu, Steps
from simcore.layer import Layer
from simcore.requests import Request
from simcore.roles import Kernel, VirtualMachine


class Hardware(Layer):
    def _notify(self, request: Request, cpu: Cpu) -> Steps:
        if cpu.host is None:
            yield from self.interrupt(request, cpu)
        else:
            assert isinstance(self.kernel, Kernel)
            assert isinstance(self.kernel.computer, VirtualMachine)
            yield from self.kernel.computer.below.forward(request, cpu)
