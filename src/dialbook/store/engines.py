"""Which engine a database URL names."""

from dialbook.model.errors import Invalid
from dialbook.store.database import Database


def open_database(url: str, *, create: bool = True) -> Database:
    """Open, and on SQLite bring up to date, the database at `url`.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`.
        create: whether to make the file when there is none.

    Raises:
        Invalid: no engine knows such a URL.
        Unavailable: the file cannot be used, is no Dialbook database, or belongs to a newer Dialbook.
    """
    path = url.removeprefix("sqlite:///")
    if path in (url, ""):
        raise Invalid(f"Database {url!r} cannot be opened; give sqlite:///FILE.")
    # Only the engine that is asked for needs its driver.
    from dialbook.store.sqlite import SqliteDatabase  # noqa: PLC0415

    return SqliteDatabase(path, create=create)
