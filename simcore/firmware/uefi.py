"""UEFI: memory is trained, devices get addresses, cards run their own programs, a file on the disk starts.

All of it on one CPU, one thing after the other. After the hand-over the firmware stands beside the stack.
"""

from simcore.cpu import Steps
from simcore.firmware.loader import Firmware
from simcore.requests import Request


class Uefi(Firmware):
    def boot(self, request: Request) -> Steps:
        memory = self.owner.settings["memory"]
        self.spend(request, "early_init")
        self.log(request, "start")
        self.spend(request, "memory_training", per=memory)
        self.log(request, "memory", memory=memory)
        self.spend(request, "pci_enumeration", "option_roms", "device_init", "boot_device")
        yield from self._load(request)
        yield from self.wait(request, "loader_menu")
