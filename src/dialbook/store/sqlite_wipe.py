"""SQLite: of what was deleted nothing is left in the file, nor in its log.

What is deleted is overwritten at once (`secure_delete`), but not the copies that a page keeps in its free space of rows
that once moved to another page. Only writing all pages anew is sure to leave none. Then the log has the old ones, until
all of it was moved into the file and it is cut off.
"""

import time
from contextlib import closing

import apsw

from dialbook.model.errors import Unavailable
from dialbook.store.sqlite import connect
from dialbook.store.sqlite_trouble import trouble_as_unavailable

PATIENCE = 30.0  # seconds in which the log has to be without readers for a moment
TRY_MILLISECONDS = 200  # that one try may keep those waiting who write
PAUSE = 0.05  # seconds
STEPS = 1_000_000  # of SQLite's between two moments in which Python hears of a signal, as Ctrl-C, that ends the whole


def wipe(path: str, *, rewrite: bool) -> None:
    """Leave nothing of what was deleted in a book, which may be in use.

    Args:
        path: the book.
        rewrite: whether all pages are written anew; meanwhile nobody else can write.

    Raises:
        Unavailable: somebody went on reading an old state of the book, or it cannot be written now.
    """
    with trouble_as_unavailable(f"{path} cannot be written anew"), closing(connect(path)) as connection:
        connection.set_progress_handler(lambda: False, STEPS)
        try:
            if rewrite:
                connection.execute("VACUUM")
        except apsw.Error:
            _empty_log(connection, path)
            raise
        _empty_log(connection, path)


def _empty_log(connection: apsw.Connection, path: str) -> None:
    connection.set_busy_timeout(TRY_MILLISECONDS)
    end = time.monotonic() + PATIENCE
    while not _is_emptied(connection):
        if time.monotonic() > end:
            raise Unavailable(
                f"The log of {path} still has it: somebody reads an old state of the book, as Litestream always does."
            )
        time.sleep(PAUSE)


def _is_emptied(connection: apsw.Connection) -> bool:
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    return True
