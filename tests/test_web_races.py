"""Races have ids among those of scenarios and prebuilt stacks: short, permanent, all that is needed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from simweb.models import Race, Scenario
from tests.web import FOUR, attribute, isolated, shown

pytestmark = pytest.mark.django_db

STACKS = "/race/?stack=linux&stack=linux-on-kvm"
ADDRESSES = (
    STACKS,
    f"{STACKS}&view=read&seed=7",
    f"{STACKS}&machine=laptop&from=power-on",
    "/race/?" + "&".join(f"stack={name}" for name in FOUR),
)


@pytest.fixture(autouse=True)
def _alone(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


def page_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, shown(answer.content.decode())
    return answer.content.decode()


def id_at_the_foot(page: str) -> str:
    found = re.search(r'<footer.*href="/s/([a-z2-7]{16})/"', page, re.S)
    assert found
    return found[1]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_race_s_id_alone_leads_to_the_same_race(client: Client, address: str) -> None:
    page = page_of(client, address)
    again = page_of(client, f"/s/{id_at_the_foot(page)}/")
    for name in ("data-lanes", "data-view", "data-mode", "data-embed"):
        assert attribute(again, name) == attribute(page, name)
    assert id_at_the_foot(again) == id_at_the_foot(page)
    assert Race.objects.count() == 1


def test_order_start_and_work_make_another_race(client: Client) -> None:
    turned = "/race/?stack=linux-on-kvm&stack=linux"
    pages = [page_of(client, address) for address in (*ADDRESSES, turned, f"{STACKS}&from=power-on")]
    assert len({id_at_the_foot(page) for page in pages}) == len(pages)


@pytest.mark.parametrize("address", ADDRESSES[:3])
def test_a_race_is_embedded_by_its_id(client: Client, address: str) -> None:
    page = page_of(client, address)
    embed = attribute(page, "data-embed")
    assert embed == f"/embed/{id_at_the_foot(page)}/"
    frame = page_of(client, f"{embed}?run=1")
    assert attribute(frame, "data-lanes") == attribute(page, "data-lanes")
    assert f'href="/s/{id_at_the_foot(page)}/"' in frame
    poster = client.get(embed.removesuffix("/") + ".svg")
    assert poster.headers["Content-Type"] == "image/svg+xml"
    assert poster.content.count(b'<svg class="stack') == 2


def test_a_race_is_told_in_its_finish_order_with_parts_that_sum_to_the_gap(client: Client) -> None:
    page = page_of(client, f"{STACKS}&view=read&lang=en")
    told = page_of(client, f"/s/{id_at_the_foot(page)}/text/?lang=en")
    words = shown(told)
    assert words.index("1. A process on Linux") < words.index("2. A Linux guest under KVM")
    bars = page.partition('id="gap-bars"')[2].partition("</ol>")[0]
    largest = re.findall(
        r'class="part">([^<]*?) <small>([^<]*)</small></span><span class="figure">([^<]*)', bars
    )
    assert len(largest) > 3
    for label, where, figure in largest:
        assert shown(f"{figure} {label}, {where}") in words
    for lane in ("linux", "linux-on-kvm"):
        assert f'href="/s/{lane}/text/?view=read"' in told


def test_a_branch_and_its_race_are_found_again_by_id(client: Client) -> None:
    given = {"node": "vm1", "view": "read", "do": "race", "t": "0", "s:vm1.disk": "ide"}
    base = page_of(client, "/s/linux-on-kvm/?view=read&seed=7")
    scenario = re.search(r'<footer.*href="/s/([a-z2-7]{16})/"', base, re.S)
    assert scenario
    went = client.post(f"/s/{scenario[1]}/what-if/", given)["Location"]
    found = re.fullmatch(r"/s/([a-z2-7]{16})/", went)
    assert found
    race = Race.objects.get(id=found[1])
    assert race.scenarios[0] == scenario[1]
    branch = Scenario.objects.get(id=race.scenarios[1])
    assert branch.seed == 7
    page = page_of(client, f"/s/{race.id}/?lang=en")
    assert attribute(page, "data-view") == "read"
    assert [lane in page for lane in race.scenarios] == [True, True]
    assert branch.raw["label"]["en"] in shown(page)
    assert page_of(client, f"/s/{branch.id}/")


def test_a_prebuilt_race_has_a_name_that_works_wherever_an_id_does(client: Client) -> None:
    page = page_of(client, "/s/first-instruction/")
    assert id_at_the_foot(page) == id_at_the_foot(page_of(client, ADDRESSES[3]))
    assert attribute(page_of(client, "/s/first-instruction/?view=read"), "data-view") == "read"
    assert page_of(client, "/embed/first-instruction/").count('<svg class="stack') == 4
    assert 'href="/s/first-instruction/#play"' in page_of(client, "/")


@pytest.mark.parametrize("address", ["/s/%s/", "/s/%s/text/", "/embed/%s/", "/embed/%s.svg"])
def test_an_unknown_id_is_named_with_the_way_out(client: Client, address: str) -> None:
    answer = client.get(address % "first-instructoin", {"lang": "en"})
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "There is no stack, scenario or race “first-instructoin” here." in shown(page)
    assert 'href="/"' in page
    if "embed" not in address:
        assert 'href="/s/first-instruction/"' in page


@pytest.mark.parametrize("view", ["boot", "read", "call"])
def test_the_id_of_a_scenario_shows_that_scenario_and_no_other_work(client: Client, view: str) -> None:
    page = page_of(client, f"/s/linux/?view={view}&seed=7")
    named = id_at_the_foot(page)
    again = page_of(client, f"/s/{named}/")
    assert attribute(again, "data-view") == view
    assert attribute(again, "data-trace") == attribute(page, "data-trace")


def test_a_lane_of_another_seed_leads_to_its_own_run(client: Client) -> None:
    page = page_of(client, f"{STACKS}&view=read&seed=7")
    lanes = Race.objects.get().scenarios
    for lane in lanes:
        assert f'href="/s/{lane}/?view=read"' in page
        assert id_at_the_foot(page_of(client, f"/s/{lane}/?view=read")) == lane


def test_a_part_of_a_gap_stands_in_the_layer_that_did_it(client: Client) -> None:
    """Though KVM and VirtualBox have the same id in their stacks."""
    words = shown(page_of(client, "/s/first-instruction/text/?lang=en"))
    last = words.rpartition("What made the difference")[2]
    wheres = re.findall(r"[+−][^,+−]*QEMU[^,+−]*, (KVM|VirtualBox)", last)
    assert wheres
    assert set(wheres) == {"KVM"}


@pytest.mark.parametrize("address", ["/race/?stack=linux&stack=%s", "/build/?from=%s", "/s/%s/what-if/"])
def test_where_a_stack_is_wanted_a_race_is_told_from_what_is_not_there(client: Client, address: str) -> None:
    answer = client.get(address % "first-instruction", {"lang": "en"} if "?" not in address else None)
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "“first-instruction” is a race, not a stack" in shown(page)
    assert 'href="/s/first-instruction/"' in page


def test_a_race_across_machines_says_so(client: Client) -> None:
    page = page_of(client, "/race/?stack=linux&stack=linux-on-virtualbox&stack=virtualbox-on-windows")
    assert "Not the same machine: Xeon server / Laptop" in shown(page)
    moved = "/race/?stack=linux-on-virtualbox&stack=virtualbox-on-windows&machine=laptop"
    assert "Not the same machine" not in page_of(client, moved)
    assert "On this machine: Laptop (Coffee Lake)" in shown(page_of(client, moved))
