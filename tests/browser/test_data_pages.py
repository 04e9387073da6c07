"""The pages of figures in a real browser: what only a browser shows of them."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.profiles import FAULTY, LAPTOP

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
    page.goto("/numbers/#vm.second_dimension")
    row = page.locator("[id='vm.second_dimension']")
    expect(row.locator(".certificate")).to_have_count(2)
    page.keyboard.press("Tab")  # from where the anchor led
    expect(row.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator(".certificate").first).to_be_hidden()


def test_the_ledger_can_be_read_and_filtered_without_javascript(open_page: Any) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/numbers/")
    page.fill("#q", "nested_page")
    page.locator(".filters button").click()
    expect(page.locator(".number[open] .certificate").first).to_be_visible()


def test_a_point_of_the_plot_leads_to_its_case_by_keyboard(page: Page) -> None:
    page.goto("/fidelity/?family=disk")
    mark = page.locator(".mark").first
    name = (mark.get_attribute("href") or "").removeprefix("#")
    mark.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"[id='{name}'] details")).to_have_attribute("open", "")
    expect(page.locator(f"[id='{name}'] .pairs")).to_be_in_viewport()


def test_a_family_is_chosen_in_place_and_the_choice_keeps_the_focus(page: Page) -> None:
    page.goto("/fidelity/")
    whole = page.locator(".cases tbody tr").count()
    page.locator("#family-disk").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/fidelity/?family=disk")
    assert 0 < page.locator(".cases tbody tr").count() < whole
    expect(page.locator("#family-disk")).to_be_focused()
    page.reload()
    expect(page.locator("#family-disk")).to_have_attribute("aria-current", "true")


def test_a_machine_is_sent_in_run_on_and_remembered_by_this_browser(page: Page, faults: list[str]) -> None:
    page.goto("/machines/")
    page.locator(".send summary").click()
    page.fill("#text", FAULTY)
    page.locator(".send button").click()
    expect(page.locator("#faults li").nth(4)).to_be_visible()
    page.set_input_files("#file", {"name": "m.toml", "mimeType": "text/plain", "buffer": LAPTOP.encode()})
    page.locator(".send button").click()
    page.wait_for_url("**/machines/m-*/")
    page.locator(".uses a", has_text="Read").first.click()
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    expect(page.locator("g.layer[data-role='machine'] .name")).to_contain_text("Test CPU 1")
    page.locator("#journey-stops li.stop").first.locator("button").click()
    expect(page.locator("#selected-body .badge.status-measured")).to_be_visible()
    page.goto("/machines/")
    page.locator("#mine a").click()
    page.wait_for_url("**/machines/m-*/")
    page.goto("/machines/")
    page.locator("#mine button").click()
    expect(page.locator("#mine")).to_be_hidden()
    faults[:] = [fault for fault in faults if "422" not in fault]  # the browser reports what was asked for


@pytest.mark.parametrize(
    "address",
    ["/", "/numbers/", "/numbers/?component=kvm-qemu", "/machines/", "/machines/laptop/", "/fidelity/"],
)
@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_everything_fits_on_a_phone(open_page: Any, address: str, lang: str) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    page.goto(f"{address}{'&' if '?' in address else '?'}lang={lang}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
