"""The glossary: complete in both languages, and every operation it names is one of the engine's."""

import pytest
from django.test import Client

import simcore
from simweb import glossary
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
