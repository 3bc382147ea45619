"""SQLite: what was committed moves from the log into the file in a thread of its own, and no change waits for it.

The log begins anew with a change before which all of it was moved. Under steady load there may be none: so that the log
does not grow for ever, a change waits when it is too long.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

MOVED_PAGES = 1000  # that are moved together
LOG_PAGES = 50_000  # that the log may have before a change waits


class Checkpoints:
    """Moves them beside the changes that follow.

    Args:
        move: moves what was committed by now; it is called in one thread, always the same.
    """

    def __init__(self, move: Callable[[], object]) -> None:
        self._move = move
        self._thread = ThreadPoolExecutor(1, "dialbook-checkpoint")
        self._seen = 0  # pages of the log when the last move was asked for

    def after_commit(self, pages: int) -> None:
        """Have the log moved, if enough came into it; return when that is done, if there is too much in it.

        Args:
            pages: how many the log has.
        """
        began_anew = pages < self._seen
        if pages - (0 if began_anew else self._seen) < MOVED_PAGES:
            return
        self._seen = pages
        moving = self._thread.submit(self._move)
        if pages >= LOG_PAGES:
            wait([moving])

    def close(self) -> None:
        """Finish what was asked for."""
        self._thread.shutdown()
