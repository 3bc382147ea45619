"""Creating 5,000 contacts in one request, against a loop of a prepared statement on the same table.

Each time is taken on a fresh file. The server's is from the first byte sent to the answer fully read; both sides have
stored one contact of another account before, as a server that runs has long since done.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TypeAlias

import msgspec
from msgspec import Struct

from bench import floor
from bench.data import ACCOUNT, Book, bare_contacts, full_contacts, make_book, sqlite_url, to_body
from bench.effort import Effort
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import ask, connect, peak_memory, run_dialbook
from dialbook.model.contact import ContactDraft
from dialbook.store import sqlite

Contacts: TypeAlias = Callable[[], Iterator[ContactDraft]]

SIZE = 5000
BOUND = 3.0  # times the floor
OTHER = "other"  # the account whose contact warms both sides up
KINDS: dict[str, Contacts] = {"number and first name": bare_contacts, "all fields": full_contacts}


class Round(Struct, frozen=True):
    """Times in seconds, the server's peak memory before and after in MiB."""

    ours: float
    floor: float
    idle_memory: float
    peak_memory: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Take both times in turns, for contacts with little in them and with all."""
    found = {
        kind: [_round(folder / f"bulk {kind} {i}", list(islice(contacts(), SIZE))) for i in range(effort.bulk_rounds)]
        for kind, contacts in KINDS.items()
    }
    return [
        Table(
            f"Creating {SIZE:,} contacts in one request",
            "`POST …/contacts` on a kept connection, from the first byte sent to the answer fully read. The floor is"
            f" an apsw `executemany` of the same rows into the same table, and one commit. Each of {effort.bulk_rounds}"
            " rounds has a fresh server and fresh files, the two sides in turns. Medians of the rounds.",
            ["", "Dialbook, ms", "floor, ms", "contacts/s", "memory before, MiB", "peak memory, MiB"],
            [_to_row(kind, rounds) for kind, rounds in found.items()],
            "\n".join(_to_verdict(kind, rounds) for kind, rounds in found.items()),
        )
    ]


def _round(files: Path, drafts: list[ContactDraft]) -> Round:
    ours, idle, peak = _time_ours(files.with_suffix(".ours.db"), drafts)
    return Round(ours, _time_floor(files.with_suffix(".floor.db"), drafts), idle, peak)


def _time_ours(database: Path, drafts: list[ContactDraft]) -> tuple[float, float, float]:
    """Seconds for the request, and the server's peak memory before and after it in MiB."""
    book, other = make_book(sqlite_url(database)), make_book(sqlite_url(database), account=OTHER)
    body = to_body(drafts)
    with run_dialbook(sqlite_url(database), database) as server, connect(server) as connection:
        _create(connection, other, to_body(drafts[:1]))
        before = peak_memory(server)
        started = time.perf_counter()
        answer = _create(connection, book, body)
        seconds = time.perf_counter() - started
        _check(answer)
        return seconds, before, peak_memory(server)


def _time_floor(database: Path, drafts: list[ContactDraft]) -> float:
    """Seconds for the transaction."""
    make_book(sqlite_url(database))
    make_book(sqlite_url(database), account=OTHER)
    rows = floor.to_rows(ACCOUNT, drafts)
    with closing(sqlite.connect(str(database))) as connection:
        floor.insert(connection, OTHER, floor.to_rows(OTHER, drafts[:1]))
        return floor.time_insert(connection, ACCOUNT, rows)


def _create(connection: HTTPConnection, book: Book, body: bytes) -> bytes:
    return ask(connection, "POST", f"{book.path}/contacts", book.headers | {"Content-Type": "application/json"}, body)


def _check(answer: bytes) -> None:
    metadata = msgspec.json.decode(answer)["metadata"]
    if metadata["success"] != SIZE:
        raise Failure(f"Dialbook: of {SIZE} contacts were created {metadata}.")


def _to_row(kind: str, rounds: list[Round]) -> list[str]:
    ours = median(each.ours for each in rounds)
    return [
        kind,
        f"{ours * 1000:.1f}",
        f"{median(each.floor for each in rounds) * 1000:.1f}",
        f"{SIZE / ours:,.0f}",
        f"{median(each.idle_memory for each in rounds):.0f}",
        f"{median(each.peak_memory for each in rounds):.0f}",
    ]


def _to_verdict(kind: str, rounds: list[Round]) -> str:
    ratios = [each.ours / each.floor for each in rounds]
    return f"- {ratio(f'Dialbook / floor, time, {kind}', ratios, at_most=BOUND)}"
