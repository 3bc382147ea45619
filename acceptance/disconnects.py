"""Thousands of callers who leave in the middle of a request or of its answer: nothing of them stays."""

import random
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import count, cycle, islice
from pathlib import Path

import apsw
import msgspec

from acceptance.bulks import ITEMS
from acceptance.crowd import to_request
from acceptance.servers import SQLITE, complaints, new_databases, rows, serving
from acceptance.trial import Figure, Trial
from bench.data import Book, fill_list, make_book
from tests.processes import HANG_SECONDS, Running

MEMBERS = 20_000
GROUPS = (
    20  # of contacts that are sent again and again, so that the book, of which much is kept in memory, does not grow
)
CALM_SECONDS = 5.0  # until the last of them is forgotten
ON_DEMAND = 8  # descriptors of connections to the database that are made when one is first needed
LOCK_SECONDS = 1.0
GROWTH = 1.05  # of memory, from after the first half of the callers to the end


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a caller; the second half of them leaves no more behind than the first."""
    with new_databases(trial) as databases:
        database = next(databases)
        requests = _requests(make_book(database), fill_list(database, MEMBERS), trial.chance(0))
        with serving(trial, database) as server:
            _come_and_go(server, requests, trial.rounds // 2, trial.chance(1))
            descriptors, memory = descriptors_of(server), resident_memory(server)
            _come_and_go(server, requests, trial.rounds // 2, trial.chance(2))
            figures = [
                Figure("callers who left", trial.rounds, at_least=2),
                Figure("descriptors left open", _descriptors_over(server, descriptors), at_most=ON_DEMAND),
                Figure("memory, to that after half of them", resident_memory(server) / memory, at_most=GROWTH),
                _leftover(trial, database),
                Figure("server ended", server.process.poll() is not None, at_most=0),
            ]
        made = rows(database, "SELECT count(*) FROM contacts WHERE tag LIKE 'bulk%' GROUP BY tag")
        return [
            *figures,
            Figure("bulks made", len(made)),
            Figure("bulks made in part", sum(size != ITEMS for (size,) in made), at_most=0),
            Figure("complaints of doctor", len(complaints(database)), at_most=0),
        ]


def _requests(book: Book, list_sid: str, chance: random.Random) -> Iterator[bytes]:
    """Bulks, large pages and exports, in no order."""
    groups = cycle([[f"+9197{g:04}{n:04}" for n in range(ITEMS)] for g in range(GROUPS)])
    as_json = {**book.headers, "Content-Type": "application/json"}
    for n in count():
        members = f"{book.path}/lists/{list_sid}/contacts"
        contacts = [{"number": number, "tag": f"bulk{n}"} for number in next(groups)]
        yield chance.choice(
            [
                to_request("POST", f"{book.path}/contacts", as_json, msgspec.json.encode({"contacts": contacts})),
                to_request("GET", f"{members}?limit=5000", book.headers),
                to_request("GET", members, {**book.headers, "Accept": "text/csv"}),
            ]
        )


def _come_and_go(server: Running, requests: Iterator[bytes], callers: int, chance: random.Random) -> None:
    """Half leave before their request is sent, the others before its answer is read."""
    for request in islice(requests, callers):
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), HANG_SECONDS) as connection:
            if chance.random() < 0.5:
                connection.sendall(request[: chance.randrange(len(request))])
            else:
                connection.sendall(request)
                connection.recv(chance.randrange(1, 65536))


def descriptors_of(server: Running) -> int:
    """How many files and connections the process has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def _descriptors_over(server: Running, before: int) -> int:
    """How many more there are than before, once the last callers had time to be forgotten."""
    ends = time.monotonic() + CALM_SECONDS
    while (more := descriptors_of(server) - before) > 0 and time.monotonic() < ends:
        time.sleep(0.05)
    return max(0, more)


def resident_memory(server: Running) -> int:
    """Bytes that the process has in memory now (VmRSS)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) * 1024


def _leftover(trial: Trial, database: str) -> Figure:
    """Whether a transaction was left open: another process gets the lock, or PostgreSQL counts none."""
    if trial.engine == SQLITE:
        return Figure("a lock from outside after", _seconds_to_lock(database), " s", at_most=LOCK_SECONDS)
    idle = rows(database, "SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    return Figure("open transactions", len(idle), at_most=0)


def _seconds_to_lock(database: str) -> float:
    with closing(apsw.Connection(database.removeprefix("sqlite:///"))) as connection:
        connection.set_busy_timeout(HANG_SECONDS * 1000)
        began = time.monotonic()
        connection.execute("BEGIN IMMEDIATE; ROLLBACK")
        return time.monotonic() - began
