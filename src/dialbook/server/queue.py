"""Those who have a place begin in the order in which they came, a few in each turn of the event loop.

A turn that began all of them would be over when the last is answered, and nobody would be heard before that, not even
to be told that there is no place left.
"""

from collections import deque
from collections.abc import Callable

from dialbook.server.outbox import Turn

TOGETHER = 8  # a millisecond of pages


class Queue:
    """The requests of a process that have a place and have not begun.

    Args:
        turn: of the event loop.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._begun = 0  # in this turn
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, begin: Callable[[], None]) -> None:
        """Call `begin` in this turn, or in the first that has room for it."""
        if self._begun == TOGETHER:
            self._waiting.append(begin)
            return
        if not self._begun:
            self._turn.at_end(self._next_turn)
        self._begun += 1
        begin()

    def _next_turn(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < TOGETHER:
            self.add(self._waiting.popleft())
