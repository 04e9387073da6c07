"""Frames for other people's pages: what the server answers, and to whom."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb import poster
from simweb.models import Race, Trace
from tests.web import FOUR, attribute, isolated, shown

pytestmark = pytest.mark.django_db

STACKS = "&".join(f"stack={name}" for name in FOUR)
FRAMES = (
    "/embed/linux-on-kvm/",
    "/embed/linux-on-kvm/?view=read&theme=dark&controls=full&t=1000&lang=zh-hans",
    "/embed/linux/?run=1",
    f"/embed/race/?{STACKS}",
    "/embed/race/?stack=linux&stack=docker-on-linux&view=read&run=1",
    "/embed/linux-on-kwm/",
    "/embed/linux/?view=dance",
    "/embed/race/?stack=linux",
)
PAGES = (
    "/",
    "/s/linux/",
    f"/race/?{STACKS}",
    "/check/",
    "/numbers/",
    "/machines/",
    "/fidelity/",
    "/nothing-here/",
)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


@pytest.mark.parametrize("url", FRAMES)
def test_a_frame_may_stand_on_any_page_and_sets_no_cookie(client: Client, url: str) -> None:
    response = client.get(url)
    assert "frame-ancestors *" in response.headers["Content-Security-Policy"].split("; ")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in response.headers
    assert not response.cookies
    assert "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("url", PAGES)
def test_no_other_page_may_be_framed(client: Client, url: str) -> None:
    response = client.get(url)
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"].split("; ")
    assert response.headers["X-Frame-Options"] == "DENY"


def test_a_setting_says_who_may_frame_it(client: Client, settings: Any) -> None:
    settings.EMBED_ANCESTORS = ["'self'", "https://campus.example"]
    policy = client.get("/embed/linux/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://campus.example" in policy.split("; ")


def test_what_a_frame_shows_does_not_depend_on_the_readers_cookies(client: Client) -> None:
    client.cookies["lang"], client.cookies["theme"] = "zh-hans", "dark"
    page = client.get("/embed/linux/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="en">' in page
    chinese = client.get("/embed/linux/", headers={"accept-language": "zh-CN"}).content.decode()
    assert '<html lang="zh-Hans">' in chinese
    assert '<html lang="zh-Hans">' in client.get("/embed/linux/?lang=zh-hans").content.decode()


def test_a_poster_has_the_drawing_and_a_button_and_begins_no_run(client: Client) -> None:
    page = client.get("/embed/docker-on-linux/").content.decode()
    assert page.count('<svg class="stack full"') == 1
    assert simcore.prebuilt()["docker-on-linux"]["question"]["en"] in shown(page)
    assert re.search(r'<a class="go"[^>]*href="\?run=1#play"', page)
    assert not Trace.objects.exists()
    loaded = re.findall(r'(?:src|href)="(/static/[^"]*)"', page)
    assert {Path(name).name.split(".")[0] for name in loaded} == {"icon", "tokens", "stack", "embed"}
    assert "trace" not in page


def test_the_button_leads_to_the_player_with_everything_that_was_asked_for(client: Client) -> None:
    page = client.get("/embed/linux/?view=read&theme=dark&controls=none&seed=2&lang=en").content.decode()
    button = re.search(r'<a class="go"[^>]*href="([^"#]*)#play"', page)
    assert button
    running = client.get("/embed/linux/" + button[1].replace("&amp;", "&")).content.decode()
    assert '<html lang="en" data-theme="dark">' in running
    assert 'class="embed running controls-none"' in running
    assert attribute(running, "data-trace") == f"/traces/{Trace.objects.get().hash}"
    assert Trace.objects.get().scenario.seed == 2


def test_the_player_in_a_frame_has_the_players_parts_and_changes_nothing(client: Client) -> None:
    page = client.get("/embed/linux/?view=read&run=1").content.decode()
    ids = set(re.findall(r'\sid="([^"]*)"', page))
    assert {"deck", "now", "announce", "selected", "journey", "console", "timeline", "scrub"} <= ids
    assert not {"what-if", "snippet", "projector"} & ids
    assert "<form" not in page
    assert "htmx" not in page


def test_open_in_full_leads_to_the_same_state(client: Client) -> None:
    page = client.get(
        "/embed/race/?stack=linux&stack=docker-on-linux&view=read&t=70&theme=dark&run=1"
    ).content.decode()
    href = re.search(r'<a class="out" href="([^"]*)"', page)
    assert href
    assert (
        href[1].replace("&amp;", "&") == "/race/?stack=linux&stack=docker-on-linux&view=read&t=70&theme=dark"
    )
    assert client.get(href[1].replace("&amp;", "&")).status_code == 200
    assert Race.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/embed/linux-on-kwm/", 404),
        ("/embed/linux/?view=dance", 400),
        ("/embed/linux/?seed=x", 400),
        ("/embed/linux/?machine=nothing", 404),
        ("/embed/race/?stack=linux", 400),
        ("/embed/race/?stack=linux&stack=nope", 404),
    ],
)
def test_what_cannot_be_shown_says_so_in_the_frame(client: Client, url: str, status: int) -> None:
    response = client.get(url)
    assert response.status_code == status
    page = response.content.decode()
    assert 'role="alert"' in page
    assert 'href="/"' in page


def test_how_far_a_run_is_can_be_asked_from_a_frame_without_an_origin(client: Client) -> None:
    query = attribute(client.get("/embed/linux/?run=1").content.decode(), "data-lanes")
    scenario = re.search(r'"scenario": "([^"]*)"', query)
    assert scenario
    response = client.get(f"/run/?scenario={scenario[1]}&lang=zh-hans", headers={"origin": "null"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert not response.cookies
    assert 'data-state="done"' in response.content.decode()


@pytest.mark.parametrize(
    "url", ["/embed/hyperv-windows.svg?lang=zh-hans", f"/embed/race.svg?{STACKS}&view=read"]
)
def test_the_picture_stands_alone(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert not response.cookies
    root = ET.fromstring(response.content)
    drawings = [svg for svg in root.iter(f"{SVG}svg") if svg.get("class", "").startswith("stack")]
    assert len(drawings) == (4 if "race" in url else 1)
    names = {symbol.get("id") for symbol in root.iter(f"{SVG}symbol")}
    assert {use.get("href", "").removeprefix("#") for use in root.iter(f"{SVG}use")} <= names
    assert not Trace.objects.exists()
    style = root.findtext(f"{SVG}style")
    assert style == poster.style()
    assert "prefers-color-scheme:dark" in style
    assert poster.style_hash() in response.headers["Content-Security-Policy"]
    assert "script" not in response.content.decode()


def test_no_line_of_a_picture_is_longer_than_the_picture() -> None:
    text = "一个很长的问题，" * 9 + "and a long one in English too, which has spaces to break after. " * 3
    lines = poster.wrapped(text, 480, poster.TEXT)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(poster.diagram.text_width(line, poster.TEXT) <= 480 for line in lines)
    assert not [line for line in lines if line.startswith(("，", "。"))]


@pytest.mark.parametrize(
    "url", ["/s/linux/?seed=3&t=9&lang=en", "/race/?stack=linux&stack=docker-on-linux&from=power-on"]
)
def test_a_page_tells_how_to_embed_what_it_shows(client: Client, url: str) -> None:
    page = client.get(url).content.decode()
    assert 'id="embed-button"' in page
    address = attribute(page, "data-embed")
    assert address == ("/embed/linux/?seed=3" if "/s/" in url else f"/embed/{Race.objects.get().id}/")
    assert client.get(address).status_code == 200


def recorded(client: Client, url: str) -> simcore.Trace:
    """Has it run, as a reader who pressed the button does."""
    page = client.get(url).content.decode()
    return simcore.Trace.from_bytes(client.get(attribute(page, "data-trace")).content)


@pytest.mark.parametrize("kind", ["/embed/linux-on-kvm/", "/embed/linux-on-kvm.svg"])
def test_a_poster_of_a_read_has_the_figures_of_its_trace_once_there_is_one(client: Client, kind: str) -> None:
    address = f"{kind}?view=read&lang=en"
    assert "Read" not in shown(client.get(address).content.decode())
    trace = recorded(client, "/embed/linux-on-kvm/?view=read&run=1")
    rows = trace.tables["requests"]
    reads = [i for i, load in enumerate(rows["workload"]) if load >= 0 and reading(trace, i)]
    for nth, moment in ((2, rows["start_ns"][reads[2]] + 7), (50, None)):
        page = shown(client.get(address + (f"&t={moment}" if moment else "")).content.decode())
        if moment is None:
            lengths = sorted(rows["end_ns"][i] - rows["start_ns"][i] for i in reads)
            assert f"of 100: {simcore.show_time(lengths[nth])} —" in page
            continue
        told = simcore.journey(trace, reads[nth])
        whole = simcore.show_time(told.end_ns - told.start_ns)
        device = sum(stop.end_ns - stop.start_ns for stop in told.stops if stop.node == "host.disk")
        assert f"Read {nth + 1} of 100: {whole} —" in page
        assert f"NVMe (Optane) {simcore.show_time(device)}" in page


def reading(trace: simcore.Trace, request: int) -> bool:
    rows = trace.tables["requests"]
    is_read = trace.header["request_kinds"][rows["kind"][request]] == "read"
    return bool(is_read and rows["end_ns"][request] > rows["start_ns"][request])


@pytest.mark.parametrize("kind", ["/embed/race/", "/embed/race.svg"])
def test_a_poster_of_a_race_has_each_lane_s_time(client: Client, kind: str) -> None:
    address = f"{kind}?{STACKS}&lang=en"
    before = shown(client.get(address).content.decode())
    client.get(f"/embed/race/?{STACKS}&run=1")
    after = shown(client.get(address).content.decode())
    for lane in Race.objects.get().result["lanes"]:
        time = simcore.show_time(lane["end_ns"] - lane["start_ns"])
        assert time in after
        assert time not in before


@pytest.mark.parametrize("moment", ["", "-5", "x", "9" * 30, "1.5"])
def test_a_poster_takes_any_moment(client: Client, moment: str) -> None:
    recorded(client, "/embed/linux/?view=read&run=1")
    assert client.get(f"/embed/linux.svg?view=read&t={moment}").status_code == 200
