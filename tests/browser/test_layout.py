"""What fits where: a projector, a phone, and every name in its box."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .test_player_page import go, model, now_ns, settle

KVM = "/s/linux-on-kvm/"
FOUR = "/race/?stack=linux&stack=docker-on-linux&stack=linux-on-kvm&stack=hyperv-server"
PROJECTOR = {"width": 1024, "height": 768}
PHONE = {"width": 390, "height": 844}
LONG = """list => list.flatMap(layer => {
  const box = layer.querySelector('.box').getBBox(), texts = [...layer.querySelectorAll('.name, .sub')];
  return texts.filter(text => { const {x, width} = text.getBBox(); return x + width > box.x + box.width; });
}).map(text => text.textContent)"""


def in_language(address: str, lang: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}lang={lang}"


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "address",
    ["/s/linux-on-kvm/?view=boot", "/s/linux-on-kvm/?view=read", "/s/hyperv-server/?view=read", FOUR],
)
def test_on_a_projector_the_whole_stack_is_in_sight(
    open_page: Callable[..., Page], address: str, lang: str
) -> None:
    page = open_page(viewport=PROJECTOR)
    go(page, in_language(address, lang))
    settle(page)
    ground = page.eval_on_selector_all(
        ".stack .ground", "list => list.map(e => e.getBoundingClientRect().bottom)"
    )
    deck = page.locator("#deck").bounding_box()
    assert deck is not None
    assert max(ground) <= deck["y"]
    assert deck["y"] + deck["height"] <= 768


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "address", ["/", "/s/hyperv-windows/", "/s/linux-on-esxi/", "/build/?from=xen-pv", FOUR, f"/embed{FOUR}"]
)
def test_every_name_fits_in_its_box(page: Page, address: str, lang: str) -> None:
    page.goto(in_language(address, lang))
    assert page.locator("svg.stack g.layer").count() > 4
    assert page.eval_on_selector_all("svg.stack g.layer", LONG) == []
    nameless = "list => list.filter(g => !g.querySelector('.name')?.textContent.trim()).length"
    assert page.eval_on_selector_all("svg.stack g.layer", nameless) == 0


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_in_a_race_of_three_every_name_is_whole(page: Page, lang: str) -> None:
    page.goto(in_language("/race/?stack=docker-on-linux&stack=xen-hvm&stack=hyperv-server", lang))
    names = page.locator("svg.stack .name").all_text_contents()
    assert len(names) > 20
    assert not [name for name in names if not name.strip() or "…" in name]


def test_a_phone_has_marks_speed_table_and_charts_too(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    go(page, KVM)
    for part in ("marker-next", "speed", "zoom-in", "charts"):
        assert not page.locator(f"#{part}").is_visible()
    page.tap("#more")
    assert page.get_attribute("#more", "aria-expanded") == "true"
    page.tap("#marker-next")
    settle(page)
    assert now_ns(page) == model(page, "Math.min(...model.marks.get(`${model.nodeIndex.get('hv')}/exit`))")
    page.tap("#charts summary")
    page.wait_for_selector("#charts .u-wrap, #charts canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.tap("#more")
    assert not page.locator("#speed").is_visible()


def test_with_charts_open_one_can_still_play_and_step(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport=PROJECTOR)
    go(page, KVM)
    page.click("#charts summary")
    page.wait_for_selector("#charts canvas")
    settle(page)
    assert page.evaluate("scrollY") == 0
    for button in ("play", "step"):
        box = page.locator(f"#{button}").bounding_box()
        assert box is not None
        assert (
            page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y)?.closest('button')?.id",
                [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
            )
            == button
        )


def test_on_a_phone_what_a_tap_chose_comes_into_sight_and_the_summary_is_there(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce")
    go(page, "/s/kvm-emulated-ide/?view=read")
    assert page.locator(".summary").is_visible()
    page.locator("g.layer[data-node=hv]").tap()
    settle(page)
    card, deck = page.locator("#selected").bounding_box(), page.locator("#deck").bounding_box()
    assert card is not None
    assert deck is not None
    assert -1 <= card["y"] < deck["y"] - 50


def test_from_the_top_of_the_page_three_keys_reach_the_play_button(page: Page) -> None:
    go(page, f"{KVM}?view=read")
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    focused = []
    for _ in range(3):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.id"))
    assert focused == ["restart", "step-back", "play"]
