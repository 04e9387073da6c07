"""Links are permanent: those of every version of the schema lead where they led, and old scenarios still run.

`data/museum/v<n>.json` is written once, when a version is new, and only added to afterwards.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb.build_page import unpack
from simweb.models import Race, Scenario
from simweb.store import Plan
from tests.web import isolated

MUSEUM = sorted((Path(__file__).parent / "data" / "museum").glob("v*.json"))
ROOMS = [json.loads(file.read_text(encoding="utf-8")) for file in MUSEUM]
LINKS = [link for room in ROOMS for link in room["links"]]
SCENARIOS = [raw for room in ROOMS for raw in room["scenarios"]]


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Iterator[Client]:
    generator = isolated(settings, tmp_path)
    next(generator)
    yield Client()
    next(generator, None)


@pytest.mark.django_db
@pytest.mark.parametrize("link", LINKS)
def test_a_link_of_long_ago_still_leads_somewhere(site: Client, link: str) -> None:
    assert site.get(link).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("room", ROOMS)
def test_a_race_of_long_ago_is_found_by_its_id(site: Client, room: dict[str, Any]) -> None:
    """As its rows have stood in the database since."""
    rows = [Scenario.objects.create(**row) for row in room["rows"]["scenarios"]]
    race = Race.objects.create(**room["rows"]["race"])
    assert Plan(tuple(rows), race.start).id == race.id
    for address in ("/s/{}/", "/s/{}/text/", "/s/{}/?view=boot&t=9", "/embed/{}/?run=1", "/embed/{}.svg"):
        assert site.get(address.format(race.id)).status_code == 200
    page = site.get(f"/s/{race.id}/").content.decode()
    assert f'data-view="{room["rows"]["view"]}"' in page
    assert all(f"&quot;{row.id}&quot;" in page for row in rows)


@pytest.mark.parametrize("raw", SCENARIOS)
def test_a_scenario_of_long_ago_still_runs(raw: dict[str, Any]) -> None:
    assert simcore.run(simcore.scenario(raw)).outcome["lane"]["end_ns"] > 0


def test_a_draft_in_a_link_is_the_scenario_that_was_packed() -> None:
    for room in ROOMS:
        packed = [
            link.partition("draft=")[2].partition("&")[0]
            for link in room["links"]
            if link.startswith("/build/?draft")
        ]
        assert [unpack(text) for text in packed] == room["scenarios"]


def test_every_version_of_the_schema_has_its_room() -> None:
    assert [room["schema_version"] for room in ROOMS] == list(range(1, len(ROOMS) + 1))
