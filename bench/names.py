"""Looking for a name in an account and in a list of all its contacts, beside looking at each of their names.

The names take turns, so that what changes on the machine in the meantime meets all of them. One of two characters is in
no index, so that all contacts are gone through for it: a figure is what a name costs as a part of that, in the same
round. Each first page is asked for by a caller who waits for it before the next.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import TypeAlias

import msgspec

from bench.data import ACCOUNT, FIRST_NAMES, NO_LIMITS, Book, fill_list, make_book
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import ask, connect, run_dialbook
from dialbook.cli.database import write
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft
from dialbook.store import contacts, members
from dialbook.store.database import Tx
from dialbook.store.engines import open_database

RARE = ContactDraft("+919900000000", first_name="Quetzalcoatl")
NAMES = {"nobody has": "zzzz", "one contact has": "quetzal", f"1 in {len(FIRST_NAMES)} has": "harish"}
SHORT, ABSENT = "two characters, nobody has", "qq"
PLACES = ("account", "list")
BOUND = 100.0  # milliseconds, at p95

Key: TypeAlias = tuple[str, str]  # which name, and where
Times: TypeAlias = Mapping[Key, Sequence[float]]  # milliseconds


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine fill a list, and look for each name in turns."""
    return on_each_engine(folder / "names.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    list_sid = fill_list(url, effort.members - 1)
    with closing(open_database(url)) as db:
        write(db, _add_rare, list_sid)
    paths = dict(zip(PLACES, (f"{book.path}/contacts", f"{book.path}/lists/{list_sid}/contacts"), strict=True))
    with run_dialbook(url, beside) as server, connect(server) as connection:
        _round(connection, book, paths, 1)
        rounds = [_round(connection, book, paths, max(effort.requests // 50, 1)) for _ in range(effort.rounds)]
    return _to_table(engine, rounds, effort)


def _add_rare(tx: Tx, list_sid: str) -> None:
    now = datetime.now(UTC)
    made = accepted(contacts.create_contacts(tx, ACCOUNT, [RARE], now=now))
    members.add_members(tx, ACCOUNT, list_sid, [made[0].sid], limits=NO_LIMITS, now=now)


def _round(connection: HTTPConnection, book: Book, paths: Mapping[str, str], times: int) -> Times:
    return {
        (which, place): [_time(connection, book, f"{path}?name={name}") for _ in range(times)]
        for which, name in {**NAMES, SHORT: ABSENT}.items()
        for place, path in paths.items()
    }


def _time(connection: HTTPConnection, book: Book, path: str) -> float:
    """Milliseconds until the first page is read to its end."""
    started = time.perf_counter()
    answer = ask(connection, "GET", path, book.headers)
    milliseconds = (time.perf_counter() - started) * 1000
    found = msgspec.json.decode(answer)["metadata"]["total"]
    if bool(found) != any(path.endswith(name) for name in ("quetzal", "harish")):
        raise Failure(f"{path}: {found} contacts were found.")
    return milliseconds


def _to_table(engine: str, rounds: Sequence[Times], effort: Effort) -> Table:
    return Table(
        f"Looking for a name, on {engine}",
        f"The first page of 20, with its exact total, of an account of {effort.members:,} contacts, and of a list that"
        f" has all of them; one caller, {effort.rounds} rounds.",
        ["a name that", "account: p50, ms", "p95, ms", "list: p50, ms", "p95, ms"],
        [[which, *_cells(rounds, which, "account"), *_cells(rounds, which, "list")] for which in (*NAMES, SHORT)],
        "\n".join(_to_verdict(rounds, which, place) for which in NAMES for place in PLACES),
    )


def _cells(rounds: Sequence[Times], which: str, place: str) -> list[str]:
    times = _all(rounds, which, place)
    return [f"{median(times):.1f}", f"{_p95(times):.1f}"]


def _to_verdict(rounds: Sequence[Times], which: str, place: str) -> str:
    ratios = [median(each[which, place]) / median(each[SHORT, place]) for each in rounds]
    p95 = _p95(_all(rounds, which, place))
    kept = "held" if p95 <= BOUND else "missed"
    said = ratio(f"a name that {which} / {SHORT}, {place}", ratios)
    return f"- {said} p95 {p95:.1f} ms; bound: at most {BOUND:.0f} ms, {kept}."


def _all(rounds: Sequence[Times], which: str, place: str) -> list[float]:
    return [milliseconds for each in rounds for milliseconds in each[which, place]]


def _p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]
