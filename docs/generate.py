"""Makes the parts of these pages that come from the code: `python -m docs.generate`.

Whole pages: `reference/components.md`, `timings.md`, `validation.md` and `systems.md` there. In the others:
tables between `<!-- made: … -->` and `<!-- /made -->`, what the command line answers below `$ python -m
simcore …`, and what a Python sample prints, in the `output` fence that follows it. A `yaml` fence whose
first line is `# name.yaml` is a file that the commands of its page can read. `--check` writes nothing and
names the pages that are not what they should be.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import simcore
from docs.systems import systems_page
from docs.validation import validation_page
from simcore.__main__ import main as command_line
from simcore.component import ROLES, Entry, Setting
from simcore.ledger import Number, Source, Use, cited, numbers, numbers_explained, written
from simcore.stack.findings import finding_texts
from simcore.timings import STATUSES
from simcore.trace import TABLES

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by `python -m docs.generate`; do not edit. -->"
PROMPT = "$ "
SIMCORE = "python -m simcore "
LONGEST_LINE = 150


def main(arguments: list[str]) -> int:
    failures: list[str] = []
    wanted = pages(failures)
    for failure in failures:
        print(failure, file=sys.stderr)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    names = [path.relative_to(HERE).as_posix() for path in stale]
    if "--check" in arguments:
        for name in names:
            print(f"docs/{name} is not what the code says: run `python -m docs.generate`", file=sys.stderr)
        return 1 if stale or failures else 0
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    print("\n".join(f"wrote docs/{name}" for name in names) or "nothing to do")
    return 1 if failures else 0


def pages(failures: list[str]) -> dict[Path, str]:
    """Every page as it should be. Samples that fail and columns that no page explains go to `failures`."""
    found = {
        HERE / "reference" / "components.md": components(),
        HERE / "reference" / "timings.md": timings(),
        HERE / "reference" / "validation.md": validation_page(MADE),
        HERE / "reference" / "systems.md": systems_page(MADE),
    }
    for path in sorted(HERE.rglob("*.md")):
        if path in found:
            continue
        page = path.read_text("utf-8")
        try:
            found[path] = refreshed(page)
        except Exception as error:
            failures.append(f"docs/{path.relative_to(HERE).as_posix()}: a sample fails: {error!r}")
    failures += unexplained((HERE / "reference" / "trace.md").read_text("utf-8"))
    return found


def unexplained(page: str) -> list[str]:
    """Columns of the trace's tables that its page does not have, or has with another encoding."""
    rows = {
        (table, name): f"| `{name}` | `{encoding}` |"
        for table, names in TABLES.items()
        for name, encoding in names.items()
    }
    parts = {part.partition("\n")[0]: part for part in page.split("\n### ")}
    return [
        f"docs/reference/trace.md: {table}.{name} is not explained as {row}"
        for (table, name), row in rows.items()
        if row not in parts.get(table, "")
    ]


# ----------------------------------------------------------------------------------------- whole pages


def components() -> str:
    catalog = simcore.catalog()
    lines = [
        "# Components",
        "",
        MADE,
        "",
        "Every component that a stack can be built of, in the order from the metal up. Its id is what a",
        "scenario writes after `is:`. The numbers behind each operation are in [timings.md](timings.md);",
        "how an entry is written is in [entry.md](entry.md).",
        "",
    ]
    table = [
        [f"[`{entry.id}`](#{entry.id})", entry.role, english(entry)["label"], english(entry).get("era", "")]
        for role in ROLES
        for entry in catalog.of_role(role)
    ]
    lines += grid(["id", "role", "what it is", "version and era"], table)
    for role in ROLES:
        for entry in catalog.of_role(role):
            lines += ["", *component(entry)]
    return "\n".join(lines) + "\n"


def component(entry: Entry) -> Iterator[str]:
    texts = english(entry)
    yield f"## {entry.id}"
    yield ""
    yield f"**{texts['label']}**: {texts['sub']}. Role: {entry.role}."
    if texts.get("era"):
        yield f"Modelled: {texts['era']}."
    yield ""
    yield texts["note"]
    yield ""
    yield from facts(entry)
    if entry.settings:
        yield ""
        yield from grid(
            ["setting", "type", "default", "limits", "in a run", "meaning"],
            [setting_row(entry, setting) for setting in entry.settings.values()],
        )
    if entry.is_profile:
        yield ""
        yield "Measured with `python -m simcore calibrate`: [what each quantity is](calibrate.md)."
    rows = [row for row in numbers() if row.component == entry.id and row.kind == "timing"]
    if spent := [row for row in rows if row.op in texts["ops"]]:  # others are a profile's, for other models
        yield ""
        yield from grid(
            ["operation", "name", "mean", "what happens"],
            [[f"`{row.op}`", row.label, quantity(row), texts["ops"][row.op]["say"]] for row in spent],
        )


def facts(entry: Entry) -> Iterator[str]:
    files = f"simcore/{entry.dir.name}/{entry.id}.toml"
    model, _, name = entry.model.partition(":")
    yield f"- Files: `{files}`, model `{name}` in `{model.replace('.', '/')}.py`"
    if entry.sits_on:
        yield f"- Stands on, or belongs to: {listed(entry.sits_on)}"
    if entry.needs:
        yield f"- Needs from below: {listed(entry.needs)}"
    if entry.provides:
        yield f"- Offers to what stands on it: {listed(entry.provides)}"
    if entry.control_plane:
        yield "- Control plane: it stands beside the stack, and no request of what it made passes through it"
    if entry.aliases:
        yield f"- Earlier ids: {listed(entry.aliases)}"


def setting_row(entry: Entry, setting: Setting) -> list[str]:
    text = english(entry).get("settings", {}).get(setting.name, {})
    default = "not set" if setting.default is None else f"`{written(setting.show(setting.default))}`"
    return [
        f"`{setting.name}`",
        setting.type,
        default,
        limits(setting),
        "can be set" if setting.live else "fixed",
        text.get("help", ""),
    ]


def limits(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(f"`{written(choice)}`" for choice in setting.choices)
    if setting.roles:
        return "a " + " or ".join(setting.roles)
    ends = [None if end is None else written(setting.show(end)) for end in (setting.min, setting.max)]
    if ends == [None, None]:
        return ""
    low, high = ends
    return f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}"


def timings() -> str:
    rows, words = [row for row in numbers() if not row.inherited], numbers_explained("en")
    count = Counter(row.status for row in rows)
    known = {one.source.key: one.source for row in rows for one in row.all if one.source}
    lines = [
        "# Timings and constants",
        "",
        MADE,
        "",
        f"The {len(rows)} numbers of all entries: "
        + ", ".join(f"{count[status]} {status}" for status in STATUSES)
        + f"; {sum(len(row.also) for row in rows)} more of the same operations elsewhere.",
        f"They are from {len(known)} sources. The site shows them at `/numbers/`, with links.",
        "",
        *(f"- *{status}*: {words['status'][status]}" for status in STATUSES),
        "",
        "## How a run chooses",
        "",
        "An entry may state the same number several times. A run takes, in this order:",
        "",
        *(f"{n}. {lead(words['rule'][step])}" for n, step in enumerate(("own", "family", "first"), 1)),
        "",
        lead(words["rule"]["clock"]),
        "",
        "Which of several stands first is the choice of the entry's author:",
        "",
        *(f"{n}. {lead(words['order'][step])}" for n, step in enumerate(("era", "machine", "grade"), 1)),
        "",
        lead(words["order"]["exception"]),
        "",
        "## How to read a row",
        "",
        *(f"- {line}" for line in words["reading"].values()),
        "- The keys of sources are explained [at the end](#sources).",
        "",
    ]
    for component, group in groupby(rows, key=lambda row: row.component):
        own = list(group)
        lines += [f"## {component}", ""]
        heads = ["value", "spread", "status", "source and where", "machine", "reason", "used on"]
        if spent := [line for row in own if row.kind == "timing" for line in number_rows(row)]:
            lines += [*grid(["operation", *heads], spent), ""]
        if fixed := [line for row in own if row.kind == "constant" for line in number_rows(row)]:
            lines += [*grid(["constant", *(head for head in heads if head != "spread")], fixed), ""]
    lines += ["## Sources", "", *grid(["key", "source", "numbers"], sources(known.values()))]
    return "\n".join(lines) + "\n"


def lead(said: Sequence[str]) -> str:
    return f"**{said[0]}** {said[1]}"


def number_rows(number: Number) -> Iterator[list[str]]:
    for place, one in enumerate(number.all):
        row = [f"`{one.op}`" if place == 0 else f"*also* `{one.op}`", quantity(one)]
        if one.spread is not None:
            said = one.spread_status != "assumed" and one.spread != "none"
            row.append(f"{one.spread} ({one.spread_status})" if said else one.spread)
        link = f"[{one.source.key}](#{one.source.key})" if one.source else one.probe and f"`{one.probe}`"
        origin = ", ".join(text for text in (link, one.where) if text)
        clock = f" at {one.clock_hz / 1e9:g} GHz" if one.clock_hz else ""
        reason = " ".join(text for text in (one.reason, f"({one.note})" if one.note else "") if text)
        yield [*row, one.status, origin, f"{one.machine or ''}{clock}", reason, used(one.used_on)]


def quantity(one: Number) -> str:
    return (
        f"{one.value} per {one.per}" if one.per else f"{one.value} over {one.over}" if one.over else one.value
    )


def used(uses: tuple[Use, ...]) -> str:
    """The machines whose runs use a number: "all, borrowed" where that is so of every one."""
    kinds = {(use.borrowed, use.own) for use in uses}
    if len(uses) == len(simcore.catalog().of_role("machine")) and len(kinds) == 1:
        return "all, borrowed" if uses[0].borrowed else "all"
    return "; ".join(
        f"not `{use.machine}`: {use.own} of its own"
        if use.own
        else f"`{use.machine}`{', borrowed' if use.borrowed else ''}"
        for use in uses
    )


def sources(known: Iterable[Source]) -> Iterator[list[str]]:
    count = cited()
    for one in sorted(known, key=lambda source: source.key):
        made = ", ".join(part for part in (one.authors, one.year, one.venue) if part)
        link = f" <{one.url}>" if one.url else ""
        yield [f'<a id="{one.key}"></a>`{one.key}`', f"{one.title}. {made}.{link}", str(count[one.key])]


# ------------------------------------------------------------------------------------- parts of a page


def refreshed(page: str) -> str:
    """The page with its made parts as they should be."""
    page = re.sub(
        r"<!-- made: ([a-z-]+) -->\n.*?<!-- /made -->",
        lambda match: f"<!-- made: {match[1]} -->\n\n{PARTS[match[1]]()}\n\n<!-- /made -->",
        page,
        flags=re.DOTALL,
    )
    if "```console" not in page and "```output" not in page:
        return page
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return re.sub(r"```(\w+)\n(.*?)```(\n+```output\n)?(?(3).*?```)", _fence, page, flags=re.DOTALL)


def _fence(match: re.Match[str]) -> str:
    """A fence of the page: a file to write, a transcript to make again, a sample to run, or just a fence."""
    language, body = match[1], match[2]
    name = re.match(r"# ([\w-]+\.yaml)\n", body)
    if name:
        Path(name[1]).write_text(body, "utf-8")
    if language == "console":
        return f"```console\n{transcript(body)}```"
    if language == "python" and match[3]:
        return f"```python\n{body}```{match[3]}{printed(body)}```"
    return match[0]


def transcript(body: str) -> str:
    """The commands of a transcript, each with what it answers now."""
    out = io.StringIO()
    code = 0
    for line in body.splitlines():
        if not line.startswith(PROMPT):
            continue
        out.write(f"{line}\n")
        if line == "$ echo $?":
            out.write(f"{code}\n")
        elif line.startswith(PROMPT + SIMCORE):
            answer, code = answered(line.removeprefix(PROMPT + SIMCORE))
            out.write(answer)
    return out.getvalue()


def answered(command: str) -> tuple[str, int]:
    """What `python -m simcore` answers, and its exit code. `… | head -n 9` shows the first lines."""
    command, _, head = command.partition(" | head -n ")
    words, out = shlex.split(command, comments=True), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = command_line(words)
        except SystemExit as end:
            code = int(end.code or 0)
    text = re.sub(r"in \d+\.\d+ s of computing", "in … s of computing", out.getvalue())
    text = re.sub(r'"wall_s": [\d.]+', '"wall_s": 0.1', text)
    lines = text.splitlines()[: int(head)] if head else text.splitlines()
    shown = [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…" for line in lines]
    return "".join(f"{line}\n" for line in shown), code


def printed(sample: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(sample, "sample", "exec"), {"__name__": "sample"})
    return out.getvalue()


def settings_table() -> str:
    rows = []
    for entry in simcore.catalog().entries.values():
        for setting in entry.settings.values():
            default = "" if setting.default is None else f"`{written(setting.show(setting.default))}`"
            live = "yes" if setting.live else ""
            rows.append([f"`{entry.id}`", f"`{setting.name}`", setting.type, default, limits(setting), live])
    return "\n".join(grid(["component", "setting", "type", "default", "limits", "`do: set`"], rows))


def findings_table() -> str:
    rows = [[f"`{name}`", text["message"], text["hint"]] for name, text in finding_texts("en").items()]
    return "\n".join(grid(["finding", "message", "what to change"], rows))


PARTS: dict[str, Callable[[], str]] = {"settings": settings_table, "findings": findings_table}


# --------------------------------------------------------------------------------------------- writing


def english(entry: Entry) -> Mapping[str, Any]:
    return entry.texts("en")


def grid(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table of Markdown."""
    named = list(heads)
    yield line_of(named)
    yield line_of("---" for _ in named)
    for row in rows:
        yield line_of(row)


def line_of(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    sys.exit(main(sys.argv[1:]))
