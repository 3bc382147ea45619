"""Reads that take long, and what they leave to others."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from threading import Event, Semaphore

from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from tests.processes import HANG_SECONDS


def test_scans_of_one_account_leave_threads_to_the_others(new_database: Callable[[], str]) -> None:
    begun, end = Semaphore(0), Event()

    def look(tx: Tx, _: str) -> None:
        tx.one("SELECT 1")
        tx.one("SELECT 2")  # one statement alone needs no thread on PostgreSQL

    def hold(tx: Tx, account: str) -> None:
        look(tx, account)
        begun.release()
        end.wait()

    async def crowd(url: str) -> None:
        with closing(open_database(url)) as db:
            left = [asyncio.create_task(db.scan(hold, "greedy")) for _ in range(2)]
            for _ in left:
                await asyncio.to_thread(begun.acquire)
            for each in left:  # which goes on in its thread
                each.cancel()
            held = [asyncio.create_task(db.scan(hold, "greedy")) for _ in range(10)]
            try:
                async with asyncio.timeout(HANG_SECONDS):
                    await db.scan(look, "other")
            finally:
                end.set()
            await asyncio.gather(*held)

    asyncio.run(crowd(new_database()))
