"""Reading the first page of a list out of PostgreSQL, against pgbench, which runs the page's statement and no more.

pgbench prepares the statement, has as many connections as wrk, one thread, and Dialbook's settings for planning; left
to itself, PostgreSQL may plan the statement anew for each run, which takes longer than to run it. Dialbook has one
worker. In turns.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench import wrk
from bench.data import ACCOUNT, fill_list, make_book
from bench.effort import Effort
from bench.engines import POSTGRES, running_engines
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import run_dialbook
from bench.wrk import CONNECTIONS, Turn, load
from dialbook.model.page import Window
from dialbook.store.database import Row
from dialbook.store.member_pages import read_page
from dialbook.store.postgres_session import PLANNING
from tests.postgres import find_program

MEMBERS = 100_000
LIMIT = 20
BOUND = 0.20  # of pgbench's transactions a second


class Recorder:
    """A Tx that keeps the statement it is given."""

    engine = "postgres"
    sql = ""
    params: Mapping[str, object] = {}

    def all(self, sql: str, /, **params: object) -> Sequence[Row]:
        self.sql, self.params = sql, params
        return []


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Fill a list in PostgreSQL, and let the server and pgbench take turns; nothing where there is no PostgreSQL."""
    beside = folder / "pgbench.db"
    with running_engines(beside) as urls:
        if POSTGRES not in urls:
            return []
        book = make_book(urls[POSTGRES])
        list_sid = fill_list(urls[POSTGRES], MEMBERS)
        command = _command(urls[POSTGRES], list_sid, folder / "page.sql")
        path = f"{book.path}/lists/{list_sid}/contacts?offset=0&limit={LIMIT}"
        turns, rates = [], []
        with run_dialbook(urls[POSTGRES], beside) as server:
            for _ in range(effort.rounds):
                load(server, "done.lua", path, book.headers, seconds=effort.warm_up)
                turns.append(load(server, "done.lua", path, book.headers, seconds=effort.seconds))
                rates.append(_run([*command, f"--time={effort.seconds}"]))
    return [_to_table(turns, rates, effort)]


def _command(url: str, list_sid: str, script: Path) -> list[str]:
    recorder = Recorder()
    read_page(recorder, ACCOUNT, list_sid, Window(0, LIMIT))  # type: ignore[arg-type]  # it is asked for all alone
    script.write_text(" ".join(recorder.sql.split()) + ";\n")
    given = [f"--define={name}={value}" for name, value in recorder.params.items()]
    parts = urlsplit(url)
    program = find_program("pgbench")
    if program is None:
        raise Failure("pgbench is not installed (Debian: apt install postgresql).")
    server = [f"--host={parts.hostname}", f"--port={parts.port}", f"--username={parts.username}", parts.path.strip("/")]
    how = ["--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=1", f"--file={script}"]
    return [program, *how, *given, *server]


def _run(command: Sequence[str]) -> float:
    """Transactions a second."""
    settings = " ".join(f"-c {name}={value}" for name, value in PLANNING.items())
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": settings}
    )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or found is None:
        raise Failure(f"pgbench: {done.stderr.strip()[-300:] or done.stdout}")
    return float(found[1])


def _to_table(turns: list[Turn], rates: list[float], effort: Effort) -> Table:
    return Table(
        "Reading a page, on PostgreSQL",
        f"`GET …/lists/<sid>/contacts?offset=0&limit={LIMIT}` on a list of {MEMBERS:,} contacts by wrk, {CONNECTIONS}"
        f" connections, against pgbench with the page's statement, prepared, and planned as Dialbook has it planned,"
        f" {CONNECTIONS} clients, one thread; {effort.rounds} rounds of {effort.seconds} s, in turns."
        " Medians of the rounds.",
        ["", "a second", "p50, ms", "p99, ms", "CPU, µs a request", "core busy"],
        [
            ["Dialbook, requests", *wrk.to_cells(turns)],
            ["pgbench, transactions", f"{median(rates):,.0f}", *[""] * 4],
        ],
        f"- {ratio('Dialbook / pgbench', [t.rate / r for t, r in zip(turns, rates, strict=True)], at_least=BOUND)}",
    )
