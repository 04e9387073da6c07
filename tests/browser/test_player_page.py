"""The player on the real page: what it shows is what the trace says, forwards, backwards and from a link."""

import json
import re
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from simcore.texts import show_time

ROOT = Path(__file__).resolve().parents[2]
LONGEST_RUN_MS = 60_000
READ = "/s/linux-on-kvm/?view=read"
BOOT = "/s/linux/?view=boot"
RACE = "/race/?stack=linux&stack=linux-on-kvm"


def go(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#player[data-ready='1']", timeout=LONGEST_RUN_MS)


def now_ns(page: Page) -> int:
    return int(page.get_attribute("#player", "data-t") or -1)


def settle(page: Page) -> None:
    """Two frames: what was asked for is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pressed(page: Page, selector: str) -> int:
    page.click(selector)
    settle(page)
    return now_ns(page)


def model(page: Page, expression: str) -> Any:
    """Evaluates with `model` (the first lane's) and `player`."""
    return page.evaluate(
        "() => { const player = document.getElementById('player').player, { model } = player;"
        f" return {expression}; }}"
    )


def layers(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "g.layer[data-node]",
        "list => list.map(g => [g.dataset.node, g.classList.contains('on'), g.classList.contains('waiting'),"
        " g.querySelector('.state')?.textContent].join('|'))",
    )
    return found


def test_nothing_plays_before_play_is_pressed(page: Page) -> None:
    go(page, BOOT)
    before = now_ns(page)
    page.wait_for_timeout(300)
    assert now_ns(page) == before == 0
    page.click("#play")
    page.wait_for_function("() => Number(document.getElementById('player').dataset.t) > 1e9")
    page.click("#play")
    settle(page)
    stopped = now_ns(page)
    page.wait_for_timeout(200)
    assert now_ns(page) == stopped
    assert page.get_attribute("#play", "aria-pressed") == "false"


def test_a_click_elsewhere_may_ask_the_player_to_play(page: Page) -> None:
    go(page, f"{BOOT}#play")
    page.wait_for_function("() => Number(document.getElementById('player').dataset.t) > 0")
    assert "#play" not in page.url


def test_stepping_back_shows_what_was_there_before(page: Page) -> None:
    go(page, READ)
    seen = []
    for _ in range(8):
        seen.append((pressed(page, "#step"), layers(page), page.inner_text("#now-sentence")))
    assert [t for t, _, _ in seen] == sorted({t for t, _, _ in seen})
    for earlier in reversed(seen[:-1]):
        assert (pressed(page, "#step-back"), layers(page), page.inner_text("#now-sentence")) == earlier


def test_a_kernel_is_off_until_a_boot_loader_has_loaded_it(page: Page) -> None:
    go(page, "/s/docker-on-linux/?view=boot")
    first = "model.firstNs[model.nodeIndex.get('host-os')]"
    loaded = "model.firstNs[model.nodeIndex.get('host.firmware')] + 60e9"
    assert model(page, f"{first} > {loaded}")
    for t in (1e9, 40e9, 79e9):
        page.evaluate(f"document.getElementById('player').player.head.seek({t})")
        settle(page)
        told = [layer for layer in layers(page) if layer.split("|")[0] in ("host-os", "engine", "web")]
        assert [layer.split("|")[1:] for layer in told] == [["false", "false", ""]] * 3
        assert page.locator("g.layer[data-node=host-os].off").count() == 1
    assert model(page, "model.op(model.leaves.ids[0]).op") == "power_supply"


def test_every_step_lands_on_the_start_of_a_span(page: Page) -> None:
    go(page, READ)
    for _ in range(5):
        t = pressed(page, "#step")
        assert model(page, f"model.spans.start_ns.includes({t})")


def test_the_stops_of_a_read_sum_to_it_exactly(page: Page) -> None:
    go(page, READ)
    length = model(page, "model.requests.end_ns[player.request] - model.requests.start_ns[player.request]")
    parts = model(page, "player.journey.journey.stops.map(stop => stop.ns)")
    assert sum(parts) == length
    assert page.locator("#journey-stops li.stop").count() == len(parts)
    assert re.search(rf"\b{len(parts)}\b", page.inner_text("#journey-sum"))


def test_as_text_the_same_request_is_read_first(page: Page) -> None:
    go(page, READ)
    for number in (None, "#journey-next"):
        if number:
            page.click(number)
            settle(page)
        shown = page.inner_text("#journey-n")
        length = show_time(model(page, "player.head.to - player.head.from"))
        page.get_by_role("link", name="Read it as text").click()
        expect(page.locator("main section h2").first).to_have_text(f"Read {shown}, stop by stop")
        expect(page.locator("main section pre").first).to_contain_text(f"Read · {length}")
        page.go_back()
        page.wait_for_selector("#player[data-ready='1']", timeout=LONGEST_RUN_MS)


def test_two_stops_chosen_in_quick_succession_leave_the_time_of_the_second(page: Page) -> None:
    go(page, READ)
    page.evaluate(
        """async () => {
            for (const stop of [3, 8, 12]) {
                document.querySelectorAll("#journey-stops li.stop button")[stop].click();
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    since = int(page.get_attribute("#player", "data-t") or 0) - page.evaluate(
        "document.getElementById('player').player.head.from"
    )
    assert since > 0
    expect(page.locator("#slowdown")).to_contain_text(f"{show_time(since)} into the request")


def test_a_stop_leads_to_its_timing_and_the_source_of_it(page: Page) -> None:
    go(page, READ)
    stop = page.locator("#journey-stops li.stop").nth(3)
    span = int(stop.get_attribute("data-span") or -1)
    stop.locator("button").click()
    settle(page)
    assert now_ns(page) == model(page, f"model.spans.start_ns[{span}]")
    expect(page.locator("#selected-title")).to_have_text(stop.locator(".stop-name").inner_text())
    shown = page.locator("#selected-body .fact b").inner_text()
    assert shown == show_time(model(page, f"model.duration({span})"))
    status = model(page, f"model.timing({span}).status")
    expect(page.locator(f"#selected-body .badge.status-{status}")).to_be_visible()


def test_what_is_done_several_times_in_turn_says_how_often(page: Page) -> None:
    go(page, "/s/kvm-emulated-ide/?view=read")
    stop = page.locator("#journey-stops li.stop", has_text=" × ").nth(1)
    span = int(stop.get_attribute("data-span") or -1)
    n, op = model(page, f"model.times({span})"), model(page, f"player.texts.op(model.op({span})).name")
    assert n > 1
    expect(stop.locator(".stop-name")).to_have_text(f"{n} × {op}")
    stop.locator("button").click()
    settle(page)
    expect(page.locator("#selected-title")).to_have_text(f"{n} × {op}")
    mean = show_time(round(model(page, f"model.duration({span})") / n))
    expect(page.locator("#selected-body .fact")).to_contain_text(f"for {n} times, {mean} each on average")
    expect(page.locator("#now-sentence")).to_contain_text(f"{n} times in turn: ")


def test_how_long_an_operation_took_now_is_apart_from_how_long_all_of_its_kind_took(page: Page) -> None:
    go(page, READ)
    span = choose(page, "syscall_exit")
    same = f"model.spans.op[i] === model.spans.op[{span}]"
    alike = model(page, f"[...model.spans.op.keys()].filter(i => {same}).map(i => model.duration(i))")
    expect(page.locator("#selected-body .fact")).to_contain_text(
        f"{show_time(alike[-1])} this time. "
        f"All {len(alike)} times in this run together: {show_time(sum(alike))}."
    )


def choose(page: Page, op: str) -> int:
    """Chooses the last span of an operation, as a click on the timeline does."""
    span: int = model(
        page,
        f"(() => {{ const op = model.header.ops.findIndex(({{ op }}) => op === '{op}');"
        " const span = model.spans.op.lastIndexOf(op); player.select({ lane: 0, span }); return span; })()",
    )
    settle(page)
    return span


def test_a_boot_stands_whole_in_phases_that_unfold(page: Page) -> None:
    """Whatever is unfolded, all rows in sight that are not unfolded sum to the whole boot."""
    go(page, "/s/linux-on-kvm/?view=boot")
    choose(page, "initramfs_unpack")
    rows = page.locator("#journey-stops li.stop")
    assert 8 <= rows.count() <= 60
    assert model(page, "player.other.journey.stops.length") > 300

    def total() -> list[int]:
        found: list[int] = model(
            page,
            "(() => { let ns = 0, n = 0; const add = (lines) => lines.forEach((line) => line.shown"
            " ? add(line.shown) : ((ns += line.ns), (n += line.n))); add(player.other.shown);"
            " return [ns, n]; })()",
        )
        return found

    whole = model(
        page,
        "[player.other.journey.end - player.other.journey.start, player.other.journey.stops.length]",
    )
    assert total() == whole
    for _ in range(6):
        folded = page.locator("#journey-stops button[aria-expanded='false']")
        folded.last.click()
        settle(page)
        assert total() == whole
    assert page.locator("#journey-stops button[aria-expanded='true']").count() >= 1


def test_a_span_deep_in_a_boot_is_unfolded_to(page: Page) -> None:
    go(page, "/s/linux-on-kvm/?view=boot")
    span = choose(page, "medium_read")
    chosen = page.locator("#journey-stops li.stop.selected")
    assert int(chosen.get_attribute("data-span") or -1) == span
    box, list_box = chosen.bounding_box(), page.locator("#journey-stops").bounding_box()
    assert box
    assert list_box
    assert list_box["y"] <= box["y"] < list_box["y"] + list_box["height"]
    for phase in page.locator("#journey-stops li.stop:has(li.selected) > button").all():
        expect(phase).to_have_attribute("aria-expanded", "true")


def test_a_journey_is_one_tab_stop_and_the_arrows_move_in_it(page: Page) -> None:
    go(page, READ)
    buttons = page.locator("#journey-stops button")
    assert buttons.count() > 20
    assert page.locator("#journey-stops button[tabindex='0']").count() == 1
    page.locator("#journey-next").focus()
    page.keyboard.press("Tab")
    expect(buttons.first).to_be_focused()
    before = now_ns(page)
    for key, at in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", buttons.count() - 1)):
        page.keyboard.press(key)
        expect(buttons.nth(at)).to_be_focused()
    assert now_ns(page) == before, "to look around is not to go there"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    settle(page)
    item = page.locator("#journey-stops li.stop").nth(buttons.count() - 2)
    expect(item).to_have_class(re.compile(r"\bselected\b"))
    expect(item.locator("button")).to_have_attribute("aria-current", "step")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#journey-stops')"), "one more Tab leaves"


def test_a_boot_is_unfolded_by_the_arrows(page: Page) -> None:
    go(page, BOOT)
    choose(page, "decompress")
    first = page.locator("#journey-stops > li > button[aria-expanded]").first
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(first).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#journey-stops > li > ol > li > button").first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(first).to_have_attribute("aria-expanded", "false")


def test_the_signs_of_a_journey_are_explained_one_click_away(page: Page) -> None:
    go(page, READ)
    page.click("#journey-marks summary")
    signs = set(page.locator("#journey-marks dt").all_inner_texts())
    used = {sign for sign in page.locator(".stop-mark").all_inner_texts() if sign}
    assert signs == used
    assert "⇢" in signs


def test_the_critical_path_is_told_in_order_with_who_worked_for_whom(page: Page) -> None:
    """The turns tile the lane; a part leads to its span, with its timing, source and status."""
    go(page, "/s/linux-on-kvm/?view=boot")
    steps = page.locator("#path-steps > li")
    spans = steps.evaluate_all("list => list.map(li => [+li.dataset.startNs, +li.dataset.endNs])")
    lane = model(page, "model.header.outcome.lane")
    assert [spans[0][0], spans[-1][1]] == [lane["start_ns"], lane["end_ns"]]
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    step = steps.filter(has_text="Wait for the network")
    expect(step.locator("> details > summary")).to_contain_text("on behalf of Boot · Linux (guest)")
    expect(step).to_have_class(re.compile(r"\bwaiting\b"))
    expect(steps.first).not_to_have_class(re.compile(r"\bwaiting\b"))  # the boot's own turn is mostly work
    step.locator("> details > summary").click()
    bars = step.locator(".gap-bars li")
    own = sum(bars.evaluate_all("list => list.map(li => +li.dataset.ns)"))
    assert own == int(step.locator(".gap-bars").get_attribute("data-total-ns") or 0)
    expect(bars.first).to_contain_text("DHCP")
    bars.first.locator("button").click()
    settle(page)
    span = int(bars.first.get_attribute("data-span") or -1)
    assert now_ns(page) == model(page, f"model.spans.start_ns[{span}]")
    expect(page.locator("#selected-body .badge")).to_be_visible()
    expect(page.locator("#selected-body .pairs")).to_contain_text("On behalf of")
    expect(page.locator("#selected-body .pairs dd").nth(2)).to_have_text("Boot · Linux (guest)")
    expect(step).to_have_class(re.compile(r"\bnow\b"))
    expect(page.locator("#path-steps summary[aria-current='step']")).to_have_count(1)


def test_the_turns_of_the_critical_path_are_one_tab_stop(page: Page) -> None:
    go(page, "/s/linux-on-kvm/?view=boot")
    page.locator("#path-order input:checked").focus()
    page.keyboard.press("Tab")
    summaries = page.locator("#path-steps summary")
    expect(summaries.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(summaries.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#path-steps > li").nth(1).locator(".gap-bars button").first).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#path-steps')")


def test_the_path_may_be_read_largest_first(page: Page) -> None:
    go(page, "/s/linux-on-kvm/?view=boot")
    expect(page.locator(".by-size")).to_be_hidden()
    page.locator("#path-order input:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#path-steps")).to_be_hidden()
    bars = page.locator(".by-size li[data-ns]").evaluate_all("list => list.map(li => +li.dataset.ns)")
    total = page.locator(".by-size .gap-bars").first.get_attribute("data-total-ns")
    assert sum(bars) == int(total or 0)
    assert bars[0] == max(bars)


def printed(page: Page) -> list[str]:
    return page.locator("#console-lines li").all_inner_texts()


def test_each_kernel_has_its_own_log(page: Page) -> None:
    """At every time the logs of all kernels together are what was printed until then."""
    go(page, "/s/linux-on-kvm/?view=boot")
    assert printed(page) == ["Nothing has been printed yet."]
    who = page.locator("#console-who input")
    assert page.locator("#console-who label").all_inner_texts() == ["All", "Linux (host)", "Linux (guest)"]
    page.keyboard.press("End")
    settle(page)
    everything = len(printed(page))
    signed = page.locator("#console-lines li.role-firmware b").all_inner_texts()
    assert {name.strip() for name in signed} == {"UEFI", "SeaBIOS"}, "each line is its speaker's"
    assert everything == model(page, "model.logs.at_ns.length")
    own = []
    for at in (1, 2):
        who.nth(at).check(force=True)
        settle(page)
        own.append(printed(page))
    assert sum(map(len, own)) == everything
    assert "SeaBIOS" in "".join(own[1])
    page.keyboard.press("Home")
    settle(page)
    assert printed(page) == ["Nothing has been printed yet."]
    model(page, "player.head.seek(model.readyNs[model.nodeIndex.get('host-os')] + 3e9)")
    settle(page)
    assert 0 < len(printed(page)) <= len(own[0])


def test_kernels_of_one_name_are_told_apart(page: Page) -> None:
    go(page, "/s/xen-pv/?view=boot")
    names = page.locator("#console-who label").all_inner_texts()
    assert len(names) == 4
    assert len(set(names)) == 4


def test_in_a_race_the_choice_of_a_kernel_goes_with_the_lane(page: Page) -> None:
    go(page, RACE)
    page.keyboard.press("End")
    settle(page)
    page.select_option("#console-lane", "0")
    settle(page)
    expect(page.locator("#console-who")).to_be_hidden()
    page.select_option("#console-lane", "1")
    settle(page)
    page.locator("#console-who input").nth(0).focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        settle(page)
    expect(page.locator("#console-who input[value='guest-os']")).to_be_checked()
    assert "SeaBIOS" in "".join(printed(page))


def test_a_link_shows_what_its_sender_saw(page: Page, open_page: Callable[..., Page]) -> None:
    go(page, READ)
    page.locator("#journey-stops li.stop").nth(5).locator("button").click()
    page.wait_for_function("() => new URL(location.href).searchParams.has('sel')")
    other = open_page()
    go(other, page.url)
    assert now_ns(other) == now_ns(page)
    assert layers(other) == layers(page)
    assert other.inner_text("#selected-title") == page.inner_text("#selected-title")


def test_the_keyboard_does_all(page: Page) -> None:
    go(page, READ)
    start = now_ns(page)
    page.keyboard.press("ArrowRight")
    settle(page)
    assert now_ns(page) > start
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert now_ns(page) <= start
    page.keyboard.press("End")
    settle(page)
    assert now_ns(page) == model(page, "model.requests.end_ns[player.request]")
    page.keyboard.press("Home")
    settle(page)
    assert now_ns(page) == start
    page.keyboard.press("Space")
    expect(page.locator("#player")).to_have_attribute("data-playing", "1")
    page.keyboard.press("Space")
    expect(page.locator("#player")).to_have_attribute("data-playing", "0")
    layer = page.locator("g.layer[data-node='host-os']")
    layer.focus()
    page.keyboard.press("Enter")
    expect(layer).to_have_class(re.compile(r"\bselected\b"))


def test_one_voice_tells_what_happens(page: Page) -> None:
    """The clock and other outputs change all the time; only the sentence is read out."""
    go(page, READ)
    voices = page.eval_on_selector_all(
        "#player :is([aria-live], [role='status'], [role='alert'], output)",
        "list => list.filter(e => e.ariaLive !== 'off').map(e => e.id)",
    )
    assert voices == ["announce"]


def test_before_play_a_boot_tells_of_no_event(page: Page) -> None:
    go(page, BOOT)
    expect(page.locator("#now-sentence .term")).to_have_count(0)
    pressed(page, "#step")
    expect(page.locator("#now-sentence .term")).to_have_count(1)


def test_scrubbing_goes_anywhere_and_says_where(page: Page) -> None:
    go(page, BOOT)
    page.locator("#scrub").evaluate(
        "input => { input.value = 500000; input.dispatchEvent(new Event('input')); }"
    )
    settle(page)
    half = model(page, "player.head.end") / 2
    assert abs(now_ns(page) - half) <= half / 1e5
    expect(page.locator("#scrub")).to_have_attribute("aria-valuetext", page.inner_text("#clock"))


def test_a_click_on_the_timeline_selects_the_span_under_it(page: Page) -> None:
    go(page, READ)
    place = model(
        page,
        "(() => { const {rows, axis} = player.timeline; const stop = player.journey.journey.stops"
        ".reduce((a, b) => (b.ns > a.ns ? b : a)); const row = rows.rows.find(r => r.node === stop.node);"
        " return {span: stop.span, x: (axis.x(stop.start) + axis.x(stop.end)) / 2,"
        " y: row.y + row.h / 2}; })()",
    )
    page.locator("#timeline").click(position={"x": place["x"], "y": place["y"]})
    settle(page)
    assert model(page, "player.pick.span") == place["span"]


@pytest.mark.parametrize("mode", ["real", "slowed", "event"])
def test_every_mode_says_how_fast_true_time_runs(page: Page, mode: str) -> None:
    go(page, READ)
    page.locator(f"input[name='time-mode'][value='{mode}']").check(force=True)
    page.click("#play")
    page.wait_for_timeout(400)
    said = page.inner_text("#slowdown") if page.get_attribute("#player", "data-playing") == "1" else ""
    if mode == "slowed":
        assert "slower than life" in said
    if mode == "event":
        assert now_ns(page) < model(page, "player.head.to")


def test_with_reduced_motion_tokens_jump(open_page: Callable[..., Page]) -> None:
    page = open_page(reduced_motion="reduce")
    go(page, READ)
    pressed(page, "#step")
    assert model(page, "[...player.lanes[0].diagram.tokens.shown.values()].every(token => !token.path)")


def test_a_race_shows_the_finish_order_of_its_traces(page: Page) -> None:
    go(page, RACE)
    page.keyboard.press("End")
    settle(page)
    ranks = [int(text) for text in page.locator(".lane-rank").all_inner_texts()]
    lanes = json.loads(page.get_attribute("#player", "data-lanes") or "[]")
    took = [lane["end_ns"] - lane["start_ns"] for lane in lanes]
    assert ranks == [sorted(took).index(ns) + 1 for ns in took]


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
@pytest.mark.parametrize("address", [BOOT, READ, RACE])
def test_no_text_is_missing(page: Page, address: str, lang: str) -> None:
    go(page, f"{address}&lang={lang}")
    keys = set(tomllib.loads((ROOT / "simweb" / "ui.en.toml").read_text(encoding="utf-8")))
    for key in ("End", "Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        settle(page)
        words = set(re.findall(r"[a-z]+_[a-z_]+", page.inner_text("#player")))
        assert not words & keys
        assert not re.findall(r"\{[a-z_:]+\}", page.inner_text("#now") + page.inner_text("#deck"))


def test_both_languages_have_the_same_strings_with_the_same_placeholders() -> None:
    en, zh = (
        tomllib.loads((ROOT / "simweb" / f"ui.{lang}.toml").read_text(encoding="utf-8"))
        for lang in ("en", "zh-hans")
    )
    holes = re.compile(r"\{[^}]+\}")
    assert {key: sorted(holes.findall(text)) for key, text in en.items()} == {
        key: sorted(holes.findall(text)) for key, text in zh.items()
    }


def test_the_modules_use_every_string_and_no_other() -> None:
    keys = set(tomllib.loads((ROOT / "simweb" / "ui.en.toml").read_text(encoding="utf-8")))
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "static" / "strata").glob("*.js"))
    assert {key for key in keys if not re.search(rf'"{key}"', source)} <= {
        f"{start}_{end}"
        for start, ends in {
            "kind": ["cpu", "wait", "queue", "device", "serve"],
            "status": ["measured", "published", "derived", "assumed"],
            "mark": ["wakeup", "switch", "queue", "wait"],
            "sign": ["cpu", "memory", "disk", "network", "exit", "interrupt", "fault", "wakeup"],
        }.items()
        for end in ends
    }
    assert set(re.findall(r'\bui\("([a-z_]+)"', source)) <= keys


@pytest.mark.parametrize(
    ("view", "hue", "signs"),
    [
        ("read", "device", {"sign_disk", "sign_exit", "sign_interrupt", "sign_wakeup"}),
        ("touch", "vm", {"sign_memory", "sign_fault"}),
        ("send", "container", {"sign_network"}),
    ],
)
def test_what_a_token_asks_for_is_its_shape_and_hue_and_the_legend_says_so(
    page: Page, view: str, hue: str, signs: set[str]
) -> None:
    go(page, f"/s/linux-on-kvm/?view={view}")
    words = tomllib.loads((ROOT / "simweb" / "ui.en.toml").read_text(encoding="utf-8"))
    page.click("#legend summary")
    told = page.locator("#timeline-legend .sign-item").all_inner_texts()
    assert {words[sign] for sign in signs} <= set(told)
    assert (words["sign_fault"] in told) is model(
        page, "model.instants.kind.includes(model.header.instant_kinds.indexOf('fault'))"
    )
    kind = page.get_attribute("#player", "data-follow")
    tokens = "player.lanes[0].diagram.tokens"
    assert model(page, f"{tokens}.hue('{kind}') === {tokens}.theme.role.{hue}.fill")


def test_a_sign_on_the_timeline_says_what_it_is(page: Page) -> None:
    go(page, READ)
    exit_ns = model(
        page, "model.marks.get(`${model.nodeIndex.get('hv')}/exit`).find(t => t >= player.head.from)"
    )
    x, y = page.evaluate(
        """t => { const { timeline } = document.getElementById('player').player;
          const row = timeline.rows.rows.find(row => row.model.nodes[row.node].id === 'hv');
          const box = timeline.canvas.getBoundingClientRect();
          return [box.left + timeline.axis.x(t), box.top + row.y]; }""",
        exit_ns,
    )
    page.mouse.move(x, y)
    expect(page.locator("#timeline")).to_have_attribute("title", "exit from the guest")


def test_a_marked_term_is_a_whole_word(page: Page) -> None:
    go(page, "/s/linux-on-kvm/?view=touch")
    assert page.inner_text("#now-sentence .term") == "accesses"


WATCH = """() => new Promise(done => {
  const main = document.getElementById("player"), { player } = main, { head, now } = player, seen = [];
  const { model } = player.lanes[player.raceView?.told ?? 0];
  const stop = head.subscribe(() => requestAnimationFrame(() => {
    if (!head.playing && !seen.length) return;
    const [lane, clock] = [".lane-state", "#slowdown"].map(at => document.querySelector(at).textContent);
    const span = now.span, t = head.t + model.startNs, open = span < 0 ? null : model.spans.end_ns[span] - t;
    seen.push({ t: head.t - head.from, span, open, factor: head.factor, lane, clock });
    if (head.playing) return;
    stop();
    done(seen);
  }));
  document.getElementById("play").click();
})"""
HOLD_MS, FRAME_MS = 600, 100


def test_while_a_read_plays_the_sentence_never_outlives_its_span_by_more_than_a_hold(page: Page) -> None:
    go(page, "/s/docker-on-linux/?view=read")
    seen = page.evaluate(WATCH)
    late_ns = max(-frame["open"] / frame["factor"] for frame in seen if frame["span"] >= 0) / 1e6
    assert late_ns <= HOLD_MS + FRAME_MS
    told = [frame["span"] for frame in seen if frame["span"] >= 0]
    layers_told = {model(page, f"model.nodes[model.spans.node[{span}]].id") for span in set(told)}
    assert {"host-os", "host.disk"} <= layers_told
    expect(page.locator("#now-sentence")).to_contain_text("The request is answered")


def test_by_event_the_sentence_is_always_about_the_event_shown(page: Page) -> None:
    go(page, "/s/docker-on-linux/?view=read")
    page.locator("input[name='time-mode'][value='event']").check(force=True)
    page.locator("#speed").evaluate("at => { at.value = 100; at.dispatchEvent(new Event('input')); }")
    seen = page.evaluate(WATCH)
    assert len({frame["span"] for frame in seen}) > 10
    assert all(frame["open"] > 0 for frame in seen if frame["span"] >= 0)


def test_the_two_clocks_of_a_read_are_one(page: Page) -> None:
    go(page, READ)
    seen = page.evaluate(WATCH)
    assert len(seen) > 20
    for frame in seen:
        assert f"· {show_time(frame['t'])} of" in frame["lane"]
        assert frame["clock"].startswith(f"{show_time(frame['t'])} into the request")


@pytest.mark.parametrize("address", [BOOT, RACE])
def test_at_its_end_a_boot_says_that_it_is_finished(page: Page, address: str) -> None:
    go(page, address)
    page.keyboard.press("End")
    expect(page.locator("#now-sentence")).to_contain_text("Finished at")
    expect(page.locator("#now-sentence .term")).to_have_count(0)


def test_a_race_that_has_just_begun_tells_of_its_own_work(page: Page) -> None:
    """Not of what the host did before the axis begins."""
    go(page, RACE)
    page.evaluate("document.getElementById('player').player.head.setSlider(60)")
    page.click("#play")
    page.wait_for_function("() => document.getElementById('player').player.now.span >= 0")
    told = page.evaluate(
        "() => { const { now, lanes, raceView } = document.getElementById('player').player;"
        " const { model } = lanes[raceView.told]; return model.spans.end_ns[now.span] - model.startNs; }"
    )
    assert told > 0


def test_after_its_last_event_a_step_goes_to_the_end_of_the_read_and_then_beyond(page: Page) -> None:
    go(page, READ)
    last = model(page, "player.reads.length - 1 - player.nth")
    for _ in range(last):
        page.click("#journey-next")
    end = model(page, "player.head.to")
    model(page, "player.head.seek(player.journey.journey.stops.at(-1).start)")
    assert pressed(page, "#step") == end
    expect(page.locator("#now-sentence")).to_contain_text("The request is answered")
    beyond = pressed(page, "#step")
    assert beyond > end
    expect(page.locator("#slowdown")).to_contain_text(f"{show_time(beyond - end)} after the request")
    expect(page.locator(".lane-state")).to_contain_text("after Read")
    assert pressed(page, "#step-back") == end


def test_keys_work_beside_a_box_to_tick(page: Page) -> None:
    go(page, READ)
    start = now_ns(page)
    page.keyboard.press("End")
    page.locator("#marker-stop").focus()
    page.keyboard.press("Home")
    settle(page)
    assert now_ns(page) == start
    page.keyboard.press("Space")
    expect(page.locator("#marker-stop")).to_be_checked()
    expect(page.locator("#player")).to_have_attribute("data-playing", "0")


def test_at_the_mark_of_somebody_ready_it_says_who(page: Page) -> None:
    go(page, BOOT)
    page.select_option("#marker-kind", "ready")
    page.click("#marker-next")
    expect(page.locator("#now-sentence")).to_contain_text("UEFI is ready.")
    page.click("#step")
    expect(page.locator("#now-sentence")).not_to_contain_text("is ready.")


@pytest.mark.parametrize(
    "address", [READ, "/s/docker-on-linux/", "/race/?stack=linux-on-kvm&stack=docker-on-linux"]
)
def test_a_log_axis_shows_what_is_watched_from_its_first_nanoseconds_on(page: Page, address: str) -> None:
    go(page, address)
    page.click("#axis")
    settle(page)
    axis = "player.timeline.axis"
    start = model(page, f"{axis}.origin")
    end = model(page, "player.head.to")
    places = model(
        page, f"[0, 1e3, {end - start}].map(ns => ({axis}.x({start} + ns) - {axis}.left) / {axis}.width)"
    )
    assert places[0] == 0
    assert 0.15 < places[1] < 0.8
    assert places[2] > 0.9
    labels = model(page, f"{axis}.ticks().map(tick => tick.label)")
    assert any(label.endswith("ns") for label in labels)
    model(page, f"player.head.seek({start} + 1234)")
    settle(page)
    assert len(page.inner_text("#clock").split(".")[1].split("\u2009")) == 3, "to the nanosecond"
    page.click("#axis")
    settle(page)
    assert model(page, f"{axis}.log") is False
