"""SQLite: a copy of a book as it is at one moment, taken while it is in use, and the way back.

A copy is written beside its place under another name, looked through and synced before it gets its own. So a file of
that name is always whole and sound, whatever ends the copying.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TypeAlias

import apsw

from dialbook.model.errors import Invalid, Unavailable
from dialbook.store.accounts import list_account_sids
from dialbook.store.database import Check
from dialbook.store.doctor import recount
from dialbook.store.migrate import migrations, pending
from dialbook.store.spool import sync
from dialbook.store.sqlite import (
    APPLICATION_ID,
    SqliteDatabase,
    SqliteTx,
    check_soundness,
    refuse_foreign,
)
from dialbook.store.sqlite_files import beside, refuse_unwritable
from dialbook.store.sqlite_trouble import trouble_as_unavailable
from dialbook.store.uploads import fail_uploads_elsewhere

OnPages: TypeAlias = Callable[[int, int], object]

PAGES = 5000  # copied between two looks at how far it is
BUSY_MILLISECONDS = 5000


def back_up(path: str, target: Path, on_pages: OnPages) -> int:
    """Copy a book, which may be in use, to a new file of its own; return its size in bytes.

    The copy has the schema that the book has. Its counters are compared with what they count, unless that schema is
    an older one.

    Args:
        path: the book.
        target: where there is nothing yet.
        on_pages: is told how many pages are copied, and of how many.

    Raises:
        Invalid: there is something already.
        Unavailable: there is no book, one of the two cannot be used, or the book is damaged.
    """
    _refuse_existing(target)
    with _draft_of(target) as draft:
        _copy(path, draft, on_pages)
        with _opened(draft) as copy:
            _refuse_damage(copy, path)
            if not pending(migrations("sqlite"), copy.pragma("user_version")):
                _refuse_miscounts(copy, path)
        sync(draft)
        _give_name(draft, target)
    return target.stat().st_size


def restore(source: Path, path: str, folder: str, on_pages: OnPages, *, now: datetime, replace: bool = False) -> int:
    """Make a book of a copy, and bring it up to date.

    Args:
        source: the copy; it stays as it is.
        path: where the book is to be.
        folder: the name of the folder for its uploads.
        on_pages: is told how many pages are copied, and of how many.
        now: when uploads end that were under way, and whose files are in no such folder.
        replace: whether the book may take the place of another that nobody uses.

    Returns:
        How many uploads ended so.

    Raises:
        Invalid: there is a book already, or what another has left.
        Unavailable: there is no copy, one of the two cannot be used, is in use or is damaged, or the copy belongs to a
            newer Dialbook.
    """
    target = Path(path).resolve()  # the book may be elsewhere, and only named here
    if not replace:
        _refuse_existing(target)
    with _draft_of(target) as draft:
        _copy(str(source), draft, on_pages)
        with _opened(draft) as copy:
            _refuse_damage(copy, str(source))
            pending(migrations("sqlite"), copy.pragma("user_version"))
        SqliteDatabase(str(draft)).close()
        with _opened(draft) as copy:
            _refuse_miscounts(copy, str(source))
            with copy:
                ended = fail_uploads_elsewhere(SqliteTx(copy), folder, now=now)
        sync(draft)  # which takes long: not while everybody is kept from the book
        if replace and target.exists():
            with _held(target):
                _give_name(draft, target, replace=True)
        else:
            _refuse_existing(target)
            _give_name(draft, target)
    return ended


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """A new file beside another, for its owner alone; it is removed at the end, unless it has got that one's name."""
    draft = target.with_name(f".{target.name}.{token_hex(4)}.draft")
    with trouble_as_unavailable(f"{target} cannot be made"):
        draft.touch(mode=0o600, exist_ok=False)
    try:
        yield draft
    finally:
        for path in (draft, *beside(draft)):
            path.unlink(missing_ok=True)


def _copy(source: str, draft: Path, on_pages: OnPages) -> None:
    """Copy all pages as they are in one moment: the source is read in one transaction, whoever writes to it."""
    if not Path(source).exists():
        raise Unavailable(f"{source} is not there.")
    where = draft.parent.absolute()
    with _opened(source) as from_, _opened(draft) as to:
        _begin_reading(from_, source)
        with trouble_as_unavailable(f"{source} cannot be copied to {where}"):
            to.pragma("synchronous", 0)  # it is synced as a whole when it is found sound
            with to.backup("main", from_, "main") as backup:
                while not backup.step(PAGES):
                    on_pages(backup.page_count - backup.remaining, backup.page_count)
            to.pragma("journal_mode", "delete")  # so that it is one file, and can be read where nothing can be written


def _begin_reading(connection: apsw.Connection, path: str) -> None:
    with trouble_as_unavailable(f"{path} cannot be read"):
        connection.execute("BEGIN")
        if connection.pragma("application_id") != APPLICATION_ID:
            raise Unavailable(f"{path} is no Dialbook database.")


@contextmanager
def _opened(path: str | Path) -> Iterator[apsw.Connection]:
    """A connection to a file that is there, with no setting of ours: nothing in the file is changed by opening it."""
    with trouble_as_unavailable(f"{path} cannot be opened"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    with closing(connection):
        yield connection


def _refuse_damage(copy: apsw.Connection, path: str) -> None:
    _refuse_wrong(check_soundness(copy), path)


def _refuse_miscounts(copy: apsw.Connection, path: str) -> None:
    tx = SqliteTx(copy)
    _refuse_wrong([check for account in list_account_sids(tx) for check in recount(tx, account)], path)


def _refuse_wrong(checks: Sequence[Check], path: str) -> None:
    if wrong := [f"{check.name}: {check.found}" for check in checks if not check.ok]:
        raise Unavailable(f"{path} is damaged, and nothing was kept of it. {'; '.join(wrong)}.")


def _refuse_existing(target: Path) -> None:
    for path in (target, *beside(target)):
        if path.exists():
            raise Invalid(f"{path} is there already.")


@contextmanager
def _held(target: Path) -> Iterator[None]:
    """Keep everybody from opening a book, whose log is moved into it before.

    Raises:
        Unavailable: it is in use or damaged, or a file of it may only be read.
    """
    refuse_unwritable(str(target))
    with _opened(target) as connection:
        with trouble_as_unavailable(f"{target} cannot be replaced: a server or a command uses it, or it is damaged"):
            connection.set_busy_timeout(0)
            connection.pragma("locking_mode", "exclusive")
            refuse_foreign(connection, str(target))
            connection.pragma("journal_mode", "delete")
            connection.execute("BEGIN EXCLUSIVE")
        yield


def _give_name(draft: Path, target: Path, *, replace: bool = False) -> None:
    """Let a file that is on the disk as a whole have its name.

    Raises:
        Invalid: another file has got that name meanwhile, which it is not to `replace`.
    """
    if replace:
        draft.replace(target)
    else:
        _name_as_well(draft, target)
    sync(target.parent)


def _name_as_well(draft: Path, target: Path) -> None:
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise Invalid(f"{target} is there already.") from None
    except OSError:  # a disk whose files have one name each
        _refuse_existing(target)
        draft.replace(target)
