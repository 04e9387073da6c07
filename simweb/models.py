"""What the site keeps: scenarios and machines for ever (small), traces until the quota needs the room."""

import json
from typing import Any

from django.db import models


class Scenario(models.Model):
    """A canonical scenario with its seed. The id is the hash of both: permanent, and in every link."""

    id = models.CharField(max_length=64, primary_key=True)
    canonical = models.TextField(help_text="canonical JSON")
    seed = models.PositiveBigIntegerField(default=1)
    label = models.CharField(max_length=200, blank=True)
    origin = models.CharField(max_length=64, blank=True, help_text="the prebuilt stack it is, if it is one")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.label or self.id

    @property
    def ref(self) -> str:
        """The shortest name that leads to it: with its view, that of the prebuilt stack it is."""
        return self.origin if self.origin and self.seed == 1 else self.id

    @property
    def raw(self) -> dict[str, Any]:
        canonical: dict[str, Any] = json.loads(self.canonical)
        return canonical


class MachineProfile(models.Model):
    """A machine that somebody measured and sent in, as hardware for scenarios. The id is the hash of what is
    kept of it: permanent, and in the scenarios that stand on it."""

    id = models.CharField(max_length=32, primary_key=True)
    text = models.TextField(help_text="TOML; only what `calibrate` writes")
    label = models.CharField(max_length=200)
    conditions = models.JSONField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.label


class Trace(models.Model):
    """One run's record, by the sha256 of its uncompressed bytes; the bytes are a file beside the database."""

    hash = models.CharField(max_length=64, primary_key=True)
    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="traces")
    engine = models.CharField(max_length=32)
    ledger = models.CharField(max_length=32)
    size = models.PositiveBigIntegerField(help_text="bytes, uncompressed")
    stored = models.PositiveBigIntegerField(help_text="bytes on disk; 0: evicted, made again when asked for")
    outcome = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-used",)

    def __str__(self) -> str:
        return self.hash[:12]


class Race(models.Model):
    """Two to four scenarios on one axis. The id is the hash of which they are, in their order, and of where
    the axis begins: permanent, and in every link. `result`: the explained gaps, as one engine found them."""

    id = models.CharField(max_length=64, primary_key=True)
    scenarios = models.JSONField(help_text="their ids, in the order of the lanes")
    start = models.CharField(max_length=16)
    engine = models.CharField(max_length=32, blank=True)
    ledger = models.CharField(max_length=32, blank=True)
    result = models.JSONField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created",)

    def __str__(self) -> str:
        return self.id
