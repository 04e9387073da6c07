"""The pages of figures in a real browser: what only a browser shows of them."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import serious_violations

READY = "#player[data-ready='1']"
LONGEST_RUN_MS = 60_000


def test_a_stop_of_a_read_leads_to_its_number_in_one_click(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?view=read")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator("#journey-stops li.stop").nth(6).locator("button").click()
    name = page.locator("#selected-title").inner_text()
    page.locator("#selected-body a[href^='/numbers/']").click()
    expect(page.locator(".number[open] .name")).to_have_text(name)
    expect(page.locator(".number[open] .certificate").first).to_be_visible()


def test_the_list_and_the_address_follow_the_filters_as_they_are_set(page: Page) -> None:
    page.goto("/numbers/")
    page.select_option("#component", "kvm-qemu")
    page.locator("label", has_text="published").click()
    page.wait_for_url("**/numbers/?component=kvm-qemu&status=published")
    assert page.locator(".number").count() == page.locator(".number > summary .status-published").count() > 0
    page.locator(".tools a[hreflang]").click()
    page.wait_for_url("**/numbers/?*lang=zh-hans")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("#component")).to_have_value("kvm-qemu")


def test_a_folded_number_is_opened_by_its_anchor_and_fetches_its_certificate(page: Page) -> None:
    page.goto("/numbers/#vm.populate")
    row = page.locator("[id='vm.populate']")
    expect(row.locator(".certificate")).to_have_count(2)
    page.keyboard.press("Tab")  # from where the anchor led
    expect(row.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator(".certificate").first).to_be_hidden()


def test_the_ledger_can_be_read_and_filtered_without_javascript(open_page: Any) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/numbers/")
    page.fill("#q", "populate")
    page.locator(".filters button").click()
    expect(page.locator(".number[open] .certificate").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "address", ["/numbers/", "/numbers/?component=linux&op=fork", "/numbers/?lang=zh-hans"]
)
def test_axe_finds_nothing_serious(open_page: Any, address: str, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(address)
    for summary in page.locator(".rule > summary, .group:first-of-type > summary").all():
        summary.click()
    assert serious_violations(page) == []


@pytest.mark.parametrize("address", ["/numbers/", "/numbers/?component=kvm-qemu"])
@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_everything_fits_on_a_phone(open_page: Any, address: str, lang: str) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    page.goto(f"{address}{'&' if '?' in address else '?'}lang={lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
