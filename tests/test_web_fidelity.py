"""/fidelity/: the published error of the model as a page. HTTP in, HTML out.

`data/validation.json` has the shape of `simcore.validation()` and one case of every kind.
"""

import gzip
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from tests.web import isolated, shown

pytestmark = pytest.mark.django_db

RESULT = json.loads((Path(__file__).parent / "data" / "validation.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in RESULT["cases"]}
RATIOS = {name for name, case in CASES.items() if case["tier"] != "L"}
PAGE_KB = 200


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simcore, "validation", lambda: RESULT)


def text(client: Client, query: str = "", **headers: str) -> str:
    return client.get(f"/fidelity/{query}", headers=headers).content.decode()


def rows(page: str) -> dict[str, str]:
    """The words of each case's row."""
    found = re.findall(r'<tr id="case-([^"]*)"(.*?)</tr>', page, re.DOTALL)
    return {html.unescape(name): shown(f"<tr {row}") for name, row in found}


def marks(page: str) -> dict[str, str]:
    """Each case in the plot: its piece of the drawing."""
    found = re.findall(r'<a class="mark [^>]*href="#case-([^"]*)"(.*?)</a>', page, re.DOTALL)
    return {html.unescape(name): drawn for name, drawn in found}


def scores(page: str) -> dict[str, tuple[str, str]]:
    """By term: whether its target is met, and the words."""
    found = re.findall(r'<li class="score ?([a-z]*)">(.*?#term-([\w-]+).*?)</li>', page, re.DOTALL)
    return {term: (outcome, shown(words)) for outcome, words, term in found}


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_every_case_has_one_row_in_the_page_s_language(client: Client, lang: str) -> None:
    found = rows(text(client, f"?lang={lang}"))
    assert sorted(found) == sorted(CASES)
    for name, case in CASES.items():
        assert case["label"][lang] in found[name]
        assert RESULT["studies"][case["study"]]["note"][lang].partition("`")[0] in found[name]
        assert all(evidence in found[name] for evidence in case["evidence_ids"])


def test_the_headline_is_the_error_on_studies_that_the_model_has_not_seen(client: Client) -> None:
    tier = RESULT["tiers"]["X"]
    assert (
        f"half of the predictions are within ×{tier['median_factor']:.3g} of the measurement "
        f"and nine in ten within ×{tier['p90_factor']:.3g} ." in shown(text(client))
    )


@pytest.mark.parametrize(("lang", "met", "missed"), [("en", "met", "missed"), ("zh-hans", "达到", "未达到")])
def test_each_score_says_in_words_whether_it_meets_its_target(
    client: Client, lang: str, met: str, missed: str
) -> None:
    found = scores(text(client, f"?lang={lang}"))
    outcomes = {term: outcome for term, (outcome, _) in found.items()}
    assert outcomes == {
        "tier-L": "met",
        "tier-S": "missed",
        "tier-X": "missed",
        "skill": "missed",
        "orders": "met",
        "largest": "missed",
    }
    for outcome, words in found.values():
        assert words.endswith({"met": met, "missed": missed}[outcome])


def test_a_tier_just_at_both_of_its_targets_meets_them_and_just_beyond_one_misses(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for half, nine, outcome in ((1.3, 2.0, "met"), (1.31, 2.0, "missed"), (1.3, 2.01, "missed")):
        tier = RESULT["tiers"]["X"] | {"median_factor": half, "p90_factor": nine}
        changed = RESULT | {"tiers": RESULT["tiers"] | {"X": tier}}
        monkeypatch.setattr(simcore, "validation", lambda changed=changed: changed)
        assert scores(text(client))["tier-X"][0] == outcome


def test_a_tier_without_a_case_neither_meets_nor_misses(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = dict.fromkeys(RESULT["tiers"]["L"]) | {"n": 0, "studies": 0}
    monkeypatch.setattr(simcore, "validation", lambda: RESULT | {"tiers": RESULT["tiers"] | {"L": empty}})
    outcome, words = scores(text(client))["tier-L"]
    assert outcome == ""
    assert "no case yet" in words


def test_every_term_is_explained_on_the_page(client: Client) -> None:
    page = text(client)
    asked = set(re.findall(r'href="#(term-[\w-]+)"', page))
    explained = set(re.findall(r'<dt id="(term-[\w-]+)"', page))
    assert {"term-skill", "term-average", "term-orders", "term-sensitivity", "term-tier-X"} <= asked
    assert asked <= explained
    assert {"term-case", "term-error", "term-tier-F"} <= explained


# The plot


def test_every_ratio_is_a_point_that_can_be_focused_named_and_followed_to_its_row(client: Client) -> None:
    page = text(client)
    found = marks(page)
    assert set(found) == RATIOS
    for name, drawn in found.items():
        case = CASES[name]
        assert html.escape(case["label"]["en"]) in drawn.partition("<title>")[2].partition("</title>")[0]
        assert len(re.findall(r"<circle|<rect", drawn)) == max(1, len(case["points"]))
        assert f'id="case-{name}"' in page


def test_a_point_lies_above_the_diagonal_exactly_where_too_much_is_predicted(client: Client) -> None:
    for name, drawn in marks(text(client)).items():
        case = CASES[name]
        if case["points"] or abs(case["factor"] - 1) < 0.05:
            continue
        circle = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
        square = re.search(r"rotate\(45 ([\d.]+) ([\d.]+)\)", drawn)
        place = circle or square
        assert place
        x, y = float(place[1]), 640 - float(place[2])
        assert (y > x) is (case["factor"] > 1), name


def test_local_composites_are_absolute_and_have_a_plot_of_their_own(client: Client) -> None:
    page = text(client, "?tier=L")
    assert set(marks(page)) == set(rows(page)) == set(CASES) - RATIOS
    assert "31.2 ms" in shown(page)
    assert re.search(r'<text class="tick"[^>]*>[^<]*ms</text>', page)


# Filters, sorting


@pytest.mark.parametrize("family", ["start", "disk", "scheduling"])
def test_a_family_shows_exactly_its_cases(client: Client, family: str) -> None:
    page = text(client, f"?family={family}")
    wanted = {name for name, case in CASES.items() if case["family"] == family}
    assert set(rows(page)) == wanted
    assert set(marks(page)) == wanted & RATIOS


def test_family_tier_and_sort_go_together_and_links_keep_the_others(client: Client) -> None:
    page = text(client, "?family=start&tier=X&sort=-error")
    found = list(rows(page))
    errors = [CASES[name]["e"] for name in found]
    assert {(CASES[name]["family"], CASES[name]["tier"]) for name in found} == {("start", "X")}
    assert errors == sorted(errors, reverse=True)
    assert len(errors) >= 2
    links = dict(re.findall(r'<a id="((?:family|tier|sort)-\w+)"[^>]*? href="([^"#]*)', page))
    assert links["family-disk"] == "/fidelity/?family=disk&amp;tier=X&amp;sort=-error"
    assert links["tier-all"] == "/fidelity/?family=start&amp;sort=-error"
    assert links["sort-error"] == "/fidelity/?family=start&amp;tier=X&amp;sort=error"


@pytest.mark.parametrize("key", ["measured", "predicted", "factor"])
def test_the_table_sorts_up_and_down(client: Client, key: str) -> None:
    up = [CASES[name][key] for name in rows(text(client, f"?sort={key}"))]
    down = [CASES[name][key] for name in rows(text(client, f"?sort=-{key}"))]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert 'aria-sort="descending"' in text(client, f"?sort=-{key}")


def test_htmx_gets_the_cases_alone_with_the_address_that_shows_the_same(client: Client) -> None:
    fragment = text(client, "?tier=S&sort=", hx_request="true")
    assert "<html" not in fragment
    assert fragment.lstrip().startswith('<section id="cases" data-address="/fidelity/?tier=S"')
    assert list(rows(fragment)) == list(rows(text(client, "?tier=S")))


def test_a_choice_that_there_is_not_shows_everything(client: Client) -> None:
    page = text(client, "?family=cheese&tier=Z&sort=colour")
    assert set(rows(page)) == set(CASES)
    assert 'data-address="/fidelity/"' in page


# What is told of a case, and of what went wrong


def test_where_nothing_was_measured_only_whether_nothing_is_predicted_counts(client: Client) -> None:
    found = rows(text(client))
    for name, case in CASES.items():
        if case["e"] is None:
            said = "no effect, as measured" if case["no_effect_predicted"] else "an effect where none was"
            assert said in found[name]


def test_the_sign_of_an_error_is_said(client: Client) -> None:
    found = rows(text(client))
    for name, case in CASES.items():
        if case["e"] is not None and case["e"] > 0.01:
            assert ("predicted too much" if case["factor"] > 1 else "predicted too little") in found[name]


def test_a_curve_shows_its_points(client: Client) -> None:
    name, case = next((name, case) for name, case in CASES.items() if case["points"])
    assert f"{case['points'][0]['x']}: ×{case['points'][0]['measured']:.3g} →" in rows(text(client))[name]


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_inversions_come_with_their_reason_or_say_that_there_is_none(client: Client, lang: str) -> None:
    section = text(client, f"?lang={lang}").partition('id="wrong-title"')[2].partition("</section>")[0]
    assert section.count("<li>") == 2
    page = shown(section)
    assert {"en": "Too few locks.", "zh-hans": "锁太少。"}[lang] in page
    assert {"en": "No reason is known yet.", "zh-hans": "原因尚不清楚。"}[lang] in page


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_what_was_left_out_is_listed_with_the_reason(client: Client, lang: str) -> None:
    page = shown(text(client, f"?lang={lang}"))
    for one in RESULT["left_out"]:
        assert one["reason"][lang] in page
        assert all(group in page for group in one["groups"])


def test_an_assumption_that_turns_an_order_leads_to_its_number(client: Client) -> None:
    page = text(client)
    link = re.search(r'href="(/numbers/\?component=linux&amp;op=extent_map#linux.extent_map)"', page)
    assert link
    assert 'id="linux.extent_map"' in client.get(html.unescape(link[1])).content.decode()


def test_a_result_of_another_ledger_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "This result was made with ledger" in shown(text(client))
    monkeypatch.setattr(simcore, "validation", lambda: RESULT | {"ledger": simcore.ledger_version()})
    assert "This result was made with ledger" not in shown(text(client))


def test_markup_in_a_reason_stays_text(client: Client) -> None:
    assert "&lt;b&gt;launcher&lt;/b&gt;" in text(client)


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_the_result_that_this_version_ships_is_shown_whole_and_light(
    client: Client, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.undo()
    published = simcore.validation()
    page = text(client, f"?lang={lang}")
    assert set(rows(page)) == {case["id"] for case in published["cases"]}
    assert len(gzip.compress(page.encode())) / 1000 <= PAGE_KB
