"""Those who have a place begin in the order in which they came: all at once, or a few at a time where others have none.

A turn of the event loop that begins all of them is over when the last is answered. That answers most, and nobody is
heard meanwhile, not even to be told that there is no place left.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from dialbook.model.errors import RETRY_SECONDS
from dialbook.server.outbox import Turn

FEW = 8  # a millisecond of pages


class Queue:
    """The requests of a process that have a place and have not begun.

    Args:
        turn: of the event loop.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._begun = 0  # in this turn
        self._waiting: deque[Callable[[], None]] = deque()
        self._hurried_until = 0.0

    def add(self, begin: Callable[[], None]) -> None:
        """Call `begin` in this turn, or in the first that has room for it."""
        if self._waiting or not self._has_room():
            self._waiting.append(begin)
        else:
            self._begin(begin)

    def hurry(self) -> None:
        """Keep turns short until those who are refused now have come again."""
        self._hurried_until = time.monotonic() + 2 * RETRY_SECONDS

    def _has_room(self) -> bool:
        return self._begun < FEW or time.monotonic() > self._hurried_until

    def _begin(self, begin: Callable[[], None]) -> None:
        if not self._begun:
            self._turn.at_end(self._next_turn)
        self._begun += 1
        begin()

    def _next_turn(self) -> None:
        self._begun = 0
        if self._waiting:
            # Not at once: whoever has come meanwhile and finds no place is told before these are served.
            asyncio.get_running_loop().call_soon(self._begin_waiting)

    def _begin_waiting(self) -> None:
        while self._waiting and self._has_room():
            self._begin(self._waiting.popleft())
