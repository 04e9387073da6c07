"""A SATA solid-state disk: one queue of 32 commands (NCQ), flash behind it."""

from simcore.devices.disk import Disk


class Sata(Disk):
    medium = ("medium_read", "transfer")
    written = ("medium_write", "transfer")
