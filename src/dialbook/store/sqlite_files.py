"""The files that make up a SQLite book: the one that is named, and those that SQLite keeps beside it."""

import os
from collections.abc import Sequence
from pathlib import Path

from dialbook.model.errors import Unavailable


def beside(path: str | Path) -> Sequence[Path]:
    """The files that SQLite takes for parts of the one of this name, whether they are there or not."""
    return [Path(f"{path}{suffix}") for suffix in ("-journal", "-shm", "-wal")]


def is_empty(path: str) -> bool:
    """Whether there is no book yet: a file with nothing in it is made into one."""
    return not Path(path).exists() or not Path(path).stat().st_size


def refuse_remains(path: str) -> None:
    """Refuse a name at which there is no book, but what belongs to one: SQLite would delete it, changes and all.

    Raises:
        Unavailable: so it is.
    """
    book = Path(os.path.realpath(path))  # the book may be elsewhere, and only named here
    remains = [part.name for part in beside(book) if part.exists()]
    # Whoever makes a book makes this file first: looked for last, it is there if one is being made just now.
    if remains and not book.exists():
        raise Unavailable(
            f"{book} is not there, but what belongs to it is ({', '.join(remains)}), and may hold its last changes: "
            "move that to where the book is now, under the book's new name, or the book back."
        )


def refuse_unwritable(path: str) -> None:
    """Refuse a book of which a file may only be read: what SQLite says of that does not tell which.

    Raises:
        Unavailable: there is one.
    """
    for part in (Path(path), *beside(path)):
        if not os.access(part, os.W_OK) and part.exists():
            raise Unavailable(f"{part} cannot be written: whoever uses a book needs to write to every file of it.")


def keep_temporary_files_beside(path: str) -> None:
    """Have SQLite write what it cannot keep in memory beside the book, unless SQLITE_TMPDIR says where.

    When a book is written anew, that is all of it: elsewhere there may be no room for it, nor any encryption. It is for
    the whole process, and comes before the driver is imported: an older SQLite looks there and then.
    """
    os.environ.setdefault("SQLITE_TMPDIR", str(Path(os.path.realpath(path)).parent))
