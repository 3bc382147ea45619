"""Creating contacts one a request, against the commits that the disk gives to one row after another.

Dialbook answers nobody before the contact is on disk, yet may answer more often than the disk syncs, because those that
wait at the same time share a commit: a ratio above 1 is what sharing brings. On a disk that syncs faster than Dialbook
reads requests the ratio is below 1 and says nothing of sharing: "core busy" near 100% then shows what the limit is.
"""

from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median

import msgspec

from bench import floor, wrk
from bench.data import ACCOUNT, Book, bare_contacts, make_book, sqlite_url
from bench.effort import Effort
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import Server, ask, connect, peak_memory, run_dialbook
from bench.wrk import CONNECTIONS, Turn, load
from dialbook.store import sqlite

TURN = 1_000_000  # numbers set aside for one turn


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Let the server and the raw loop take turns, on files of their own in the same folder."""
    database, raw = folder / "writes-ours.db", folder / "writes-raw.db"
    book, drafts = make_book(sqlite_url(database)), bare_contacts()
    make_book(sqlite_url(raw))
    with run_dialbook(sqlite_url(database), database) as server, closing(sqlite.connect(str(raw))) as connection:
        turns, rates, used = [], [], count(0, TURN)
        for _ in range(effort.rounds):
            _turn(server, book, next(used), effort.warm_up)
            turns.append(_turn(server, book, next(used), effort.seconds))
            floor.commits_per_second(connection, ACCOUNT, drafts, seconds=effort.warm_up)
            rates.append(floor.commits_per_second(connection, ACCOUNT, drafts, seconds=effort.seconds))
        return [_to_table(server, turns, rates, effort)]


def _turn(server: Server, book: Book, used: int, seconds: int) -> Turn:
    """Load the server, and look whether each contact is there: one that is refused is an answer like others to wrk."""
    before = _count(server, book)
    turn = load(server, "create.lua", f"{book.path}/contacts", book.headers, seconds=seconds, used=used)
    if _count(server, book) - before < turn.requests:
        raise Failure(f"Dialbook: of {turn.requests} contacts were created {_count(server, book) - before}.")
    return turn


def _count(server: Server, book: Book) -> int:
    with connect(server) as connection:
        answer = ask(connection, "GET", f"{book.path}/contacts?limit=1", book.headers)
    total: int = msgspec.json.decode(answer)["metadata"]["total"]
    return total


def _to_table(server: Server, turns: list[Turn], rates: list[float], effort: Effort) -> Table:
    ratios = [turn.rate / rate for turn, rate in zip(turns, rates, strict=True)]
    return Table(
        "Single writes",
        f"`POST …/contacts` with one contact; wrk, {CONNECTIONS} connections, 1 thread, {effort.rounds} rounds of"
        f" {effort.seconds} s after {effort.warm_up} s of warm-up, in turns with a raw loop that commits one row at a"
        " time into the same table of another file (`synchronous=FULL`). Medians of the rounds.",
        ["", "per second", "p50, ms", "p99, ms", "CPU, µs a request", "core busy", "peak memory, MiB"],
        [
            [f"{server.name}, requests", *wrk.to_cells(turns), f"{peak_memory(server):.0f}"],
            ["raw loop, commits", f"{median(rates):,.0f}", *[""] * 5],
        ],
        ratio("Dialbook / raw loop, contacts a second", ratios),
    )
