"""The client library, against the least that does the same.

Its walk through a list, against a loop that fetches the same pages over one connection and decodes them into plain
dictionaries. Its export into a file, against curl that writes the same stream. Both sides of a pair take turns.
"""

import base64
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.data import ACCOUNT, Book, fill_list, make_book, sqlite_url
from bench.effort import Effort
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import Server, ask, connect, run_dialbook
from dialbook import Client
from dialbook.client.course import LARGE

MEMBERS = 100_000
WALK_BOUND = 2.0  # times the bare loop
EXPORT_BOUND = 1.2  # times curl
IMPORT = "import time; started = time.perf_counter(); import dialbook{}; print(time.perf_counter() - started)"


class Round(Struct, frozen=True):
    """Times in seconds."""

    walk: float
    loop: float
    export: float
    curl: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Fill a list, and let each pair take turns."""
    if shutil.which("curl") is None:
        raise Failure("curl is not installed (Debian: apt install curl).")
    database, file = folder / "client.db", folder / "members.csv"
    book = make_book(sqlite_url(database))
    list_sid = fill_list(sqlite_url(database), MEMBERS)
    with run_dialbook(sqlite_url(database), database) as server, _connect(server, book) as client:
        path = f"{book.path}/lists/{list_sid}/contacts"
        rounds = [
            Round(
                _time(lambda: _walk(client, list_sid)),
                _time(lambda: _loop(server, path, book)),
                _time(lambda: client.export_members(list_sid, file)),
                _time(lambda: _curl(server, path, book, folder / "curl.csv")),
            )
            for _ in range(effort.rounds)
        ]
    if file.read_bytes() != (folder / "curl.csv").read_bytes():
        raise Failure("The client and curl wrote different files.")
    return [_to_table(rounds)]


def _connect(server: Server, book: Book) -> Client:
    credentials = base64.b64decode(book.headers["Authorization"].removeprefix("Basic ")).decode()
    key, _, token = credentials.partition(":")
    return Client(account=ACCOUNT, key=key, token=token, base_url=server.url)


def _walk(client: Client, list_sid: str) -> None:
    _check(sum(1 for _ in client.iter_members(list_sid)))


def _loop(server: Server, path: str, book: Book) -> None:
    found = 0
    with connect(server) as connection:
        for offset in range(0, MEMBERS, LARGE):
            page = ask(connection, "GET", f"{path}?offset={offset}&limit={LARGE}", book.headers)
            found += len(msgspec.json.decode(page)["response"])
    _check(found)


def _curl(server: Server, path: str, book: Book, file: Path) -> None:
    lines = [f"{name}: {value}" for name, value in (book.headers | {"Accept": "text/csv"}).items()]
    headers = [word for line in lines for word in ("--header", line)]
    command = ["curl", "--silent", "--fail", "--compressed", *headers, "--output", str(file), f"{server.url}{path}"]
    subprocess.run(command, check=True)


def _check(found: int) -> None:
    if found != MEMBERS:
        raise Failure(f"Of {MEMBERS} members came {found}.")


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _import_time(what: str) -> float:
    command = [sys.executable, "-c", IMPORT.format(what)]
    return median(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(5))


def _to_table(rounds: Sequence[Round]) -> Table:
    names = {"walk": "iter_members", "loop": "bare loop", "export": "export_members", "curl": "curl"}
    times = {name: [getattr(each, name) for each in rounds] for name in names}
    return Table(
        "The client library",
        f"A list of {MEMBERS:,} contacts on SQLite: `iter_members` against a loop that fetches the same pages of"
        f" {LARGE} and decodes them; `export_members` as CSV into a file against `curl --compressed` of the same"
        f" stream; {len(rounds)} rounds, in turns. Medians of the rounds.",
        ["", "seconds", "contacts/s"],
        [[name, f"{median(times[key]):.2f}", f"{MEMBERS / median(times[key]):,.0f}"] for key, name in names.items()],
        "\n".join(
            [
                f"- {ratio('Walk / bare loop, time', _ratios(times['walk'], times['loop']), at_most=WALK_BOUND)}",
                f"- {ratio('Export / curl, time', _ratios(times['export'], times['curl']), at_most=EXPORT_BOUND)}",
                f"- `import dialbook`: **{_import_time('') * 1000:.1f} ms**;"
                f" with its client: {_import_time('.client') * 1000:.0f} ms.",
            ]
        ),
    )


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]
