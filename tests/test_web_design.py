"""Colours can be read by everybody, and the page weighs little."""

import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from simweb.prepared import is_prepared

STATIC = Path(settings.ROOT) / "static"
TOKENS = (STATIC / "strata" / "tokens.css").read_text(encoding="utf-8")
ROLES = ("machine", "firmware", "kernel", "hypervisor", "vm", "engine", "container", "device", "workload")
TEXT, GRAPHIC = 4.5, 3.0
VENDORED = {
    "htmx-4.0.1/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "htmx-4.0.1/hx-ws.min.js": "a7c11e4eca05417d6299bb40aaacca01572e44605389fc4d5ef12be408a4d03b",
    "uplot-1.6.32/uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot-1.6.32/uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def themes() -> dict[str, dict[str, str]]:
    blocks = {
        "light": TOKENS.partition(':root, :root[data-theme="light"] {')[2].partition("}")[0],
        "dark": TOKENS.partition(':root:not([data-theme="light"]) {')[2].partition("}")[0],
        "chosen dark": TOKENS.partition('@media screen {\n  :root[data-theme="dark"] {')[2].partition("}")[0],
    }
    return {name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for name, block in blocks.items()}


THEMES = themes()


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_two_ways_to_be_dark_are_the_same() -> None:
    assert THEMES["dark"] == THEMES["chosen dark"]
    assert set(THEMES["light"]) == set(THEMES["dark"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_ground_it_stands_on(theme: str) -> None:
    colours = THEMES[theme]
    for ground in ("paper", "card", "sunk"):
        for text in ("ink", "soft"):
            assert contrast(colours[text], colours[ground]) >= TEXT, (text, ground)
        assert contrast(colours["focus"], colours[ground]) >= GRAPHIC
    for text in ("good", "bad"):
        assert contrast(colours[text], colours["card"]) >= TEXT, text
    for text in ("terminal-ink", "terminal-soft"):
        assert contrast(colours[text], colours["terminal"]) >= TEXT, text


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("role", ROLES)
def test_every_role_s_hue_can_be_read_as_text_and_written_upon(theme: str, role: str) -> None:
    colours = THEMES[theme]
    for ground in ("paper", "card"):
        assert contrast(colours[f"{role}-ink"], colours[ground]) >= TEXT
        assert contrast(colours[role], colours[ground]) >= GRAPHIC
    assert contrast(colours[f"on-{role}"], colours[role]) >= TEXT
    assert contrast(colours["ink"], colours[f"{role}-glow"]) >= TEXT
    assert contrast(colours["soft"], colours[f"{role}-tint"]) >= TEXT


def test_no_style_uses_a_colour_that_is_not_a_token() -> None:
    for file in set((STATIC / "strata").glob("*.css")) - {STATIC / "strata" / "tokens.css"}:
        css = re.sub(r"/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.S)
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", css), file.name


def test_what_is_not_ours_is_the_published_file_with_its_licence() -> None:
    folder = STATIC / "vendor"
    assert "Zero-Clause BSD" in (folder / "htmx-4.0.1" / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in (folder / "uplot-1.6.32" / "LICENSE").read_text(encoding="utf-8")
    assert {str(file.relative_to(folder)) for file in folder.rglob("*.*s")} == set(VENDORED)
    for name, digest in VENDORED.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_everything_a_page_loads_before_its_trace_is_under_150_kb_compressed() -> None:
    """But uPlot, which is fetched when somebody opens the charts."""
    files = [file for file in (*STATIC.rglob("*.css"), *STATIC.rglob("*.js")) if "uplot" not in str(file)]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < 150 * 1024


@pytest.mark.django_db
def test_prepared_files_are_named_by_content_and_every_import_leads_somewhere(
    settings: Any, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = tmp_path
    call_command("prepare")
    assert is_prepared(tmp_path, settings.STATICFILES_DIRS)
    modules = list((tmp_path / "strata").glob("*.????????????.js"))
    assert modules
    statement = re.compile(r'^(?:import|export)\b[^;"]*"\./([^"]*)";', re.M)
    for module in modules:
        for name in statement.findall(module.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name), f"{module.name} imports {name}"
            assert (tmp_path / "strata" / name).exists()
