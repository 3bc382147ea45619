"""SQLite books as files, and who looks into them or changes them behind Dialbook's back."""

from pathlib import Path

import apsw

WAIT_MILLISECONDS = 60_000  # for who has the file's lock: by far more than they need


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def beside(book: str | Path) -> apsw.Connection:
    """A connection of its own to the file of a book, which is given by its URL or its path."""
    connection = apsw.Connection(str(path_of(str(book))))
    connection.set_busy_timeout(WAIT_MILLISECONDS)
    return connection
