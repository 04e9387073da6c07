"""The pages: HTTP in, HTML out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

import simcore
from simweb import presenters
from simweb.models import Race, Scenario, Trace
from tests.web import FOUR, attribute, isolated, shown

pytestmark = pytest.mark.django_db

RACE = "/race/?" + "&".join(f"stack={name}" for name in FOUR)
PAGES = (
    "/",
    "/s/linux/",
    "/s/linux-on-kvm/?view=read",
    RACE,
    "/check/",
    "/numbers/",
    "/machines/",
    "/machines/laptop/",
    "/nothing-here/",
)


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


def text(client: Client, url: str, **headers: str) -> str:
    return client.get(url, headers=headers).content.decode()


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_every_page_names_engine_and_ledger_in_both_languages(client: Client, url: str, lang: str) -> None:
    page = shown(text(client, f"{url}{'&' if '?' in url else '?'}lang={lang}"))
    word = "engine" if lang == "en" else "引擎"
    assert f"{word} {simcore.ENGINE_VERSION}" in page
    assert simcore.ledger_version() in page


@pytest.mark.parametrize("url", PAGES)
def test_no_page_needs_an_inline_script_or_style(client: Client, url: str) -> None:
    response = client.get(url)
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    page = response.content.decode()
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|hx-on|hx-vals=.js:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


@pytest.mark.parametrize("url", PAGES)
def test_no_id_stands_twice_on_a_page(client: Client, url: str) -> None:
    ids = re.findall(r'\sid="([^"]*)"', text(client, url))
    assert sorted(ids) == sorted(set(ids))


def test_language_comes_from_the_address_then_the_cookie_then_the_browser(client: Client) -> None:
    assert 'lang="en"' in text(client, "/")
    assert 'lang="zh-Hans"' in text(client, "/", accept_language="zh-CN,zh;q=0.9")
    assert 'lang="zh-Hans"' in text(client, "/?lang=zh-hans")
    assert 'lang="zh-Hans"' in text(client, "/")
    assert 'lang="en"' in text(client, "/?lang=en", accept_language="zh-CN")
    assert 'lang="en"' in text(client, "/?lang=klingon")


def test_the_gallery_shows_every_stack_with_its_question_and_a_diagram(client: Client) -> None:
    page = text(client, "/")
    for name, raw in simcore.prebuilt().items():
        assert raw["label"]["en"] in shown(page)
        assert raw["question"]["en"] in shown(page)
        assert f'href="/s/{name}/#play"' in page
    assert page.count('<svg class="stack card"') == len(simcore.prebuilt())


def test_the_gallery_begins_with_the_four_and_names_what_others_have_in_common(client: Client) -> None:
    page = text(client, "/")
    shown_first = re.findall(r'id="stack-([^"]+)"', page)
    assert shown_first[:4] == list(FOUR)
    assert sorted(shown_first) == sorted(simcore.prebuilt())
    listed = {name for _title, _say, names in presenters.GROUPS for name in names}
    assert set(simcore.prebuilt()) - listed == set(), "no group of the gallery has it"
    assert page.index("Why is an emulated disk slow?") < page.index('id="stack-kvm-vhost"')


def boxes(page: str) -> dict[str, dict[str, float]]:
    found = re.findall(r'data-node="([^"]*)"[^>]*?data-x="([^"]*)" data-y="([^"]*)" data-w="([^"]*)"', page)
    return {name: {"x": float(x), "y": float(y), "w": float(w)} for name, x, y, w in found}


def test_docker_stands_beside_the_path_and_not_on_it(client: Client) -> None:
    page = text(client, "/s/docker-on-linux/")
    engine, container, kernel = (boxes(page)[name] for name in ("engine", "web", "host-os"))
    assert engine["y"] == container["y"] < kernel["y"]
    assert engine["x"] + engine["w"] <= container["x"]
    assert re.search(r'class="layer role-engine[^"]*\bbeside\b[^"]*" data-node="engine"', page)
    assert not re.search(r'class="rail[^>]*data-(from|to)="engine"', page)


def test_hardware_is_at_the_bottom_and_the_workload_on_top(client: Client) -> None:
    found = boxes(text(client, "/s/linux-on-kvm/"))
    order = ["boot", "guest-os", "vm1", "hv", "host-os", "host"]
    heights = [found[name]["y"] for name in order]
    assert heights == sorted(heights)
    assert found["host.disk"]["y"] == found["host.firmware"]["y"] == found["host"]["y"]
    assert found["vm1.disk"]["y"] == found["vm1"]["y"]


def test_every_node_of_the_trace_is_in_the_diagram(client: Client) -> None:
    for name in FOUR:
        drawn = set(boxes(text(client, f"/s/{name}/")))
        scenario = simcore.scenario(simcore.prebuilt()[name], workload="boot")
        assert set(scenario.nodes) | {"boot"} == drawn


def test_layers_can_be_reached_and_named_without_sight_or_mouse(client: Client) -> None:
    page = text(client, "/s/linux-on-kvm/")
    layers = re.findall(r'<g class="layer [^>]*>\s*<title>[^<]+</title>', page)
    assert len(layers) == page.count('<g class="layer ') > 8
    assert all('tabindex="0" role="button"' in layer for layer in layers)


# The race picker


def test_a_pressed_button_gives_only_the_picker_to_htmx_and_a_page_to_others(client: Client) -> None:
    fragment = text(client, "/?add=linux", hx_request="true")
    assert "<html" not in fragment
    assert fragment.lstrip().startswith('<form id="race"')
    assert 'name="stack" value="linux"' in fragment
    assert fragment.count('hx-swap-oob="true"') == len(simcore.prebuilt())
    page = text(client, "/?add=linux")
    assert "<html" in page
    assert 'name="stack" value="linux"' in page


@pytest.mark.parametrize(
    ("query", "lanes"),
    [
        ("stack=linux&add=linux-on-kvm", ["linux", "linux-on-kvm"]),
        ("stack=linux&stack=linux-on-kvm&up=linux-on-kvm", ["linux-on-kvm", "linux"]),
        ("stack=linux&stack=linux-on-kvm&down=linux", ["linux-on-kvm", "linux"]),
        ("stack=linux&up=linux", ["linux"]),
        ("stack=linux&toggle=linux-on-kvm", ["linux", "linux-on-kvm"]),
        ("stack=linux&stack=linux-on-kvm&toggle=linux", ["linux-on-kvm"]),
        ("stack=linux&stack=linux&add=linux", ["linux"]),
        ("stack=linux&remove=linux", []),
        ("stack=nonsense&add=%00", []),
    ],
)
def test_the_picker_adds_orders_and_leaves_out(client: Client, query: str, lanes: list[str]) -> None:
    fragment = text(client, f"/?{query}", hx_request="true")
    assert re.findall(r'name="stack" value="([^"]*)"', fragment) == lanes


def test_a_fifth_lane_cannot_be_added_and_one_lane_is_no_race(client: Client) -> None:
    full = text(client, "/?" + "&".join(f"stack={name}" for name in FOUR), hx_request="true")
    others = re.findall(r'<button[^>]*aria-pressed="false"[^>]*>', full)
    assert len(others) == len(simcore.prebuilt()) - len(FOUR)
    assert [button for button in others if not button.endswith(" disabled>")] == []
    one = text(client, "/?stack=linux", hx_request="true")
    assert re.search(r'formaction="/race/#play" disabled', one)


# The player


def test_the_player_page_carries_what_the_player_needs(client: Client) -> None:
    page = text(client, "/s/linux/")
    lanes = json.loads(attribute(page, "data-lanes"))
    assert len(lanes) == 1
    assert lanes[0]["stack"] == "linux"
    assert (
        attribute(page, "data-trace")
        == lanes[0]["trace"]
        == reverse("trace", args=[Trace.objects.get().hash])
    )
    assert client.get(attribute(page, "data-texts")).status_code == 200


def test_the_tabs_put_the_other_workload_onto_the_same_stack(client: Client) -> None:
    assert 'data-node="random-read"' in text(client, "/s/linux/?view=read")
    assert set(Scenario.objects.values_list("origin", flat=True)) == {"linux"}
    read = Scenario.objects.get()
    text(client, "/s/linux/?view=boot")
    assert Scenario.objects.count() == 2
    assert read.raw["workloads"][0]["is"] == "random-read"


def test_a_scenario_has_one_permanent_address_before_and_after_it_is_stored(client: Client) -> None:
    scenario = simcore.scenario(simcore.prebuilt()["linux-on-kvm"], workload="random-read")
    url = f"/s/{scenario.id(1)}/?view=read"
    first = attribute(text(client, url), "data-trace")
    assert Scenario.objects.filter(id=scenario.id(1)).exists()
    assert attribute(text(client, url), "data-trace") == first
    assert attribute(text(client, "/s/linux-on-kvm/?view=read"), "data-trace") == first


def test_the_seed_is_part_of_the_scenario(client: Client) -> None:
    one = attribute(text(client, "/s/linux/?seed=1"), "data-trace")
    two = attribute(text(client, "/s/linux/?seed=2"), "data-trace")
    assert one != two


def test_a_page_says_when_another_engine_recorded_it_before(client: Client) -> None:
    text(client, "/s/linux/")
    assert "0.0.9" not in text(client, "/s/linux/")
    Trace.objects.update(engine="0.0.9", hash="0" * 64)
    page = shown(text(client, "/s/linux/"))
    assert "Earlier recorded with engine 0.0.9" in page
    assert f"engine {simcore.ENGINE_VERSION}" in page


@pytest.mark.parametrize(
    "query", ["view=dance", "seed=-1", "seed=1.5", "seed=99999999999999999999", "seed=٣", "seed=1e3"]
)
def test_a_wrong_view_or_seed_is_a_page_that_says_so(client: Client, query: str) -> None:
    response = client.get(f"/s/linux/?{query}")
    assert response.status_code == 400
    assert "To the gallery" in response.content.decode()
    assert not Scenario.objects.exists()


def test_an_unknown_stack_is_a_404_with_the_nearest_names(client: Client) -> None:
    response = client.get("/s/linux-on-kwm/")
    assert response.status_code == 404
    assert 'href="/s/linux-on-kvm/"' in response.content.decode()


# The race


def test_the_parts_of_every_gap_sum_to_it_exactly(client: Client) -> None:
    page = text(client, RACE)
    lists = re.findall(r'<ol class="gap-bars"[^>]*data-total-ns="(-?\d+)">(.*?)</ol>', page, re.S)
    by_gap: list[int] = []
    assert len(lists) >= 4
    race = Race.objects.get().result
    for gap in [race["gap"], *race["gaps"]]:
        assert sum(part["ns"] for part in gap["parts"]) == gap["total_ns"]
        by_gap.append(gap["total_ns"])
    shown_parts = [sum(int(ns) for ns in re.findall(r'data-ns="(-?\d+)"', bars)) for _, bars in lists]
    assert sum(shown_parts) == sum(by_gap)


def test_a_race_has_one_lane_a_stack_in_the_order_asked_for(client: Client) -> None:
    page = text(client, "/race/?stack=linux-on-kvm&stack=linux")
    lanes = json.loads(attribute(page, "data-lanes"))
    assert [lane["stack"] for lane in lanes] == ["linux-on-kvm", "linux"]
    assert all(lane["start_ns"] > 0 for lane in lanes)
    from_power_on = text(client, "/race/?stack=linux-on-kvm&stack=linux&from=power-on")
    assert all(lane["start_ns"] == 0 for lane in json.loads(attribute(from_power_on, "data-lanes")))


def test_a_race_of_reads_begins_at_the_first_read_and_says_what_each_costs_more(client: Client) -> None:
    page = text(client, "/race/?stack=linux-on-kvm&stack=linux&view=read")
    assert 'data-start="first-request"' in page
    lanes = json.loads(attribute(page, "data-lanes"))
    names = [lane["stack"] for lane in lanes]
    scenarios = [simcore.scenario(simcore.prebuilt()[name], workload="random-read") for name in names]
    raced = simcore.race(scenarios, 1, "first-request", names=names)
    assert [lane["start_ns"] for lane in lanes] == [lane.start_ns for lane in raced.lanes]
    assert int(attribute(page, "data-total-ns")) == raced.gap.total_ns
    assert f"{simcore.show_time(round(raced.gap.total_ns / 100))} for each of 100 requests" in page
    assert "for each of" not in text(client, "/race/?stack=linux-on-kvm&stack=linux&view=read&from=power-on")
    assert re.findall(r'href="([^"]*view=boot[^"]*)"', page)[0].count("from=") == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("stack=linux", 400),
        ("stack=linux&stack=linux", 400),
        ("&".join(f"stack=s{number}" for number in range(5)), 400),
        ("stack=linux&stack=nope", 404),
        ("stack=linux&stack=linux-on-kvm&view=sleep", 400),
        ("stack=linux&stack=linux-on-kvm&from=lunch", 400),
        ("stack=linux&stack=linux-on-kvm&seed=x", 400),
    ],
)
def test_an_impossible_race_is_a_page_that_says_so(client: Client, query: str, status: int) -> None:
    response = client.get(f"/race/?{query}")
    assert response.status_code == status
    assert "To the gallery" in response.content.decode()


# What is not a page


def test_health_is_told_without_and_readiness_with_the_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["database"] == "ok"
    assert ready.json()["ledger"] == simcore.ledger_version()


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_the_500_page_needs_neither_database_nor_catalogue(
    client: Client, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    def broken(*args: object) -> None:
        raise ImproperlyConfigured("nothing works")

    client.raise_request_exception = False
    for name in (
        "django.db.backends.utils.CursorWrapper.execute",
        "simcore.prebuilt",
        "simweb.store.ledger_version",
    ):
        monkeypatch.setattr(name, broken)
    response = client.get(f"/s/linux/?lang={lang}")
    assert response.status_code == 500
    page = response.content.decode()
    assert ("went wrong" if lang == "en" else "出了问题") in page
    assert "site.css" in page


def test_a_form_from_elsewhere_is_refused_on_a_page_of_its_own() -> None:
    response = Client(enforce_csrf_checks=True).post("/check/", {"scenario": "x"})
    assert response.status_code == 403
    assert "another site" in shown(response.content.decode())


def test_stored_scenarios_can_be_looked_at_but_not_written_in_the_admin(admin_client: Client) -> None:
    admin_client.get("/s/linux/")
    listing = admin_client.get("/admin/simweb/scenario/")
    assert Scenario.objects.get().id in listing.content.decode()
    assert admin_client.get("/admin/simweb/scenario/add/").status_code == 403
    assert admin_client.get(f"/admin/simweb/scenario/{Scenario.objects.get().id}/change/").status_code == 200


def test_texts_are_one_immutable_file_for_each_language(client: Client) -> None:
    for lang in ("en", "zh-hans"):
        response = client.get(f"/texts/{lang}-{simcore.ledger_version()}.json")
        assert "immutable" in response.headers["Cache-Control"]
        words = response.json()
        assert {"components", "kinds", "sources", "ui"} <= set(words)
    assert client.get("/texts/en-0123456789ab.json").status_code == 404


def test_the_address_of_another_language_keeps_everything_else(rf: Any) -> None:
    from simweb.context import every_page

    with override("en"):
        url = every_page(rf.get("/s/linux/?view=read&t=5&lang=en"))["other_language_url"]
    assert url == "?view=read&t=5&lang=zh-hans"


def test_a_hypervisors_type_is_told_with_the_facts_that_it_rests_on(client: Client) -> None:
    source = text(client, "/s/hyperv-windows/")
    page = shown(source)
    label = simcore.type_label(simcore.scenario(simcore.prebuilt()["hyperv-windows"]), "hv")
    facts, say = label.said("en")
    assert label.label("en") in page
    assert say in page
    assert [who for _fact, who in facts if who not in page] == []
    assert source.count('<details class="kind">') == 1
    assert '<details class="kind">' not in text(client, "/s/linux/")
    both = text(client, "/s/nested-kvm/?lang=zh-hans")
    assert both.count('<details class="kind">') == 2
