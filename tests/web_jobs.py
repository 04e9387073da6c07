"""What the jobs of the pool's tests call, in the worker process."""

import os
import signal
import time
from collections.abc import Callable


def whose(progress: Callable[..., None]) -> int:
    return os.getpid()


def add(left: int, right: int, *, progress: Callable[..., None]) -> int:
    return left + right


def die(progress: Callable[..., None]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(progress: Callable[..., None]) -> None:
    raise ValueError("seven is not a colour")


def sleep(seconds: float, *, progress: Callable[..., None]) -> None:
    time.sleep(seconds)


def count(steps: int, *, progress: Callable[..., None]) -> int:
    for step in range(steps):
        progress(step, 0)
        time.sleep(0.06)
    return steps
