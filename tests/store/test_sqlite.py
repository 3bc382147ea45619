"""The SQLite engine: its settings on every connection, its file and its neighbours."""

import asyncio
import multiprocessing
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, suppress
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import apsw
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft
from dialbook.model.errors import Invalid, Unavailable
from dialbook.store import accounts, contacts
from dialbook.store.books import count_contacts
from dialbook.store.checkpoints import LOG_PAGES, MOVED_PAGES, Checkpoints
from dialbook.store.database import Database, Tx
from dialbook.store.engines import open_database
from tests.conftest import NUMBERS, run_cli
from tests.processes import HANG_SECONDS, PROGRAM, environment
from tests.sqlite import beside, path_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
WANTED = {
    "busy_timeout": 5000,
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "cache_size": -49152,
}
WRITING = WANTED | {"busy_timeout": 0}  # it waits in a way of its own
SCANNING = WANTED | {"cache_size": -8192}


@pytest.fixture
def path(database: str) -> Path:
    return path_of(database)


def settings_of(tx: Tx) -> dict[str, object]:
    rows = {name: tx.one(f"PRAGMA {name}") for name in WANTED}
    return {name: row[0] for name, row in rows.items() if row is not None}


def create_account(tx: Tx, account: str = "acme") -> None:
    accounts.create_account(tx, account, region=DEFAULT_REGION, now=NOW)


def create_contact(tx: Tx, number: str) -> None:
    assert accepted(contacts.create_contacts(tx, "acme", [ContactDraft(number)], now=NOW))


def contact_count(tx: Tx) -> int:
    (summary,) = accounts.list_accounts(tx)
    assert summary.contact_count is not None
    return summary.contact_count


# Settings and the file


async def _settings_everywhere(db: Database) -> list[dict[str, object]]:
    """As the writer, the reader and each of the two scanners see them."""
    together = threading.Barrier(2)

    def settings_of_a_scanner(tx: Tx) -> dict[str, object]:
        together.wait(HANG_SECONDS)  # so that neither thread does both
        return settings_of(tx)

    scanned = await asyncio.gather(db.scan(settings_of_a_scanner), db.scan(settings_of_a_scanner))
    return [await db.write(settings_of), await db.read(settings_of), *scanned]


def test_every_connection_has_every_setting(database: str) -> None:
    with closing(open_database(database)) as db:
        assert asyncio.run(_settings_everywhere(db)) == [WRITING, WANTED, SCANNING, SCANNING]


def test_a_setting_that_sqlite_does_not_take_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database in memory cannot keep a write-ahead log."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Unavailable, match="cannot set journal_mode to wal"):
        open_database("sqlite:///:memory:")


@pytest.mark.parametrize("way", ["read", "scan"])
def test_what_reads_cannot_change_anything(way: str, database: str) -> None:
    with closing(open_database(database)) as db:
        run = db.read if way == "read" else db.scan
        with pytest.raises(Unavailable):
            asyncio.run(run(create_account))

        assert asyncio.run(db.read(accounts.list_accounts)) == []


def test_the_file_and_those_beside_it_are_for_their_owner_alone(path: Path, database: str) -> None:
    before = os.umask(0)
    try:
        with closing(open_database(database)) as db:
            asyncio.run(db.write(create_account))
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(["book.db", "book.db-wal", "book.db-shm"], 0o600)


def test_closing_leaves_one_file_with_everything_in_it(path: Path, database: str, tmp_path: Path) -> None:
    """So that a copy of a stopped server's file is a backup."""
    with closing(open_database(database)) as db:
        asyncio.run(db.write(create_account))

    assert [each.name for each in path.parent.iterdir()] == ["book.db"]
    shutil.copy(path, tmp_path / "copy.db")
    assert [each["account_sid"] for each in run_cli("account", "list", "--database", f"sqlite:///{tmp_path}/copy.db")]


def _make_foreign(path: Path) -> None:
    with closing(beside(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def _make_text(path: Path) -> None:
    path.write_text("This is a letter, and no database.\n" * 100)


def _make_newer(path: Path) -> None:
    open_database(f"sqlite:///{path}").close()
    with closing(beside(path)) as connection:
        connection.pragma("user_version", 99)


def _make_cut_off(path: Path) -> None:
    open_database(f"sqlite:///{path}").close()
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_make_foreign, "is a SQLite file, but no Dialbook database"),
        (_make_text, "cannot be opened as a Dialbook database"),
        (_make_newer, "has schema 99; this Dialbook knows up to"),
        (_make_cut_off, "cannot be opened as a Dialbook database"),
    ],
    ids=["another program's", "no database", "newer", "cut off"],
)
def test_a_file_that_is_not_for_this_dialbook_is_refused_and_left_as_it_is(
    make: Callable[[Path], None], says: str, path: Path, database: str
) -> None:
    make(path)
    before = path.read_bytes()

    with pytest.raises(Unavailable, match=says):
        open_database(database)

    assert path.read_bytes() == before


def _killed(database: str, left: Path) -> None:
    """Make a book as a server that was killed leaves it: what was written last is in the log alone."""
    with closing(open_database(database)) as db:
        asyncio.run(db.write(create_account))
        left.mkdir()
        for part in path_of(database).parent.glob("book.db*"):
            shutil.copy(part, left)


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("is_named", ["itself", "by a link"])
def test_changes_of_a_book_that_was_moved_away_are_not_thrown_away(
    create: bool, is_named: str, database: str, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    _killed(database, left)
    named = left / "book.db" if is_named == "itself" else tmp_path / "link.db"
    if is_named == "by a link":
        named.symlink_to(left / "book.db")
    (left / "book.db").rename(left / "old.db")

    with pytest.raises(Unavailable) as refused:
        open_database(f"sqlite:///{named}", create=create)

    assert str(refused.value).startswith(
        f"{left}/book.db is not there, but what belongs to it is (book.db-shm, book.db-w"
    )
    (left / "old.db").rename(left / "book.db")
    with closing(open_database(f"sqlite:///{named}")) as db:
        assert len(asyncio.run(db.read(accounts.list_accounts))) == 1


def test_an_empty_file_becomes_a_database(path: Path, database: str) -> None:
    path.touch(mode=0o600)

    with closing(open_database(database)) as db:
        assert all(check.ok for check in db.check())


# One after another


def create_account_and_fail(tx: Tx, account: str) -> None:
    create_account(tx, account)
    raise Invalid("It was a mistake.")


def test_a_change_that_fails_is_undone_alone_wherever_it_stands(database: str) -> None:
    async def change(db: Database) -> list[object]:
        steps = [create_account_and_fail, create_account, create_account_and_fail, create_account]
        return await asyncio.gather(
            *(db.write(step, f"account-{i}") for i, step in enumerate(steps)), return_exceptions=True
        )

    with closing(open_database(database)) as db:
        results = asyncio.run(change(db))
        found = asyncio.run(db.read(accounts.list_accounts))

    assert [isinstance(result, Invalid) for result in results] == [True, False, True, False]
    assert [each.account.sid for each in found] == ["account-1", "account-3"]


# The log


def fill(tx: Tx) -> None:
    """Write more pages than are moved together."""
    drafts = [ContactDraft(number, custom_field=f'"{"x" * 4096}"') for number in NUMBERS[: 2 * MOVED_PAGES]]
    contacts.create_contacts(tx, "acme", drafts, now=NOW)


def test_what_was_committed_moves_into_the_file_meanwhile(path: Path, database: str) -> None:
    with closing(open_database(database)) as db, closing(beside(path)) as other:
        asyncio.run(db.write(create_account))
        asyncio.run(db.write(fill))
        other.execute("SELECT 1 FROM accounts")  # which makes it look at the log

        end = time.monotonic() + HANG_SECONDS
        while (log := other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP))[0] != log[1]:
            assert time.monotonic() < end, log

    assert log[0] > MOVED_PAGES


def test_a_commit_that_is_made_is_told_as_made_where_no_thread_can_move_it(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("dialbook-checkpoint"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with closing(open_database(database)) as db:
        asyncio.run(db.write(create_account))
        asyncio.run(db.write(fill))

        assert asyncio.run(db.read(count_contacts, "acme")) == 2 * MOVED_PAGES


def test_a_change_waits_only_for_a_log_that_is_too_long() -> None:
    may_move = threading.Event()
    moved: list[bool] = []
    checkpoints = Checkpoints(lambda: moved.append(may_move.wait(HANG_SECONDS)))
    with closing(checkpoints):
        checkpoints.after_commit(MOVED_PAGES - 1)
        checkpoints.after_commit(LOG_PAGES - 1)
        before = list(moved)
        may_move.set()
        checkpoints.after_commit(LOG_PAGES + MOVED_PAGES)

        assert (before, moved) == ([], [True, True])


# Neighbours


def test_opening_waits_for_another_process_that_closes(path: Path, database: str) -> None:
    open_database(database).close()
    last = beside(path)
    last.execute("PRAGMA journal_mode = DELETE")  # so that it can lock all others out, as whoever closes last does
    last.execute("BEGIN EXCLUSIVE")
    with ThreadPoolExecutor(1) as thread:
        opening = thread.submit(open_database, database)
        wait([opening], 0.2)
        last.close()

        opening.result().close()


def write_contacts(database: str, together: Barrier, numbers: list[str]) -> None:
    """What a second process does: each contact is a transaction of its own."""
    with closing(open_database(database)) as db:
        together.wait(HANG_SECONDS)
        for number in numbers:
            asyncio.run(db.write(create_contact, number))


def test_two_processes_that_write_at_once_lose_nothing(database: str) -> None:
    with closing(open_database(database)) as db:
        asyncio.run(db.write(create_account))
        processes = multiprocessing.get_context("spawn")
        together = processes.Barrier(2)
        halves = (NUMBERS[:200], NUMBERS[200:400])
        running = [processes.Process(target=write_contacts, args=(database, together, half)) for half in halves]
        for process in running:
            process.start()
        for process in running:
            process.join(HANG_SECONDS)

        assert [process.exitcode for process in running] == [0, 0]
        assert asyncio.run(db.read(contact_count)) == 400
    assert all(check["ok"] for check in run_cli("doctor", "--database", database))


def test_a_change_waits_for_another_process_that_writes(path: Path, database: str) -> None:
    async def write_while_locked(db: Database, other: apsw.Connection) -> None:
        other.execute("BEGIN IMMEDIATE")
        change = asyncio.create_task(db.write(create_account))
        await db.scan(accounts.list_accounts)  # the change has been asked for, and reads go on
        other.execute("COMMIT")
        await change

    with closing(open_database(database)) as db, closing(beside(path)) as other:
        asyncio.run(write_while_locked(db, other))

        assert len(asyncio.run(db.read(accounts.list_accounts))) == 1


def test_a_file_that_another_process_is_about_to_leave_is_waited_for(path: Path, database: str) -> None:
    """As what works off uploads does, a moment after its server was killed and another one starts."""
    run_cli("account", "create", "acme", "--database", database)
    command = [str(PROGRAM), "account", "list", "--database", database]
    with closing(beside(path)) as other:
        other.pragma("locking_mode", "exclusive")
        other.execute("BEGIN EXCLUSIVE")
        with subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE) as process:
            while not has_open(process.pid, path) and process.poll() is None:
                pass
            other.close()
            assert process.wait(HANG_SECONDS) == 0


def has_open(process: int, path: Path) -> bool:
    """Whether a process has a file open, which it tries to read then."""
    with suppress(FileNotFoundError):  # one that was closed meanwhile
        return any(each.exists() and each.samefile(path) for each in Path(f"/proc/{process}/fd").iterdir())
    return False


def test_a_change_that_waits_too_long_for_another_process_is_undone(path: Path, database: str) -> None:
    with closing(open_database(database)) as db, closing(beside(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            asyncio.run(db.write(create_account, "late"))
        other.execute("COMMIT")
        asyncio.run(db.write(create_account, "again"))

        found = asyncio.run(db.read(accounts.list_accounts))

    assert [each.account.sid for each in found] == ["again"]
    assert refused.value.headers == {"Retry-After": "1"}
