"""SQLite: one writer thread that commits waiting changes together, readers beside it.

A short read runs where it is asked for, on the event loop, since a hop to a thread costs more than the read; one that
may take long runs in a thread of its own pool. All changes go through one thread, so they never wait for each other's
locks, and those that wait at the same time share one commit and its one sync to disk.
"""

import asyncio
import stat
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import apsw

from dialbook.model.errors import Unavailable
from dialbook.store.checkpoints import Checkpoints
from dialbook.store.database import Check, Engine, Params, Row, Tx
from dialbook.store.group_commit import Writer
from dialbook.store.lane import OF_ONE, SCANNERS, Shares, first_of
from dialbook.store.migrate import FORGETTING, migrations, pending
from dialbook.store.sqlite_catalogue import check_catalogue, teach
from dialbook.store.sqlite_files import refuse_remains, refuse_unwritable
from dialbook.store.sqlite_trouble import TROUBLE, lacks_something, reason_of, trouble_as_unavailable, unavailable

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Hashable)

APPLICATION_ID = 0x4469616C  # "Dial": what makes a SQLite file one of ours
OLDEST_SAFE = (3, 51, 3)  # before it, two connections that checkpoint at once could damage the file
RECALLED = 1000  # answers that are kept
KEPT = 2000  # readings, of up to some 4 KiB each
BUSY_MILLISECONDS = 5000  # to wait for another process that writes, or closes the file as the last one
RETRY_SECONDS = 0.001

PRAGMAS: dict[str, int | str] = {
    "busy_timeout": BUSY_MILLISECONDS,
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit is on disk before anybody is told of it
    "foreign_keys": 1,
    "secure_delete": 1,  # a deleted contact leaves no bytes behind
    "trusted_schema": 0,
    "cache_size": -49152,  # KiB, said as a negative number: a server and what works off its uploads fit in 256 MiB
}
SCANNING = PRAGMAS | {"cache_size": -8192}  # who goes through much once gains nothing from keeping it


class SqliteTx:
    """Statements on one connection; whoever makes it begins and ends the transaction."""

    engine: Engine = "sqlite"

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def all(self, sql: str, /, **params: object) -> Sequence[Row]:
        return self._cursor.execute(sql, params).fetchall()

    def one(self, sql: str, /, **params: object) -> Row | None:
        # All rows are fetched, because a statement that is not run to its end keeps its snapshot open.
        rows = self._cursor.execute(sql, params).fetchall()
        return rows[0] if rows else None

    def keep(self, _: Hashable, read: Callable[[], R], /) -> R:
        return read()

    def run(self, sql: str, /, **params: object) -> int:
        self._cursor.execute(sql, params)
        return self._connection.changes()

    def each(self, sql: str, items: Iterable[Params], /) -> Sequence[Row | None]:
        execute = self._cursor.execute
        return [rows[0] if (rows := execute(sql, item).fetchall()) else None for item in items]

    def run_each(self, sql: str, items: Iterable[Params], /) -> Sequence[int]:
        execute, changes = self._cursor.execute, self._connection.changes
        counts = []
        for item in items:
            execute(sql, item)
            counts.append(changes())
        return counts

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row], /) -> None:
        places = ", ".join("?" * len(columns))
        self._cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


class KeepingTx(SqliteTx):
    """The same for a connection that only reads: no state that it sees is undone, so what it has found can be kept."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._kept: dict[Hashable, object] = {}

    def keep(self, key: Hashable, read: Callable[[], R], /) -> R:
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = read()
        return cast(R, self._kept[key])


# Before a change, after it, and in place of that when it failed.
FIRST = ("", "", "ROLLBACK; BEGIN IMMEDIATE")
LATER = ("SAVEPOINT change", "RELEASE change", "ROLLBACK TO change; RELEASE change")


class SqliteBatch:
    """One transaction of the writer's connection, for many changes, each undone on its own when it fails."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._tx = SqliteTx(connection)
        self._is_empty = True

    def begin(self) -> None:
        with trouble_as_unavailable():
            self._connection.execute("BEGIN IMMEDIATE")
        self._is_empty = True

    def run(self, fn: Callable[[Tx], R]) -> R:
        # A savepoint keeps a copy of each page. The first change needs none: nothing would be undone with it.
        mark, keep, undo = FIRST if self._is_empty else LATER
        with trouble_as_unavailable():
            self._connection.execute(mark)
            try:
                result = fn(self._tx)
                self._connection.execute(keep)
            except BaseException:
                if self.is_open:
                    self._connection.execute(undo)
                raise
        self._is_empty = False
        return result

    def commit(self) -> None:
        with trouble_as_unavailable():
            self._connection.execute("COMMIT")

    def abandon(self) -> None:
        if self.is_open:
            self._connection.execute("ROLLBACK")

    @property
    def is_open(self) -> bool:
        """False after SQLite undid the whole transaction by itself, as it does when the disk is full."""
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()


class SqliteDatabase:
    """A Dialbook database in one file."""

    def __init__(self, path: str, *, create: bool = True) -> None:
        with trouble_as_unavailable(f"{path} cannot be opened as a Dialbook database"):
            refuse_remains(path)
            if not create and not Path(path).exists():
                raise Unavailable(f"There is no database {path}: 'dialbook account create' makes one.")
            # Personal data is for its owner's eyes; SQLite gives its -wal and -shm files the same mode.
            Path(path).touch(mode=0o600)
            refuse_unwritable(path)
            writing = connect(path)
            writing.set_busy_handler(_wait_briefly)
            if _upgrade(writing):
                writing.execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._reader = connect(path, read_only=True)
        self._path = path
        self._checkpoints = Checkpoints(self._checkpoint)
        writing.set_wal_hook(self._after_commit)
        self._reading = KeepingTx(self._reader)
        self._writer = Writer(SqliteBatch(writing))
        self._version: object = None
        self._recalled: dict[Hashable, object] = {}
        self._checkpointer: apsw.Connection | None = None  # once there is something for it to do
        self._threads = ThreadPoolExecutor(SCANNERS, "dialbook-scan")
        self._shares = Shares(OF_ONE)
        self._scanners: dict[int, apsw.Connection] = {}

    async def read(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            if not self._reader.in_transaction:
                self._begin_snapshot()
            return fn(self._reading, *args, **kwargs)
        except TROUBLE as trouble:
            raise unavailable(trouble) from trouble
        except apsw.SQLError as error:
            if lacks_something(error):
                raise unavailable(error) from error
            raise

    async def recall(self, fn: Callable[[Tx, A], R], about: A, /) -> R:
        if not self._reader.in_transaction:
            with trouble_as_unavailable():
                self._begin_snapshot()
        if (fn, about) not in self._recalled:
            if len(self._recalled) >= RECALLED:
                self._recalled.clear()
            self._recalled[fn, about] = await self.read(fn, about)
        return cast(R, self._recalled[fn, about])

    async def scan(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        def run() -> R:
            with trouble_as_unavailable():
                return _in_snapshot(self._scanner(), fn, *args, **kwargs)

        async def run_in_thread() -> R:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)

        return await self._shares.run(run_in_thread, first_of(args))

    async def write(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.wrap_future(self._writer.submit(lambda tx: fn(tx, *args, **kwargs)))

    def waiting(self) -> int:
        return self._writer.waiting

    def check(self) -> Sequence[Check]:
        version = tuple(map(int, apsw.sqlite_lib_version().split(".")))
        yours = self._reader.pragma("user_version")
        newest = migrations("sqlite")[-1].version
        settings = {name: self._reader.pragma(name) for name in PRAGMAS}
        return [
            Check("SQLite version", version >= OLDEST_SAFE, apsw.sqlite_lib_version()),
            Check("schema", yours == newest, f"{yours} of {newest}"),
            _check_mode(Path(self._path)),
            *(Check(name, settings[name] == wanted, str(settings[name])) for name, wanted in PRAGMAS.items()),
            *check_soundness(self._reader),
        ]

    def close(self) -> None:
        self._writer.close()
        self._checkpoints.close()
        self._threads.shutdown()
        for connection in (self._checkpointer, self._reader, *self._scanners.values()):
            if connection:
                connection.close()

    def _after_commit(self, _connection: apsw.Connection, _schema: str, pages: int) -> int:
        # What is raised here would be raised out of a commit that is made. Without a thread the log grows for now.
        with suppress(RuntimeError):
            self._checkpoints.after_commit(pages)
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        # What does not go now is in the log still, and is tried again with what follows.
        with suppress(*TROUBLE, Unavailable):
            self._checkpointer = self._checkpointer or connect(self._path)
            self._checkpointer.wal_checkpoint()

    def _begin_snapshot(self) -> None:
        """Begin the snapshot that all reads of this turn of the event loop share.

        The loop runs in order what it is given: the end of the snapshot is given to it here, so it comes before
        whatever is caused by a change that this snapshot does not see, be it an answer or the next request.
        """
        self._reader.execute("BEGIN")
        asyncio.get_running_loop().call_soon(self._end_snapshot)
        version = self._reader.execute("PRAGMA data_version").fetchall()
        if version != self._version:
            self._version = version
            self._recalled.clear()

    def _end_snapshot(self) -> None:
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")

    def _scanner(self) -> apsw.Connection:
        thread = threading.get_ident()
        if thread not in self._scanners:
            self._scanners[thread] = connect(self._path, read_only=True, settings=SCANNING)
        return self._scanners[thread]


def connect(path: str, *, read_only: bool = False, settings: Mapping[str, int | str] = PRAGMAS) -> apsw.Connection:
    """Open a connection to a file that is there, with every one of the settings, read back.

    Raises:
        Unavailable: SQLite did not take a setting.
    """
    # A book may be moved away while it is served: one made here would be empty, and SQLite would delete the log that is
    # left. Each connection is one thread's at a time, so SQLite need not lock it for every value that it hands over.
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX)
    connection.set_busy_timeout(BUSY_MILLISECONDS)  # from the first look on
    refuse_foreign(connection, path)
    # A plan that looks at the values bound to it, such as a LIMIT, is made anew for each run: it would double what a
    # page costs.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for name, value in settings.items():
        if connection.pragma(name, value) not in (None, value) or connection.pragma(name) != value:
            raise Unavailable(f"SQLite cannot set {name} to {value} for {path}.")
    if read_only:
        connection.pragma("query_only", 1)
    return connection


def look(path: str) -> None:
    """Check the schema over a connection of its own.

    Raises:
        Unavailable: the file cannot be used, or has another one.
    """
    with trouble_as_unavailable(), closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        if steps := pending(migrations("sqlite"), connection.pragma("user_version")):
            raise Unavailable(f"The database lacks {len(steps)} steps of its schema.")


def _check_mode(path: Path) -> Check:
    """Whether the file, and so those beside it, are kept from all users of a machine; a group may be meant to read."""
    mode = path.stat().st_mode
    return Check("kept from other users", not mode & stat.S_IRWXO, f"mode {stat.S_IMODE(mode):04o}")


def check_soundness(connection: apsw.Connection) -> Sequence[Check]:
    """Read the whole file through, and see that it has what the steps of its schema make."""
    try:
        damage = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        catalogue = check_catalogue(connection)
    except TROUBLE as trouble:
        return [Check("integrity", False, f"the file cannot be read through ({reason_of(trouble)})")]
    return [
        Check("integrity", not damage, "; ".join(damage) or "ok"),
        Check("foreign keys", not orphans, f"{len(orphans)} rows without the row they refer to"),
        *catalogue,
    ]


def refuse_foreign(connection: apsw.Connection, path: str) -> None:
    """Refuse a file of some other program, before any setting changes it.

    Raises:
        Unavailable: it is one.
    """
    marked = connection.pragma("application_id") == APPLICATION_ID
    if not marked and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall():
        raise Unavailable(f"{path} is a SQLite file, but no Dialbook database.")


def _wait_briefly(tries: int) -> bool:
    """Try again soon. SQLite's own waiting gets longer with each try, and misses the moments between two changes."""
    time.sleep(RETRY_SECONDS)
    return tries * RETRY_SECONDS < BUSY_MILLISECONDS / 1000


def _in_snapshot(
    connection: apsw.Connection, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    connection.execute("BEGIN")
    try:
        return fn(SqliteTx(connection), *args, **kwargs)
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def _upgrade(connection: apsw.Connection) -> bool:
    """Bring the schema up to date; whether the file is to be written anew, so that it has nothing of what is gone."""
    has_to_forget = False
    teach(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in pending(migrations("sqlite"), connection.pragma("user_version")):
            connection.pragma("application_id", APPLICATION_ID)
            before = connection.total_changes()
            connection.execute(step.sql)
            has_to_forget |= step.version == FORGETTING and connection.total_changes() > before
            connection.pragma("user_version", step.version)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return has_to_forget
