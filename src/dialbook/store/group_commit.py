"""One thread makes all changes; those that wait together are committed together.

Nobody is answered before the commit is on disk. A change that fails is undone alone; when the commit itself fails,
nothing of it is kept and everybody in it is told so.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol, TypeAlias, TypeVar

from dialbook.model.errors import RETRY_SOON, STOPPING, Unavailable
from dialbook.store.database import Tx

R = TypeVar("R")
Change: TypeAlias = Callable[[Tx], Any]

WAITING_LIMIT = 256  # changes that may wait for the thread; more are refused at once
BATCH_SECONDS = 0.02  # how long changes may join a transaction, so that the first is not kept waiting for long

log = logging.getLogger(__name__)


class Batch(Protocol):
    """A transaction for many changes."""

    def begin(self) -> None: ...
    def run(self, fn: Callable[[Tx], R]) -> R:
        """Run one change; undo it, and it alone, when it raises."""

    def commit(self) -> None: ...
    def abandon(self) -> None:
        """Undo what is left, if anything."""

    @property
    def is_open(self) -> bool: ...
    def close(self) -> None: ...


class Job:
    """A change that somebody waits for."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """The thread, and the queue before it."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING_LIMIT)
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="dialbook-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change) -> Future[Any]:
        """Have a change made; the future is done once it is durable.

        Raises:
            Unavailable: too many changes wait already, or the thread is ending.
        """
        if self._closing:
            raise Unavailable(STOPPING, headers=RETRY_SOON)
        job = Job(change)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            raise Unavailable("Too many changes are waiting.", headers=RETRY_SOON) from None
        return job.future

    @property
    def waiting(self) -> int:
        """How many changes wait."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Make the changes that wait, then end the thread."""
        self._closing = True
        self._jobs.put(None)
        self._thread.join()
        self._batch.close()

    def _work(self) -> None:
        while not self._ended and (job := self._jobs.get()) is not None:
            taken: list[Job] = []
            try:
                self._make(job, taken)
            except BaseException as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
                self._fail(taken, error)
            for done in taken:
                done.answer()

    def _make(self, first: Job, taken: list[Job]) -> None:
        """Run one transaction; `taken` grows by each change that is part of it."""
        for job in self._together(first):
            taken.append(job)
            if job is taken[0]:
                self._begin(taken)
            self._run(job)
        if taken:
            self._batch.commit()

    def _begin(self, taken: list[Job]) -> None:
        try:
            self._batch.begin()
        except Unavailable:
            # Whoever waits behind this one would wait as long again for the same answer.
            while (job := self._next_waiting()) is not None:
                if job.future.set_running_or_notify_cancel():
                    taken.append(job)
            raise

    def _together(self, first: Job) -> Iterator[Job]:
        """The first change, and those that wait by now, for a while."""
        end = time.monotonic() + BATCH_SECONDS
        job: Job | None = first
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                yield job
            job = self._next_waiting() if time.monotonic() < end else None

    def _next_waiting(self) -> Job | None:
        try:
            job = self._jobs.get_nowait()
        except queue.Empty:
            return None
        self._ended = job is None
        return job

    def _run(self, job: Job) -> None:
        try:
            job.result = self._batch.run(job.change)
        except BaseException as error:
            job.error = error
            if not self._batch.is_open:
                raise

    def _fail(self, taken: list[Job], error: BaseException) -> None:
        """Undo the transaction; what was refused stays refused, all the rest did not happen."""
        try:
            self._batch.abandon()
        except Exception as trouble:  # noqa: BLE001  # those who wait have to be answered all the same
            # The type alone: what the driver says might hold personal data.
            log.error("a transaction could not be undone: %s", type(trouble).__name__)  # noqa: TRY400
        reason = error if isinstance(error, Unavailable) else type(error).__name__
        log.error("a transaction of %d changes was lost: %s", len(taken), reason)
        lost = error if isinstance(error, Unavailable) else Unavailable("The change was undone.", headers=RETRY_SOON)
        for job in taken:
            job.error = job.error or lost
