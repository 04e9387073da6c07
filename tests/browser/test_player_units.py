"""The player's modules, unit by unit, inside a real browser: `js/*.test.js` against `static/strata/*.js`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDERS = {
    "/js/": HERE / "js",
    "/static/strata/": ROOT / "static" / "strata",
    "/data/": ROOT / "tests" / "data",
}
TYPES = {".js": "text/javascript", ".json": "application/json"}
CLAIM = re.compile(r'^test\("([^"]+)"', re.MULTILINE)
TESTS = [
    pytest.param(file.name, claim, id=f"{file.name.removesuffix('.test.js')}: {claim}")
    for file in sorted((HERE / "js").glob("*.test.js"))
    for claim in CLAIM.findall(file.read_text(encoding="utf-8"))
]


def _answer(route: Route) -> None:
    """Serves the two folders, and an empty page for everything else; nothing leaves the machine."""
    path = re.sub(r"^https?://[^/]+", "", route.request.url)
    for prefix, folder in FOLDERS.items():
        file = folder / path.removeprefix(prefix)
        if path.startswith(prefix) and file.is_file():
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
            return
    route.fulfill(body="<!doctype html><title>units</title>", content_type="text/html")


@pytest.fixture(scope="module")
def bench(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/*", _answer)
    page.goto("http://units.test/")
    yield page
    context.close()


@pytest.mark.parametrize(("file", "claim"), TESTS)
def test_unit(bench: Page, file: str, claim: str) -> None:
    bench.evaluate(
        """async ([file, claim]) => {
          await import(`/js/${file}`);
          const { tests } = await import("/js/harness.js");
          await tests.get(claim)();
        }""",
        [file, claim],
    )


def test_both_renderers_follow_the_same_table(bench: Page) -> None:
    table = json.loads((ROOT / "tests" / "data" / "render.json").read_text(encoding="utf-8"))
    found = bench.evaluate(
        """async table => {
          const { render } = await import("/static/strata/text.js");
          return table.map(({template, params}) => {
            try { return render(template, params); } catch (error) { return null; }
          });
        }""",
        table,
    )
    expected = [row.get("text") for row in table]
    assert found == expected
