"""A hard disk: the arm seeks, the platter turns, then the bytes go by."""

from simcore.devices.disk import Disk


class Hdd(Disk):
    medium = ("seek", "rotation", "transfer")
    written = ("medium_write", "transfer")
