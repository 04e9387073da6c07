"""SeaBIOS: the BIOS stages again, inside a guest. No memory to test; but every port it touches is an exit.

What QEMU has for it, tables and perhaps a kernel, it copies block by block (fw_cfg with DMA) or, as before
2016, byte by byte through a port.
"""

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
        by_port = self.settings["fw_cfg"] == "port"
        if by_port:
            self.spend(request, "tables_by_port")
        if "direct-kernel" in self.offered:
            self.spend(request, "copy_kernel")
            if by_port:
                self.spend(request, "copy_kernel_by_port")
        else:
            yield from self._load(request)
