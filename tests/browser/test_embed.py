"""Frames on somebody else's page: another site, and a sandbox that allows scripts and nothing more."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Frame, Locator, Page, expect

from simcore import show_time
from tests.browser.axe import serious_violations
from tests.browser.host import serve_page
from tests.browser.test_site import fetched

LONGEST_RUN_MS = 60_000
READY = "#player[data-ready='1']"
SNIPPETS_SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
RACE = "/embed/race/?stack=linux&stack=docker-on-linux"
READ = "/embed/linux-on-kvm/?view=read&lang=en"
Host = Callable[..., str]


@pytest.fixture
def host(site: str) -> Iterator[Host]:
    """Gives the address of a page with these frames, on another site."""
    bodies: list[str] = []

    with serve_page(lambda: bodies[-1]) as address:

        def host(*frames: str, sandbox: str | None = "allow-scripts", body: str = "") -> str:
            limits = f' sandbox="{sandbox}"' if sandbox is not None else ""
            size = "width=760 height=560"
            tags = [f'<p><iframe src="{site}{html.escape(src)}" {size}{limits}></iframe>' for src in frames]
            bodies.append("".join(tags) + body)
            return address

        yield host


def frame_of(page: Page, number: int = 0) -> Frame:
    page.wait_for_selector("iframe")
    frame = page.query_selector_all("iframe")[number].content_frame()
    assert frame
    frame.wait_for_selector("main")
    return frame


def run(frame: Frame) -> Frame:
    frame.click("#run")
    frame.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    return frame


def now_ns(frame: Frame) -> int:
    return int(frame.get_attribute("#player", "data-t") or -1)


def is_playing(frame: Frame) -> bool:
    return frame.get_attribute("#player", "data-playing") == "1"


@pytest.mark.parametrize("sandbox", ["allow-scripts", SNIPPETS_SANDBOX, None])
def test_a_race_in_a_frame_of_another_site_shows_the_numbers_of_its_traces(
    page: Page, host: Host, site: str, sandbox: str | None
) -> None:
    page.goto(host(RACE + "&lang=en", sandbox=sandbox))
    frame = run(frame_of(page))
    lanes = frame.evaluate("JSON.parse(document.getElementById('player').dataset.lanes)")
    assert len(lanes) == 2
    frame.locator("body").press("End")
    for number, lane in enumerate(lanes):
        outcome = fetched(site, lane["trace"]).header["outcome"]["lane"]
        took = show_time(outcome["end_ns"] - outcome["start_ns"])
        expect(frame.locator(f".lane[data-lane='{number}'] .lane-state")).to_contain_text(took)
    bars = frame.eval_on_selector_all(
        "#why ol[data-total-ns]", "lists => lists.map(l => Number(l.dataset.totalNs))"
    )
    assert bars[0] == (lanes[1]["end_ns"] - lanes[1]["start_ns"]) - (
        lanes[0]["end_ns"] - lanes[0]["start_ns"]
    )
    assert page.context.cookies() == []


def test_before_the_click_a_frame_loads_nothing_of_the_player(page: Page, host: Host) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(host(READ, RACE))
    frame = frame_of(page)
    frame_of(page, 1)
    page.wait_for_load_state("networkidle")
    assert not [url for url in loaded if re.search(r"/traces/|/texts/|/run/|player|tokens\.[^.]*\.?js", url)]
    run(frame)
    assert any("/traces/" in url for url in loaded)


def test_a_frame_waits_for_a_run_that_nobody_has_made_yet(page: Page, host: Host) -> None:
    """A sandboxed frame gets no socket: it asks."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/run/" in request.url else None)
    page.goto(host("/embed/linux-on-virtualbox/?view=read&seed=20260807"))
    run(frame_of(page))
    assert asked


def test_a_frame_begins_where_its_address_says(page: Page, host: Host) -> None:
    page.goto(host("/embed/linux/?view=boot&t=5000000000&controls=full"))
    frame = frame_of(page)
    page.emulate_media(reduced_motion="reduce")
    assert now_ns(run(frame)) == 5_000_000_000
    assert frame.locator("#time-mode").is_visible()


@pytest.mark.parametrize("controls", ["slim", "full", "none"])
@pytest.mark.parametrize("named", ["t+sel", "t", "sel"])
def test_a_frame_of_reads_opens_at_exactly_the_request_of_its_address(
    open_page: Any, host: Host, site: str, controls: str, named: str
) -> None:
    """Reduced motion, so that the click does not go on from there."""
    page = open_page(reduced_motion="reduce")
    page.goto("/s/docker-on-linux/?view=read&lang=en")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#journey-next")
    page.click("#journey-next")
    page.locator("#journey-stops li.stop").nth(4).locator("button").click()
    nth, at = page.inner_text("#journey-n"), now_ns(page.main_frame)
    span = page.get_attribute("#journey-stops li.stop.selected", "data-span")
    stop = page.inner_text("#selected-title")
    state = {"t": f"&t={at}", "sel": f"&sel={span}", "t+sel": f"&t={at}&sel={span}"}[named]
    page.goto(host(f"/embed/docker-on-linux/?view=read&lang=en&theme=dark&controls={controls}{state}"))
    frame = run(frame_of(page))
    assert now_ns(frame) == at
    assert frame.inner_text("#journey-n") == nth
    begin = frame.evaluate("document.getElementById('player').player.head.from")
    if controls != "none":
        assert f"{show_time(at - begin)} into the request" in frame.inner_text("#slowdown")
    if "sel" in named:
        assert frame.inner_text("#selected-title") == stop
        assert frame.get_attribute("#journey-stops li.stop.selected", "data-span") == span
    assert frame.get_attribute("html", "data-theme") == "dark"


@pytest.mark.parametrize(
    ("controls", "seen"),
    [
        ("slim", {"play", "step", "scrub"}),
        ("none", {"play"}),
        ("full", {"play", "step", "time-mode", "timeline"}),
    ],
)
def test_as_many_controls_as_were_asked_for(page: Page, host: Host, controls: str, seen: set[str]) -> None:
    page.goto(host(f"{READ}&controls={controls}"))
    frame = run(frame_of(page))
    there = {
        name for name in ("play", "step", "time-mode", "timeline", "scrub") if frame.is_visible(f"#{name}")
    }
    assert there - {"scrub"} == seen - {"scrub"}
    slider = frame.locator("#scrub")
    if controls == "slim":
        slider.fill("1000000")
        read_ns = frame.evaluate("(({to}) => to)(document.getElementById('player').player.head)")
        page.wait_for_timeout(100)
        assert now_ns(frame) == read_ns


@pytest.mark.parametrize(("theme", "scheme"), [("dark", "light"), ("light", "dark")])
def test_the_theme_of_the_address_outdoes_the_systems(
    open_page: Any, host: Host, theme: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(host(f"{READ}&theme={theme}"))
    paper = {"light": "rgb(246, 245, 241)", "dark": "rgb(16, 19, 25)"}[theme]
    frame = frame_of(page)
    assert frame.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper
    run(frame)
    assert frame.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper


def test_a_page_with_the_small_script_gives_a_frame_the_height_it_asks_for(
    page: Page, host: Host, site: str
) -> None:
    page.goto(host(READ, body=f'<script src="{site}/static/strata/embed-host.js"></script>'))
    frame = frame_of(page)

    def fits() -> None:
        page.wait_for_timeout(300)
        wanted = frame.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().height)")
        assert page.evaluate("document.querySelector('iframe').clientHeight") == wanted
        assert frame.evaluate("document.documentElement.scrollHeight <= innerHeight")

    fits()
    run(frame)
    fits()


@pytest.mark.parametrize("sandbox", [SNIPPETS_SANDBOX, "allow-scripts allow-popups", None])
def test_open_in_full_leads_to_the_state_of_the_frame(page: Page, host: Host, sandbox: str | None) -> None:
    page.goto(host(READ, sandbox=sandbox))
    frame = run(frame_of(page))
    frame.locator("#journey-stops li.stop").nth(3).locator("button").click()
    at = now_ns(frame)
    with page.context.expect_page() as opened:
        frame.click("a.out")
    full = opened.value
    full.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    assert full.get_attribute("#player", "data-t") == str(at)
    assert full.inner_text("#selected-title") == frame.inner_text("#selected-title")
    assert "/s/linux-on-kvm/?view=read" in full.url


def chosen_stop_s_links(frame: Frame) -> tuple[Locator, list[str]]:
    """Of a stop that has a term, a number and a source."""
    links = frame.locator("#selected-body a:visible")
    for stop in frame.locator("#journey-stops li.stop button").all():
        stop.click()
        hrefs = links.evaluate_all("links => links.map(link => link.href)")
        if all(kind in " ".join(hrefs) for kind in ("https://", "/glossary/#", "/numbers/?")):
            return links, hrefs
    raise AssertionError("no stop has all three")


@pytest.mark.parametrize("sandbox", ["allow-scripts", "allow-scripts allow-same-origin"])
def test_where_the_sandbox_forbids_windows_the_address_is_shown(
    page: Page, host: Host, site: str, faults: list[str], sandbox: str
) -> None:
    page.goto(host(READ, sandbox=sandbox))
    frame = frame_of(page)
    frame.click("a.out")
    assert frame.input_value("dialog textarea") == f"{site}/s/linux-on-kvm/?view=read&lang=en"
    assert serious_violations(frame) == []
    frame.locator("dialog").press("Escape")
    expect(frame.locator("dialog")).to_be_hidden()
    run(frame)
    links, hrefs = chosen_stop_s_links(frame)
    for number, href in enumerate(hrefs):
        links.nth(number).focus()
        page.keyboard.press("Enter")
        assert frame.input_value("dialog textarea") == href
        assert not frame.locator("[data-do=here]").is_visible()
        page.keyboard.press("Escape")
        assert frame.evaluate("document.activeElement.href") == href
    assert faults
    faults[:] = [fault for fault in faults if "allow-popups" not in fault]


def test_the_address_can_be_copied_or_the_whole_shown_in_the_frame(
    page: Page, host: Host, site: str, faults: list[str]
) -> None:
    page.goto(host(READ + "&t=", body="<textarea></textarea>"))
    frame = run(frame_of(page))
    frame.locator("#journey-stops li.stop").nth(3).locator("button").click()
    at, stop = now_ns(frame), frame.inner_text("#selected-title")
    frame.click("a.out")
    frame.click("[data-do=copy]")
    expect(frame.locator("dialog [role=status]")).to_have_text("Copied.")
    address = frame.input_value("dialog textarea")
    assert f"t={at}" in address
    frame.click("[data-do=here]")
    full = frame_of(page)
    full.wait_for_selector(f".controls-full {READY}", timeout=LONGEST_RUN_MS)
    assert now_ns(full) == at
    assert full.inner_text("#selected-title") == stop
    assert full.locator("#time-mode").is_visible()
    page.focus("textarea")
    page.keyboard.press("Control+V")
    assert page.input_value("textarea") == address
    faults[:] = [fault for fault in faults if "allow-popups" not in fault]


@pytest.mark.parametrize("sandbox", ["allow-scripts allow-popups", SNIPPETS_SANDBOX, None])
def test_where_windows_are_allowed_sources_terms_and_numbers_open(
    page: Page, host: Host, sandbox: str | None
) -> None:
    page.context.route(re.compile(r"^https://"), lambda route: route.fulfill(body="elsewhere"))
    page.goto(host(READ, sandbox=sandbox))
    frame = run(frame_of(page))
    links, hrefs = chosen_stop_s_links(frame)
    for number, href in enumerate(hrefs):
        page.bring_to_front()
        with page.context.expect_page() as opened:
            links.nth(number).click()
        opened.value.wait_for_url(href)
        if sandbox != "allow-scripts allow-popups":  # there the frame's limits go along, and forbid it anyway
            assert opened.value.evaluate("opener") is None
        opened.value.close()


@pytest.mark.parametrize("address", ["/", "/s/linux/"])
def test_other_pages_refuse_to_be_framed(page: Page, host: Host, faults: list[str], address: str) -> None:
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(host(address))
    framed = page.query_selector("iframe")
    assert framed
    content = framed.content_frame()
    assert content
    assert content.query_selector("main") is None
    faults.clear()


def test_only_a_frame_in_view_plays(page: Page, host: Host) -> None:
    page.set_viewport_size({"width": 900, "height": 600})
    page.goto(host("/embed/linux/", body="<p style='height:2000px'></p>"))
    frame = run(frame_of(page))
    frame.wait_for_function("() => Number(document.getElementById('player').dataset.t) > 0")
    page.evaluate("scrollTo(0, 2000)")
    # Asked by the clock: a frame out of view gets no animation frames.
    frame.wait_for_function("() => !document.getElementById('player').player.head.playing", polling=100)
    page.evaluate("scrollTo(0, 0)")
    frame.wait_for_function("() => document.getElementById('player').player.head.playing")


def test_with_reduced_motion_nothing_plays_until_play_is_pressed(open_page: Any, host: Host) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto(host(READ))
    frame = run(frame_of(page))
    before = now_ns(frame)
    page.wait_for_timeout(300)
    assert now_ns(frame) == before
    assert not is_playing(frame)
    frame.click("#step")
    frame.wait_for_function(f"() => Number(document.getElementById('player').dataset.t) > {before}")


def test_the_keyboard_gets_in_runs_it_and_gets_out(page: Page, host: Host) -> None:
    page.goto(host("/embed/linux/?controls=none&lang=en", body='<a id="after" href="#">after</a>'))
    frame = frame_of(page)
    page.keyboard.press("Tab")
    if not frame.evaluate("document.activeElement.id === 'run'"):
        page.keyboard.press("Tab")
    assert frame.evaluate("document.activeElement.id") == "run"
    page.keyboard.press("Space")
    frame.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    frame.wait_for_function("() => document.activeElement.id === 'play'")
    page.keyboard.press("Space")
    frame.wait_for_function("() => document.getElementById('player').dataset.playing === '0'")
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "after":
            break
    assert page.evaluate("document.activeElement.id") == "after"


@pytest.mark.parametrize(("scheme", "lang"), [("light", "en"), ("dark", "zh-hans")])
@pytest.mark.parametrize("address", ["/embed/linux-on-kvm/?view=read", RACE, "/embed/nothing-here/?"])
def test_axe_finds_nothing_serious_in_a_frame(
    open_page: Any, host: Host, faults: list[str], scheme: str, lang: str, address: str
) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(host(f"{address}&lang={lang}"))
    frame = frame_of(page)
    assert serious_violations(frame) == []
    if "nothing" in address:
        faults[:] = [fault for fault in faults if "404" not in fault]
        return
    run(frame)
    assert serious_violations(frame) == []
    assert not re.findall(r"\{[a-z_:]+\}", frame.inner_text("main"))


def test_the_dialog_tells_by_keyboard_how_to_embed_and_what_it_says_works(
    open_page: Callable[..., Page], host: Host, site: str
) -> None:
    page = open_page(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    page.goto("/s/linux-on-kvm/?view=read&lang=en")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.focus("#embed-button")
    page.keyboard.press("Enter")
    expect(page.locator("#snippet")).to_be_visible()
    assert serious_violations(page) == []
    page.focus("#snippet select[name='lang']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.focus("#snippet select[name='theme']")
    page.keyboard.press("ArrowDown")
    page.focus("#snippet input[name='now']")
    page.keyboard.press("Space")
    page.focus("#snippet input[name='script']")
    page.keyboard.press("Space")
    at = page.get_attribute("#player", "data-t")
    assert f"/embed/linux-on-kvm/?view=read&lang=zh-hans&theme=light&t={at}" in html.unescape(
        page.input_value("#snippet-frame")
    )
    frame = frame_of(page)
    expect(frame.locator("h1")).to_have_text("KVM 上的 Linux 客户机")
    page.focus("[data-copy='snippet-frame']")
    page.keyboard.press("Enter")
    expect(page.locator("#snippet [role=status]")).to_have_text("Copied.")
    code = page.evaluate("navigator.clipboard.readText()")
    # The frames may still have told their height, which the code then has.
    height = re.compile(r' height="\d+"')
    assert height.sub("", code) == height.sub("", page.input_value("#snippet-frame"))
    page.keyboard.press("Escape")
    expect(page.locator("#snippet")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "embed-button"
    other = open_page()
    other.goto(host(body=code))
    assert str(now_ns(run(frame_of(other)))) >= str(at)


@pytest.mark.parametrize("address", ["/s/linux/?lang=zh-hans", RACE.replace("/embed", "") + "&lang=en"])
def test_the_link_and_the_picture_of_the_dialog_lead_somewhere(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#embed-button")
    link = page.input_value("#snippet-link")
    found = re.fullmatch(r"\[!\[.+\]\((\S+)\)\]\((\S+)\)", page.input_value("#snippet-markdown"))
    assert found
    assert found[2] == link
    assert page.request.get(link).status == 200
    picture = page.request.get(found[1])
    assert picture.headers["content-type"] == "image/svg+xml"
    page.keyboard.press("Escape")
    page.goto(found[1])
    assert page.evaluate("document.documentElement.querySelectorAll('g.layer rect.box').length") > 3
    assert page.evaluate("getComputedStyle(document.querySelector('rect.tint')).fill") != "rgb(0, 0, 0)"


def code_for(page: Page, address: str, **choices: str) -> str:
    """What the dialog of this page gives, when its frames have told how high they want to be."""
    page.goto(address)
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#embed-button")
    for name, value in choices.items():
        page.select_option(f"#snippet select[name='{name}']", value)
    for name in ("poster", "running"):
        page.wait_for_function(
            "name => document.querySelector(`#snippet iframe[name=${name}]`).style.height",
            arg=name,
            timeout=LONGEST_RUN_MS,
        )
    return page.input_value("#snippet-frame")


@pytest.mark.parametrize("column", [720, 760])
@pytest.mark.parametrize(
    "address",
    [
        "/s/linux-on-kvm/?view=read",
        "/s/linux-on-kvm/?view=boot",
        "/race/?stack=linux&stack=linux-on-kvm&stack=hyperv-server",
    ],
)
def test_the_frame_of_the_dialog_is_high_enough_for_the_player_without_the_script(
    page: Page, open_page: Any, host: Host, address: str, column: int
) -> None:
    code, script, _ = code_for(page, f"{address}&lang=en").partition("\n<script")
    assert script
    other = open_page()
    other.goto(host(body=f"<table width={column} cellpadding=0 cellspacing=0><td>{code}</table>"))
    frame = run(frame_of(other))
    frame.locator("body").press("End")
    other.wait_for_timeout(300)
    over = frame.evaluate("document.documentElement.scrollHeight - innerHeight")
    assert over <= 0
    filled = "Math.abs(document.querySelector('main').getBoundingClientRect().height - innerHeight) < 1"
    assert frame.evaluate(filled)
    if "read" in address:
        assert frame.evaluate(
            "(panel => panel.scrollHeight <= panel.clientHeight)(document.querySelector('.panel'))"
        )
        below = "document.getElementById('journey-sum').getBoundingClientRect().bottom"
        assert frame.evaluate(f"{below} <= document.getElementById('deck').getBoundingClientRect().top")


def test_a_prepared_moment_and_choice_are_in_frame_link_and_picture(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?view=read&sel=vm1.disk&lang=en")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#journey-next")
    at = now_ns(page.main_frame)
    page.click("#embed-button")
    assert page.is_checked("#snippet input[name='now']")
    src = re.search(r'src="([^"]+)"', page.input_value("#snippet-frame"))
    assert src
    assert f"&t={at}&sel=vm1.disk" in html.unescape(src[1])
    assert f"&t={at}&sel=vm1.disk" in page.input_value("#snippet-link")
    assert f"&t={at}&sel=vm1.disk)" in page.input_value("#snippet-markdown")
    page.uncheck("#snippet input[name='now']")
    assert "sel=" not in page.input_value("#snippet-frame") + page.input_value("#snippet-markdown")


def test_nothing_prepared_gives_a_plain_address(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?view=read&lang=en")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#embed-button")
    assert not page.is_checked("#snippet input[name='now']")
    assert page.input_value("#snippet-link").endswith("/s/linux-on-kvm/?view=read")


def test_a_frame_in_another_language_is_named_in_that_language(page: Page) -> None:
    page.goto("/s/linux-on-kvm/?lang=en")
    page.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    page.click("#embed-button")
    assert 'title="A Linux guest under KVM"' in page.input_value("#snippet-frame")
    page.select_option("#snippet select[name='lang']", "zh-hans")
    assert 'title="KVM 上的 Linux 客户机"' in page.input_value("#snippet-frame")
    assert page.input_value("#snippet-markdown").startswith("[![KVM 上的 Linux 客户机](")


def test_from_a_dark_frame_the_full_page_is_dark_until_its_reader_chooses(page: Page, host: Host) -> None:
    page.goto(host(READ + "&theme=dark", sandbox=SNIPPETS_SANDBOX))
    frame = frame_of(page)
    with page.context.expect_page() as opened:
        frame.click("a.out")
    full = opened.value
    full.wait_for_selector(READY, timeout=LONGEST_RUN_MS)
    assert full.get_attribute("html", "data-theme") == "dark"
    assert "theme" not in [cookie.get("name") for cookie in page.context.cookies()]
    full.click("#theme")
    assert "theme=" not in full.url
    assert full.get_attribute("html", "data-theme") is None
    assert full.locator("a[href*='theme=']").count() == 0


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_no_name_of_a_race_s_picture_is_cut(page: Page, lang: str) -> None:
    page.goto(f"/embed/race.svg?stack=linux&stack=linux-on-kvm&stack=hyperv-server&lang={lang}")
    ends = page.evaluate("""() => [...document.querySelectorAll(':root > text')].map(text => {
        const {x, width} = text.getBBox(); return [text.textContent, x, x + width]; })""")
    drawings = page.evaluate("""() => [...document.querySelectorAll(':root > svg')].map(
        drawing => [drawing.x.baseVal.value, drawing.x.baseVal.value + drawing.width.baseVal.value])""")
    assert len(drawings) == 3
    for text, begin, end in ends:
        if not text.startswith("▶"):
            assert any(abs(left - begin) < 1 and end <= right for left, right in drawings), text


def test_the_words_are_fetched_while_the_stacks_still_run(page: Page) -> None:
    """What is loaded ahead but used late, browsers warn of."""
    page.add_init_script("""window.asked = [];
        const plain = fetch;
        window.fetch = (...all) => (asked.push(String(all[0])), plain(...all));""")

    def never_done(route: Any) -> None:
        answer = route.fetch()
        body = re.sub(r' hx-ws:connect="[^"]*"', "", answer.text())
        route.fulfill(response=answer, body=re.sub(r'data-trace="[^"]*"', 'data-trace=""', body, count=1))

    page.route(re.compile("/s/linux/"), never_done)
    page.goto("/s/linux/?view=read")
    page.wait_for_function("() => asked.some(url => url.includes('/texts/'))")
    assert not page.evaluate("asked.some(url => url.includes('/traces/'))")


def test_on_a_phone_the_deck_of_a_race_covers_no_lane(open_page: Any, host: Host) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    race = "/embed/race/?stack=linux&stack=linux-on-kvm&stack=hyperv-server"
    size = "<meta name=viewport content='width=device-width'>"
    page.goto(host(race, body=size + "<style>iframe { width: 100%; height: 640px }</style>"))
    frame = run(frame_of(page))
    assert frame.is_visible("#play")
    for row in frame.locator("g.layer .box").all():
        row.scroll_into_view_if_needed()
        over = row.evaluate(
            """row => { const {x, y, width, height} = row.getBoundingClientRect();
            return Boolean(document.elementFromPoint(x + width / 2, y + height / 2)?.closest('.deck')); }"""
        )
        assert not over
    deck, lanes = frame.locator("#deck").bounding_box(), frame.locator(".lanes").bounding_box()
    assert deck
    assert lanes
    assert deck["y"] + deck["height"] <= lanes["y"]
