"""Deleting contacts that are in some lists each: in one request, against one request for each.

A caller waits for each answer before the next request. The two sides delete the same number of contacts of one book, in
turns.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.data import ACCOUNT, NO_LIMITS, Book, full_contacts, make_book
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import ask, connect, run_dialbook
from dialbook.cli.database import write
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListDraft
from dialbook.store import contacts, lists, members
from dialbook.store.database import Tx
from dialbook.store.engines import open_database

SIZE = 1000  # contacts that each side deletes in a round
LISTS = 20  # that each of them is in


class Round(Struct, frozen=True):
    """Times in seconds."""

    together: float
    one_by_one: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine fill a book, and let both sides empty it in turns."""
    return on_each_engine(folder / "deletion.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    with closing(open_database(url)) as db:
        names = [ListDraft(f"List {i}") for i in range(LISTS)]
        made = accepted(write(db, lists.create_lists, ACCOUNT, names, now=datetime.now(UTC)))
        joined = [each.sid for each in made]
        sids = write(db, _fill, ACCOUNT, joined, list(islice(full_contacts(), 2 * SIZE * effort.rounds)))
    with run_dialbook(url, beside) as server, connect(server) as connection:
        parts = [sids[start : start + 2 * SIZE] for start in range(0, len(sids), 2 * SIZE)]
        rounds = [_round(connection, book, part) for part in parts]
        _check(ask(connection, "GET", f"{book.path}/contacts?limit=1", book.headers))
    return _to_table(engine, rounds)


def _fill(tx: Tx, account: str, joined: Sequence[str], drafts: Sequence[ContactDraft]) -> list[str]:
    """Make contacts that are in all lists; return their sids."""
    now = datetime.now(UTC)
    sids = [made.sid for made in accepted(contacts.create_contacts(tx, account, drafts, now=now))]
    for list_sid in joined:
        members.add_members(tx, account, list_sid, sids, limits=NO_LIMITS, now=now)
    return sids


def _round(connection: HTTPConnection, book: Book, sids: Sequence[str]) -> Round:
    path, headers = f"{book.path}/contacts", book.headers | {"Content-Type": "application/json"}
    body = msgspec.json.encode({"contacts": [{"sid": sid} for sid in sids[:SIZE]]})
    started = time.perf_counter()
    ask(connection, "DELETE", path, headers, body)
    turn = time.perf_counter()
    for sid in sids[SIZE:]:
        ask(connection, "DELETE", f"{path}/{sid}", book.headers)
    return Round(turn - started, time.perf_counter() - turn)


def _check(answer: bytes) -> None:
    if left := msgspec.json.decode(answer)["metadata"]["total"]:
        raise Failure(f"Dialbook: {left} contacts were not deleted.")


def _to_table(engine: str, rounds: Sequence[Round]) -> Table:
    ratios = [each.one_by_one / each.together for each in rounds]
    return Table(
        f"Deleting {SIZE:,} contacts, on {engine}",
        f"Each is in {LISTS} lists. `DELETE …/contacts` once, and `DELETE …/contacts/<sid>` for each, on a kept"
        f" connection, in turns; {len(rounds)} rounds. Medians.",
        ["", "ms", "contacts/s"],
        [
            _to_row("one request", [each.together for each in rounds]),
            _to_row("a request for each", [each.one_by_one for each in rounds]),
        ],
        ratio("a request for each / one request, time", ratios),
    )


def _to_row(which: str, seconds: Sequence[float]) -> list[str]:
    return [which, f"{median(seconds) * 1000:.0f}", f"{SIZE / median(seconds):,.0f}"]
