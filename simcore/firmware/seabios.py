"""SeaBIOS: the BIOS stages again, inside a guest. No memory to test; but every port it touches is an exit."""

from simcore.cpu import Steps
from simcore.firmware.loader import Firmware
from simcore.requests import Request
from simcore.roles import VirtualMachine


class Seabios(Firmware):
    owner: VirtualMachine

    def boot(self, request: Request) -> Steps:
        self.spend(request, "early_init")
        self.log(request, "start")
        self.log(request, "memory", memory=self.owner.settings["memory"])
        yield from self.owner.below.emulate(request, self.constant("probe_exits"))
        self.spend(request, "pci_enumeration", "option_roms", "device_init", "boot_device")
        if "direct-kernel" in self.offered:
            self.spend(request, "copy_kernel")
        else:
            yield from self._load(request)
