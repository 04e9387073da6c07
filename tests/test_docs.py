"""The docs are checked: a component without a page, a command without a word, a sample that fails."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import simcore
from simcore import requests as kinds
from simcore.__main__ import main
from simcore.catalog import load_catalog
from simcore.component import SETTING_TYPES, Entry
from simcore.layer import Layer
from simcore.run import Run
from simcore.stack.findings import finding_texts
from simcore.timings import STATUSES
from simcore.trace import TABLES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TO_BE_MADE = {
    "CONTRIBUTING.md": {"simcore/devices/my-disk.toml"},
    "docs/how-to/add-a-component.md": {"simcore/devices/remote.py"},
}
ENTRIES = list(load_catalog().entries.values())


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_pages_are_what_the_code_says() -> None:
    """Generated pages, transcripts of the command line and outputs of samples."""
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_component_has_its_place_in_the_reference(entry: Entry) -> None:
    listed = page("reference/components.md")
    section = re.search(rf"^## {entry.id}$.*?(?=^## |\Z)", listed, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/reference/components.md has no section {entry.id}"
    words = entry.texts("en")
    assert words["label"] in section[0]
    assert [name for name in entry.settings if f"`{name}`" not in section[0]] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_number_is_in_the_reference_of_timings(entry: Entry) -> None:
    listed = page("reference/timings.md")
    assert [name for name in [*entry.timings, *entry.constants] if name not in listed] == []
    assert [one.text for one in entry.timings.values() if one.text not in listed] == []


def test_every_command_and_option_is_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    text = page("reference/cli.md")
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE)
    assert {"catalog", "check", "run", "race", "journey", "schema"} <= set(commands)
    for command in commands:
        assert f"`{command}" in text
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}
        row = re.search(rf"^\| `{command}\b.*$", text, re.MULTILINE)
        assert row is not None
        assert sorted(options - set(re.findall(r"--[a-z]+", row[0]))) == []


def test_every_json_key_of_a_run_is_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    text = page("reference/cli.md")
    for arguments in (
        ["run", "linux"],
        ["race", "linux", "docker-on-linux"],
        ["journey", "linux"],
        ["catalog"],
    ):
        assert main([*arguments, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert [key for key in shown if key not in text] == []


def test_every_table_and_column_of_a_trace_is_in_the_reference() -> None:
    text = page("reference/trace.md")
    for table, columns in TABLES.items():
        section = re.search(
            rf"^#+ .*\b{table}\b.*?(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE
        )
        assert section is not None or f"`{table}" in text, table
        assert [column for column in columns if column not in text] == []


def test_every_key_of_a_traces_header_is_in_the_reference() -> None:
    text = page("reference/trace.md")
    header = Run(simcore.scenario(simcore.prebuilt()["linux"], workload="boot")).run().trace.header
    assert [key for key in header if f"`{key}`" not in text] == []
    assert [key for key in header["outcome"] if key not in text] == []
    assert [key for key in header["nodes"][0] if f"`{key}`" not in text] == []


def test_every_finding_is_in_the_reference() -> None:
    text = page("reference/scenario.md")
    assert [name for name in finding_texts("en") if f"`{name}`" not in text] == []


def test_every_key_type_and_status_of_an_entry_is_in_the_reference() -> None:
    text = page("reference/entry.md")
    assert [
        name for name in (*SETTING_TYPES, *STATUSES) if f"`{name}`" not in text and name not in text
    ] == []
    used = {key for entry in ENTRIES for key in entry.raw}
    assert sorted(key for key in used if key not in text) == []


def test_the_walk_through_the_code_names_the_verbs_and_files_that_exist() -> None:
    text = page("architecture.md")
    named = set(re.findall(r"\]\(\.\./(simcore/[\w/]+\.py)", text))
    assert {"simcore/layer.py", "simcore/cpu.py", "simcore/kernels/linux.py"} <= named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    for verb in ("serve", "down", "spend", "hop", "interrupt", "submit"):
        assert hasattr(Layer, verb)
        assert re.search(rf"\b{verb}\b", text), verb
    assert kinds.KINDS[2] in text


@pytest.mark.parametrize(
    "name", sorted(p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
)
def test_a_page_names_only_files_that_exist(name: str) -> None:
    """But for the files that a reader is told to make."""
    text = (ROOT / name).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    named = set(
        re.findall(
            r"`((?:simcore|simweb|static|templates|tests|scripts)/[\w./-]+\.(?:py|toml|js|yaml|sh|json))`",
            prose,
        )
    )
    assert {path for path in named if not (ROOT / path).exists()} <= TO_BE_MADE.get(name, set())


def test_every_page_can_be_reached_from_the_table_of_contents() -> None:
    reached: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in reached or here.suffix != ".md" or not here.exists():
            continue
        reached.add(here)
        for target in re.findall(r"\]\(([^)#\s]+)", here.read_text(encoding="utf-8")):
            there = (here.parent / target).resolve()
            waiting.append(there / "README.md" if there.is_dir() else there)
    pages = set(DOCS.rglob("*.md"))
    assert sorted(p.relative_to(ROOT).as_posix() for p in pages - reached) == []
