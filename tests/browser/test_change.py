"""What if: a setting changed or a layer killed in the player, raced against the original."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import serious_violations

FOUR = "/race/?stack=linux&stack=docker-on-linux&stack=linux-on-kvm&stack=hyperv-server"
READY = "#player[data-ready='1']"
LONGEST_RUN_MS = 60_000


def opened(page: Page, address: str, node: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator(f"g.layer[data-node='{node}']").click()
    page.wait_for_selector("#what-if form")


def raced(page: Page) -> None:
    page.wait_for_selector("#player[data-mode='race'][data-ready='1']", timeout=LONGEST_RUN_MS)


def test_a_changed_setting_races_the_original(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/", "vm1")
    page.select_option("[id='w-vm1.firmware']", "uefi-vm")
    page.click("#what-if-race")
    raced(page)
    expect(page.locator(".lane-title").nth(1)).to_contain_text("Virtual machine: Firmware UEFI")
    page.locator("body").press("End")
    expect(page.locator(".lane-rank").nth(1)).not_to_be_empty()


def test_who_notices_a_killed_layer_is_told_one_by_one(page: Page) -> None:
    """dockerd killed while the container works: it does not notice."""
    opened(page, "/s/docker-on-linux/?view=read", "engine")
    page.locator("#journey-next").click()
    page.click("#what-if-kill")
    raced(page)
    expect(page.locator("[data-node='engine'][data-effect]")).to_have_attribute("data-effect", "lost")
    expect(page.locator("[data-node='web'][data-effect]")).to_have_attribute("data-effect", "same")
    expect(page.locator("[data-node='random-read'][data-effect]")).to_have_attribute("data-effect", "same")


def test_a_killed_guest_is_lost_and_has_no_place_in_the_race(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/?view=read", "vm1")
    page.click("#what-if-kill")
    raced(page)
    page.locator("body").press("End")
    expect(page.locator(".lane-state").nth(1)).to_contain_text("lost")
    dead = page.locator("article.lane").nth(1).locator("g.layer.lost")
    names = {layer.get_attribute("data-node") for layer in dead.all()}
    assert names == {"vm1", "vm1.disk", "vm1.firmware", "guest-os", "random-read"}
    assert page.locator("article.lane").nth(0).locator("g.layer.lost").count() == 0
    expect(page.locator(".lane-rank").nth(1)).to_be_empty()
    expect(page.locator(".lane-rank").nth(0)).to_have_text("1")
    expect(page.locator("#now-sentence")).to_contain_text("Lost at")
    expect(page.locator("#effects li.lost")).not_to_have_count(0)
    expect(page.locator("#gap-bars")).to_have_count(0)


@pytest.mark.parametrize("size", [(1024, 768), (1440, 900)])
def test_the_new_race_waits_where_the_change_is_with_who_notices_in_sight(
    open_page: Callable[..., Page], size: tuple[int, int]
) -> None:
    """And so it does for whoever is sent the link."""
    page = open_page(viewport={"width": size[0], "height": size[1]})
    opened(page, "/s/linux-on-kvm/?view=read", "vm1")
    page.click("#what-if-kill")
    raced(page)
    for _arrival in range(2):
        expect(page.locator("#player")).to_have_attribute("data-playing", "0")
        at = page.evaluate("new URLSearchParams(location.search).get('t')")
        expect(page.locator("#player")).to_have_attribute("data-t", at)
        expect(page.locator("#effects li")).to_have_count(6)
        for part in ("#effects li >> nth=0", "#effects li >> nth=-1", ".lane-title >> nth=1", "#play"):
            expect(page.locator(part)).to_be_in_viewport(ratio=1)
        page.reload()
        raced(page)


def test_two_changes_of_two_layers_race_as_one_branch(page: Page) -> None:
    opened(page, "/s/docker-on-linux/?view=read", "web")
    page.fill("[id='w-web.cpus']", "0.5")
    page.locator("[id='w-web.cpus']").press("Tab")
    expect(page.locator("#changes li")).to_contain_text("while it runs, from")
    page.locator("g.layer[data-node='host']").click()
    page.wait_for_selector("[id='w-host.cpus']")
    page.fill("[id='w-host.cpus']", "24")
    page.locator("[id='w-host.cpus']").press("Tab")
    expect(page.locator("#changes li")).to_have_count(2)
    expect(page.locator("#changes li").nth(1)).to_contain_text("from the start")
    assert serious_violations(page) == []
    page.click("#what-if-race")
    raced(page)
    expect(page.locator(".lane-title").nth(1)).to_contain_text(
        "Container: CPU limit 0.5; Xeon server: CPUs 24"
    )


def test_a_change_is_taken_back(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/", "vm1")
    page.select_option("[id='w-vm1.firmware']", "uefi-vm")
    page.locator("#changes button").click()
    expect(page.locator("#changes li")).to_have_count(0)
    expect(page.locator("[id='w-vm1.firmware']")).to_have_value("seabios")
    expect(page.locator("#what-if-race")).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#why-no-race")).to_contain_text("Nothing is different yet")
    page.locator("#what-if-race").press("Enter")
    expect(page.locator("#why-no-race[role='alert']")).to_be_visible()


def test_a_typed_value_and_the_race_are_one_click(page: Page) -> None:
    """The button is where it was when the finger comes up, though the field has been heard of."""
    opened(page, "/s/linux-on-kvm/", "vm1")
    page.fill("[id='w-vm1.vcpus']", "3")
    page.locator("#what-if-race").hover()
    page.mouse.down()
    page.wait_for_selector("#changes li")
    page.mouse.up()
    raced(page)


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900)])
@pytest.mark.parametrize(
    ("stack", "node"),
    [
        ("linux-on-kvm", "hv"),
        ("linux-on-kvm", "vm1"),
        ("linux-on-kvm", "guest-os"),
        ("docker-on-linux", "web"),
    ],
)
def test_what_can_be_changed_is_in_sight_when_a_layer_is_chosen(
    open_page: Callable[..., Page], size: tuple[int, int], stack: str, node: str
) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]})
    opened(page, f"/s/{stack}/", node)
    for part in ("#what-if-race", "#what-if .field >> nth=0"):
        seen = page.locator(part).evaluate(
            """at => { const { left, top, width, height } = at.getBoundingClientRect();
              return at.contains(document.elementFromPoint(left + width / 2, top + height - 4)); }"""
        )
        assert seen, part


def test_what_if_by_keyboard_alone(page: Page) -> None:
    page.goto("/s/linux-on-kvm/")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator("g.layer[data-node='vm1']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#what-if form")
    page.keyboard.press("w")
    expect(page.locator("[id='r-vm1.vcpus']")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#changes li")).to_contain_text("2 → 4")
    expect(page.locator("[id='r-vm1.vcpus']")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#what-if-race").focus()
    page.keyboard.press("Enter")
    raced(page)


@pytest.mark.parametrize(
    ("address", "node", "setting", "value", "says"),
    [
        ("/s/linux-on-kvm/?view=call", "guest-os", "guest-os.mitigations", "off", "System call exit"),
        ("/s/linux-on-kvm/", "vm1", "vm1.vcpus", "3", "Bring up CPUs"),
        ("/s/linux-on-kvm/?view=read", "vm1.disk", "vm1.disk", "ide", "Out to QEMU and back"),
        ("/s/kvm-emulated-ide/?view=read", "vm1.disk", "vm1.disk", "virtio-blk", "Out to QEMU and back"),
        ("/s/docker-on-linux/", "web", "web.cpus", "0.2", "Out of quota"),
        ("/s/docker-on-linux/?view=read", "web", "web.cpus", "0.2", "It makes no difference here"),
    ],
)
def test_a_question_is_asked_in_a_few_clicks_and_answered(
    page: Page, address: str, node: str, setting: str, value: str, says: str
) -> None:
    """The layer, the setting, the race: then it says what made the difference, or that nothing does."""
    opened(page, address, node)
    field = page.locator(f"[id='w-{setting}']")
    if field.evaluate("at => at.matches('select')"):
        field.select_option(value)
    else:
        field.fill(value)
    page.click("#what-if-race")
    raced(page)
    expect(page.locator("#why")).to_contain_text(says)


def test_a_killed_container_is_started_again_and_from_its_branch_one_goes_on(page: Page) -> None:
    opened(page, "/s/docker-on-linux/?view=read", "web")
    page.select_option("[id='w-web.restart']", "always")
    page.click("#what-if-kill")
    raced(page)
    expect(page.locator("[data-node='web'][data-effect]")).to_have_attribute("data-effect", "restarted")
    expect(page.locator("[data-node='engine'][data-effect]")).to_contain_text("unaffected")
    page.locator(".lane-title a").nth(1).click()
    page.wait_for_selector("#player[data-mode='player'][data-ready='1']", timeout=LONGEST_RUN_MS)
    page.locator("g.layer[data-node='engine']").click()
    expect(page.locator("#changes")).to_contain_text("This run holds already")
    page.click("#what-if-kill")
    raced(page)
    expect(page.locator("[data-node='engine'][data-effect]")).to_have_attribute("data-effect", "lost")
    expect(page.locator("[data-node='web'][data-effect]")).to_have_attribute("data-effect", "same")


def test_the_work_can_be_slid_too(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/?view=read", "random-read")
    slider = page.locator("[id='r-random-read.block']")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator("#slide .slid")).to_have_count(2, timeout=LONGEST_RUN_MS)
    expect(page.locator("[id='w-random-read.block']")).to_have_value("8 KiB")
    expect(page.locator(".field:has([id='r-random-read.block']) + #slide")).to_be_in_viewport()
    expect(slider).to_be_in_viewport()
    page.click("#what-if-race")
    raced(page)
    expect(page.locator(".lane-title").nth(1)).to_contain_text("8 KiB")


def test_while_a_finger_slides_the_run_is_made_anew(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/?view=read", "vm1")
    slider = page.locator("[id='r-vm1.vcpus']")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_selector("#slide .slid", timeout=LONGEST_RUN_MS)
    expect(page.locator("[id='w-vm1.vcpus']")).to_have_value("4")
    expect(slider).to_have_attribute("aria-valuetext", "4")


def test_a_wrong_value_is_told_and_nothing_races(page: Page) -> None:
    opened(page, "/s/linux-on-kvm/", "vm1")
    field, race = page.locator("[id='w-vm1.vcpus']"), page.locator("#what-if-race")
    expect(race).to_have_attribute("aria-disabled", "true")
    field.fill("none")
    race.click()
    expect(page.locator("#why-no-race[role='alert']")).to_be_visible()
    expect(page.locator("#what-if .wrong")).to_contain_text("Virtual CPUs: none is not")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Virtual CPUs: none is not"))
    expect(race).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#changes li")).to_have_count(0)
    assert serious_violations(page) == []
    field.fill("3")
    field.press("Tab")
    expect(page.locator("#changes li")).to_contain_text("2 → 3")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(race).not_to_have_attribute("aria-disabled", "true")
    assert page.url.startswith(page.evaluate("location.origin") + "/s/linux-on-kvm/")


def test_under_a_new_heading_the_old_layer_s_form_cannot_be_changed(page: Page) -> None:
    """While the form of the chosen layer is under way, that of the one before is out of reach."""
    opened(page, "/s/linux-on-kvm/", "vm1")
    held: list[Route] = []
    waits = True
    page.route("**/what-if/**", lambda route: held.append(route) if waits else route.continue_())
    page.locator("g.layer[data-node='host']").click()
    expect(page.locator("#selected-title")).to_contain_text("server")
    expect(page.locator("[id='w-vm1.vcpus']")).to_be_hidden()
    assert page.locator("#what-if").evaluate("at => at.inert")
    page.locator("g.layer[data-node='guest-os']").click()
    waits = False
    for route in held:
        route.continue_()
    expect(page.locator("[id='w-guest-os.mitigations']")).to_be_visible()
    expect(page.locator("#what-if")).to_have_attribute("data-node", "guest-os")


def test_a_projector_has_large_type_on_the_next_page_too(page: Page) -> None:
    page.goto("/s/linux/")
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    before = page.evaluate(size)
    page.click("#projector")
    assert page.evaluate(size) > 1.25 * before
    page.goto("/s/linux/?view=read")
    assert page.evaluate(size) > 1.25 * before
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)


SMALLEST_PX = """list => Math.min(...list.map(text =>
  parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""


@pytest.mark.parametrize("address", ["/s/linux-on-kvm/?view=read", "/s/hyperv-server/?view=boot", FOUR])
def test_large_type_enlarges_the_drawing_and_the_space_bar_still_plays(
    open_page: Callable[..., Page], address: str
) -> None:
    page = open_page(viewport={"width": 1024, "height": 768})
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    before = page.eval_on_selector_all(".stack .name", SMALLEST_PX)
    page.click("#projector")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.stack .name')].every(text =>"
        " parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a > 1.1 * before)",
        arg=before,
    )
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#projector")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press(" ")
    page.click("#more")
    expect(page.locator("#marker-next")).to_be_visible()


def test_from_an_operation_one_click_leads_to_its_term(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?view=read")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator("#journey-stops button", has_text="VM exit").first.click()
    page.locator("#selected a[href*='/glossary/#']").click()
    expect(page.locator(":target dt")).to_have_text("VM exit, VM entry")
    page.fill("#search", "hypercall")
    expect(page.locator(".term-entry:visible dt").first).to_be_visible()
    assert page.locator(".term-entry:visible").count() < 12
    assert serious_violations(page) == []


def test_marks_are_jumped_to_and_stopped_at(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?view=read")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.select_option("#marker-kind", "exit")
    at = "Number(document.getElementById('player').dataset.t)"
    start = page.evaluate(at)
    page.locator("body").press(".")
    page.wait_for_function(f"before => {at} > before", arg=start)
    first = page.evaluate(at)
    page.locator("body").press(".")
    page.wait_for_function(f"before => {at} > before", arg=first)
    page.locator("body").press(",")
    page.wait_for_function(f"at => {at} === at", arg=first)
    page.check("#marker-stop")
    page.click("#play")
    page.wait_for_function(f"before => {at} > before", arg=first)
    page.wait_for_function("() => document.getElementById('player').dataset.playing === '0'")
    assert page.evaluate(at) > first


def test_charts_say_in_a_table_what_they_draw(page: Page) -> None:
    page.goto("/s/linux-on-kvm/")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator("#charts summary").click()
    page.wait_for_selector(".chart canvas")
    expect(page.locator("#charts tbody tr")).to_have_count(8)
    page.select_option("#chart-kind", "exits")
    expect(page.locator("#charts thead th").nth(1)).to_have_text("KVM + QEMU")
    assert serious_violations(page) == []


def test_two_fingers_bring_the_timeline_closer(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 1024, "height": 768}, has_touch=True)
    page.goto("/s/linux-on-kvm/")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    box = page.locator("#timeline").bounding_box()
    assert box is not None
    client = page.context.new_cdp_session(page)
    y, middle = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2

    def touch(kind: str, spread: float) -> None:
        points = [{"x": middle + side * spread, "y": y, "id": i} for i, side in enumerate((-1, 1))]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if spread else []})

    length = "document.getElementById('player').player.timeline.axis.length"
    before = page.evaluate(length)
    touch("touchStart", 30)
    for spread in (60, 90, 120):
        touch("touchMove", spread)
    touch("touchEnd", 0)
    assert page.evaluate(length) < before / 2


def test_a_span_of_a_boot_leads_to_its_journey(page: Page) -> None:
    page.goto("/s/linux-on-kvm/")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    expect(page.locator("#journey")).to_be_hidden()
    page.evaluate(
        """() => {
          const { player } = document.getElementById("player"), { model } = player;
          const op = model.header.ops.findIndex(({ op }) => op === "initramfs_unpack");
          player.select({ lane: 0, span: model.spans.op.lastIndexOf(op) });
        }"""
    )
    expect(page.locator("#journey h2")).to_contain_text("Boot of Linux")
    expect(page.locator("#journey .stop").first).to_be_visible()
    assert serious_violations(page) == []


def test_the_gallery_is_narrowed_by_words(page: Page) -> None:
    page.goto("/")
    page.fill("#search", "xen paravirtual")
    expect(page.locator("#stack-xen-pv")).to_be_visible()
    expect(page.locator("#stack-linux")).to_be_hidden()
    page.fill("#search", "qqqq")
    expect(page.locator("#found")).to_have_text("No stack has these words.")


@pytest.mark.parametrize(
    ("lang", "typed", "stack", "n"),
    [
        ("en", "Where does Hyper-V stand?", "hyperv-server", None),
        ("en", "why is an emulated disk slow", "kvm-emulated-ide", None),
        ("en", "docker", "docker-on-linux", "2"),
        ("en", "docker kernel", "docker-on-linux", "2"),
        ("zh-hans", "docker 内核", "docker-on-linux", "2"),
        ("en", "nested", "nested-kvm", "1"),
        ("en", "hyper-v type 1", "hyperv-windows", "2"),
        ("en", "容器", "docker-on-linux", "2"),
        ("zh-hans", "container", "docker-on-linux", "2"),
        ("zh-hans", "模拟的磁盘为什么慢？", "kvm-emulated-ide", None),
    ],
)
def test_a_stack_is_found_by_its_question_in_either_language(
    page: Page, lang: str, typed: str, stack: str, n: str | None
) -> None:
    page.goto(f"/?lang={lang}")
    page.fill("#search", typed)
    expect(page.locator(f"#stack-{stack}")).to_be_visible()
    expect(page.locator(f"#stack-{stack} svg.stack")).to_be_visible()
    found = page.locator("li.card:visible").count()
    assert found < 12
    expect(page.locator("#found")).to_contain_text(n or str(found))


@pytest.mark.parametrize(
    ("view", "stack", "stop"),
    [
        ("send", "hyperv-server", "VMBus"),
        ("call", "linux-on-kvm", "System call entry"),
        ("touch", "linux-on-kvm", "First touch"),
    ],
)
def test_packets_calls_and_touches_are_followed_one_by_one(
    page: Page, view: str, stack: str, stop: str
) -> None:
    page.goto(f"/s/{stack}/?view={view}")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.locator("#journey-prev").click()
    if view == "touch":  # later ones find the page there
        page.evaluate("""() => {
          const { player } = document.getElementById("player");
          for (let i = 0; i < 2000 && !document.querySelector("#journey-prev").disabled; i++)
            if (document.querySelector("#journey-n").textContent.startsWith("1 of")) break;
            else document.querySelector("#journey-prev").click();
        }""")
    expect(page.locator("#journey-stops")).to_contain_text(stop)
    expect(page.locator("#now-sentence")).not_to_contain_text("Everything is off")
    expect(page.locator("#journey-sum")).to_contain_text("the whole")


@pytest.mark.parametrize(
    ("lang", "typed", "term"),
    [
        ("en", "Hyper-V", "type"),
        ("zh-hans", "Hyper-V", "type"),
        ("en", "hyperv", "dom0"),
        ("zh-hans", "推算", "status"),
        ("zh-hans", "root partition", "dom0"),
        ("en", "虚拟机退出", "vm-exit"),
    ],
)
def test_a_term_is_found_by_whose_it_is_and_in_either_language(
    page: Page, lang: str, typed: str, term: str
) -> None:
    page.goto(f"/glossary/?lang={lang}")
    page.fill("#search", typed)
    expect(page.locator(f"#{term}")).to_be_visible()
    assert page.locator(".term-entry:visible").count() < 14


def test_a_search_that_finds_nothing_leads_on_with_the_same_words(page: Page) -> None:
    page.goto("/glossary/")
    expect(page.locator("#elsewhere")).to_be_hidden()
    page.fill("#search", "snapshot-restore")
    expect(page.locator("#found")).to_have_text("Nothing of that name.")
    page.locator("#elsewhere a").first.click()
    expect(page.locator("#search")).to_have_value("snapshot-restore")
    expect(page.locator("#stack-snapshot-restore")).to_be_visible()
    assert page.locator("li.card:visible").count() == 1
