"""Half an hour of ordinary work: memory, descriptors, the log and the time of an answer do not grow.

What is kept to be quick has bounds of its own, which half an hour would not reach: SQLite's pages, of which the writer
has 64 MiB, and connections to PostgreSQL, which are made as they are needed. So the first is filled before, and the
second are not counted.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import httpx2

from acceptance.beside import beside
from acceptance.crowd import Answer, crowd, p99
from acceptance.disconnects import descriptors_of, resident_memory
from acceptance.overload import MEMBERS, pages
from acceptance.servers import SQLITE, client_of, complaints, data_of, new_databases, rows, serving
from acceptance.trial import Figure, Trial
from bench.data import bare_contacts, fill_list, make_book, to_body
from tests.processes import Running

STOCK = 250_000  # contacts whose making has the writer see more pages than it keeps
BULK = 5000
READERS = 4
ITEMS = 20
PAUSE = 0.05  # between two changes
GROWTH = 1.05  # of memory, from the second quarter to the last
SLOWER = 1.5
LOG_MIB = 256  # SQLite's, of which a change waits for what is more than 200


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a second; the first quarter warms up."""
    quarter = trial.rounds / 4
    with new_databases(trial) as databases:
        database = next(databases)
        book = make_book(database)
        requests = pages(book, fill_list(database, MEMBERS))
        with serving(trial, database) as server, client_of(server, book) as http:
            _stock(http)
            with _writing(http) as written:
                quarters = []
                for _ in range(4):
                    course = crowd(server.port, requests, callers=READERS, seconds=quarter)
                    quarters.append(
                        (course, resident_memory(server), _descriptors(trial, server, database), _log_size(database))
                    )
        problems = complaints(database)
    _, second, _, last = quarters
    answers: list[Answer] = [answer for course, *_ in quarters for answer in course.answers]
    return [
        Figure("pages", len(answers), at_least=1),
        Figure("changes", sum(written), at_least=1),
        Figure("requests that failed", sum(answer.status != 200 for answer in answers), at_most=0),
        Figure("memory", second[1] / 2**20, " MiB"),
        Figure("memory, last quarter to second", last[1] / second[1], at_most=GROWTH),
        Figure("descriptors more", max(0, last[2] - second[2]), at_most=0),
        Figure("the log, at most", max(size for *_, size in quarters) / 2**20, " MiB", at_most=LOG_MIB),
        Figure("p99, last quarter to second", p99(last[0].answers) / p99(second[0].answers), at_most=SLOWER),
        Figure("complaints of doctor", len(problems), at_most=0),
    ]


def _stock(http: httpx2.Client) -> None:
    drafts = bare_contacts(MEMBERS)
    for _ in range(STOCK // BULK):
        http.post("/contacts", content=to_body(list(islice(drafts, BULK)))).raise_for_status()


@contextmanager
def _writing(http: httpx2.Client) -> Iterator[list[bool]]:
    """Make contacts, change them and delete them while the block runs; whether each was done."""
    done: list[bool] = []

    def write(enough: threading.Event) -> None:
        for n in count():
            drafts = [{"number": f"+9197{n % 100:02}{i:06}", "tag": "new"} for i in range(ITEMS)]
            made = data_of(http.post("/contacts", json={"contacts": drafts}))
            changes = [{"sid": contact["sid"], "tag": "changed"} for contact in made]
            done.append(http.put("/contacts", json={"contacts": changes}).status_code == 200)
            for contact in made:
                done.append(http.delete(f"/contacts/{contact['sid']}").status_code == 200)
                if enough.wait(PAUSE):
                    return

    with beside(write):
        yield done


def _descriptors(trial: Trial, server: Running, database: str) -> int:
    """Those that are no connections to PostgreSQL."""
    connections = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return descriptors_of(server) - (0 if trial.engine == SQLITE else len(rows(database, connections)))


def _log_size(database: str) -> int:
    log = Path(f"{database.removeprefix('sqlite:///')}-wal")
    return log.stat().st_size if log.exists() else 0
