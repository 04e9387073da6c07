"""Pictures of the main pages for the docs, taken from the real site in Chromium: `make screenshots`, or some
of them by name: `python scripts/screenshots.py embed phone`."""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import FLAGS, HOW_TO_GET_IT, find_chromium  # noqa: E402
from tests.browser.host import serve_page  # noqa: E402
from tests.browser.server import serve_site  # noqa: E402

FOLDER = ROOT / "docs" / "images"
READY = "#player[data-ready='1']"
RACE = "/s/first-instruction/?lang="
LECTURE = """<style>
body {{ max-width: 46rem; margin: 1.5rem auto; font: 1.0625rem/1.6 Georgia, serif; }}
iframe {{ width: 100%; height: 470px; border: 1px solid #ccc; }}
</style><h1>Lecture 7: I/O in virtual machines</h1>
<p>A guest's read crosses two kernels. Press the button, and watch where its twenty microseconds go.</p>
<iframe src="{site}/embed/linux-on-kvm/?view=read&lang=en" sandbox="allow-scripts"></iframe>
<p>Which of these stops would a disk that is passed through to the guest save?</p>"""


class Picture(NamedTuple):
    """What is taken, and where the playhead stands: ns, or None for as it opens."""

    address: str
    scheme: str = "light"
    at: int | None = None
    size: tuple[int, int] = (1440, 900)


PICTURES = {
    "gallery": Picture("/"),
    "race": Picture(RACE + "en", at=12_300_000_000),
    "race-dark-zh": Picture(RACE + "zh-hans", "dark", 12_300_000_000),
    "read": Picture("/s/linux-on-kvm/?view=read"),
    "build": Picture("/build/?from=linux-on-kvm&sel=host-os"),
    "what-if": Picture("/s/linux-on-kvm/?sel=vm1", "dark", 112_000_000_000),
    "embed": Picture("", size=(900, 700)),
    "in-words": Picture("/s/docker-on-linux/text/?view=read", size=(960, 720)),
    "phone": Picture("/s/linux-on-kvm/?view=read", size=(390, 844)),
}


def prepare(name: str, page: Page) -> None:
    """Bring the page to what the picture is about."""
    if page.query_selector("#player"):
        page.wait_for_selector(READY, timeout=60_000)
    if name in ("read", "phone"):
        page.click("#journey-stops li:nth-child(11) button")
    if name == "phone":
        page.evaluate("scrollTo(0, 0)")
    if name == "what-if":
        page.wait_for_selector("#what-if form")
        page.locator("#what-if-race").scroll_into_view_if_needed()
    if name == "in-words":
        page.locator("#told-parts").evaluate("heading => heading.scrollIntoView()")
    if name == "embed":
        frame = page.frames[1]
        frame.click("#run")
        frame.wait_for_selector(READY, timeout=60_000)
        frame.click("#journey-stops li:nth-child(11) button")


def take(browser: Browser, site: str, host: str, name: str, picture: Picture) -> None:
    width, height = picture.size
    context = browser.new_context(
        base_url=site, viewport={"width": width, "height": height}, color_scheme=picture.scheme
    )
    page = context.new_page()
    page.goto(f"{picture.address}&t={picture.at}" if picture.at is not None else picture.address or host)
    prepare(name, page)
    page.wait_for_timeout(600)
    page.screenshot(path=FOLDER / f"{name}.png")
    context.close()


def main() -> None:
    path = find_chromium()
    if not path:
        sys.exit(HOW_TO_GET_IT)
    names = sys.argv[1:] or list(PICTURES)
    if unknown := set(names) - set(PICTURES):
        sys.exit(f"No picture {', '.join(sorted(unknown))}. There are: {', '.join(PICTURES)}.")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_site(Path(folder)) as site,
        serve_page(lambda: LECTURE.format(site=site)) as host,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        for name in names:
            take(browser, site, host, name, PICTURES[name])
            print(f"docs/images/{name}.png")
        browser.close()


main()
