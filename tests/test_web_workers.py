"""The pool: spawned processes, a crash costs one job and says so; and a run over the socket."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.db import DatabaseError

import simcore
from simweb import runs, store
from simweb.asgi import application
from simweb.models import Trace
from simweb.workers import Job, JobError, Pool, Progress
from tests.web import attribute, isolated

JOBS = "tests.web_jobs"
WAIT_S = 60


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


def outcome(pool: Pool, job: Job) -> Any:
    return pool.result(pool.submit(job), WAIT_S)


def test_jobs_run_in_another_process(pool: Pool) -> None:
    assert outcome(pool, Job("whose", f"{JOBS}:whose")) != os.getpid()


def test_one_process_serves_many_jobs(pool: Pool) -> None:
    assert [outcome(pool, Job(f"add {n}", f"{JOBS}:add", (n, 1))) for n in range(20)] == list(range(1, 21))
    assert outcome(pool, Job("first", f"{JOBS}:whose")) == outcome(pool, Job("second", f"{JOBS}:whose"))


def test_the_same_key_is_one_job(pool: Pool) -> None:
    first = pool.submit(Job("nap", f"{JOBS}:sleep", (0.3,)))
    assert pool.submit(Job("nap", f"{JOBS}:sleep", (0.3,))) is first
    pool.result(first, WAIT_S)


def test_a_crash_is_told_and_the_next_job_runs(pool: Pool) -> None:
    with pytest.raises(JobError, match="ended with code -9") as told:
        outcome(pool, Job("die", f"{JOBS}:die"))
    assert told.value.reason == "crashed"
    assert outcome(pool, Job("after", f"{JOBS}:add", (2, 2))) == 4


def test_a_database_that_is_away_for_a_moment_does_not_end_the_feeder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise DatabaseError("no connection")

    monkeypatch.setattr("django.db.close_old_connections", away)
    made = Pool(1)
    try:
        assert [outcome(made, Job(f"away {n}", f"{JOBS}:add", (n, 1))) for n in range(3)] == [1, 2, 3]
    finally:
        made.close()
    assert "connection was not closed" in caplog.text


def test_a_failure_is_told_in_its_own_words_and_may_be_tried_again(pool: Pool) -> None:
    with pytest.raises(JobError, match="seven is not a colour") as told:
        outcome(pool, Job("fail", f"{JOBS}:fail"))
    assert told.value.reason == "failed"
    assert outcome(pool, Job("fail", f"{JOBS}:add", (1, 1))) == 2


def test_a_job_that_takes_too_long_is_stopped(pool: Pool) -> None:
    with pytest.raises(JobError) as told:
        outcome(pool, Job("slow", f"{JOBS}:sleep", (30.0,), limit_s=0.5))
    assert told.value.reason == "too-slow"
    assert outcome(pool, Job("after that", f"{JOBS}:add", (3, 3))) == 6


def test_a_function_that_is_not_there_is_a_failure_and_not_a_hang(pool: Pool) -> None:
    with pytest.raises(JobError, match="nowhere"):
        outcome(pool, Job("nowhere", "nowhere:nothing"))


def test_what_follows_a_job_runs_here_and_its_result_is_the_ticket_s(pool: Pool) -> None:
    job = Job("then", f"{JOBS}:add", (1, 2), then=lambda result: (result, os.getpid()))
    assert outcome(pool, job) == (3, os.getpid())


def test_progress_arrives_in_order_and_then_the_end(pool: Pool) -> None:
    seen: list[Progress] = []
    ticket = pool.submit(Job("count", f"{JOBS}:count", (5,)))
    with ticket.watch(seen.append):
        pool.result(ticket, WAIT_S)
        while not seen[-1].done:
            time.sleep(0.01)
    steps = [step.now_ns for step in seen if step.now_ns is not None]
    assert steps == sorted(steps)
    assert len(steps) >= 3
    assert seen[-1].done


async def test_a_coroutine_can_wait_without_stopping_the_loop(pool: Pool) -> None:
    ticket = pool.submit(Job("await", f"{JOBS}:sleep", (0.4,)))
    ticks = 0
    waiting = asyncio.ensure_future(pool.wait(ticket))
    while not waiting.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 10


def test_a_queue_that_is_too_long_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simweb.workers.MOST_WAITING", 2)
    busy = Pool(1)
    try:
        first = busy.submit(Job("first", f"{JOBS}:sleep", (0.5,)))
        while not first.future.running():
            time.sleep(0.01)
        for number in range(2):
            busy.submit(Job(f"nap {number}", f"{JOBS}:sleep", (0.5,)))
        with pytest.raises(JobError, match="waiting already") as told:
            busy.submit(Job("one too many", f"{JOBS}:sleep", (0.5,)))
        assert told.value.reason == "busy"
    finally:
        busy.close()


def test_a_closed_pool_takes_no_jobs() -> None:
    closed = Pool(1)
    closed.close()
    with pytest.raises(JobError, match="shutting down"):
        closed.submit(Job("late", f"{JOBS}:whose"))


# A run over the socket


@pytest.fixture
def spawned(settings: Any, tmp_path: Path) -> Iterator[None]:
    yield from isolated(settings, tmp_path, processes=1)


class Socket(ApplicationCommunicator):
    """A browser's end of a WebSocket."""

    def __init__(self, query: str, origin: str = "http://localhost") -> None:
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        scope = {"type": "websocket", "path": "/ws/run/", "query_string": query.encode(), "headers": headers}
        super().__init__(application, scope)

    async def heard(self) -> list[str] | None:
        """Everything that is said until the other end closes; None if it does not even accept."""
        await self.send_input({"type": "websocket.connect"})
        messages = None
        while (message := await self.receive_output(WAIT_S))["type"] != "websocket.close":
            if message["type"] == "websocket.accept":
                messages = []
            else:
                messages.append(message["text"])
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(WAIT_S)
        return messages


@sync_to_async
def plan_for(*names: str) -> store.Plan:
    rows = [
        store.keep(simcore.scenario(simcore.prebuilt()[name], workload="boot"), 1, name) for name in names
    ]
    return store.Plan(tuple(rows))


@pytest.mark.django_db(transaction=True)
async def test_a_run_is_followed_over_the_socket_to_its_trace(spawned: None) -> None:
    plan = await plan_for("linux")
    messages = await Socket(runs.query_of(plan)).heard()
    assert 'data-state="running"' in messages[0]
    assert 'data-state="done"' in messages[-1]
    trace = await Trace.objects.aget()
    assert attribute(messages[-1], "data-trace") == f"/traces/{trace.hash}"


@pytest.mark.django_db(transaction=True)
async def test_a_race_brings_the_explained_gap_with_its_end(spawned: None) -> None:
    plan = await plan_for("linux", "docker-on-linux")
    messages = await Socket(f"{runs.query_of(plan)}&lang=zh-hans").heard()
    assert 'id="why" hx-swap-oob="true"' in messages[-1]
    assert "差别从何而来" in messages[-1]


@pytest.mark.django_db(transaction=True)
async def test_a_run_that_is_done_is_told_at_once(spawned: None) -> None:
    plan = await plan_for("linux")
    await Socket(runs.query_of(plan)).heard()
    assert len(await Socket(runs.query_of(plan)).heard() or []) == 1


@pytest.mark.django_db(transaction=True)
async def test_a_crash_is_told_on_the_page_and_not_repeated_by_asking(
    spawned: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await plan_for("linux")
    monkeypatch.setattr(store, "job_of", lambda plan: Job(plan.key, f"{JOBS}:die"))
    messages = await Socket(runs.query_of(plan)).heard()
    assert "ended unexpectedly" in messages[-1]
    run = await sync_to_async(runs.run_of)(plan)
    assert run.state == "failed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["", "scenario=nope", "scenario=" + "&scenario=".join("abcde"), "%ff=%fe"])
async def test_a_socket_that_asks_for_nothing_known_is_closed(spawned: None, query: str) -> None:
    assert await Socket(query).heard() == []


@pytest.mark.django_db(transaction=True)
async def test_a_socket_from_another_site_is_refused(spawned: None) -> None:
    assert await Socket("", origin="http://evil.example").heard() is None


@pytest.mark.django_db(transaction=True)
def test_without_a_socket_asking_again_gives_the_same_answer(spawned: None, client: Any) -> None:
    page = client.get("/s/linux/").content.decode()
    deadline = time.monotonic() + WAIT_S
    if 'data-trace=""' in page:
        url = attribute(page, "hx-get")
        while (
            state := client.get(url)
        ).status_code == 200 and 'data-state="running"' in state.content.decode():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert 'data-state="done"' in state.content.decode()
    assert attribute(client.get("/s/linux/").content.decode(), "data-trace").startswith("/traces/")
    assert client.get("/run/?scenario=nope").status_code == 404
