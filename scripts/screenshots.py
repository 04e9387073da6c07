"""Pictures of the main pages for the docs, taken from the real site in Chromium: `make screenshots`."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import FLAGS, HOW_TO_GET_IT, find_chromium  # noqa: E402
from tests.browser.server import serve_site  # noqa: E402

FOLDER = ROOT / "docs" / "images"
RACE = "/race/?stack=linux&stack=docker-on-linux&stack=linux-on-kvm&stack=linux-on-virtualbox"
PICTURES = {  # name: address, scheme, where the playhead stands: ns, or None for as it opens
    "gallery": ("/", "light", None),
    "race": (RACE, "light", 12_300_000_000),
    "race-dark-zh": (f"{RACE}&lang=zh-hans", "dark", 12_300_000_000),
    "read": ("/s/linux-on-kvm/?view=read", "light", None),
    "build": ("/build/?from=linux-on-kvm&sel=host-os", "light", None),
    "what-if": ("/s/linux-on-kvm/?sel=vm1", "dark", 112_000_000_000),
}


def main() -> None:
    path = find_chromium()
    if not path:
        sys.exit(HOW_TO_GET_IT)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve_site(Path(folder)) as site, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        for name, (address, scheme, at) in PICTURES.items():
            context = browser.new_context(
                base_url=site, viewport={"width": 1440, "height": 900}, color_scheme=scheme
            )
            page = context.new_page()
            page.goto(address if at is None else f"{address}&t={at}")
            if address.startswith(("/s/", "/race/")):
                page.wait_for_selector("#player[data-ready='1']", timeout=60_000)
            if name == "read":
                page.click("#journey-stops li:nth-child(11) button")
            if name == "what-if":
                page.wait_for_selector("#what-if form")
                page.locator("#what-if-race").scroll_into_view_if_needed()
            page.wait_for_timeout(600)
            page.screenshot(path=FOLDER / f"{name}.png")
            print(f"docs/images/{name}.png")
            context.close()
        browser.close()


main()
