"""Whatever is pasted into the checking page: the answer is findings, and nothing is half-saved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as site
from django.test import Client

import simcore
from simweb.asgi import application
from simweb.models import Scenario
from tests.web import attribute, isolated, shown

pytestmark = pytest.mark.django_db

GOOD = simcore.scenario(simcore.prebuilt()["linux"]).to_yaml()
DEEP = "[" * 5000 + "]" * 5000
BAD = {
    "nothing": "",
    "spaces": "  \n\n ",
    "a word": "hello",
    "a number": "42",
    "a list": "- 1\n- 2",
    "null": "null",
    "broken YAML": "stack: [1, 2",
    "broken JSON": '{"stack": ',
    "tabs": "stack:\n\t- x",
    "an alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "a tag": "!!python/object/apply:os.system ['true']",
    "deep lists": DEEP,
    "deep maps": "a: " * 1 + "{a: " * 3000 + "1" + "}" * 3000,
    "NUL": "a\0b",
    "control characters": "\x01\x02\x1b[31m",
    "a lone surrogate in JSON": '{"stack": {"id": "\\ud800", "is": "linux"}}',
    "a surrogate as key": '{"\\udfff": 1}',
    "an unknown field": GOOD + "\nnonsense: 1\n",
    "an unknown component": GOOD.replace("server-2s-xeon", "abacus"),
    "a huge number": GOOD.replace(
        "is: server-2s-xeon", "is: server-2s-xeon\n  settings: {cpus: " + "9" * 5000 + "}"
    ),
    "a negative size": GOOD.replace("is: server-2s-xeon", "is: server-2s-xeon\n  settings: {memory: -4 GiB}"),
    "markup": "<script>alert(1)</script>: [",
    "a million lines": "a\n" * 200_000,
    "not a number": '{"schema_version": NaN, "stack": Infinity}',
    "double keys": '{"stack": 1, "stack": 2}',
}


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("play", [False, True])
def test_every_bad_scenario_gets_findings_with_id_message_and_hint(
    client: Client, name: str, play: bool
) -> None:
    data = {"scenario": BAD[name]} | ({"play": "1"} if play else {})
    response = client.post("/check/", data)
    assert response.status_code == (422 if play else 200)
    page = response.content.decode()
    assert '<li class="finding error"' in page
    assert attribute(page.partition('<li class="finding error"')[2], "data-id")
    assert 'class="message"' in page
    assert "<script>alert" not in page
    assert not Scenario.objects.exists()


def test_all_faults_are_told_at_once(client: Client) -> None:
    text = GOOD.replace("server-2s-xeon", "abacus").replace("is: linux", "is: minix-9") + "\nnonsense: 1\n"
    page = client.post("/check/", {"scenario": text}).content.decode()
    assert page.count('<li class="finding error"') >= 3


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_findings_speak_the_language_of_the_page(client: Client, lang: str) -> None:
    client.get(f"/?lang={lang}")
    page = shown(client.post("/check/", {"scenario": "hello"}).content.decode())
    assert ("Change:" if lang == "en" else "改法：") in page


def test_bytes_that_are_not_utf8_get_an_answer_too(client: Client) -> None:
    for kind in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16"):
        response = client.generic("POST", "/check/", b"scenario=\xff\xfe\xfa%ff%c0", content_type=kind)
        assert response.status_code in (200, 400)


def test_a_form_that_is_broken_in_itself_is_a_400_page(client: Client) -> None:
    response = client.post("/check/", b"--x\r\n", content_type="multipart/form-data; boundary=")
    assert response.status_code == 400
    many = "&".join(f"f{number}=1" for number in range(2000))
    response = client.post("/check/", many, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400
    assert "To the gallery" in response.content.decode()


@pytest.mark.parametrize("headers", [{}, {"hx-request": "true"}])
def test_ten_megabytes_are_refused_unread_with_a_finding(client: Client, headers: dict[str, str]) -> None:
    response = client.post("/check/", {"scenario": "x" * 10_000_000}, headers=headers)
    assert response.status_code == 413
    page = response.content.decode()
    assert 'data-id="post-too-large"' in page
    assert ("<html" in page) is not bool(headers)


async def test_a_body_of_undeclared_length_is_cut_off() -> None:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/check/", "query_string": b"", "headers": headers}
    browser = ApplicationCommunicator(application, scope)
    for _ in range(20):
        await browser.send_input({"type": "http.request", "body": b"x" * 100_000, "more_body": True})
    assert (await browser.receive_output(10))["status"] == 413
    await browser.receive_output(10)
    await browser.wait(10)


async def test_a_body_that_declares_too_much_is_thrown_away_and_answered_with_a_page() -> None:
    headers = [(b"host", b"localhost"), (b"content-length", b"10000000")]
    scope = {"type": "http", "method": "POST", "path": "/check/", "query_string": b"", "headers": headers}
    browser = ApplicationCommunicator(application, scope)
    for _ in range(100):
        await browser.send_input({"type": "http.request", "body": b"x" * 100_000, "more_body": True})
    assert (await browser.receive_output(10))["status"] == 413
    assert b'data-id="post-too-large"' in (await browser.receive_output(10))["body"]
    await browser.send_input({"type": "http.disconnect"})
    await browser.wait(10)


def test_just_below_the_limit_the_finding_is_the_checker_s_own(client: Client) -> None:
    response = client.post("/check/", {"scenario": "x" * (site.LARGEST_POST_BYTES - 1000)})
    assert response.status_code == 200
    assert '<li class="finding error"' in response.content.decode()


def test_a_legal_scenario_is_drawn_and_nothing_is_stored_by_checking(client: Client) -> None:
    page = client.post("/check/", {"scenario": GOOD}).content.decode()
    assert "Nothing is wrong with it" in page
    assert '<svg class="stack full"' in page
    assert not Scenario.objects.exists()


def test_a_legal_scenario_can_be_kept_and_played(client: Client) -> None:
    text = GOOD.replace("is: server-2s-xeon", "is: server-2s-xeon\n  settings: {memory: 8 GiB}")
    response = client.post("/check/", {"scenario": text, "play": "1"})
    assert response.status_code == 302
    assert Scenario.objects.count() == 1
    player = client.get(response.headers["Location"])
    assert player.status_code == 200
    assert "8 GiB" in player.content.decode()
    again = client.post("/check/", {"scenario": json.dumps(simcore.load(text)), "play": "1"})
    assert again.headers["Location"] == response.headers["Location"]


def test_htmx_gets_the_findings_alone_and_is_sent_on_when_playing(client: Client) -> None:
    fragment = client.post("/check/", {"scenario": "x"}, headers={"hx-request": "true"}).content.decode()
    assert fragment.lstrip().startswith('<section id="findings"')
    played = client.post("/check/", {"scenario": GOOD, "play": "1"}, headers={"hx-request": "true"})
    assert played.headers["HX-Redirect"].startswith("/s/")


def test_what_was_typed_comes_back_as_it_was(client: Client) -> None:
    page = client.post("/check/", {"scenario": "a: </textarea><b>"}).content.decode()
    assert "a: &lt;/textarea&gt;&lt;b&gt;" in page


def test_a_scenario_without_a_subject_keeps_its_own_work_and_explains_the_other_tabs(client: Client) -> None:
    raw = simcore.load(GOOD.encode())
    raw["workloads"] = [{"id": "mine", "is": "spin", "on": "host-os"}]
    del raw["subject"]
    url = client.post("/check/", {"scenario": json.dumps(raw), "play": "1"}).headers["Location"]
    assert 'data-node="mine"' in client.get(url).content.decode()
    other = client.get(f"{url}?view=read")
    assert other.status_code in (200, 422)


def test_the_form_starts_with_the_stack_that_one_comes_from(client: Client) -> None:
    page = client.get("/check/?from=linux-on-kvm").content.decode()
    assert "kvm-qemu" in page
    assert client.get("/check/?from=nonsense").status_code == 200
