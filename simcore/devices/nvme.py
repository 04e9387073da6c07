"""NVMe: a queue for each CPU, a doorbell in memory, no locks; the medium is flash or 3D XPoint."""

from simcore.devices.disk import Disk


class Nvme(Disk):
    medium = ("medium_read", "transfer")
    written = ("medium_write", "transfer")
