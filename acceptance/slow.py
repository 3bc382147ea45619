"""Five hundred clients that are slow on purpose: each is closed in time, and nobody else notices them."""

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from acceptance.crowd import crowd, p99
from acceptance.overload import MEMBERS, pages
from acceptance.servers import new_databases, serving
from acceptance.trial import Figure, Trial
from bench.data import fill_list, make_book

HEAD = b"POST /v2/accounts/bench/contacts HTTP/1.1\r\nHost: slow\r\n"
BODY = HEAD + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
HEAD_SECONDS, BODY_SECONDS = 15.0, 45.0

CALLERS = 8
LATENCY = 2.0  # times that without them
WATCHED = 60.0  # seconds that they are watched for
DRIP_SECONDS = 1.0


class Habit(Struct, frozen=True):
    """What a client sends at once, then every second, and by when it has to be closed."""

    first: bytes
    drip: bytes
    within: float


HABITS: Mapping[str, Habit] = {
    "sends nothing": Habit(b"", b"", HEAD_SECONDS),
    "stops in the head": Habit(HEAD + b"X-Slow: ", b"", HEAD_SECONDS),
    "drips its head": Habit(HEAD, b"X-Slow: yes\r\n", HEAD_SECONDS),
    "stops in the body": Habit(BODY + b"{", b"", BODY_SECONDS),
    "drips its body": Habit(BODY + b"{", b" ", BODY_SECONDS),
}


def measure(trial: Trial) -> Sequence[Figure]:
    """Ask for pages without them, then beside them; a round is a client of each habit."""
    with new_databases(trial) as databases:
        database = next(databases)
        book = make_book(database)
        requests = pages(book, fill_list(database, MEMBERS))
        with serving(trial, database) as server:
            crowd(server.port, requests, callers=CALLERS, seconds=2)
            alone = crowd(server.port, requests, callers=CALLERS, seconds=WATCHED / 4)
            closed: dict[str, float] = {}
            slow = threading.Thread(target=lambda: closed.update(asyncio.run(_be_slow(server.port, trial.rounds))))
            slow.start()
            beside = crowd(server.port, requests, callers=CALLERS, seconds=WATCHED)
            slow.join()
    ratio = p99(beside.answers) / p99(alone.answers)
    failed = len(beside.answers) - len(beside.with_status(200)) + beside.broken
    return [
        Figure("slow clients", trial.rounds * len(HABITS)),
        *(Figure(f"who {name}: closed after", closed[name], " s", at_most=of.within) for name, of in HABITS.items()),
        Figure("others' requests", len(beside.answers), at_least=1),
        Figure("of which failed", failed, at_most=0),
        Figure("their p99", p99(beside.answers) * 1000, " ms"),
        Figure("to that without slow clients", ratio, at_most=LATENCY),
    ]


async def _be_slow(port: int, each: int) -> Mapping[str, float]:
    """The seconds after which the last client of each habit was closed; those it was watched for, if it was not."""
    lasts = {}
    async with asyncio.TaskGroup() as group:
        tasks = {name: [group.create_task(_one(port, habit)) for _ in range(each)] for name, habit in HABITS.items()}
    for name, of_habit in tasks.items():
        lasts[name] = max(task.result() for task in of_habit)
    return lasts


async def _one(port: int, habit: Habit) -> float:
    began = time.monotonic()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(WATCHED):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(habit.first)
            dripping = asyncio.create_task(_drip(writer, habit.drip))
            try:
                await reader.read()
            finally:
                dripping.cancel()
                writer.close()
    return time.monotonic() - began


async def _drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    with suppress(OSError):
        while drop:
            await asyncio.sleep(DRIP_SECONDS)
            writer.write(drop)
            await writer.drain()
