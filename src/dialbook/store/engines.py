"""Which engine a database URL names."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dialbook.model.errors import Invalid
from dialbook.store.database import Database
from dialbook.store.migrate import Migrated, migrations
from dialbook.store.sqlite_files import is_empty, keep_temporary_files_beside

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")

LOG = "the log beside the file (-wal)"
FREE_SPACE = "free space in pages of its tables, until other rows take it"
UNREADABLE = "rows of uploads' reports, and kept answers, whose number nobody can read"
UNSEARCHED = "fields of other contacts, and names of columns and of API keys, which are not looked through"
EARLIER = "rows and answers that have another number that the person had: ask again for each"
MIRRORED = "what dialbook pull keeps between runs, in its user's state folder"
LEFT_BY_EITHER = (UNREADABLE, UNSEARCHED, EARLIER, MIRRORED)
LEFT_BY_SQLITE = (
    *LEFT_BY_EITHER,
    "backups and replicas from before",
    "what a killed backup or restore has left (.NAME.….draft)",
    "blocks of the disk that files had which are gone",
)
LEFT_BY_POSTGRES = (
    *LEFT_BY_EITHER,
    "backups, replicas and archived logs from before",
    "a SQLite book that was copied to it, with its backups and its folder for uploads",
    "PostgreSQL's log (pg_wal), until its files are written anew",
    FREE_SPACE,
    "rows that a transaction from before still sees, until it ends and PostgreSQL vacuums again",
    "statistics of a table that has no row any more (pg_stats), until it has some and is analyzed",
    "statistics from before (pg_statistic) in a database of another role's, until PostgreSQL vacuums them",
)


def open_database(url: str, *, create: bool = True, unhurried: bool = False) -> Database:
    """Open, and on SQLite bring up to date, the database at `url`.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://USER@HOST/DATABASE`.
        create: whether to make a file when there is none.
        unhurried: whether a statement may take as long as it wants, as it may for somebody who waits and can end it.

    Raises:
        Invalid: no engine knows such a URL, or its driver is not installed.
        Unavailable: the database cannot be used, is none of Dialbook's, or has another schema than this Dialbook.
    """
    # Only the engine that is asked for needs its driver.
    if url.startswith(POSTGRES):
        with _driver_wanted():
            from dialbook.store.postgres import PostgresDatabase  # noqa: PLC0415
        return PostgresDatabase(url, unhurried=unhurried)
    path = sqlite_path(url)
    keep_temporary_files_beside(path)
    from dialbook.store.sqlite import SqliteDatabase  # noqa: PLC0415

    return SqliteDatabase(path, create=create)


def sqlite_path(url: str) -> str:
    """The file that a SQLite URL names.

    Raises:
        Invalid: no engine knows such a URL.
    """
    path = url.removeprefix(SQLITE)
    if path in (url, ""):
        raise Invalid(
            f"Database {masked(url)!r} cannot be opened; give sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        )
    return path


def migrate_database(url: str) -> Migrated:
    """Bring the schema up to date, and say what it is then; a SQLite file is so once it is open, and made if need be.

    Raises:
        Invalid: no engine knows such a URL, or its driver is not installed.
        Unavailable: the database cannot be used, is none of Dialbook's, or belongs to a newer Dialbook.
    """
    if url.startswith(POSTGRES):
        with _driver_wanted():
            from dialbook.store.postgres_schema import migrate  # noqa: PLC0415
        return migrate(url)
    is_new = is_empty(sqlite_path(url))
    open_database(url).close()
    return Migrated(migrations("sqlite")[-1].version, is_new)


def look(url: str) -> None:
    """See, over a new connection, that the database answers and has the schema that this Dialbook was written for.

    Raises:
        Unavailable: it does not; the reason is for everybody to read.
    """
    if url.startswith(POSTGRES):
        from dialbook.store.postgres_schema import look as look_at  # noqa: PLC0415

        look_at(url)
    else:
        from dialbook.store.sqlite import look as look_into  # noqa: PLC0415

        look_into(sqlite_path(url))


def wipe(url: str, *, rewrite: bool) -> None:
    """Take what was deleted out of the files of the database, as far as that can be done while servers go on.

    Args:
        url: the database.
        rewrite: whether a SQLite file is written anew, without which free space in its pages may keep pieces.

    Raises:
        Unavailable: it could not be done.
    """
    if url.startswith(POSTGRES):
        from dialbook.store.postgres_wipe import wipe as vacuum  # noqa: PLC0415

        vacuum(url)
    else:
        from dialbook.store.sqlite_wipe import wipe as rewrite_file  # noqa: PLC0415

        rewrite_file(sqlite_path(url), rewrite=rewrite)


def not_wiped(url: str, *, rewritten: bool, done: bool) -> Sequence[str]:
    """What may still hold what was deleted after that.

    Args:
        url: the database.
        rewritten: whether all pages were to be written anew.
        done: whether that, and the rest, could be done.
    """
    if url.startswith(POSTGRES):
        return LEFT_BY_POSTGRES
    if not done:
        return (*LEFT_BY_SQLITE, FREE_SPACE, LOG)
    return LEFT_BY_SQLITE if rewritten else (*LEFT_BY_SQLITE, FREE_SPACE)


def masked(url: str) -> str:
    """The URL without the passwords in it, to be shown; of one that nobody can read, without all before the host."""
    if url.startswith(SQLITE):
        return url
    before, at, place = url.rpartition("@")
    if before.startswith(POSTGRES):
        before = re.sub(r"(://[^:]*):.*", r"\1:***", before, flags=re.DOTALL)
    elif at:
        before = "***"
    return re.sub(r"(password=)[^&]*", r"\1***", before + at + place)


@contextmanager
def _driver_wanted() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise Invalid("PostgreSQL needs its driver, which Dialbook's extra 'postgres' brings.") from None
