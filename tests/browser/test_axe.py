"""Axe on every page and in every main state, in both themes; frames stand in test_embed."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.axe import serious_violations

LONGEST_RUN_MS = 60_000
READY = "#player[data-ready='1']"
FOUR = "/race/?stack=linux&stack=docker-on-linux&stack=linux-on-kvm&stack=linux-on-virtualbox"
Enter = Any


def ready(page: Page) -> None:
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)


def searched(page: Page) -> None:
    page.fill("#search", "kvm")


def unfolded(page: Page) -> None:
    for summary in page.locator(".rule > summary, details.group:first-of-type > summary").all():
        summary.click()


def told_the_mistakes(page: Page) -> None:
    page.fill("textarea", "stack: {id: host, is: server-2s-xeom, settings: {cpus: -1}}\nsubject: nobody\n")
    page.locator("main form button").first.click()
    page.wait_for_selector("#findings .finding")


def with_a_fault(page: Page) -> None:
    page.click("#lift")
    page.wait_for_selector(".issues .finding.error")


def with_palette_open(page: Page) -> None:
    page.locator(".programs summary").first.click()
    page.locator(".unfit summary").first.click()


def its_own_work(page: Page) -> None:
    page.locator(".programs summary").first.click()
    page.locator(".palette [data-is='compute']").first.click()
    page.click("#play-own")
    page.wait_for_url("**/s/**")
    ready(page)


def a_stop_chosen(page: Page) -> None:
    ready(page)
    page.locator("#journey-stops li.stop").nth(2).locator("button").click()


def a_boot_unfolded(page: Page) -> None:
    at_the_end(page)
    page.locator("#console-who input").nth(1).check(force=True)
    page.evaluate(
        """() => {
          const { player } = document.getElementById("player"), { model } = player;
          const op = model.header.ops.findIndex(({ op }) => op === "initramfs_unpack");
          player.select({ lane: 0, span: model.spans.op.lastIndexOf(op) });
        }"""
    )
    page.locator("#journey-stops button[aria-expanded='false']").first.click()
    page.click("#journey-marks summary")
    page.locator("#path-steps summary").nth(2).click()


def what_if(page: Page) -> None:
    ready(page)
    page.locator("g.layer[data-node='vm1']").click()
    page.wait_for_selector("#what-if form")


def killed(page: Page) -> None:
    what_if(page)
    page.click("#what-if-kill")
    page.wait_for_selector("#player[data-mode='race']")
    page.wait_for_selector("#effects li", timeout=LONGEST_RUN_MS)
    ready(page)


def charts(page: Page) -> None:
    ready(page)
    page.locator("#charts summary").click()
    page.wait_for_selector("#charts canvas")


def spans_as_a_table(page: Page) -> None:
    ready(page)
    page.locator("#spans-details summary").click()


def at_the_end(page: Page) -> None:
    ready(page)
    page.locator("body").press("End")


def large(page: Page) -> None:
    at_the_end(page)
    page.click("#projector")


def snippet(page: Page) -> None:
    ready(page)
    page.click("#embed-button")
    page.wait_for_selector("dialog[open] iframe")


def loaded(page: Page) -> None:
    page.wait_for_selector("main")


STATES: list[tuple[str, Enter]] = [
    ("/", loaded),
    ("/", searched),
    ("/race/", loaded),
    ("/nothing-here", loaded),
    ("/check/", loaded),
    ("/check/", told_the_mistakes),
    ("/build/?from=hyperv-server", with_palette_open),
    ("/build/?from=linux-on-kvm&sel=vm1", with_a_fault),
    ("/s/linux/?view=boot", ready),
    ("/s/linux-on-kvm/?view=boot", what_if),
    ("/s/xen-pv/?view=boot", a_boot_unfolded),
    ("/s/linux-on-kvm/?view=read", a_stop_chosen),
    ("/s/linux-on-kvm/?view=send", ready),
    ("/build/?from=linux&sel=host-os", its_own_work),
    ("/s/linux-on-kvm/?view=read", charts),
    ("/s/linux-on-kvm/?view=read", spans_as_a_table),
    ("/s/linux-on-kvm/?view=read", killed),
    ("/s/docker-on-linux/?view=read", snippet),
    (FOUR, at_the_end),
    (FOUR, large),
    ("/s/docker-on-linux/text/?view=read", loaded),
    ("/s/first-instruction/text/", loaded),
    ("/embed/linux-on-kvm/?view=read", loaded),
    ("/glossary/", loaded),
    ("/glossary/", searched),
    ("/numbers/", unfolded),
    ("/numbers/?component=linux&op=fork", unfolded),
    ("/fidelity/", unfolded),
    ("/machines/", loaded),
    ("/machines/laptop/", loaded),
]


NAMES = [f"{address}-{enter.__name__}" for address, enter in STATES]


def lang_of(scheme: str) -> str:
    """Each theme in one of the languages: the faults of either show in two passes instead of four."""
    return "zh-hans" if scheme == "dark" else "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("address", "enter"), STATES, ids=NAMES)
def test_nothing_serious_stands_in_anybodys_way(
    open_page: Callable[..., Page], faults: list[str], address: str, enter: Enter, scheme: str
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page.goto(f"{address}{'&' if '?' in address else '?'}lang={lang_of(scheme)}")
    enter(page)
    assert serious_violations(page) == []
    # The browser reports a 4xx that was asked for.
    faults[:] = [fault for fault in faults if "Failed to load resource" not in fault]


def test_with_forced_colours_the_bars_of_a_journey_are_still_there(open_page: Callable[..., Page]) -> None:
    page = open_page(forced_colors="active")
    page.goto("/s/linux-on-kvm/?view=read")
    ready(page)
    colours = page.eval_on_selector_all(
        "#journey-stops .stop-bar i", "list => list.map(bar => getComputedStyle(bar).backgroundColor)"
    )
    assert len(set(colours)) > 2, "each role has its own"


WIDE = [
    "/build/?from=hyperv-server",
    "/s/hyperv-windows/?view=boot",
    "/s/linux-on-kvm/?view=read",
    FOUR,
    "/glossary/",
    "/check/",
]


@pytest.mark.parametrize("address", WIDE)
def test_no_page_is_wider_than_its_window(open_page: Callable[..., Page], address: str) -> None:
    """On a phone, a tablet and a projector of 1024 by 768, with large type there."""
    page = open_page()
    for width, height in ((360, 740), (768, 1024), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address)
        if "stack=" in address or address.startswith("/s/"):
            ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    if page.locator("#projector").count():
        page.click("#projector")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1024
        deck = page.locator("#deck").bounding_box()
        assert deck is not None
        assert deck["height"] < 0.46 * 768, "time leaves the stack more than half of the window"
