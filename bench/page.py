"""The page's figures, in real Chromium against the real server: weight before the trace, the first frame of a
race, and the weight of a page with many frames."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Request, sync_playwright

import simcore
from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.host import serve_page
from tests.browser.server import serve_site

from .figure import row

RACE = "/race/?stack=linux&stack=docker-on-linux&stack=linux-on-kvm&stack=linux-on-virtualbox"
DRAWN = '#player[data-ready="1"]'
ROUNDS = 7
TARGETS = {
    "page_kb": ("KB", "<= 200"),
    "first_frame_ms": ("ms", "<= 1000"),
    "slider_ms": ("ms", "<= 200"),
    "frame_script_ms": ("ms", "<= 8"),
    "scrub_script_ms": ("ms", "<= 50"),
    "embed12_kb": ("KB", "<= 300"),
}
EMBEDDED = (
    *(f"/embed/{name}/" for name in ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")),
    *(f"/embed/{name}/?view=read" for name in ("xen-pv", "kvm-vhost", "hyperv-windows", "nested-kvm")),
    *(f"/embed{RACE}&view={view}" for view in ("boot", "read")),
    *(f"/embed/race/?stack=linux&stack=firecracker&view={view}" for view in ("boot", "read")),
)
SLIDER = "[id='r-vm1.memory']"
SLIDE_MS = """async slider => {
  const figures = document.getElementById('slide'), times = [];
  for (let place = Number(slider.max); place >= 0; place--) {
    const begin = performance.now();
    const answered = new Promise(done => new MutationObserver((_, watch) => {
      watch.disconnect();
      done();
    }).observe(figures, {childList: true, subtree: true}));
    slider.value = String(place);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    await answered;
    times.push(performance.now() - begin);
    await new Promise(later => setTimeout(later, 150));
  }
  return times.slice(1);
}"""
TOKENS = 1000
FRAMES = 120
FRAME_MS = """([count, frames]) => {
  const {tokens} = document.getElementById('player').player.lanes[0].diagram;
  const nodes = [...tokens.layers.keys()], times = [];
  const moved = at => ({tokens: Array.from({length: count}, (_, i) => ({
    span: 0, request: i, kind: 'read', node: nodes[(i + at) % nodes.length],
    from: nodes[0], part: 0.5, waiting: i % 3 === 0}))});
  for (let i = 0; i < frames; i++) {
    const begin = performance.now();
    tokens.draw(moved(i % 7 ? 0 : i), {blurred: false, playing: true, t0: 0, t: i});
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b);
}"""

MANY_READS = 1200
SCRUB_MS = """async frames => {
  const {axis, canvas} = document.getElementById('player').player.timeline;
  const box = canvas.getBoundingClientRect(), times = [];
  const send = (type, part) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, isPrimary: true, button: 0, buttons: 1, bubbles: true, cancelable: true,
    clientX: box.left + axis.left + part * axis.width, clientY: box.top + 8}));
  canvas.setPointerCapture = () => {};
  let spent = 0;
  const timed = call => (...given) => {
    const begin = performance.now();
    call(...given);
    spent += performance.now() - begin;
  };
  const next = window.requestAnimationFrame;
  window.requestAnimationFrame = draw => next(timed(draw));
  send('pointerdown', 0);
  for (let i = 0; i <= frames; i++) {
    spent = 0;
    timed(send)('pointermove', i % 2 ? i / frames : 1 - i / frames);
    await new Promise(done => next(done));
    times.push(spent);
  }
  send('pointerup', 1);
  return times.sort((a, b) => a - b);
}"""


def figures() -> dict[str, dict[str, Any]]:
    path = find_chromium()
    if not path:
        return {name: row(None, *target, "no Chromium here") for name, target in TARGETS.items()}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_site(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            first_ms, _ = _visit(browser, site)  # the simulation itself, once
            visits = [_visit(browser, site) for _ in range(ROUNDS)]
            frames = _frames(browser, site)
            spans, scrubs = _scrubs(browser, site)
            slides = _slides(browser, site)
            embedded = _embedded(browser, site)
        finally:
            browser.close()
    frame = statistics.median(ms for ms, _ in visits)
    note = f"median of {ROUNDS} with an empty cache, the race stored; {first_ms:.0f} ms with the simulation"
    return {
        "page_kb": row(round(visits[0][1] / 1000, 1), *TARGETS["page_kb"], "compressed, traces not counted"),
        "first_frame_ms": row(round(frame), *TARGETS["first_frame_ms"], note),
        "slider_ms": row(
            round(statistics.median(slides)),
            *TARGETS["slider_ms"],
            f"median of {len(slides)} values of a guest's memory under a finger, each run anew",
        ),
        "frame_script_ms": row(
            round(frames[len(frames) // 2], 2),
            *TARGETS["frame_script_ms"],
            f"median of {FRAMES} frames with {TOKENS:,} tokens, slowest {frames[-1]:.1f}",
        ),
        "scrub_script_ms": row(
            round(scrubs[-1], 1),
            *TARGETS["scrub_script_ms"],
            f"the slowest of {len(scrubs)} frames as a finger drags through {spans:,} spans, table and "
            f"chart open; median {statistics.median(scrubs):.1f}",
        ),
        "embed12_kb": row(
            round(embedded / 1000, 1),
            *TARGETS["embed12_kb"],
            "twelve sandboxed frames on one page of another site, nothing clicked, all in view, no cache",
        ),
    }


def _embedded(browser: Browser, site: str) -> int:
    """Bytes over the wire for a page of frames, which have processes of their own: each request is asked."""
    assert len(EMBEDDED) == 12
    tags = "".join(f'<iframe src="{site}{src}" sandbox="allow-scripts"></iframe>' for src in EMBEDDED)
    page = browser.new_page(viewport={"width": 1440, "height": 3000})
    done: list[Request] = []
    page.on("requestfinished", lambda request: done.append(request) if site in request.url else None)
    with serve_page(lambda: tags) as host:
        page.goto(host, wait_until="networkidle")
    sizes = [request.sizes() for request in done]
    page.close()
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)


def _slides(browser: Browser, site: str) -> list[float]:
    """From each move of the finger to the figures of that run; the first also starts what simulates."""
    page = browser.new_page(base_url=site)
    page.goto("/s/linux-on-kvm/?view=read&sel=vm1")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector(SLIDER)
    found: list[float] = page.locator(SLIDER).evaluate(SLIDE_MS)
    page.close()
    return found


def _frames(browser: Browser, site: str) -> list[float]:
    """Milliseconds of script for each of many frames, in ascending order."""
    page = browser.new_page(base_url=site)
    page.goto("/s/linux-on-kvm/?view=read")
    page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
    times: list[float] = page.evaluate(FRAME_MS, [TOKENS, FRAMES])
    page.close()
    return times


def _scrubs(browser: Browser, site: str) -> tuple[int, list[float]]:
    """How many spans there were, and the script of each frame of a drag from end to end, ascending. Every
    move is a jump, so that no frame profits from the one before."""
    raw = simcore.load("linux-on-kvm")
    reads = {"id": "load", "on": raw["subject"], "is": "random-read", "settings": {"count": MANY_READS}}
    page = browser.new_page(base_url=site, viewport={"width": 1440, "height": 900})
    page.goto("/check/")
    page.fill("#scenario", json.dumps({**raw, "workloads": [reads]}))
    page.click("button[name=play]")
    page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
    for details in ("spans-details", "charts"):
        page.click(f"#{details} summary")
    page.wait_for_selector("#charts canvas")
    spans: int = page.evaluate("document.getElementById('player').player.model.spans.id.length")
    times: list[float] = page.evaluate(SCRUB_MS, FRAMES)
    page.close()
    return spans, times


def _visit(browser: Browser, site: str) -> tuple[float, int]:
    """Milliseconds from the click on the address to the first drawn frame, and bytes over the wire without
    traces."""
    context = browser.new_context(base_url=site, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    network: CDPSession = context.new_cdp_session(page)
    network.send("Network.enable")
    traces: set[str] = set()
    sizes: dict[str, int] = {}
    network.on(
        "Network.requestWillBeSent",
        lambda event: traces.add(event["requestId"]) if "/traces/" in event["request"]["url"] else None,
    )
    network.on(
        "Network.loadingFinished", lambda e: sizes.update({e["requestId"]: int(e["encodedDataLength"])})
    )
    page.goto(RACE, wait_until="commit")
    page.wait_for_selector(DRAWN, state="attached", timeout=60_000)
    since_start: float = page.evaluate("performance.now()")
    page.wait_for_timeout(200)
    context.close()
    return since_start, sum(size for request, size in sizes.items() if request not in traces)
