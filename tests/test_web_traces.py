"""Traces by hash: immutable, compressed, for everybody, and made again when they had to make room."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import simcore
from simweb import store
from simweb.models import Scenario, Trace
from tests.web import attribute, isolated

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def simulated_here(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path)


@pytest.fixture
def url(client: Client) -> str:
    return attribute(client.get("/s/linux/").content.decode(), "data-trace")


def test_a_trace_is_named_by_the_hash_of_its_uncompressed_bytes(client: Client, url: str) -> None:
    response = client.get(url, headers={"accept-encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    data = gzip.decompress(response.content)
    assert data.startswith(b"STRATA1\n")
    assert hashlib.sha256(data).hexdigest() == url.rpartition("/")[2]
    direct = simcore.run(simcore.scenario(simcore.prebuilt()["linux"], workload="boot"), 1)
    assert direct.trace_sha256 == url.rpartition("/")[2]


def test_a_trace_may_be_cached_for_ever_by_anybody(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Cookie" not in response.headers["Vary"]
    assert "Accept-Encoding" in response.headers["Vary"]
    again = client.get(url, headers={"if-none-match": response.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_who_cannot_unzip_gets_it_plain(client: Client, url: str) -> None:
    response = client.get(url, headers={"accept-encoding": "identity"})
    assert "Content-Encoding" not in response.headers
    assert response.content.startswith(b"STRATA1\n")


def test_an_evicted_trace_is_made_again_with_the_same_bytes(client: Client, url: str) -> None:
    first = client.get(url).content
    row = Trace.objects.get()
    store.trace_file(row.hash).unlink()
    Trace.objects.update(stored=0)
    assert client.get(url).content == first
    assert Trace.objects.get().stored > 0


def test_an_evicted_trace_of_another_engine_is_gone_and_says_which(client: Client, url: str) -> None:
    store.trace_file(Trace.objects.get().hash).unlink()
    Trace.objects.update(engine="0.0.1", stored=0)
    response = client.get(url)
    assert response.status_code == 410
    assert "0.0.1" in response.content.decode()


def test_the_least_recently_used_traces_make_room(client: Client, settings: Any) -> None:
    urls = [
        attribute(client.get(f"/s/linux/?seed={seed}").content.decode(), "data-trace") for seed in (1, 2, 3)
    ]
    settings.TRACE_QUOTA_BYTES = max(Trace.objects.values_list("stored", flat=True)) * 2 + 100
    assert store.evict() == 1
    kept = [bool(Trace.objects.get(hash=url.rpartition("/")[2]).stored) for url in urls]
    assert kept == [False, True, True]
    assert Scenario.objects.count() == 3
    assert client.get(urls[0]).status_code == 200


def test_even_without_any_room_the_newest_trace_stays(client: Client, url: str, settings: Any) -> None:
    settings.TRACE_QUOTA_BYTES = 0
    assert store.evict() == 0
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "A" * 64, "abc"])
def test_unknown_and_impossible_names_are_404(client: Client, name: str) -> None:
    assert client.get(f"/traces/{name}").status_code == 404


def test_half_a_trace_is_never_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ab" / "abc.gz"

    def power_cut(*args: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(Path, "replace", power_cut)
    with pytest.raises(OSError, match="power cut"):
        store.write(file, b"data")
    assert not file.exists()
    assert list(file.parent.iterdir()) == []
