"""The site's own words: translated, compiled, and with the same parameters in both languages."""

import gzip
import json
import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

import simcore
from simweb import presenters
from simweb.management.commands.compiletexts import compiled, messages

PO = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES" / "django.po"
TEMPLATES = Path(settings.ROOT) / "templates"
PARAMETER = re.compile(r"%\(\w+\)[sd]|\{\w*(?::\w+)?\}")


def test_the_compiled_messages_are_those_of_the_source() -> None:
    assert PO.with_suffix(".mo").read_bytes() == compiled(messages(PO)), "run: manage.py compiletexts"


def test_every_word_of_the_templates_is_translated() -> None:
    known = {key.split("\0")[0] for key in messages(PO)}
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        said = re.findall(r"""{% translate (["'])(.*?)\1 %}""", text)
        assert not {words for _, words in said} - known, template.name


def test_every_word_of_the_code_is_translated() -> None:
    known = {key.split("\0")[0] for key in messages(PO)}
    for module in Path(settings.ROOT, "simweb").glob("*.py"):
        said = set(re.findall(r'\b_\(\s*"(.*?)"\s*\)', module.read_text(encoding="utf-8")))
        assert not said - known, module.name


def test_a_translation_has_the_parameters_of_its_original() -> None:
    for key, value in messages(PO).items():
        if key:
            wanted = set(PARAMETER.findall(key.split("\0")[-1]))
            assert set(PARAMETER.findall(value)) == wanted, key


def test_no_template_speaks_without_being_translated() -> None:
    """Words between tags that no translate tag holds; names, marks and units may stand."""
    may_stand = {"Strata", "English", "中文", "log", "ns"}
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        text = re.sub(
            r"{% block body_class.*?endblock %}|{% blocktranslate.*?{% endblocktranslate %}"
            r"|{%.*?%}|{{.*?}}|{#.*?#}",
            "",
            text,
            flags=re.S,
        )
        text = re.sub(
            r"<title>.*?</title>|<code>.*?</code>|<!doctype[^>]*>|<svg.*?</svg>", "", text, flags=re.S
        )
        words = set(re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", re.sub(r"<[^>]*>", " ", text)))
        assert words <= may_stand, template.name


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_the_player_s_words_are_there_in_both_languages(lang: str) -> None:
    files = {name: Path(settings.ROOT, "simweb", f"ui.{name}.toml") for name in ("en", "zh-hans")}
    words = {name: tomllib.loads(file.read_text(encoding="utf-8")) for name, file in files.items()}
    assert set(words["en"]) == set(words["zh-hans"])
    assert all(text.strip() for text in words[lang].values())


@pytest.mark.parametrize("stack", list(simcore.prebuilt()))
def test_a_page_brings_the_words_for_all_that_its_record_names(stack: str) -> None:
    """What is drawn is what can have worked: no operation, line or node is of any other component."""
    raw = simcore.prebuilt()[stack]
    for workload in ("boot", "random-read"):
        scenario = simcore.scenario(raw, workload=workload)
        drawn = {box.part.is_ for box in presenters.picture(scenario, "en").boxes}
        header = simcore.run(scenario).trace.header
        named = {one["is"] for table in ("nodes", "ops", "texts", "timings") for one in header[table]}
        assert named - {""} <= drawn


def test_the_host_of_guests_and_containers_has_one_word_in_chinese() -> None:
    """Else it stands only in 主机名 (its name), 主机密钥 (its keys) and 大型主机 (a large machine)."""
    root = Path(settings.ROOT)
    bare = re.compile("(?<!宿)(?<!大型)主机(?!名|密钥)")
    texts = [*root.glob("sim*/**/*.toml"), *root.glob("sim*/**/*.yaml"), PO]
    assert [file.name for file in texts if bare.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.django_db
def test_the_words_for_a_page_are_few_and_the_same_as_in_the_whole(client: Client) -> None:
    whole, part = (
        json.loads(presenters.texts_json("zh-hans", of)) for of in ((), ("kvm-qemu", "linux", "no-such"))
    )
    assert set(part["components"]) == {"kvm-qemu", "linux"}
    assert all(part["components"][name] == whole["components"][name] for name in part["components"])
    assert part["ui"] == whole["ui"]
    url = re.findall(r'data-texts="([^"]+)"', client.get("/s/linux/?lang=en").content.decode())[0]
    answer = client.get(url.replace("&amp;", "&"))
    assert set(answer.json()["components"]) == {"linux", "server-2s-xeon", "uefi", "nvme", "boot"}
    assert len(gzip.compress(answer.content)) < 40_000
