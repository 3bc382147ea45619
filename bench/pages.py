"""Reading the first page of a list of 100,000 contacts, against a server that has the page in memory.

Both servers run all the time, and one is idle while the other is asked; they take turns, so that what changes on the
machine in the meantime meets both. Nothing is pinned: on two cores the server has one, and wrk the other.

The ratio of requests a second is one of servers only while the servers are what is waited for: "core busy" near 100%
in both rows. Other work takes its time from wrk too, and so more from the ceiling, which asks most of it: a ratio
found on a busy machine flatters Dialbook. The ratio of processor time a request is given beside it for that.

While Dialbook is asked, wrk sleeps most of the time, and waking it is part of what a send costs a server; while the
ceiling is asked, wrk hardly sleeps. That favours the ceiling, by little: a bare application that took 42 µs of
processor time a request took 159 when made to compute for 110 µs first, and 250 for 200 µs, which is 7 or 8 µs more
than the sum.
"""

from pathlib import Path

import msgspec

from bench import wrk
from bench.data import Book, fill_list, make_book, sqlite_url
from bench.effort import Effort
from bench.failure import Failure
from bench.report import Table, ratio
from bench.servers import Server, ask, connect, peak_memory, run_ceiling, run_dialbook
from bench.wrk import CONNECTIONS, Turn, load

MEMBERS = 100_000
LIMIT = 20
BOUND = 0.40  # of the ceiling's requests a second


def measure(folder: Path, effort: Effort) -> list[Table]:
    """Fill a list, start both servers, and let them take turns."""
    database, copy = folder / "pages.db", folder / "page.json"
    book = make_book(sqlite_url(database))
    path = f"{book.path}/lists/{fill_list(sqlite_url(database), MEMBERS)}/contacts?offset=0&limit={LIMIT}"
    with run_dialbook(sqlite_url(database), database) as ours:
        copy.write_bytes(_read_page(ours, path, book))
        with run_ceiling(copy) as ceiling:
            if _read_page(ceiling, path, book) != copy.read_bytes():
                raise Failure("The ceiling answers something else.")
            rounds = [[_turn(server, path, book, effort) for server in (ours, ceiling)] for _ in range(effort.rounds)]
            return [_to_table([ours, ceiling], rounds, effort)]


def _read_page(server: Server, path: str, book: Book) -> bytes:
    """Read the page once, and look whether it is what is meant."""
    with connect(server) as connection:
        page = ask(connection, "GET", path, book.headers)
    metadata = msgspec.json.decode(page)["metadata"]
    if (metadata["count"], metadata["total"]) != (LIMIT, MEMBERS):
        raise Failure(f"{server.name}: the page holds {metadata}.")
    return page


def _turn(server: Server, path: str, book: Book, effort: Effort) -> Turn:
    load(server, "done.lua", path, book.headers, seconds=effort.warm_up)
    return load(server, "done.lua", path, book.headers, seconds=effort.seconds)


def _to_table(servers: list[Server], rounds: list[list[Turn]], effort: Effort) -> Table:
    return Table(
        "Reading a page",
        f"`GET …/lists/<sid>/contacts?offset=0&limit={LIMIT}` with Basic authentication, on a list of {MEMBERS:,}"
        f" contacts; wrk, {CONNECTIONS} connections, 1 thread, {effort.rounds} rounds of {effort.seconds} s after"
        f" {effort.warm_up} s of warm-up, in turns. The ceiling is a bare Starlette application that has the same"
        " bytes in memory. Medians of the rounds.",
        ["", "requests/s", "p50, ms", "p99, ms", "CPU, µs a request", "core busy", "peak memory, MiB"],
        [
            [server.name, *wrk.to_cells(turns), f"{peak_memory(server):.0f}"]
            for server, turns in zip(servers, zip(*rounds, strict=True), strict=True)
        ],
        "\n".join(f"- {line}" for line in _verdicts(rounds)),
    )


def _verdicts(rounds: list[list[Turn]]) -> list[str]:
    rates = [ours.rate / ceiling.rate for ours, ceiling in rounds]
    costs = [ceiling.cpu / ours.cpu for ours, ceiling in rounds]
    return [
        ratio("Dialbook / ceiling, requests a second", rates, at_least=BOUND),
        ratio("ceiling / Dialbook, CPU a request, which other work on the machine disturbs less", costs),
    ]
