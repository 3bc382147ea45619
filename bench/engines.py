"""The databases that are measured: a SQLite file, and a PostgreSQL server of our own where its programs are there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.data import sqlite_url
from bench.effort import Effort
from bench.report import Table
from tests.postgres import has_postgres, running_postgres

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
# As docs/operate.md advises; its own default of 128 MB is less than the indexes of a million contacts.
SETTINGS = {"shared_buffers": "1GB"}


@contextmanager
def running_engines(database: Path, only: str | None = None) -> Iterator[Mapping[str, str]]:
    """The URL of an empty database of each engine, or of one; the SQLite one is this file, the other is beside it."""
    urls = {} if only == POSTGRES else {SQLITE: sqlite_url(database)}
    if only == SQLITE or not has_postgres():
        yield urls
        return
    with running_postgres(settings=SETTINGS, place=database.parent) as postgres:
        yield urls | {POSTGRES: postgres.create_book()}


def on_each_engine(database: Path, effort: Effort, measure: Callable[[str, str, Path, Effort], Table]) -> list[Table]:
    """Measure on each engine that is asked for, given its name, the URL of an empty database, and this file."""
    with running_engines(database, effort.engine) as urls:
        return [measure(engine, url, database, effort) for engine, url in urls.items()]
