"""Reads that are asked for in one turn of the event loop go to the server together, in one pipeline.

A trip to the server costs as much as what most reads do there, and a thread that waits for it several times as much,
since it and the event loop take the interpreter's lock from each other. So the event loop itself waits for the server.
A storage function cannot wait there, but it can be run twice: first to learn which statement it begins with, and then
with the rows that came back.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from re import sub
from typing import NoReturn, TypeAlias, TypeVar

import psycopg
from msgspec import Struct

from dialbook.model.errors import RETRY_SOON, Unavailable
from dialbook.store.database import Engine, Row, Tx
from dialbook.store.lane import CROWDED, OVERDUE
from dialbook.store.postgres_session import (
    LACKING,
    TROUBLE,
    AsyncConnection,
    is_quiet,
    trouble_as_unavailable,
    unavailable,
)

R = TypeVar("R")
Rows: TypeAlias = Sequence[Row]


class Statement(Struct, frozen=True):
    """SQL with `:named` parameters, and their values."""

    sql: str
    params: dict[str, object]


class Unanswered(Exception):
    """A read has come to its first statement."""

    def __init__(self, statement: Statement) -> None:
        super().__init__()
        self.statement = statement


class NeedsTransaction(Exception):
    """A read asks for more than one statement, which together see one moment only in a transaction."""


class OneStatementTx:
    """What a read may do that is one statement; that sees one moment by itself."""

    engine: Engine = "postgres"

    def all(self, sql: str, /, **params: object) -> Rows:
        return self._rows(sql, params)

    def one(self, sql: str, /, **params: object) -> Row | None:
        rows = self._rows(sql, params)
        return rows[0] if rows else None

    def keep(self, _: Hashable, read: Callable[[], R], /) -> R:
        return read()

    def run(self, *_: object, **__: object) -> NoReturn:
        raise NeedsTransaction

    each = run_each = insert = run

    def _rows(self, sql: str, params: dict[str, object]) -> Rows:
        """The rows of the first statement."""
        raise Unanswered(Statement(sql, params))


class AnsweredTx(OneStatementTx):
    """The same, with the answer."""

    def __init__(self, rows: Rows) -> None:
        self._answer: Rows | None = rows

    def _rows(self, *_: object) -> Rows:
        rows, self._answer = self._answer, None
        if rows is None:
            raise NeedsTransaction
        return rows


class Waiting(Struct, frozen=True):
    """A read that waits for its answer, and has to leave before its time is over."""

    statement: Statement
    answer: asyncio.Future[Rows]
    end: asyncio.TimerHandle


class Kept(Struct, frozen=True):
    """A connection for the trips of some time to come."""

    connection: AsyncConnection
    end: float  # on the monotonic clock, in seconds

    @property
    def is_fit(self) -> bool:
        """Whether it can be used once more."""
        return time.monotonic() < self.end and is_quiet(self.connection)


class ReadPipeline:
    """The reads that wait for a trip, and the trips, each with a connection of its own.

    While as many as may be are on their way, those who ask gather: the more there is to do, the more goes together.

    Args:
        connect: opens a connection in autocommit mode.
        trips: how many may be on their way.
        together: how many reads make one trip at most; more are shared among the connections.
        waiting: how many reads may wait; more are refused at once.
        patience: for how many seconds a read waits.
        lifetime: for how many seconds a connection is kept.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncConnection]],
        *,
        trips: int,
        together: int,
        waiting: int,
        patience: float,
        lifetime: float,
    ) -> None:
        self._connect = connect
        self._most_trips = trips
        self._most_together = together
        self._most_waiting = waiting
        self._patience = patience
        self._lifetime = lifetime
        self._trips: set[asyncio.Task[None]] = set()
        self._waiting: list[Waiting] = []
        self._shared: dict[Hashable, asyncio.Future[Rows]] = {}
        self._idle: list[Kept] = []

    async def run(self, read: Callable[[Tx], R], alike: Hashable = None) -> R:
        """Run a read of at most one statement.

        Args:
            read: may be run twice.
            alike: what names a read that can share its answer with others of this name that wait.

        Raises:
            NeedsTransaction: it has several.
            Unavailable: the server cannot be used now, or too many wait, or it waited for too long.
        """
        try:
            return read(OneStatementTx())
        except Unanswered as unanswered:
            statement = unanswered.statement
        if alike is None:
            return read(AnsweredTx(await self._ask(statement)))
        answer = self._shared.get(alike)
        if answer is None or answer.done():  # by now only with a refusal
            answer = self._shared[alike] = self._ask(statement)
        return read(AnsweredTx(await asyncio.shield(answer)))

    def close(self) -> None:
        """Let go of the connections."""
        for kept in self._idle:
            kept.connection.pgconn.finish()
        self._idle.clear()

    def _ask(self, statement: Statement) -> asyncio.Future[Rows]:
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable(CROWDED, headers=RETRY_SOON)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Rows] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._depart)
        self._waiting.append(Waiting(statement, answer, loop.call_later(self._patience, _give_up, answer)))
        return answer

    def _depart(self) -> None:
        self._waiting = [read for read in self._waiting if not read.answer.done()]
        while self._waiting and len(self._trips) < self._most_trips:
            self._shared.clear()
            together, self._waiting = self._waiting[: self._most_together], self._waiting[self._most_together :]
            trip = asyncio.create_task(self._travel(together))
            self._trips.add(trip)
            trip.add_done_callback(self._arrive)

    def _arrive(self, trip: asyncio.Task[None]) -> None:
        self._trips.discard(trip)
        self._depart()

    async def _travel(self, together: Sequence[Waiting]) -> None:
        for read in together:
            read.end.cancel()
        try:
            results = await self._answers([read.statement for read in together])
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
            results = [error] * len(together)
        for read, result in zip(together, results, strict=True):
            if read.answer.done():  # whoever waited has gone
                continue
            if isinstance(result, Exception):
                read.answer.set_exception(result)
            else:
                read.answer.set_result(result)

    async def _answers(self, statements: Sequence[Statement]) -> Sequence[Rows | Exception]:
        """The rows of each statement, or what is wrong with it."""
        if len(statements) > 1:
            async with self._connection() as connection:
                try:
                    return await _in_pipeline(connection, statements)
                except TROUBLE:
                    raise
                except psycopg.Error:
                    # One that fails takes those behind it along: which one, each has to show by itself. What this
                    # connection has prepared, nobody knows any more.
                    connection.pgconn.finish()
        async with self._connection() as connection:
            return [await _alone(connection, statement) for statement in statements]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection that is kept for the next trip, if all went well."""
        with trouble_as_unavailable():
            kept = await self._take()
            try:
                yield kept.connection
            except BaseException:
                kept.connection.pgconn.finish()
                raise
            self._idle.append(kept)

    async def _take(self) -> Kept:
        while self._idle:
            kept = self._idle.pop()
            if kept.is_fit:
                return kept
            kept.connection.pgconn.finish()
        return Kept(await self._connect(), time.monotonic() + self._lifetime)


@lru_cache
def for_psycopg(sql: str) -> str:
    """The same statement with its `:named` parameters as psycopg writes them."""
    return sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", sql.replace("%", "%%"))


def _give_up(answer: asyncio.Future[Rows]) -> None:
    if not answer.done():
        answer.set_exception(Unavailable(OVERDUE, headers=RETRY_SOON))


async def _in_pipeline(connection: AsyncConnection, statements: Sequence[Statement]) -> Sequence[Rows]:
    async with connection.pipeline():
        cursors = [await _execute(connection, statement) for statement in statements]
    return [await cursor.fetchall() for cursor in cursors]


async def _alone(connection: AsyncConnection, statement: Statement) -> Rows | Exception:
    try:
        cursor = await _execute(connection, statement)
        return await cursor.fetchall()
    except TROUBLE:
        raise
    except LACKING as error:  # those that went along with it need not
        return unavailable(error)
    except psycopg.Error as error:
        return error


async def _execute(connection: AsyncConnection, statement: Statement) -> psycopg.AsyncCursor[Row]:
    return await connection.cursor(binary=True).execute(for_psycopg(statement.sql), statement.params)
