"""The way through the site that a visitor takes, in a real browser against the real server."""

import gzip
import json
import urllib.request
from typing import Any

from playwright.sync_api import Page, WebSocket, expect

from simcore import Trace, race, scenario, show_time
from simcore import prebuilt as stacks

LONGEST_RUN_MS = 60_000
READY = "#player[data-ready='1']"
FOUR = ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")
RACE = "/race/?" + "&".join(f"stack={name}" for name in FOUR)


def fetched(site: str, address: str) -> Trace:
    """A trace as the browser gets it."""
    request = urllib.request.Request(site + address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
        return Trace.from_bytes(
            gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
        )


def lanes_of(page: Page) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(page.get_attribute("#player", "data-lanes") or "[]")
    return listed


def test_from_the_gallery_one_click_and_something_moves(page: Page, site: str) -> None:
    page.goto("/")
    page.locator("#stack-linux-on-kvm h3 a").click()
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.wait_for_function("() => Number(document.getElementById('player').dataset.t) > 1e9")
    page.click("#play")  # pause
    before = int(page.get_attribute("#player", "data-t") or 0)
    page.click("#step-back")
    page.wait_for_function(f"() => Number(document.getElementById('player').dataset.t) < {before}")
    page.locator("body").press("End")
    trace = fetched(site, lanes_of(page)[0]["trace"])
    end_ns = trace.header["outcome"]["lane"]["end_ns"]
    page.wait_for_function(f"() => Number(document.getElementById('player').dataset.t) >= {end_ns}")


def test_a_run_reports_over_one_web_socket_until_it_is_done(page: Page, site: str) -> None:
    """A scenario that nobody has simulated yet: the page waits, the socket tells, the player begins."""
    sockets: list[WebSocket] = []
    told: list[str] = []

    def on_socket(socket: WebSocket) -> None:
        sockets.append(socket)
        socket.on("framereceived", lambda text: told.append(str(text)))

    page.on("websocket", on_socket)
    page.goto("/check/")
    work = {"random-read.count": 8000}
    page.fill(
        "textarea",
        scenario(stacks()["linux-on-virtualbox"], workload="random-read", vary=work).to_yaml(),
    )
    page.click("button[name='play']")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    address = lanes_of(page)[0]["trace"]
    assert len(sockets) == 1
    assert any(address in text for text in told), "the last message carries the trace"
    assert fetched(site, address).header["outcome"]["workloads"]["random-read"]["n"] == 8000


def test_the_numbers_on_a_race_are_those_of_the_traces(page: Page, site: str) -> None:
    page.goto(RACE)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    lanes = lanes_of(page)
    outcomes = [fetched(site, lane["trace"]).header["outcome"]["lane"] for lane in lanes]
    assert [(lane["start_ns"], lane["end_ns"]) for lane in lanes] == [
        (outcome["start_ns"], outcome["end_ns"]) for outcome in outcomes
    ]
    raced = race([scenario(stacks()[name], workload="boot") for name in FOUR], names=FOUR)
    parts = page.eval_on_selector_all(
        "#gap-bars li[data-ns], #gap-bars + .gap-rest li[data-ns]",
        "list => list.map(li => Number(li.dataset.ns))",
    )
    assert parts
    assert (
        sum(parts)
        == raced.gap.total_ns
        == lanes[3]["end_ns"] - lanes[3]["start_ns"] - (lanes[0]["end_ns"] - lanes[0]["start_ns"])
    )
    page.locator("body").press("End")
    for number, lane in enumerate(lanes):
        shown = show_time(lane["end_ns"] - lane["start_ns"])
        expect(page.locator(f".lane[data-lane='{number}'] .lane-state")).to_contain_text(shown)


def test_a_pasted_scenario_comes_back_with_all_its_mistakes(page: Page) -> None:
    page.goto("/check/")
    page.fill("textarea", "stack: {id: host, is: server-2s-xeom, settings: {cpus: -1}}\nsubject: nobody\n")
    page.locator("main button[type='submit'], main form button").first.click()
    expect(page.locator("main")).to_contain_text("server-2s-xeon")
    expect(page.locator("main")).to_contain_text("nobody")
