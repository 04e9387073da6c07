"""The renderer, held to one table with its twin in the browser, and the texts of both languages."""

import json
import re
from pathlib import Path

import pytest

import simcore
from simcore.component import LANGUAGES
from simcore.requests import KINDS
from simcore.texts import render, texts

TABLE = json.loads((Path(__file__).parent / "data" / "render.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['template']}:{row['text']}")
def test_the_shared_table_of_renderings_holds(row):
    assert render(row["template"], row["params"]) == row["text"]


def test_a_missing_parameter_fails_and_is_named():
    with pytest.raises(KeyError, match="disk"):
        render("on {disk}", {"memory": 1})


@pytest.mark.parametrize("template", ["{x:colour}", "open {", "close }", "{X}"])
def test_a_template_that_makes_no_sense_fails(template):
    with pytest.raises(ValueError, match=r".+"):
        render(template, {"x": 1})


@pytest.mark.parametrize("value", [1.5, "1", None, True])
def test_only_whole_numbers_are_times(value):
    with pytest.raises(ValueError, match="integer"):
        render("{x:time}", {"x": value})


def keys(table, path=""):
    for key, value in table.items():
        yield from keys(value, f"{path}{key}.") if isinstance(value, dict) else [f"{path}{key}"]


def test_both_languages_have_the_same_texts():
    first, second = [
        set(keys({k: v for k, v in texts(lang).items() if k != "sources"})) for lang in LANGUAGES
    ]
    assert first == second


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_request_queue_and_lock_has_a_name(lang):
    code = "".join(file.read_text(encoding="utf-8") for file in Path(simcore.__file__).parent.rglob("*.py"))
    engine = set(re.findall(r'engine_what\("(\w+)"', code))
    locks = {f"lock_{name}" for name in re.findall(r'\.lock\(\w+, "(\w+)"\)', code)}
    assert engine
    assert locks
    assert {*KINDS, *engine, *locks} <= texts(lang)["kinds"].keys()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_template_can_be_rendered(lang):
    def templates(table):
        for value in table.values():
            if isinstance(value, dict):
                yield from templates(value)
            elif isinstance(value, str):
                yield value

    for part in ("components", "kinds", "findings"):
        for template in templates(texts(lang)[part]):
            names = re.findall(r"\{([a-z_][a-z0-9_]*)(:\w+)?\}", template)
            render(template, {name: 1 for name, _ in names})


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="zh-hans"):
        texts("tlh")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", list(simcore.prebuilt()))
def test_every_prebuilt_scenario_speaks_every_language(name, lang):
    raw = simcore.prebuilt()[name]
    assert all(raw[key][lang] for key in ("label", "question", "summary"))
