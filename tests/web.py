"""What the tests of the site share: a site that simulates in the test's own thread."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simweb import workers

FOUR = ("linux", "docker-on-linux", "linux-on-kvm", "linux-on-virtualbox")


def isolated(settings: Any, folder: Path, processes: int = 0) -> Iterator[None]:
    """To be yielded from by a fixture."""
    workers.close()
    settings.WORKERS = processes
    settings.TRACES = folder
    yield
    workers.close()


def shown(page: str) -> str:
    """The words of a page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def attribute(page: str, name: str) -> str:
    """The first value of an attribute."""
    found = re.search(rf'\b{name}="([^"]*)"', page)
    assert found, f"no {name} in the page"
    return html.unescape(found[1])
