"""The glossary: complete in both languages, and every operation it names is one of the engine's."""

import json

import pytest
from django.test import Client

import simcore
from simweb import glossary, presenters
from tests.web import shown

LANGUAGES = ("en", "zh-hans")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_term_is_explained_in_both_languages(client: Client, lang: str) -> None:
    html = client.get(f"/glossary/?lang={lang}").content.decode()
    words = shown(html)
    terms = [term for _id, _title, terms in glossary.groups(lang) for term in terms]
    assert len(terms) > 60
    for term in terms:
        assert " ".join(term.say.split()) in words
        assert f'id="{term.id}"' in html
        assert all(f'href="#{other}"' in html for other, _name in term.see)
    assert len({term.name for term in terms}) == len(terms)


def test_the_operations_that_a_term_names_exist() -> None:
    known = {op for words in simcore.texts("en")["components"].values() for op in words.get("ops", {})}
    assert set(glossary.terms_of_ops()) <= known


def test_what_a_reader_meets_first_leads_to_its_term() -> None:
    terms = glossary.terms_of_ops()
    wanted = {"vm_exit": "vm-exit", "syscall_entry": "system-call", "ioeventfd": "ioeventfd"}
    wanted |= {"grant_map": "grant-table", "vmbus_signal": "vmbus", "context_switch": "context-switch"}
    assert {op: terms[op] for op in wanted} == wanted


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_player_and_the_glossary_have_one_word_for_one_thing(lang: str) -> None:
    terms = {term.id: term.name.lower() for _id, _title, own in glossary.groups(lang) for term in own}
    words = json.loads(presenters.texts_json(lang))
    for status in ("measured", "published", "derived", "assumed"):
        assert words["ui"][f"status_{status}"] in terms["status"]
    ops = {
        op: entry["name"] for one in words["components"].values() for op, entry in one.get("ops", {}).items()
    }
    same = {"vm_exit": "vm-exit", "halt_poll": "halt-polling", "hypercall": "hypercall"}
    for op, term in same.items():
        assert ops[op].lower() in terms[term]
