"""A list read to its end, and a page of it at several depths, by Dialbook and by what one would use instead.

All read the same file. The others read no credentials and keep no log, and Datasette does not count: that favours them.
A latency is the median of requests that follow each other on one connection, each of another offset.
"""

import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from msgspec import Struct

from bench.data import fill_list, make_book, sqlite_url
from bench.effort import Effort
from bench.failure import Failure
from bench.peers.datasette_serve import page_path
from bench.plot import Line, draw
from bench.report import Table
from bench.servers import Server, ask, connect, run_dialbook, run_peer

DEPTHS = (0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9999)  # of the list
LIMIT = 20
LARGEST = 5000  # contacts in a page of a walk
ENOUGH = 3.0  # seconds for one latency, if the requests are slow


class Reader(Struct, frozen=True):
    """A server, and how to ask it for pages of the list."""

    server: Server
    path: str  # ready for `&limit=…&offset=…`
    headers: Mapping[str, str] = {}


class Found(Struct, frozen=True):
    """What one server did: the latency at each depth and the time of a walk, in seconds."""

    name: str
    latencies: Mapping[float, float]
    walk: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Fill a list, and let one after the other read it."""
    database = folder / "compare.db"
    book = make_book(sqlite_url(database))
    list_sid = fill_list(sqlite_url(database), effort.members)
    with run_dialbook(sqlite_url(database), database) as server:
        found = [_measure(Reader(server, f"{book.path}/lists/{list_sid}/contacts?", book.headers), effort)]
    with run_peer("Datasette", "datasette_serve", database, list_sid) as server:
        found.append(_measure(Reader(server, page_path(str(database), list_sid)), effort))
    for name, module in {"OFFSET and COUNT by hand": "naive", "FastAPI + SQLAlchemy": "fastapi_sqlalchemy"}.items():
        with run_peer(name, module, database, list_sid) as server:
            found.append(_measure(Reader(server, "/page?"), effort))
    return [_to_table(found, effort)]


def _measure(reader: Reader, effort: Effort) -> Found:
    with connect(reader.server) as connection:
        latencies = {depth: _latency(reader, connection, int(effort.members * depth), effort) for depth in DEPTHS}
        return Found(reader.server.name, latencies, _walk(reader, connection, effort.members))


def _latency(reader: Reader, connection: HTTPConnection, offset: int, effort: Effort) -> float:
    _page(reader, connection, offset, LIMIT)
    taken: list[float] = []
    while len(taken) < effort.requests and sum(taken) < ENOUGH:
        started = time.perf_counter()
        _page(reader, connection, max(0, offset - len(taken)), LIMIT)
        taken.append(time.perf_counter() - started)
    return median(taken)


def _walk(reader: Reader, connection: HTTPConnection, size: int) -> float:
    """Read the list in the largest pages, and look whether it was all there."""
    started = time.perf_counter()
    read = sum(_count(_page(reader, connection, offset, LARGEST)) for offset in range(0, size, LARGEST))
    taken = time.perf_counter() - started
    if read != size:
        raise Failure(f"{reader.server.name} gave {read} of {size} contacts.")
    return taken


def _page(reader: Reader, connection: HTTPConnection, offset: int, limit: int) -> bytes:
    return ask(connection, "GET", f"{reader.path}&limit={limit}&offset={offset}", reader.headers)


def _count(page: bytes) -> int:
    """How many contacts a page has, in whichever shape: each has one number, which is in India."""
    return page.count(b'"+91')


def _to_table(found: list[Found], effort: Effort) -> Table:
    ours = found[0]
    lines = [
        Line(each.name, [(effort.members * depth, seconds * 1000) for depth, seconds in each.latencies.items()])
        for each in found
    ]
    return Table(
        "Beside what one would use instead",
        f"One list of {effort.members:,} contacts in one SQLite file: pages of {LIMIT} at several depths, one request"
        f" after the other (median of {effort.requests}, or of as many as {ENOUGH:.0f} s allow), and the whole list in"
        f" pages of {LARGEST:,} by offset. Milliseconds, but for the last column.",
        ["", *(f"{depth:.2%}" for depth in DEPTHS), "whole list, s"],
        [
            [each.name, *(f"{each.latencies[depth] * 1000:.2f}" for depth in DEPTHS), f"{each.walk:.1f}"]
            for each in found
        ],
        "\n".join(
            f"- {each.name} / Dialbook: **{each.latencies[0.0] / ours.latencies[0.0]:.1f}** at the start,"
            f" **{each.latencies[DEPTHS[-1]] / ours.latencies[DEPTHS[-1]]:,.0f}** at the end,"
            f" **{each.walk / ours.walk:.1f}** for the whole list."
            for each in found[1:]
        ),
        draw(lines, "offset", "milliseconds a page"),
    )
