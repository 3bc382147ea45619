"""How long uploads rest after a chunk, so that who asks for pages goes first.

The process that works uploads off is a nice one, which is enough on SQLite. PostgreSQL's own processes are not: while
one writes a chunk, those that read pages wait for a processor. So where the database does other things meanwhile,
uploads rest for longer than they work.
"""

from collections import deque

BREATH_SECONDS = 0.003  # in any case: on SQLite, for a server that waits to write
REST = 3.0  # times what was worked, beside others
WINDOW_SECONDS = 3.0  # PostgreSQL tells of a transaction up to a second late
MANY = 100.0  # transactions a second: far more than uploads need, and those who ask how far they are


class Pace:
    """Looks at how much the database does, chunk after chunk."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def rest(self, worked: float, *, now: float, transactions: int) -> float:
        """How long to rest.

        Args:
            worked: how long the chunk took, in seconds.
            now: a moment, in seconds of a clock that nobody sets.
            transactions: how many the database has seen so far.

        Returns:
            Seconds.
        """
        self._seen.append((now, transactions))
        while self._seen[0][0] < now - WINDOW_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        since, before = self._seen[0]
        is_asked = transactions - before > MANY * (now - since)
        return max(REST * worked, BREATH_SECONDS) if is_asked else BREATH_SECONDS
