"""How late the event loop comes, and how many changes wait: looked at now and then, for the metrics."""

import asyncio
import time

from dialbook.counts import Counts
from dialbook.store.database import Database

SECONDS = 0.1  # between two looks


async def watch(counts: Counts, db: Database) -> None:
    """Look until cancelled."""
    while True:
        due = time.monotonic() + SECONDS
        await asyncio.sleep(SECONDS)
        counts.lag(max(0.0, time.monotonic() - due))
        counts.waiting(db.waiting())
