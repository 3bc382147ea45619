"""Threads for calls that block. Few wait for them, and none for long: the rest is refused at once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

from dialbook.model.errors import RETRY_SOON, STOPPING, Unavailable

R = TypeVar("R")

SCANNERS = 3  # scans, each in a thread, that are under way at the same time
OF_ONE = 2  # of the scans under way, and of the changes, those of one account
CROWDED = "Too many requests are waiting."
OVERDUE = "Too many requests are before this one."


class Shares:
    """Of what callers share, so much for one of them at the same time.

    Args:
        each: how much.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        # Kept by those who are inside.
        self._held: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    async def run(
        self, work: Callable[[], Coroutine[None, None, R]], whose: Hashable, deadline: float | None = None
    ) -> R:
        """Do some work, after what was asked for before by the same caller; who is nobody waits for none.

        Args:
            work: it goes on, and keeps its share, also when nobody waits for it any more: threads and databases do.
            whose: the caller, None for nobody.
            deadline: the moment, on the loop's clock, from which on its share is not waited for any more.

        Raises:
            Unavailable: that moment has come.
        """
        if whose is None:
            return await work()
        share = self._held.setdefault(whose, asyncio.Semaphore(self._each))
        try:
            async with asyncio.timeout_at(deadline):
                await share.acquire()
        except TimeoutError:
            raise Unavailable(OVERDUE, headers=RETRY_SOON) from None
        task = asyncio.create_task(work())
        task.add_done_callback(lambda _: share.release())
        return await asyncio.shield(task)


def first_of(args: Sequence[object]) -> Hashable:
    """Whose a call is with these arguments: the first of them tells, as the account does; None where there is none."""
    return args[0] if args else None


class Lane:
    """Some threads, and those who wait before them.

    Args:
        name: what the threads are called.
        threads: how many calls run at the same time.
        waiting: how many more may wait.
        patience: for how many seconds; a call that has begun is never given up.
        each: how many threads one caller may have at the same time; all of them unless told.
    """

    def __init__(self, name: str, *, threads: int, waiting: int, patience: float, each: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._places = threads + waiting
        self._inside = 0
        self._patience = patience
        self._shares = Shares(each or threads)

    async def run(self, call: Callable[[], R], whose: Hashable = None) -> R:
        """Run a call in one of the threads.

        Args:
            call: it.
            whose: the caller; calls of one come in the order in which they are asked for.

        Raises:
            Unavailable: too many wait already, or it waited for too long, or the lane is closed.
        """
        if self._inside >= self._places:
            raise Unavailable(CROWDED, headers=RETRY_SOON)
        self._inside += 1
        try:
            deadline = asyncio.get_running_loop().time() + self._patience
            return await self._shares.run(partial(self._run_by, deadline, call), whose, deadline)
        finally:
            self._inside -= 1

    @property
    def inside(self) -> int:
        """How many calls run or wait."""
        return self._inside

    def close(self) -> None:
        """Finish what was begun or waits, then end the threads."""
        self._threads.shutdown()

    async def _run_by(self, deadline: float, call: Callable[[], R]) -> R:
        try:
            job = self._threads.submit(call)
        except RuntimeError:  # what shutdown makes of it
            raise Unavailable(STOPPING, headers=RETRY_SOON) from None
        waited = asyncio.get_running_loop().call_at(deadline, job.cancel)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if _is_cancelled_from_outside():
                raise
            raise Unavailable(OVERDUE, headers=RETRY_SOON) from None
        finally:
            waited.cancel()


def _is_cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
