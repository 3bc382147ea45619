"""Working off the queue: a chunk of one upload, then one of another, account by account.

What counts is in the database: a chunk and the upload's progress are one transaction, which asks first whether the
upload stands where the chunk begins. So whatever dies, and whoever goes on, each row is written once.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import count

from dialbook.jobs.pace import Pace
from dialbook.jobs.rows import OpenFile
from dialbook.jobs.told import Told, reason_of
from dialbook.log import describe
from dialbook.model.audit import Author, Via
from dialbook.model.errors import DialbookError, TookTooLong, Unavailable
from dialbook.model.upload import Upload, UploadLimits
from dialbook.store.audit import recorded
from dialbook.store.database import Database, Tx
from dialbook.store.spool import Spool
from dialbook.store.upload_queue import Queued, count_elsewhere, count_transactions, list_queue, list_waiting
from dialbook.store.upload_rows import write_chunk
from dialbook.store.uploads import fail_upload, get_upload

IDLE_SECONDS = 0.25  # between looks into an empty queue
TROUBLE_SECONDS = 1.0  # before another try, when the database or the disk cannot be used
OPEN_FILES = 16
LATE_SECONDS = 3600.0  # in which an upload may still be queued, by a commit whose connection was lost
FILE_GONE = "Its file is gone."
FAILED_HERE = "Something went wrong here; the log names this upload."
ALL_WAIT = "No upload can be worked off now; the log says why."

log = logging.getLogger(__name__)


class AllWait(Unavailable):
    """No upload can be worked off now, as the log was told of each account."""


class Runner:
    """Works off the uploads whose files are in a folder; there may be several such for one folder.

    Args:
        db: an open database.
        spool: the folder.
        limits: how much of what.
        clock: tells the time, in UTC.
        count_rows: is told how many rows were written.
    """

    def __init__(
        self,
        db: Database,
        spool: Spool,
        limits: UploadLimits,
        clock: Callable[[], datetime],
        count_rows: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._db = db
        self._spool = spool
        self._limits = limits
        self._clock = clock
        self._count_rows = count_rows
        self._pace = Pace()
        self._ended = asyncio.Event()
        self._seen: str | None = None  # the name of the folder, as it was last looked at
        self._files: dict[str, OpenFile] = {}
        self._reader = ThreadPoolExecutor(1, "dialbook-upload")
        self._turn_numbers = count(1)
        self._last_turns: dict[str, int] = {}  # the number of the last one that each account had
        self._told = Told()

    async def run(self, ended: asyncio.Event) -> None:
        """Work until the event is set."""
        self._ended = ended
        while not ended.is_set():
            try:
                pause = await self._turn_and_rest()
            except AllWait:
                pause = TROUBLE_SECONDS
            except (DialbookError, OSError) as trouble:
                log.warning("uploads wait: %s", reason_of(trouble))
                pause = TROUBLE_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), pause)
        self.close()

    async def turn(self) -> bool:
        """Write a chunk of the upload whose turn it is; return whether there was one.

        Raises:
            Unavailable: the database or the folder cannot be used now, or not for those who wait.
            OSError: a file cannot be removed.
        """
        folder = self._spool.name if self._spool.exists() else ""
        await self._warn_of_others(folder)
        if not folder:
            return False
        queue = await self._db.read(list_queue, folder)
        await self._sweep(queue)
        return await self._work_on_one_of(queue)

    async def _turn_and_rest(self) -> float:
        """Have a turn; return how long to wait for the next."""
        began = time.monotonic()
        if not await self.turn():
            return IDLE_SECONDS
        transactions = await self._db.read(count_transactions)
        ended = time.monotonic()
        return self._pace.rest(ended - began, now=ended, transactions=transactions)

    def close(self) -> None:
        """Leave all files to others."""
        self._reader.shutdown()
        for file in self._files.values():
            file.close()
        self._files.clear()

    async def _work_on_one_of(self, queue: list[Queued]) -> bool:
        """Write a chunk of one: what is wrong with one account or file must not keep others from being worked off."""
        waiting: set[str] = set()  # accounts
        self._told.forget_others(queue)
        for queued in sorted(queue, key=lambda each: (self._last_turns.get(each.account, 0), each.upload)):
            if queued.account in waiting:
                continue
            if self._ended.is_set():  # each may wait for seconds in vain
                break
            self._last_turns[queued.account] = next(self._turn_numbers)
            try:
                if await self._try(queued):
                    return True
            except DialbookError:
                waiting.add(queued.account)
        if waiting:
            raise AllWait(ALL_WAIT)
        return False

    async def _try(self, queued: Queued) -> bool:
        """Work on one, or say why it waits.

        Raises:
            DialbookError: its account's wait with it.
        """
        try:
            is_done = await self._work(queued)
        except OSError as trouble:
            self._told.tell(queued.upload, queued, f"its file cannot be read ({trouble.strerror})")
            return False
        except DialbookError as trouble:
            self._told.tell(queued.account, queued, reason_of(trouble))
            raise
        except Exception as bug:
            self._told.tell(queued.account, queued, describe(bug), logging.ERROR)
            raise Unavailable(FAILED_HERE) from bug
        if is_done:
            self._told.forget(queued)
        return is_done

    async def _work(self, queued: Queued) -> bool:
        """Write the next chunk of an upload; return whether it was for us to do."""
        try:
            upload = await self._db.read(get_upload, queued.account, queued.upload)
            file = self._open(queued, upload)
            if file is None:
                return False
            upload = await self._write_chunk(upload, file)
        except FileNotFoundError:
            upload = await self._fail(queued, FILE_GONE)
        except (Unavailable, OSError):
            raise
        except DialbookError as refusal:
            upload = await self._fail(queued, refusal.description)
        except Exception as bug:  # noqa: BLE001  # one upload must not keep the others from being worked off
            upload = await self._fail(queued, FAILED_HERE)
            log.error("upload %s failed: %s", queued.upload, describe(bug))  # noqa: TRY400  # which would show its text
        if not upload.is_running:
            log.info("upload %s of %s has ended: %s", upload.sid, upload.account, upload.status)
            self._remove(queued.upload)
        return True

    async def _write_chunk(self, upload: Upload, file: OpenFile) -> Upload:
        """Write the chunk that the upload stands at; while it is committed, the one after it is read."""
        chunk = await asyncio.get_running_loop().run_in_executor(self._reader, file.chunk, upload.total)
        limits, now = self._limits.lists, self._clock()

        def write(tx: Tx) -> Upload:
            written = write_chunk(tx, upload.account, upload.sid, chunk, limits=limits, now=now)
            # Not before: on SQLite reading would keep the interpreter from the writing, on PostgreSQL the processors.
            # What goes wrong there does so again when the chunk is asked for.
            self._reader.submit(file.read_ahead, chunk)
            return written

        try:
            written = await self._db.write(write)
        except TookTooLong:  # as where all of them are in hundreds of lists, which nobody could change meanwhile
            file.halve(chunk)
            raise
        self._count_rows(written.total - upload.total)
        return written

    async def _fail(self, queued: Queued, reason: str) -> Upload:
        author = Author(Via.JOB, self._clock())
        fail = recorded(fail_upload, author)
        return await self._db.write(fail, queued.account, queued.upload, reason=reason, now=author.moment)

    def _open(self, queued: Queued, upload: Upload) -> OpenFile | None:
        """The upload's file; None when somebody else works on it."""
        if queued.upload in self._files:
            return self._files[queued.upload]
        locked = self._spool.lock(queued.upload)
        if locked is None:
            return None
        if len(self._files) >= OPEN_FILES:
            # Not the first: of accounts that take turns, its turn comes next, and it would be read anew.
            _, last = self._files.popitem()
            last.close()
        limits = self._limits
        file = OpenFile(locked, upload.list_type, queued.region, limit=limits.file_size, chunk=limits.chunk)
        self._files[queued.upload] = file
        return file

    def _remove(self, sid: str) -> None:
        self._spool.remove(sid)
        if sid in self._files:
            self._files.pop(sid).close()

    async def _sweep(self, queue: list[Queued]) -> None:
        """Remove the files of uploads that have ended, or never began; one that was moved here may wait elsewhere."""
        queued = {each.upload for each in queue}
        gone = self._files.keys() - queued
        idle = self._spool.lock_idle(queued, self._told.tell_of_file, seconds=LATE_SECONDS)
        if not gone and not idle:
            return
        # What is queued by now must be seen: on SQLite a read would share the snapshot of the one before.
        waiting = await self._db.scan(list_waiting)
        for sid in gone - waiting:
            self._remove(sid)
        self._spool.sweep(idle, waiting)

    async def _warn_of_others(self, folder: str) -> None:
        """Say so, once for each folder, when uploads wait whose files are elsewhere: it was another before.

        Args:
            folder: its name, which is another when it was taken away and made again; empty while it is not there.
        """
        if folder == self._seen:
            return
        if others := await self._db.read(count_elsewhere, folder):
            log.warning("%d uploads wait whose files are not in %s", others, self._spool.folder)
        self._seen = folder
