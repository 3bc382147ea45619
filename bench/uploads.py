"""Uploading a CSV file, against the database's own command that loads the same rows; and pages read meanwhile.

The command is given the rows as they will be stored: numbers in their normal form, sids and positions made beforehand,
nothing to look for. It loads them into Dialbook's tables, with all their indexes and keys in place. An upload is timed
from its request to its end, into an empty book, and then once more, with other numbers, into the book that is full by
then. Pages are asked for by one client, one after another, on an idle server and beside the upload into the full book.
"""

import csv
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
import psycopg
from msgspec import Struct

from bench.data import ACCOUNT, Book, full_contacts, make_book, sqlite_url
from bench.effort import Effort
from bench.engines import running_engines
from bench.failure import Failure
from bench.floor import to_rows
from bench.report import Table, ratio
from bench.servers import Server, ask, connect, peak_memory, run_dialbook
from dialbook.model.contact import ContactDraft
from dialbook.model.moment import utc_text
from dialbook.store.engines import migrate_database
from dialbook.store.sqlite import PRAGMAS

BOUND = 2.0  # times the command
PAGE_BOUND = 2.0  # times the idle p99
MEMORY_BOUND = 64  # MiB above what the idle server has
CONTACTS = (
    "account, sid, number, first_name, last_name, company_name, email, tag, custom_field, created, updated, search_key"
)
MEMBERS = "account, list, position, contact, joined, variables"
LIST = "0" * 32  # of the command's members
CONFIG = "upload_limit = 1_000_000_000\nstatic_list_limit = 100_000_000\n"
POLL = 0.05  # seconds
PAUSE = 0.002  # seconds between two pages


class Loaded(Struct, frozen=True):
    """Seconds that an upload took, and the command."""

    upload: float
    command: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine, load one file after the other, by Dialbook and by the command."""
    beside = folder / "uploads.db"
    beside.with_suffix(".toml").write_text(CONFIG)
    with running_engines(beside, effort.engine) as urls:
        return [_measure(engine, url, beside, effort) for engine, url in urls.items()]


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book, peer = make_book(url), _make_peer(url, beside)
    files = [_write_files(beside, i * effort.members, effort.members) for i in range(2)]
    commands = [_time_command(peer, contacts, members) for _, contacts, members in files]
    with run_dialbook(url, beside, config=beside.with_suffix(".toml")) as server:
        idle_memory = peak_memory(server)
        uploads = [_time_upload(server, book, file, f"List {i}") for i, (file, *_) in enumerate(files)]
        memory = peak_memory(server) - idle_memory
        idle, busy = _pages_beside(server, book, files[1][0], effort)
    loaded = [Loaded(*each) for each in zip(uploads, commands, strict=True)]
    return _to_table(engine, _program(url), loaded, (idle, busy), memory, effort)


def _write_files(beside: Path, start: int, size: int) -> tuple[Path, Path, Path]:
    """The file to upload; and the rows of contacts and of members, as they would be stored."""
    names = [beside.with_name(f"{kind}{start}.csv") for kind in ("upload", "contacts", "members")]
    drafts = list(islice(full_contacts(start), size))
    rows, moment = to_rows(ACCOUNT, drafts), utc_text(datetime.now(UTC))
    _write(names[0], [["number", "first_name", "last_name", "company_name", "email", "tag"], *map(_cells, drafts)])
    _write(names[1], ((*row[:8], None, *row[9:]) for row in rows))
    _write(names[2], ((ACCOUNT, LIST, start + i, row[1], moment, None) for i, row in enumerate(rows)))
    return names[0], names[1], names[2]


def _cells(draft: ContactDraft) -> list[str | None]:
    return [draft.number, draft.first_name, draft.last_name, draft.company_name, draft.email, draft.tag]


def _write(file: Path, rows: Iterable[Any]) -> None:
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)


def _make_peer(url: str, beside: Path) -> str:
    """The URL of another database of the same engine, with an account and a list."""
    peer = sqlite_url(beside.with_name("peer.db"))
    if not url.startswith("sqlite:"):
        peer = f"{url}_peer"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {peer.rpartition('/')[2]}".encode())
        migrate_database(peer)
    make_book(peer)
    _run(peer, f"INSERT INTO lists (account, sid, name, type, created, updated, search_key)"
               f" VALUES ('{ACCOUNT}', '{LIST}', 'Peer', 'static', '', '', 'peer')")  # fmt: skip
    return peer


def _program(url: str) -> str:
    return "sqlite3 .import" if url.startswith("sqlite:") else "psql \\copy"


def _time_command(url: str, contacts: Path, members: Path) -> float:
    started = time.perf_counter()
    if url.startswith("sqlite:"):
        _run(url, "PRAGMA foreign_keys = ON", f"PRAGMA cache_size = {PRAGMAS['cache_size']}", ".mode csv",
             f".import {contacts} contacts", f".import {members} members")  # fmt: skip
    else:
        _run(
            url,
            f"\\copy contacts ({CONTACTS}) FROM '{contacts}' CSV",
            f"\\copy members ({MEMBERS}) FROM '{members}' CSV",
        )
    return time.perf_counter() - started


def _run(url: str, *commands: str) -> None:
    if url.startswith("sqlite:"):
        subprocess.run(["sqlite3", "-bail", url.removeprefix("sqlite:///"), *commands], check=True)
    else:
        options = [f"--command={command}" for command in commands]
        subprocess.run(["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", *options, url], check=True)


def _time_upload(server: Server, book: Book, file: Path, list_name: str) -> float:
    """Upload a file; return the seconds from the request to the end of the upload."""
    started = time.perf_counter()
    with connect(server) as connection:
        status = _upload(connection, book, file, list_name)
        while (found := _data(ask(connection, "GET", status, book.headers)))["status"] == "in-progress":
            time.sleep(POLL)
    stats = found["stats"]
    if stats["success"] != stats["total"] or not stats["total"]:
        raise Failure(f"Of the rows of {file.name} came {found}.")
    return time.perf_counter() - started


def _upload(connection: HTTPConnection, book: Book, file: Path, list_name: str) -> str:
    """Send a file; return the path of its status."""
    head = (
        f'--form\r\nContent-Disposition: form-data; name="list_name"\r\n\r\n{list_name}\r\n'
        f'--form\r\nContent-Disposition: form-data; name="on_duplicate"\r\n\r\nskip\r\n'
        f'--form\r\nContent-Disposition: form-data; name="file_name"; filename="rows.csv"\r\n\r\n'
    )
    form = {"Content-Type": "multipart/form-data; boundary=form"}
    body = head.encode() + file.read_bytes() + b"\r\n--form--\r\n"
    connection.request("POST", f"{book.path}/contacts/csv-upload", body, book.headers | form)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 202:
        raise Failure(f"The upload of {file.name} was answered {answer.status}: {content[:300].decode()}")
    return str(_data(content)["summary"]["url"])


def _data(content: bytes) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(content)["response"]["data"]
    return data


def _pages_beside(server: Server, book: Book, file: Path, effort: Effort) -> tuple[list[float], list[float]]:
    """Milliseconds that pages of a list took: of an idle server, and while a file is uploaded into another list."""
    with connect(server) as connection:
        lists = msgspec.json.decode(ask(connection, "GET", f"{book.path}/lists", book.headers))["response"]
    path = f"{book.path}/lists/{lists[0]['data']['sid']}/contacts?limit=20&offset="
    with ThreadPoolExecutor(1) as pool:
        idle = _read_pages(server, book, path, effort, pool.submit(time.sleep, effort.seconds))
        busy = _read_pages(server, book, path, effort, pool.submit(_time_upload, server, book, file, "Beside"))
    return idle, busy


def _read_pages(server: Server, book: Book, path: str, effort: Effort, beside: Future[Any]) -> list[float]:
    waits: list[float] = []
    with connect(server) as connection:
        while not beside.done():
            offset = len(waits) * 7919 % effort.members
            started = time.perf_counter()
            ask(connection, "GET", f"{path}{offset}", book.headers)
            waits.append((time.perf_counter() - started) * 1000)
            time.sleep(PAUSE)
    beside.result()
    return waits


def _to_table(
    engine: str,
    program: str,
    loaded: list[Loaded],
    pages: tuple[list[float], list[float]],
    memory: float,
    effort: Effort,
) -> Table:
    idle, busy = (quantiles(waits, n=100)[-1] for waits in pages)
    held = "held" if memory <= MEMORY_BOUND else "missed"
    ratios = [each.upload / each.command for each in loaded]
    return Table(
        f"Uploading a file, on {engine}",
        f"{effort.members:,} valid rows with six columns, {program} loading the same rows, and pages of 20 at changing"
        " offsets, read one after another while a third upload, of contacts that are all known, joins them to a list.",
        ["into a book", "upload, s", "rows/s", f"{program}, s", "times"],
        [
            [
                name,
                f"{each.upload:.1f}",
                f"{effort.members / each.upload:,.0f}",
                f"{each.command:.1f}",
                f"{each.upload / each.command:.2f}",
            ]
            for name, each in zip(("that is empty", "that is full"), loaded, strict=True)
        ],
        "\n".join(
            [
                f"- {ratio(f'upload / {program}, time', ratios, at_most=BOUND)}",
                f"- {ratio('p99 of a page beside an upload / idle', [busy / idle], at_most=PAGE_BOUND)}"
                f" {busy:.2f} ms and {idle:.2f} ms; the longest took {max(pages[1]):.0f} and {max(pages[0]):.0f} ms.",
                f"- Memory of the server above idle: **{memory:.0f} MiB**; bound: at most {MEMORY_BOUND}, {held}.",
            ]
        ),
    )
