"""On paper: the drawing, what it means, the timeline and its table; black on white, and no controls."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

LONGEST_RUN_MS = 60_000
READY = "#player[data-ready='1']"
OpenPage = Callable[..., Page]
DARKEST = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, 100, canvas.height);
    let least = 765;
    for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 250) least = Math.min(least, data[i] + data[i + 1] + data[i + 2]);
    return least;
}"""
"""Of what stands left of the timeline: the names of the layers."""


@pytest.mark.parametrize("chosen", ["by the system", "by the button"])
@pytest.mark.parametrize("address", ["/s/linux-on-kvm/?view=read", "/s/first-instruction/?t=12300000000"])
def test_what_is_printed_is_black_on_white_with_its_table(
    open_page: OpenPage, address: str, chosen: str
) -> None:
    page = open_page(color_scheme="dark" if chosen == "by the system" else "light")
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    if chosen == "by the button":
        page.click("#theme")
        page.click("#theme")
    expect(page.locator("#spans-table tbody tr")).to_have_count(0)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(26, 32, 48)"
    assert page.locator("canvas#timeline").evaluate(DARKEST) < 150
    assert page.locator("#spans-table tbody tr").count() > 5
    for shown in ("g.layer >> nth=0", "#now-sentence", "#timeline", "#spans-table", "#timeline-legend"):
        assert page.locator(shown).is_visible()
    for hidden in ("#play", ".tabs >> nth=0", "#embed-button", "header.site nav", "#zoom-in", ".ways"):
        assert not page.locator(hidden).is_visible()
    for whole in ("#deck", "#spans-details .scroll", "#journey-stops"):
        assert page.locator(whole).evaluate("box => box.scrollHeight <= box.clientHeight + 1"), whole
    assert page.inner_text("#page-address").startswith(page.url.partition("&")[0])
    assert page.locator("footer.site code >> nth=1").is_visible()
    assert page.locator(".gap-more:not([open]), .kind:not([open])").count() == 0
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.get_attribute("html", "data-theme") == (None if chosen == "by the system" else "dark")
    assert not page.locator("#spans-table").is_visible()
    assert page.locator("#play").is_visible()
    assert page.locator("canvas#timeline").evaluate(DARKEST) > 150


def printed(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")


def test_the_stops_of_a_printed_read_name_their_layers(page: Page) -> None:
    printed(page, "/s/linux-on-kvm/?view=read&lang=en")
    nodes = page.locator("#journey-stops .stop-node").all()
    assert len(nodes) > 30
    widths = [(node.bounding_box() or {"width": 0})["width"] for node in nodes]
    assert min(widths) > 20
    assert not page.locator("#console").is_visible()


def test_a_printed_start_has_the_console_s_last_lines_and_nothing_of_buttons(page: Page) -> None:
    printed(page, "/s/linux-on-kvm/?t=110000000000&lang=en")
    lines = page.locator("#console-lines li")
    shown = page.locator("#console-lines li:visible").all_text_contents()
    assert lines.count() > 40
    assert shown == lines.all_text_contents()[-40:]
    assert page.locator("#console-lines").evaluate("box => box.scrollHeight <= box.clientHeight + 1")
    assert page.locator("#now").is_visible()
    page.keyboard.press("Home")
    expect(page.locator("#now")).to_be_hidden()
    expect(page.locator("#console")).to_be_hidden()
