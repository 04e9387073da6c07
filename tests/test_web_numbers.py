"""/numbers/: the ledger as a page. HTTP in, HTML out."""

import gzip
import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as site
from django.test import Client

import simcore
from simweb.ledger_page import WHOLE
from tests.seen import PREBUILT, ran
from tests.web import isolated, shown

pytestmark = pytest.mark.django_db

PAGE_KB = 200
STATED = [row for row in simcore.numbers() if not row.inherited]


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


def text(client: Client, query: str = "", **headers: str) -> str:
    return client.get(f"/numbers/{query}", headers=headers).content.decode()


def listed(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<details class="number" id="([^"]*)"', page)]


def asked(**query: str) -> str:
    return f"?{urlencode(query)}"


def test_every_number_stands_on_the_page_under_its_own_anchor(client: Client) -> None:
    assert sorted(listed(text(client))) == sorted(row.id for row in STATED)


def test_every_timing_of_every_run_leads_to_a_number(client: Client) -> None:
    anchors = set(listed(text(client)))
    for stack in PREBUILT:
        for workload in ("boot", "random-read"):
            timings = ran(stack, workload).trace.header["timings"]
            assert timings
            assert {f"{timing['is']}.{timing['op']}" for timing in timings} <= anchors


def test_every_bar_of_a_race_that_has_a_number_leads_to_it(client: Client) -> None:
    page = client.get("/race/?stack=linux&stack=linux-on-kvm").content.decode()
    links = {html.unescape(url) for url in re.findall(r'<a class="quiet source" href="([^"]*)"', page)}
    assert len(links) >= 5
    for url in links:
        assert f'id="{url.partition("#")[2]}" open' in client.get(url).content.decode()


def test_one_address_shows_one_number_opened_with_all_that_is_known_of_it(client: Client) -> None:
    page = text(client, asked(component="linux", op="syscall_entry"))
    assert listed(page) == ["linux.syscall_entry"]
    assert re.search(r'id="linux.syscall_entry" open', page)
    row = next(row for row in STATED if row.id == "linux.syscall_entry")
    assert len(row.also) == page.count('<article class="certificate">') - 1 >= 2
    said = shown(page)
    assert row.era in said
    for one in row.all:
        assert one.source
        for part in (one.source.title, one.where, one.machine, one.reason, *one.evidence):
            assert not part or " ".join(part.split()) in said
        assert not one.source.url or f'href="{html.escape(one.source.url)}"' in page


@pytest.mark.parametrize(
    ("lang", "used", "borrowed"),
    [
        ("en", "Laptop, 31 ns · Xeon server, 33 ns (borrowed)", "no machine of the catalogue"),
        ("zh-hans", "33 ns（借用）", "目录中没有机器使用它"),
    ],
)
def test_a_number_says_which_machines_use_it_and_which_borrow_it(
    client: Client, lang: str, used: str, borrowed: str
) -> None:
    page = shown(text(client, asked(component="linux", op="syscall_entry", lang=lang)))
    assert used in page
    assert page.count(borrowed) == 2


def test_an_assumed_number_tells_what_was_looked_for(client: Client) -> None:
    row = next(row for row in STATED if row.status == "assumed" and not row.source)
    assert " ".join((row.reason or "").split()) in shown(
        text(client, asked(component=row.component, op=row.op))
    )


@pytest.mark.parametrize("status", ["measured", "published", "derived", "assumed"])
def test_the_list_holds_exactly_the_numbers_of_a_status(client: Client, status: str) -> None:
    wanted = [row.id for row in STATED if row.status == status]
    page = text(client, asked(status=status))
    assert sorted(listed(page)) == sorted(wanted)
    assert re.search(rf'value="{status}" checked', page)
    assert f"{len(wanted)} number" in shown(page)


def test_a_source_leads_to_all_that_rests_on_it_the_unused_included(client: Client) -> None:
    wanted = [
        row.id
        for row in STATED
        if any(one.source and one.source.key == "barham-2003-xen-and-the-art-of" for one in row.all)
    ]
    assert len(wanted) >= 2
    assert sorted(listed(text(client, asked(source="barham-2003-xen-and-the-art-of")))) == sorted(wanted)


def test_filters_together_narrow_the_list(client: Client) -> None:
    rows = {row.id: row for row in STATED}
    query = {"component": "linux", "status": "derived", "q": "SYSCALL  kuenzer"}
    found = [rows[name] for name in listed(text(client, asked(**query)))]
    assert {(row.component, row.status) for row in found} == {("linux", "derived")}
    assert "linux.syscall_entry" in {row.id for row in found}
    assert all(any(one.source and "Kuenzer" in one.source.authors for one in row.all) for row in found)
    for name in query:
        wider = listed(text(client, asked(**{key: value for key, value in query.items() if key != name})))
        assert set(listed(text(client, asked(**query)))) <= set(wider)


def test_the_search_looks_into_names_sources_machines_evidence_and_reasons(client: Client) -> None:
    row = next(row for row in STATED if row.id == "linux.syscall_entry")
    for one in row.all:
        assert one.source
        for word in (one.source.authors, one.machine, one.where, one.reason, *one.evidence):
            assert row.id in listed(text(client, asked(q=str(word or one.value)[:100])))
    assert row.id in listed(text(client, asked(q="系统调用", lang="zh-hans")))


@pytest.mark.parametrize(
    "query",
    [
        {"q": "no such word"},
        {"component": "abacus"},
        {"status": "rumour"},
        {"source": "x"},
        {"q": "\0" * 999},
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_a_filter_that_nothing_passes_says_so(client: Client, query: dict[str, str], lang: str) -> None:
    response = client.get(f"/numbers/{asked(**query, lang=lang)}")
    assert response.status_code == 200
    page = shown(response.content.decode())
    assert ("Take one of the filters away" if lang == "en" else "请去掉一个筛选条件") in page


def test_htmx_gets_the_list_alone_with_the_address_that_shows_the_same(client: Client) -> None:
    fragment = text(client, "?q=&component=vm&status=derived&source=", hx_request="true")
    assert "<html" not in fragment
    assert fragment.lstrip().startswith('<section id="ledger"')
    assert 'data-address="/numbers/?component=vm&amp;status=derived"' in fragment
    assert listed(fragment) == listed(text(client, "?component=vm&status=derived"))


def test_a_row_of_a_long_list_fetches_its_certificate_when_it_is_opened(client: Client) -> None:
    page = text(client)
    assert len(listed(page)) > WHOLE
    assert 'class="certificate"' not in page
    row = re.search(r'id="vm.second_dimension"[^>]* hx-get="([^"]*)" hx-trigger="toggle once"', page)
    assert row
    fetched = client.get(html.unescape(row[1]), headers={"hx-request": "true"}).content.decode()
    assert fetched.count('<article class="certificate">') == 2
    assert f'href="{row[1]}"' in page  # the same without JavaScript


@pytest.mark.parametrize("many", [1, 2000])
def test_the_page_stays_light_however_long_the_ledger(
    client: Client, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    rows = [
        replace(row, id=f"{row.id}{copy}", op=f"{row.op}{copy}")
        for copy in range(1 + many // len(STATED))
        for row in STATED
    ]
    monkeypatch.setattr(simcore, "numbers", lambda lang: tuple(rows))
    page = text(client)
    assert len(listed(page)) == len(rows) >= many
    names = re.findall(r'(?:src|href)="/static/([^"]*\.(?:css|js))"', page)
    assert "strata/data.css" in names
    parts = [page.encode(), *((Path(site.ROOT) / "static" / name).read_bytes() for name in names)]
    assert sum(len(gzip.compress(part)) for part in parts) / 1000 <= PAGE_KB


def test_the_rule_by_which_a_run_chooses_is_on_the_page_in_both_languages(client: Client) -> None:
    for lang in ("en", "zh-hans"):
        page = shown(text(client, f"?lang={lang}"))
        for part in ("rule", "order"):
            for first, _ in simcore.numbers_explained(lang)[part].values():
                assert first in page


def test_what_a_number_is_for_one_of_is_said_in_the_page_s_language(client: Client) -> None:
    for lang, said in (("en", "211 ms per GiB"), ("zh-hans", "每 GiB 211 ms")):
        assert said in shown(text(client, asked(component="vm", op="populate_2m", lang=lang)))
    for lang, said in (("en", "320 ms per port"), ("zh-hans", "每 端口 320 ms")):
        assert said in shown(text(client, asked(component="ahci", op="link_wait", lang=lang)))
