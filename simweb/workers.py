"""A few processes that simulate, so that the event loop never does.

    pool().submit(job) -> Ticket      at once; the same key while it is under way gives the same ticket
    pool().result(ticket)             waits; raises JobError with what went wrong
    await pool().wait(ticket)         the same for coroutines
    ticket.watch(callback)            callback(progress) from a thread, at every step and at the end

Processes are spawned (a fork would copy this process's threads and database handles), know nothing of Django
and are fed one job at a time by a thread each. A process that dies or takes too long costs its job an error
that says so, and is replaced. `job.then` turns the result into what the ticket gives; it runs in that thread.
"""

import asyncio
import contextlib
import importlib
import logging
import multiprocessing
import queue
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Job", "JobError", "Pool", "Progress", "Ticket", "close", "pool"]

log = logging.getLogger(__name__)
REMEMBERED = 256
MOST_WAITING = 64
REPORT_EVERY_S = 0.05
STOP_WITHIN_S = 2.0


class JobError(Exception):
    """Why there is no result. `reason`: crashed | too-slow | failed | busy | stopped; `detail` tells."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Job:
    """`call` is "module:function", called as function(*args, progress=callback) in a worker process."""

    key: str
    call: str
    args: tuple[Any, ...] = ()
    then: Callable[[Any], Any] | None = None
    limit_s: float = 60.0


@dataclass(frozen=True)
class Progress:
    """How far a job is: the simulated time that it has reached, and whether it has ended."""

    now_ns: int | None = None
    done: bool = False


@dataclass(eq=False)
class Ticket:
    job: Job
    future: "Future[Any]" = field(default_factory=Future)
    progress: Progress = Progress()
    _watchers: list[Callable[[Progress], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def watch(self, callback: Callable[[Progress], None]) -> Iterator[None]:
        """Call back now with the present state, then at every step; never again once the block has ended."""
        with self._lock:
            self._watchers.append(callback)
            callback(self.progress)
        try:
            yield
        finally:
            with self._lock:
                self._watchers.remove(callback)

    def tell(self, progress: Progress) -> None:
        with self._lock:
            self.progress = progress
            for callback in self._watchers:
                try:
                    callback(progress)
                except RuntimeError:  # the listener's event loop has closed
                    log.debug("a listener of %s is gone", self.job.key)


def _work(pipe: Connection) -> None:
    """The life of a worker process: a job in, progress and one result out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the site, which then closes the pipe
    while True:
        try:
            call, args = pipe.recv()
        except EOFError:
            return
        reported = 0.0

        def progress(now_ns: int, *_: object) -> None:
            nonlocal reported
            if (now := time.monotonic()) - reported >= REPORT_EVERY_S:
                reported = now
                pipe.send(("progress", now_ns))

        module, _, function = call.partition(":")
        try:
            result = getattr(importlib.import_module(module), function)(*args, progress=progress)
        except Exception as error:
            log.exception("job failed")
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
        else:
            pipe.send(("done", result))


class _Worker:
    """One process and the pipe to it, made when first needed and again whenever it is gone."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.process: Any = None
        self.pipe: Connection | None = None

    def ready(self) -> Connection:
        if self.pipe is None or not self.process.is_alive():
            self.stop()
            ours, theirs = self.context.Pipe()
            process = self.context.Process(target=_work, args=(theirs,), daemon=True, name="strata-worker")
            process.start()
            self.pipe, self.process = ours, process
            theirs.close()
        return self.pipe

    def stop(self) -> None:
        if self.pipe is not None:
            self.pipe.close()
            self.process.join(STOP_WITHIN_S / 2)
            if self.process.is_alive():
                self.process.kill()
                self.process.join(STOP_WITHIN_S)
            self.pipe = None

    def run(self, job: Job, tell: Callable[[Progress], None]) -> Any:
        pipe = self.ready()
        deadline = time.monotonic() + job.limit_s
        try:
            pipe.send((job.call, job.args))
            while pipe.poll(max(0.0, deadline - time.monotonic())):
                kind, value = pipe.recv()
                if kind == "done":
                    return value
                if kind == "failed":
                    raise JobError("failed", value)
                tell(Progress(value))
        except (EOFError, OSError) as error:
            self.process.join(STOP_WITHIN_S)
            code = self.process.exitcode
            self.stop()
            raise JobError("crashed", f"the simulating process ended with code {code}") from error
        self.process.kill()
        self.stop()
        raise JobError("too-slow", f"the run took longer than {job.limit_s:.0f} s")


class Pool:
    """`size` workers behind one queue. With size 0 jobs run in the caller's thread: for tests only."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._jobs: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._lock = threading.Lock()
        self._workers = [_Worker() for _ in range(size)]
        self._threads: list[threading.Thread] = []
        self._closed = False

    @property
    def is_open(self) -> bool:
        return not self._closed

    def start(self) -> None:
        """Start the threads, and the first process ahead of its first job."""
        with self._lock:
            if self._threads or self._closed:
                return
            for number, worker in enumerate(self._workers):
                thread = threading.Thread(
                    target=self._feed, args=(worker, number == 0), daemon=True, name=f"strata-feeder-{number}"
                )
                self._threads.append(thread)
                thread.start()

    def submit(self, job: Job) -> Ticket:
        with self._lock:
            if self._closed:
                raise JobError("stopped", "the site is shutting down")
            known = self._tickets.get(job.key)
            if known and not (known.future.done() and known.future.exception()):
                return known
            if self._jobs.qsize() >= MOST_WAITING:
                raise JobError("busy", f"{MOST_WAITING} runs are waiting already")
            ticket = self._tickets[job.key] = Ticket(job)
            self._tickets.move_to_end(job.key)
            for key in [key for key, old in self._tickets.items() if old.future.done()][:-REMEMBERED]:
                del self._tickets[key]
        if self.size:
            self.start()
            self._jobs.put(ticket)
        else:
            self._run(ticket, _call_here)
        return ticket

    def get(self, key: str) -> Ticket | None:
        """The ticket of a job under way or lately ended."""
        with self._lock:
            return self._tickets.get(key)

    def forget(self, key: str) -> None:
        """The next submit with this key runs again (its result is no longer kept anywhere)."""
        with self._lock:
            if (ticket := self._tickets.get(key)) and ticket.future.done():
                del self._tickets[key]

    def result(self, ticket: Ticket, timeout: float | None = None) -> Any:
        return ticket.future.result(timeout)

    async def wait(self, ticket: Ticket) -> Any:
        return await asyncio.shield(asyncio.wrap_future(ticket.future))

    def close(self) -> None:
        with self._lock:
            self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S)

    def _feed(self, worker: _Worker, at_once: bool) -> None:
        from django.db import close_old_connections  # `then` may have opened one in this thread

        if at_once:
            worker.ready()
        while ticket := self._jobs.get():
            self._run(ticket, worker.run)
            try:
                close_old_connections()
            except Exception:  # the database is away for a moment: this thread is to serve the next job
                log.exception("a feeder's connection was not closed")
        worker.stop()

    def _run(self, ticket: Ticket, run: Callable[[Job, Callable[[Progress], None]], Any]) -> None:
        ticket.future.set_running_or_notify_cancel()
        try:
            result = run(ticket.job, ticket.tell)
            if ticket.job.then:
                result = ticket.job.then(result)
        except JobError as error:
            ticket.future.set_exception(error)
        except Exception as error:
            log.exception("job %s failed", ticket.job.key)
            ticket.future.set_exception(JobError("failed", f"{type(error).__name__}: {error}"))
        else:
            ticket.future.set_result(result)
        ticket.tell(Progress(done=True))


def _call_here(job: Job, tell: Callable[[Progress], None]) -> Any:
    module, _, function = job.call.partition(":")
    call = getattr(importlib.import_module(module), function)
    return call(*job.args, progress=lambda now_ns, *_: tell(Progress(now_ns)))


_pool: Pool | None = None
_pool_lock = threading.Lock()


def pool() -> Pool:
    """The site's one pool."""
    from django.conf import settings  # not above: worker processes import this file and do without Django

    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = Pool(settings.WORKERS)
        return _pool


def close() -> None:
    """Stop the pool; the next use makes a new one."""
    global _pool
    with _pool_lock:
        if _pool is not None:
            _pool.close()
            _pool = None
