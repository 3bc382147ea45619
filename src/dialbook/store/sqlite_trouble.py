"""What counts as trouble with a SQLite file, and what is said of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import apsw

from dialbook.model.errors import RETRY_SOON, Unavailable

UNAVAILABLE = "The database cannot be used now"

# What an operator can mend, or what passes: a full or failing disk, a file that is locked, moved or damaged.
TROUBLE = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ConnectionClosedError,
    OSError,
)

_IN_WORDS: Mapping[type[BaseException], str] = {
    apsw.FullError: "the disk is full",
    apsw.IOError: "the disk cannot be read or written",
}


@contextmanager
def trouble_as_unavailable(description: str = UNAVAILABLE) -> Iterator[None]:
    """Turn what the driver says of trouble with the file into Unavailable; bugs pass as they are."""
    try:
        yield
    except TROUBLE as trouble:
        raise unavailable(trouble, description) from trouble
    except apsw.SQLError as error:
        if not lacks_something(error):
            raise
        raise unavailable(error, description) from error


def lacks_something(error: apsw.SQLError) -> bool:
    """Whether a statement names a table or a column that somebody has taken out of the file, which `doctor` tells."""
    return str(error).startswith("no such ")


def unavailable(trouble: BaseException, description: str = UNAVAILABLE) -> Unavailable:
    """The refusal for trouble with the file."""
    return Unavailable(f"{description} ({reason_of(trouble)}).", headers=RETRY_SOON)


def reason_of(trouble: BaseException) -> str:
    """What to say of trouble with the file."""
    said = str(trouble.strerror if isinstance(trouble, OSError) else trouble)
    # Of what a backup has met, SQLite keeps no text.
    return _IN_WORDS.get(type(trouble), type(trouble).__name__) if said == "not an error" else said
