"""A whole list in one response, against the database's own command that writes the same rows.

Both write into nothing. The commands read as many columns as Dialbook sends, and nothing else.
"""

import subprocess
import time
from collections.abc import Sequence
from http.client import HTTPResponse
from pathlib import Path
from statistics import median

from msgspec import Struct

from bench.data import ACCOUNT, Book, fill_list, make_book
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import Server, connect, peak_memory, run_dialbook

BOUND = 3.0  # times the command
MEMORY_BOUND = 64  # MiB above what the idle server has
PIECE = 1 << 20  # bytes that are read at once
QUERY = f"""
    SELECT c.number, c.first_name, c.last_name, c.company_name, c.email, c.tag
    FROM members AS m JOIN contacts AS c ON c.account = m.account AND c.sid = m.contact
    WHERE m.account = '{ACCOUNT}' AND m.list = '%s' ORDER BY m.position
"""


class Round(Struct, frozen=True):
    """Times in seconds."""

    csv: float
    ndjson: float
    command: float


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine fill a list, and let the server and the command take turns."""
    return on_each_engine(folder / "export.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    list_sid = fill_list(url, effort.members)
    path = f"{book.path}/lists/{list_sid}/contacts"
    command = _command(url, beside, " ".join(QUERY.split()) % list_sid)
    with run_dialbook(url, beside) as server:
        _time_stream(server, f"{path}?offset={effort.members - 1}", book, "text/csv", 1)
        idle = peak_memory(server)
        rounds = [
            Round(
                _time_stream(server, path, book, "text/csv", effort.members + 1),
                _time_stream(server, path, book, "application/x-ndjson", effort.members),
                _time_command(command),
            )
            for _ in range(effort.rounds)
        ]
        return _to_table(engine, command[0], rounds, effort, peak_memory(server) - idle)


def _command(url: str, database: Path, query: str) -> Sequence[str]:
    if url.startswith("sqlite:"):
        return ["sqlite3", "-csv", "-readonly", str(database), query]
    return ["psql", "--quiet", "--no-psqlrc", f"--command=\\copy ({query}) to stdout csv", url]


def _time_stream(server: Server, path: str, book: Book, accept: str, lines: int) -> float:
    with connect(server) as connection:
        started = time.perf_counter()
        connection.request("GET", path, headers=book.headers | {"Accept": accept})
        found = _count_lines(connection.getresponse())
        taken = time.perf_counter() - started
    if found < lines:
        raise Failure(f"Of {lines} lines came {found}.")
    return taken


def _count_lines(answer: HTTPResponse) -> int:
    lines = 0
    while piece := answer.read(PIECE):
        lines += piece.count(b"\n")
    return lines


def _time_command(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _to_table(engine: str, command: str, rounds: list[Round], effort: Effort, memory: float) -> Table:
    kinds = {"CSV": [each.csv for each in rounds], "NDJSON, all fields": [each.ndjson for each in rounds]}
    commands = [each.command for each in rounds]
    held = "held" if memory <= MEMORY_BOUND else "missed"
    return Table(
        f"A whole list in one response, on {engine}",
        f"`GET …/lists/<sid>/contacts` with `Accept: text/csv` or `application/x-ndjson` on a list of"
        f" {effort.members:,} contacts, against `{command}` writing the same rows as CSV; {effort.rounds} rounds, in"
        " turns. Medians of the rounds.",
        ["", "seconds", "contacts/s"],
        [
            *(
                [name, f"{median(times):.2f}", f"{effort.members / median(times):,.0f}"]
                for name, times in kinds.items()
            ),
            [command, f"{median(commands):.2f}", f"{effort.members / median(commands):,.0f}"],
        ],
        "\n".join(
            [
                f"- {ratio(f'CSV / {command}, time', _ratios(kinds['CSV'], commands), at_most=BOUND)}",
                f"- Memory above the idle server's: **{memory:.0f} MiB**; bound: at most {MEMORY_BOUND}, {held}.",
            ]
        ),
    )


def _ratios(times: Sequence[float], commands: Sequence[float]) -> list[float]:
    return [ours / theirs for ours, theirs in zip(times, commands, strict=True)]
