"""SQLite: what was deleted leaves the log, too.

In the file itself it is overwritten as it is deleted (`secure_delete`). The log still has pages as they were before,
until all of it was moved into the file and it is cut off.
"""

import time
from contextlib import closing

import apsw

from dialbook.model.errors import Unavailable
from dialbook.store.sqlite import connect, trouble_as_unavailable

PATIENCE = 30.0  # seconds in which the log has to be without readers for a moment
TRY_MILLISECONDS = 200  # that one try may keep those waiting who write
PAUSE = 0.05  # seconds


def wipe(path: str) -> None:
    """Empty the log of a book, which may be in use.

    Raises:
        Unavailable: somebody went on reading an old state of the book, or it cannot be used now.
    """
    with trouble_as_unavailable(f"The log of {path} cannot be emptied"), closing(connect(path)) as connection:
        connection.set_busy_timeout(TRY_MILLISECONDS)
        end = time.monotonic() + PATIENCE
        while not _empty(connection):
            if time.monotonic() > end:
                raise Unavailable(f"The log of {path} still has it: somebody reads an old state of the book.")
            time.sleep(PAUSE)


def _empty(connection: apsw.Connection) -> bool:
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    return True
