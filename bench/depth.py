"""Reading a page of a long list at several offsets, before and after a random tenth of its members left.

The offsets take turns, so that what changes on the machine in the meantime meets all of them. Offset 0 is one page, and
at the other depths each request goes to another offset, as a walk does. A figure is the cost of an offset as a multiple
of the cost of offset 0 in the same round.
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeAlias

from bench.data import ACCOUNT, Book, fill_list, make_book
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.report import Table, ratio
from bench.servers import Server, run_dialbook
from bench.wrk import CONNECTIONS, Turn, load
from dialbook.cli.database import scan, write
from dialbook.store import members
from dialbook.store.database import Tx
from dialbook.store.engines import open_database

LIMIT = 20
DEPTHS = (0.0, 0.1, 0.5, 0.9999)  # of the list
LEAVING = 0.1  # of the members
BATCH = 500  # members who leave in one transaction: PostgreSQL keeps each state of the list's row until it ends
BOUND = 1.5  # times the cost of offset 0

Round: TypeAlias = Mapping[float, Turn]


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine fill a list, ask at every depth, let members leave, and ask again."""
    return on_each_engine(folder / "depth.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    list_sid = fill_list(url, effort.members)
    path = f"{book.path}/lists/{list_sid}/contacts?limit={LIMIT}"
    whole = _rounds(url, beside, path, book, effort.members, effort)
    left = effort.members - _let_leave(url, list_sid)
    thinned = _rounds(url, beside, path, book, left, effort)
    return _to_table(engine, whole, thinned, effort)


def _rounds(url: str, beside: Path, path: str, book: Book, size: int, effort: Effort) -> list[Round]:
    with run_dialbook(url, beside) as server:
        return [
            {depth: _turn(server, path, book, int(size * depth), effort) for depth in DEPTHS}
            for _ in range(effort.rounds)
        ]


def _turn(server: Server, path: str, book: Book, offset: int, effort: Effort) -> Turn:
    load(server, "depth.lua", path, book.headers, seconds=effort.warm_up, used=offset)
    return load(server, "depth.lua", path, book.headers, seconds=effort.seconds, used=offset)


def _let_leave(url: str, list_sid: str) -> int:
    """Remove a random part of the members; return how many."""
    with closing(open_database(url)) as db:
        sids = scan(db, _sids, list_sid)
        leaving = random.Random(1).sample(sids, int(len(sids) * LEAVING))
        for start in range(0, len(leaving), BATCH):
            write(db, _remove, list_sid, leaving[start : start + BATCH])
    return len(leaving)


def _sids(tx: Tx, list_sid: str) -> list[str]:
    rows = tx.all(
        "SELECT m.contact FROM members AS m WHERE m.account = :account AND m.list = :list ORDER BY m.position",
        account=ACCOUNT,
        list=list_sid,
    )
    return [row[0] for row in rows]


def _remove(tx: Tx, list_sid: str, sids: Sequence[str]) -> None:
    for sid in sids:
        members.remove_member(tx, ACCOUNT, list_sid, sid, now=datetime.now(UTC))


def _to_table(engine: str, whole: list[Round], thinned: list[Round], effort: Effort) -> Table:
    return Table(
        f"Reading a page at any depth, on {engine}",
        f"`GET …/lists/<sid>/contacts?offset=…&limit={LIMIT}` on a list of {effort.members:,} contacts, and again after"
        f" a random {LEAVING:.0%} of them left it; wrk, {CONNECTIONS} connections, 1 thread, {effort.rounds} rounds of"
        f" {effort.seconds} s at each depth after {effort.warm_up} s of warm-up, in turns. Medians of the rounds.",
        ["offset", "requests/s", "CPU, µs a request", "times offset 0", "after leaving: requests/s", "CPU", "times"],
        [[f"{depth:.2%} of the list", *_cells(whole, depth), *_cells(thinned, depth)] for depth in DEPTHS],
        f"- {_verdict('all members', whole)}\n- {_verdict('after some left', thinned)}",
    )


def _cells(rounds: list[Round], depth: float) -> list[str]:
    return [
        f"{median(turns[depth].rate for turns in rounds):,.0f}",
        f"{median(turns[depth].cpu for turns in rounds):.0f}",
        f"{median(_costs(rounds, depth)):.2f}",
    ]


def _verdict(what: str, rounds: list[Round]) -> str:
    dearest = max(DEPTHS, key=lambda depth: median(_costs(rounds, depth)))
    return ratio(f"the dearest depth / offset 0, time a request, {what}", _costs(rounds, dearest), at_most=BOUND)


def _costs(rounds: list[Round], depth: float) -> list[float]:
    return [turns[0.0].rate / turns[depth].rate for turns in rounds]
