"""PostgreSQL: reads of one statement in a pipeline; all else in a thread, with a connection out of a pool.

One statement sees one moment by itself. A change takes the lock of the account's book first (`store/books.py`), so that
READ COMMITTED is enough: what it reads stays as it is.
"""

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import uniform
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

from dialbook.model.errors import RETRY_SOON, OutcomeUnknown, Unavailable
from dialbook.store.database import Check, Engine, Params, Row, Tx
from dialbook.store.lane import OF_ONE, SCANNERS, Lane, Shares, first_of
from dialbook.store.migrate import migrations
from dialbook.store.postgres_catalogue import check_catalogue
from dialbook.store.postgres_pipeline import NeedsTransaction, ReadPipeline, for_psycopg
from dialbook.store.postgres_rights import check_rights, user_of
from dialbook.store.postgres_schema import check_schema, is_standby, schema_version
from dialbook.store.postgres_session import (
    ADAPTERS,
    OLDEST,
    SETTINGS,
    STANDBY,
    UNHURRIED,
    AsyncConnection,
    Connection,
    Impatient,
    ImpatientAsync,
    connect,
    connection_info,
    is_quiet,
    trouble_as_unavailable,
)

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Hashable)

TRIPS = 3  # that reads of one statement make at a time, each with a connection
TOGETHER = 16  # of them in one trip
READERS, WRITERS = 2, 4  # threads, each with a connection, as those of scans
POOLED = READERS + SCANNERS + WRITERS
WAITING_LIMIT = 256  # calls that may wait for the threads of a kind; more are refused at once
PATIENCE = 2.0  # seconds that a read waits for a thread, or any call for a connection
LONG_PATIENCE = 5.0  # that a scan or a change waits
MAX_LIFETIME = 30 * 60.0  # seconds, after which a connection is replaced
# A pool that waits longer and longer before it tries again would come back long after the server; one that gives up
# at once tries again with the next call.
RECONNECT = 0.5  # seconds
RETRIES = 3
PAUSE = 0.02  # seconds at most before a change is tried again

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
CHANGE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

# Another change came between; made once more, this one sees what that one did.
RACES = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)

UNKNOWN = "The outcome is unknown: the database was lost during the commit. Look before you ask for it again."

# What keeps an acknowledged change through a crash. It is the operator's to say how far, but not to turn off.
LASTING = ("fsync", "full_page_writes", "synchronous_commit")


class PostgresTx:
    """Statements on one connection; whoever makes it begins and ends the transaction."""

    engine: Engine = "postgres"

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.cursor(binary=True)

    def all(self, sql: str, /, **params: object) -> Sequence[Row]:
        return self._execute(sql, params).fetchall()

    def one(self, sql: str, /, **params: object) -> Row | None:
        return self._execute(sql, params).fetchone()

    def keep(self, _: Hashable, read: Callable[[], R], /) -> R:
        return read()

    def run(self, sql: str, /, **params: object) -> int:
        return self._execute(sql, params).rowcount

    def each(self, sql: str, items: Iterable[Params], /) -> Sequence[Row | None]:
        return [cursor.fetchone() for cursor in self._execute_each(sql, items)]

    def run_each(self, sql: str, items: Iterable[Params], /) -> Sequence[int]:
        return [cursor.rowcount for cursor in self._execute_each(sql, items)]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row], /) -> None:
        with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def _execute(self, sql: str, params: Params) -> psycopg.Cursor[Row]:
        return self._cursor.execute(for_psycopg(sql), params)

    def _execute_each(self, sql: str, items: Iterable[Params]) -> Iterator[psycopg.Cursor[Row]]:
        """Send all before the first is answered; then the cursor stands at each result in turn."""
        items = list(items)
        self._cursor.executemany(for_psycopg(sql), items, returning=True)
        return self._cursor.results() if items else iter(())


class PostgresDatabase:
    """A Dialbook database in PostgreSQL."""

    def __init__(self, url: str, *, unhurried: bool = False) -> None:
        self._settings = UNHURRIED if unhurried else SETTINGS
        with connect(url) as connection, trouble_as_unavailable():
            check_schema(connection, user_of(connection))
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            connection_info(url, self._settings),
            connection_class=psycopg.Connection if unhurried else Impatient,
            kwargs={"autocommit": True, "context": ADAPTERS},
            min_size=1,
            max_size=POOLED,
            timeout=PATIENCE,
            max_waiting=POOLED,
            max_lifetime=MAX_LIFETIME,
            reconnect_timeout=RECONNECT,
            check=self._check_quiet,
            open=True,
        )
        self._reads = Lane("dialbook-read", threads=READERS, waiting=WAITING_LIMIT, patience=PATIENCE)
        self._shares = Shares(OF_ONE)  # of scans, on either way
        self._scans = Lane("dialbook-scan", threads=SCANNERS, waiting=WAITING_LIMIT, patience=LONG_PATIENCE)
        self._writes = Lane(
            "dialbook-write", threads=WRITERS, waiting=WAITING_LIMIT, patience=LONG_PATIENCE, each=OF_ONE
        )
        asynchronous: type[AsyncConnection] = psycopg.AsyncConnection if unhurried else ImpatientAsync
        open_ = partial(asynchronous.connect, connection_info(url, self._settings), autocommit=True, context=ADAPTERS)
        pipeline = partial(ReadPipeline, open_, waiting=WAITING_LIMIT, lifetime=MAX_LIFETIME)
        self._pipeline = pipeline(trips=TRIPS, together=TOGETHER, patience=PATIENCE)
        # Each goes alone: one that takes too long must not take others along.
        self._long_pipeline = pipeline(trips=SCANNERS, together=1, patience=LONG_PATIENCE)
        self._longer: set[Hashable] = set()

    async def read(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(fn, lambda tx: fn(tx, *args, **kwargs), self._pipeline, self._reads)

    async def recall(self, fn: Callable[[Tx, A], R], about: A, /) -> R:
        # Shared by those who wait for one trip, and not kept: only the database knows what other processes change.
        return await self._run(fn, lambda tx: fn(tx, about), self._pipeline, self._reads, alike=(fn, about))

    async def scan(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        run = partial(self._run, fn, lambda tx: fn(tx, *args, **kwargs), self._long_pipeline, self._scans)
        return await self._shares.run(run, first_of(args), asyncio.get_running_loop().time() + LONG_PATIENCE)

    async def write(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        # Changes of one account wait for its book, one after the other: not with every thread there is.
        return await self._writes.run(partial(self._write, lambda tx: fn(tx, *args, **kwargs)), first_of(args))

    def waiting(self) -> int:
        return self._writes.inside

    def check(self) -> Sequence[Check]:
        with self._connection() as connection:
            version, newest = schema_version(connection), migrations("postgres")[-1].version
            release = connection.info.server_version
            found = {name: _setting(connection, name) for name in (*LASTING, *self._settings)}
            catalogue = check_catalogue(connection)
            rights = check_rights(connection)
            in_recovery = is_standby(connection)
        return [
            Check("PostgreSQL version", release // 10_000 >= OLDEST, f"{release // 10_000}.{release % 10_000}"),
            Check("schema", version == newest, f"{version} of {newest}"),
            *(Check(name, found[name] != "off", found[name]) for name in LASTING),
            *(Check(name, found[name] == wanted, found[name]) for name, wanted in self._settings.items()),
            Check("takes changes", not in_recovery, "no: it is a standby" if in_recovery else "yes"),
            rights,
            catalogue,
        ]

    def close(self) -> None:
        for lane in (self._writes, self._scans, self._reads):
            lane.close()
        self._pipeline.close()
        self._long_pipeline.close()
        self._pool.close()

    async def _run(
        self, fn: Hashable, read: Callable[[Tx], R], pipeline: ReadPipeline, lane: Lane, *, alike: Hashable = None
    ) -> R:
        """Run a read, which is `fn` with its arguments; once it has asked for several statements, it is known to."""
        function = getattr(fn, "func", fn)  # of a partial one, which is made anew for each call
        if function not in self._longer:
            try:
                return await pipeline.run(read, alike)
            except NeedsTransaction:
                self._longer.add(function)
        return await lane.run(partial(self._read, read))

    def _read(self, read: Callable[[Tx], R]) -> R:
        with self._connection() as connection:
            connection.execute(SNAPSHOT)
            result = read(PostgresTx(connection))
            connection.execute("COMMIT")
            return result

    def _write(self, change: Callable[[Tx], R]) -> R:
        with trouble_as_unavailable():
            for _ in range(RETRIES):
                try:
                    return self._change(change)
                except RACES:
                    threading.Event().wait(uniform(0, PAUSE))  # noqa: S311  # chance that guards nothing
            return self._change(change)

    def _change(self, change: Callable[[Tx], R]) -> R:
        with self._pool.connection() as connection:
            _begin_change(connection)
            result = change(PostgresTx(connection))
            _commit(connection)
            return result

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection out of the pool; a transaction that is open at the end is undone."""
        with trouble_as_unavailable(), self._pool.connection() as connection:
            yield connection

    def _check_quiet(self, connection: Connection) -> None:
        """Refuse a connection that was closed, and let go of all that wait beside it.

        As a rule all were closed together; met one by one, with the pool's pauses between, they would outlast PATIENCE.
        """
        if not is_quiet(connection):
            connection.close()
            self._pool.drain()
            raise psycopg.OperationalError("the connection was closed")


def _begin_change(connection: Connection) -> None:
    try:
        connection.execute(CHANGE)
    except errors.FeatureNotSupported as refused:  # which is what a standby says
        raise Unavailable(STANDBY, headers=RETRY_SOON) from refused


def _commit(connection: Connection) -> None:
    """Commit; when the connection is lost meanwhile, nobody can know whether the server has.

    Raises:
        OutcomeUnknown: it was lost.
    """
    try:
        ended = connection.execute("COMMIT")
    except psycopg.OperationalError as lost:
        if not connection.broken:
            raise
        # Nobody is asked to come again: the change might be made twice.
        raise OutcomeUnknown(UNKNOWN) from lost
    if ended.statusmessage != "COMMIT":
        raise AssertionError("a change went on after one of its statements had failed")


def _setting(connection: Connection, name: str) -> str:
    row: tuple[Any, ...] | None = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""
