"""A legacy BIOS: memory is tested, cards run their own programs, the first sector of the disk is started."""

from simcore.cpu import Steps
from simcore.firmware.loader import Firmware
from simcore.requests import Request


class Bios(Firmware):
    def boot(self, request: Request) -> Steps:
        memory = self.owner.settings["memory"]
        self.spend(request, "early_init")
        self.log(request, "start")
        self.spend(request, "memory_test", per=memory)
        self.log(request, "memory", memory=memory)
        self.spend(request, "pci_enumeration", "option_roms", "device_init", "boot_device")
        yield from self._load(request)
        yield from self.wait(request, "loader_menu")
