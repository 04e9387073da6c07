"""What is stored, to look at and to delete; never to write by hand: ids are hashes."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from simweb.models import MachineProfile, Race, Scenario, Trace


class ReadOnly(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Scenario)
class ScenarioAdmin(ReadOnly):
    list_display = ("label", "id", "seed", "origin", "created")
    search_fields = ("label", "id", "origin")


@admin.register(MachineProfile)
class MachineProfileAdmin(ReadOnly):
    list_display = ("label", "id", "created")
    search_fields = ("label", "id")


@admin.register(Trace)
class TraceAdmin(ReadOnly):
    list_display = ("hash", "scenario", "engine", "ledger", "size", "stored", "used")
    search_fields = ("hash", "scenario__id")


@admin.register(Race)
class RaceAdmin(ReadOnly):
    list_display = ("id", "scenarios", "start", "engine", "ledger", "created")
    search_fields = ("id", "scenarios")
