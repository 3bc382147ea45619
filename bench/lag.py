"""How long a small request waits while others ask for the most: bulks of 5,000 contacts, and whole lists.

The small request is one that is refused for its credentials before anything is read, so that what it waits for is the
event loop. It is repeated on one connection, while a bulk after the other and an export after the other go on.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import count, islice
from pathlib import Path
from statistics import median, quantiles

from bench.data import Book, bare_contacts, fill_list, make_book, to_body
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.report import Table
from bench.servers import Server, ask, connect, run_dialbook

BULK = 5000
BOUND = 50.0  # milliseconds, at p99
PAUSE = 0.002  # seconds between two small requests


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine, ask small requests of an idle server first, then beside the large ones."""
    return on_each_engine(folder / "lag.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    list_sid = fill_list(url, effort.members // 10)
    with run_dialbook(url, beside) as server, ThreadPoolExecutor(2) as pool:
        idle = _waits(server, effort.seconds, [])
        busy = [
            pool.submit(_create_bulks, server, book, effort.seconds, effort.members),
            pool.submit(_export, server, book, list_sid, effort.seconds),
        ]
        loaded = _waits(server, effort.seconds, busy)
        bulks, exports = (each.result() for each in busy)
    return _to_table(engine, idle, loaded, bulks, exports, effort)


def _waits(server: Server, seconds: int, beside: list[Future[int]]) -> list[float]:
    """Milliseconds that each small request took, for so many seconds, or for as long as what goes on beside it."""
    waits: list[float] = []
    with connect(server) as connection:
        ends = time.perf_counter() + seconds
        while (time.perf_counter() < ends) if not beside else not all(each.done() for each in beside):
            started = time.perf_counter()
            _ask_small(connection)
            waits.append((time.perf_counter() - started) * 1000)
            time.sleep(PAUSE)
    return waits


def _ask_small(connection: HTTPConnection) -> None:
    connection.request("GET", "/v2/accounts/nobody/lists")
    connection.getresponse().read()


def _create_bulks(server: Server, book: Book, seconds: int, used: int) -> int:
    """Create contacts for so long, in bulks; return how many bulks."""
    drafts = bare_contacts(used)

    def create(connection: HTTPConnection) -> None:
        body = to_body(list(islice(drafts, BULK)))
        ask(connection, "POST", f"{book.path}/contacts", book.headers, body)

    return _repeat(server, create, seconds)


def _export(server: Server, book: Book, list_sid: str, seconds: int) -> int:
    """Export the list for so long; return how many times."""
    headers = book.headers | {"Accept": "text/csv"}

    def export(connection: HTTPConnection) -> None:
        ask(connection, "GET", f"{book.path}/lists/{list_sid}/contacts", headers)

    return _repeat(server, export, seconds)


def _repeat(server: Server, call: Callable[[HTTPConnection], None], seconds: int) -> int:
    ends = time.perf_counter() + seconds
    with connect(server) as connection:
        for done in count():
            if time.perf_counter() > ends:
                return done
            call(connection)
    raise AssertionError("count ended")


def _to_table(engine: str, idle: list[float], loaded: list[float], bulks: int, exports: int, effort: Effort) -> Table:
    p99 = _p99(loaded)
    return Table(
        f"Waiting beside large requests, on {engine}",
        f"A small request that is refused at once, again and again, on an idle server, and beside {bulks} bulks of"
        f" {BULK:,} contacts and {exports} exports of a list of {effort.members // 10:,}, one after the other of each,"
        f" in {effort.seconds} s. Milliseconds.",
        ["", "requests", "p50", "p99", "most"],
        [
            [name, f"{len(waits):,}", f"{median(waits):.2f}", f"{_p99(waits):.2f}", f"{max(waits):.1f}"]
            for name, waits in {"idle": idle, "beside bulks and exports": loaded}.items()
        ],
        f"Wait at p99: **{p99:.1f} ms**; bound: at most {BOUND:.0f}, {'held' if p99 <= BOUND else 'missed'}.",
    )


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[-1]
