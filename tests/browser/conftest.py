"""Browser tests: the real site in a process of its own, the system's Chromium, and no tolerance for errors.

`page` is a page on the site; `open_page(**options)` opens more (`viewport=`, `color_scheme=`, `locale=` …).
After every test, anything that a page wrote to the console as an error, threw, or was refused by the content
security policy fails it. A test that asks for a broken page on purpose empties `faults` before it ends.
"""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, HOW_TO_GET_IT, find_chromium, is_required
from tests.browser.server import serve_site

SCREENSHOTS = Path("test-results")
WAIT_MS = 30_000  # only what fails takes that long; a busy machine may
REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", event => console.error(
  `CSP violation: ${event.violatedDirective} refused ${event.blockedURI}`));"""

expect.set_options(timeout=WAIT_MS)
failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[failed] = report.failed
    return report


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running site."""
    with serve_site(tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if not path:
        (pytest.fail if is_required() else pytest.skip)(HOW_TO_GET_IT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def faults() -> list[str]:
    """What went wrong in this test's pages so far, one line each."""
    return []


@pytest.fixture
def open_page(
    chromium: Browser, site: str, faults: list[str], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def open_page(**options: Any) -> Page:
        context = chromium.new_context(base_url=site, **options)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(REPORT_VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        return page

    yield open_page

    if request.node.stash.get(failed, False):
        SCREENSHOTS.mkdir(exist_ok=True)
        for number, page in enumerate(page for context in contexts for page in context.pages):
            page.screenshot(path=SCREENSHOTS / f"{request.node.name}-{number}.png".replace("/", "_"))
    for context in contexts:
        context.close()
    assert not faults, "the page reported errors:\n" + "\n".join(faults)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page(viewport={"width": 1280, "height": 800})
