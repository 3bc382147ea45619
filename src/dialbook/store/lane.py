"""Threads for calls that block. Few wait for them, and none for long: the rest is refused at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from dialbook.model.errors import RETRY_SOON, Unavailable

R = TypeVar("R")

CROWDED = "Too many requests are waiting."
OVERDUE = "Too many requests are before this one."


class Lane:
    """Some threads, and those who wait before them.

    Args:
        name: what the threads are called.
        threads: how many calls run at the same time.
        waiting: how many more may wait.
        patience: for how many seconds; a call that has begun is never given up.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, patience: float) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._places = threads + waiting
        self._inside: set[Future[Any]] = set()
        self._patience = patience

    async def run(self, call: Callable[[], R]) -> R:
        """Run a call in one of the threads.

        Raises:
            Unavailable: too many wait already, or it waited for too long, or the lane is closed.
        """
        job = self._enter(call)
        waited = asyncio.get_running_loop().call_later(self._patience, job.cancel)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if _is_cancelled_from_outside():
                raise
            raise Unavailable(OVERDUE, headers=RETRY_SOON) from None
        finally:
            waited.cancel()

    @property
    def inside(self) -> int:
        """How many calls run or wait."""
        return len(self._inside)

    def close(self) -> None:
        """Finish what was begun or waits, then end the threads."""
        self._threads.shutdown()

    def _enter(self, call: Callable[[], R]) -> Future[R]:
        if len(self._inside) >= self._places:
            raise Unavailable(CROWDED, headers=RETRY_SOON)
        try:
            job = self._threads.submit(call)
        except RuntimeError:  # what shutdown makes of it
            raise Unavailable("The server is stopping.", headers=RETRY_SOON) from None
        self._inside.add(job)
        job.add_done_callback(self._inside.discard)
        return job


def _is_cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
