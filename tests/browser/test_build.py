"""Building a stack as a person does: by mouse, by keyboard alone, by touch, in both languages and themes."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import serious_violations

LONGEST_RUN_MS = 60_000


def layers(page: Page) -> list[str]:
    return [str(g.get_attribute("data-node")) for g in page.locator("#draft g.layer").all()]


def pressed(page: Page, selector: str) -> None:
    """Press it and wait for the changed stack."""
    before = page.get_attribute("#draft", "data-link")
    page.locator(selector).first.click()
    page.wait_for_function("link => document.getElementById('draft').dataset.link !== link", arg=before)


def middle(page: Page, node: str) -> tuple[float, float]:
    box = page.locator(f"#draft g.layer[data-node='{node}'] rect.box").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_from_linux_to_a_guest_with_a_container_and_it_boots(page: Page) -> None:
    page.goto("/build/?from=linux&sel=host-os")
    pressed(page, ".palette [data-is='kvm-qemu']")
    pressed(page, ".palette [data-is='vm']")
    assert layers(page)[-1] == "vm1-os" or "vm1-os" in layers(page)
    page.locator("#draft g.layer[data-node='vm1-os']").click()
    expect(page.locator("#chosen-title")).to_have_text("Linux")
    pressed(page, ".palette [data-is='container']")
    assert {"box", "engine"} <= set(layers(page))
    page.click("#play-boot")
    page.wait_for_selector("#player[data-ready='1']", timeout=LONGEST_RUN_MS)
    expect(page.locator("g.layer[data-node='box']")).to_have_count(1)


def test_undo_and_redo_go_through_the_stacks_that_there_were(page: Page) -> None:
    page.goto("/build/?from=docker-on-linux&sel=web")
    before = layers(page)
    expect(page.locator("#undo")).to_be_disabled()
    pressed(page, "#remove")
    without = layers(page)
    assert "web" not in without
    pressed(page, "#undo")
    assert layers(page) == before
    expect(page.locator("#said")).to_have_text("Undone. Removed: Container.")
    page.locator("body").press("Control+y")
    page.wait_for_function("() => !document.querySelector('#draft g.layer[data-node=web]')")
    assert layers(page) == without
    expect(page.locator("#said")).to_have_text("Done again. Removed: Container.")
    page.reload()
    assert layers(page) == without, "the address is the state"


def test_quick_undos_end_at_the_stack_that_the_history_says(page: Page) -> None:
    """Each is asked for after the answer to the one before, however slow that is."""
    page.goto("/build/?from=linux-on-kvm&sel=hv")
    first = layers(page)
    pressed(page, "#lift")
    page.locator("#draft g.layer[data-node='vm1']").click()
    expect(page.locator("#draft")).to_have_attribute("data-chosen", "vm1")
    pressed(page, "button[value='add:below:vm1:kvm-qemu']")
    page.evaluate("undo.click(); undo.click()")
    expect(page.locator("#undo")).to_be_disabled()
    assert layers(page) == first
    expect(page.locator("#said")).to_contain_text("Undone. Taken out: KVM")
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+y")
    expect(page.locator("#redo")).to_be_disabled()
    expect(page.locator("#said")).to_contain_text("Done again. Added: KVM")
    page.reload()
    assert page.locator("#draft g.layer[data-node='hv']").count() == 1


def test_two_quick_edits_are_both_made_and_a_double_click_is_one(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=vm1")
    page.locator("[id='f-vm1.vcpus']").fill("4")
    page.evaluate(
        "document.getElementById('double').focus()"
    )  # the field is left: that is a change, on its way
    page.locator("#double").click()
    page.wait_for_selector("#draft g.layer[data-node='vm2']")
    expect(page.locator("#draft g.layer[data-node='vm1']")).to_contain_text("4 vCPUs")
    expect(page.locator("#draft g.layer[data-node='vm2']")).to_contain_text("4 vCPUs")
    page.locator("#double").dblclick()
    page.wait_for_selector("#draft g.layer[data-node='vm3']")
    page.click("#undo")
    expect(page.locator("#draft g.layer[data-node='vm3']")).to_have_count(0)
    expect(page.locator("#draft g.layer[data-node='vm2']")).to_have_count(1)
    assert "vm4" not in layers(page)


def test_what_is_typed_while_an_answer_is_awaited_is_kept(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=vm1")
    held: list[Route] = []
    page.route("**/build/", lambda route: route.continue_() if held else held.append(route))
    page.fill("[id='f-vm1.vcpus']", "4")
    page.keyboard.press("Tab")
    page.locator("[id='f-vm1.memory']").press_sequentially("3 GiB")
    assert len(held) == 1, "the answer has not come yet"
    held[0].continue_()
    expect(page.locator("#draft g.layer[data-node='vm1']")).to_contain_text("4 vCPUs")
    expect(page.locator("[id='f-vm1.memory']")).to_be_focused()
    expect(page.locator("[id='f-vm1.memory']")).to_have_value("3 GiB")
    page.keyboard.press("Tab")
    page.click("#double")
    page.wait_for_selector("#draft g.layer[data-node='vm2']")
    expect(page.locator("#draft g.layer[data-node='vm1']")).to_contain_text("3 GiB")


def test_a_layer_added_from_far_down_comes_into_sight_with_its_settings(page: Page) -> None:
    page.goto("/build/?from=linux&sel=host-os")
    for key in ("mouse", "keyboard"):
        choice = page.locator(".palette [data-is='docker']").last
        page.evaluate("document.body.style.paddingBottom = '100vh'")
        page.evaluate(
            "document.querySelector(\".palette [data-is='docker']\").scrollIntoView({block: 'start'})"
        )
        if key == "mouse":
            choice.click()
        else:
            choice.press("Enter")
        page.wait_for_selector("#draft g.layer.selected[data-node='engine']")
        for seen in ("#said", "#chosen-title", "g.layer.selected"):
            expect(page.locator(seen)).to_be_in_viewport()
        expect(page.locator("g.layer.selected")).to_be_focused()
        page.click("#undo")
        expect(page.locator("#draft g.layer[data-node='engine']")).to_have_count(0)


def test_a_field_that_somebody_made_larger_is_no_inline_style_of_the_next_answer(page: Page) -> None:
    """Nor is what a browser writes into an element for a screenshot."""
    page.goto("/build/?from=linux&sel=host-os")
    page.click("#as-text > summary")
    page.evaluate("document.querySelector('#text').style.height = '300px'; title.style.color = 'red'")
    pressed(page, ".palette [data-is='docker']")
    expect(page.locator("#title")).not_to_have_attribute("style", "color: red;")


def test_a_component_dragged_onto_a_layer_is_added_there(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=guest-os")
    page.evaluate("document.querySelector(\".palette [data-is='container']\").scrollIntoView({block: 'end'})")
    item = page.locator(".palette [data-is='container']").bounding_box()
    assert item is not None
    page.mouse.move(item["x"] + 40, item["y"] + 15)
    page.mouse.down()
    x, y = middle(page, "host-os")
    page.mouse.move(x, y, steps=8)
    expect(page.locator("g.layer.target")).to_have_attribute("data-node", "host-os")
    page.mouse.up()
    page.wait_for_selector("#draft g.layer[data-node='box']")
    page.locator("#draft g.layer[data-node='host-os']").click()
    expect(page.locator(".drag-ghost")).to_have_count(0)


def test_a_layer_dragged_onto_another_moves_there_and_not_where_it_cannot_stand(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=guest-os")
    pressed(page, ".palette [data-is='container']")
    for onto, moves in (("vm1", False), ("host-os", True)):
        link = page.get_attribute("#draft", "data-link")
        page.mouse.move(*middle(page, "box"))
        page.mouse.down()
        page.mouse.move(*middle(page, onto), steps=8)
        expect(page.locator("g.layer.target")).to_have_count(1 if moves else 0)
        page.mouse.up()
        if moves:
            page.wait_for_function("l => document.getElementById('draft').dataset.link !== l", arg=link)
    expect(page.locator("#said")).to_contain_text("Moved")


def test_a_stack_is_built_by_keyboard_alone(page: Page) -> None:
    page.goto("/build/?from=linux&sel=host")
    page.locator("#draft g.layer[data-node='host-os']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-title")).to_have_text("Linux")
    expect(page.locator("#draft g.layer[data-node='host-os']")).to_be_focused()
    page.locator(".palette [data-is='docker']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#draft g.layer[data-node='engine']")
    expect(page.locator("#said")).to_contain_text("Docker")
    assert page.evaluate("document.activeElement.closest('#draft') !== null"), "the focus stays in the stack"
    page.keyboard.press("Control+z")
    page.wait_for_function("() => !document.querySelector('#draft g.layer[data-node=engine]')")
    page.locator("#draft g.layer[data-node='host-os']").focus()
    page.keyboard.press("Delete")


def test_a_changed_setting_keeps_the_focus_and_changes_the_drawing(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=vm1")
    page.fill("[id='f-vm1.vcpus']", "4")
    page.keyboard.press("Tab")
    expect(page.locator("#draft g.layer[data-node='vm1']")).to_contain_text("4 vCPUs")
    page.fill("[id='f-vm1.vcpus']", "lots")
    page.keyboard.press("Enter")
    expect(page.locator(".issues .finding.error")).to_have_count(1)
    expect(page.locator("[id='f-vm1.vcpus']")).to_be_focused()
    expect(page.locator("#draft g.layer .mark.error")).to_have_count(1)
    expect(page.locator("#play-boot")).to_have_attribute("aria-disabled", "true")


def test_a_second_guest_and_a_container_are_added_beside_the_chosen_one(page: Page) -> None:
    page.goto("/build/?from=linux-on-kvm&sel=vm1")
    beside = page.locator("section.palette", has=page.locator("#place-beside"))
    expect(beside.locator("h2")).to_have_text("Add beside: Virtual machine")
    beside.locator("[data-is='vm']").click()
    page.wait_for_selector("#draft g.layer[data-node='vm2-os']")
    page.goto("/build/?from=docker-on-linux&sel=web")
    beside.locator("[data-is='container']").click()
    page.wait_for_selector("#draft g.layer[data-node='box']")
    page.evaluate("scrollTo(0, 0)")
    assert serious_violations(page) == []


def test_one_changed_setting_leaves_the_others_as_they_were(page: Page) -> None:
    page.goto("/build/?from=docker-on-linux&sel=web")
    page.fill("[id='f-web.cpus']", "0.5")
    page.locator("[id='f-web.cpus']").press("Tab")
    expect(page.locator(".field.set")).to_have_count(1)
    expect(page.locator("#said")).to_have_text("Changed: CPU limit: 0.5.")
    expect(page.locator("[id='f-web.platform']")).to_have_value("")


def test_on_a_touch_screen_a_held_component_is_dragged_and_a_short_touch_chooses(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto("/build/?from=linux-on-kvm&sel=guest-os")
    page.locator("#draft g.layer[data-node='host-os']").tap()
    expect(page.locator("#draft")).to_have_attribute("data-chosen", "host-os")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    client = page.context.new_cdp_session(page)
    page.evaluate("document.querySelector(\".palette [data-is='container']\").scrollIntoView({block: 'end'})")
    item = page.locator(".palette [data-is='container']").bounding_box()
    assert item is not None
    x, y = item["x"] + 30, item["y"] + 12

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x, y)
    page.wait_for_selector(".drag-ghost", state="attached")
    page.evaluate("scrollTo(0, 0)")
    for part in (0.3, 0.6, 1.0):
        to_x, to_y = middle(page, "guest-os")
        touch("touchMove", x + (to_x - x) * part, y + (to_y - y) * part)
    touch("touchEnd")
    page.wait_for_selector("#draft g.layer[data-node='box']")


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_anybody(
    open_page: Callable[..., Page], lang: str, scheme: Any
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"/build/?from=hyperv-server&lang={lang}")
    page.locator(".unfit summary").first.click()
    assert serious_violations(page) == []
    page.goto(f"/build/?from=linux-on-kvm&sel=vm1&lang={lang}")
    pressed(page, "#lift")
    expect(page.locator(".issues .finding.error").first).to_be_visible()
    assert serious_violations(page) == []


def test_the_language_changes_in_place_with_the_stack_kept(page: Page) -> None:
    page.goto("/build/?from=linux&sel=host-os")
    pressed(page, ".palette [data-is='docker']")
    page.locator(".tools a[hreflang]").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert "engine" in layers(page)
