"""axe-core on a page: what people who cannot see or use a mouse would stumble over."""

from functools import cache
from pathlib import Path

from playwright.sync_api import Frame, Page

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _source() -> str:
    return AXE.read_text(encoding="utf-8")


def serious_violations(page: Page | Frame) -> list[str]:
    """One line for each rule broken seriously: `rule: what to do (elements)`. Empty when all is well."""
    # Evaluated through the debugger, because the page's own policy rightly refuses an injected script.
    page.evaluate(_source())
    # A sandboxed frame's style sheets are another origin's: axe would put copies of them into the page.
    options = "{runOnly: {type: 'tag', values: rules}, preload: origin !== 'null'}"
    result = page.evaluate(f"rules => axe.run({options})", RULES)
    return [
        f"{broken['id']}: {broken['help']} ({', '.join(str(node['target']) for node in broken['nodes'][:5])})"
        for broken in result["violations"]
        if broken["impact"] in ("serious", "critical")
    ]
