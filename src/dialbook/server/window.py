"""Counting what each one does in a moving window: no 60 seconds hold more than is allowed."""

import fcntl
import math
import os
import struct
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

WINDOW_SECONDS = 60


class Count(Struct, frozen=True):
    """What one has done in the window."""

    is_within: bool  # whether it was within the limit, and so was counted
    left: int
    wait: int  # whole seconds until the oldest leaves the window


class MovingWindow:
    """Counts in memory, each process for itself.

    Args:
        allowed: how often.
        most: how many are remembered; of more, those who came first are forgotten.
    """

    def __init__(self, allowed: int, most: int) -> None:
        self._allowed = allowed
        self._most = most
        self._moments: dict[Hashable, deque[float]] = {}

    def count(self, who: Hashable) -> Count:
        """Count once more, unless the window is full."""
        now = time.monotonic()
        moments = self._moments[who] if who in self._moments else self._remember(who)
        while moments and moments[0] <= now - WINDOW_SECONDS:
            moments.popleft()
        is_within = len(moments) < self._allowed
        if is_within:
            moments.append(now)
        return Count(is_within, self._allowed - len(moments), _wait(moments[0], now))

    def _remember(self, who: Hashable) -> deque[float]:
        if len(self._moments) >= self._most:
            del self._moments[next(iter(self._moments))]
        return self._moments.setdefault(who, deque())


class SharedWindow:
    """Counts in files, for all processes that share a folder.

    Args:
        allowed: how often.
        folder: where there is a file for each one, of 8 bytes for each time that is allowed.
        clock: one that all processes have in common, and that no change of the system's time moves.
    """

    def __init__(self, allowed: int, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._folder = folder
        self._clock = clock

    def count(self, who: str) -> Count:
        """Count once more, unless the window is full.

        Raises:
            OSError: its file cannot be read or written.
        """
        path = self._folder / f"{sha256(who.encode()).hexdigest()}.window"
        with closing(_Ring(path, self._allowed)) as ring:
            now = self._clock()
            end = ring.end
            kept = range(max(0, end - self._allowed), end)
            first = kept.start + bisect_right(kept, now - WINDOW_SECONDS, key=ring.moment)
            is_within = end - first < self._allowed
            if is_within:
                ring.append(now)
            return Count(is_within, self._allowed - (ring.end - first), _wait(ring.moment(first), now))


class _Ring:
    """The last moments at which something was done, in a file that is locked while it is open.

    The oldest makes way for the next. The file begins with how many there ever were, and the place of each follows from
    its number.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size = size
        (self.end,) = struct.unpack("q", os.pread(self._file, 8, 0) or bytes(8))

    def moment(self, number: int) -> float:
        moment: float
        (moment,) = struct.unpack("d", os.pread(self._file, 8, self._place(number)))
        return moment

    def append(self, moment: float) -> None:
        os.pwrite(self._file, struct.pack("d", moment), self._place(self.end))
        self.end += 1
        os.pwrite(self._file, struct.pack("q", self.end), 0)

    def close(self) -> None:
        os.close(self._file)

    def _place(self, number: int) -> int:
        return 8 * (1 + number % self._size)


def _wait(oldest: float, now: float) -> int:
    return math.ceil(oldest + WINDOW_SECONDS - now)
