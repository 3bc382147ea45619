"""Counting what each one does in a sliding window: no 60 seconds hold more than is allowed."""

import fcntl
import logging
import math
import os
import struct
import time
from bisect import bisect_right
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from dialbook.folder import Folder

WINDOW_SECONDS = 60
ONE_EACH = 2**128

log = logging.getLogger(__name__)


class Count(Struct, frozen=True):
    """What one has done in the window."""

    is_within: bool  # whether it was within the limit, and so was counted
    left: int
    wait: int  # whole seconds until the oldest leaves the window


class SlidingWindow:
    """Counts in files, for all processes that share a folder.

    Args:
        name: what is counted; whatever has another name is counted apart.
        allowed: how often.
        folder: where there is a file for each one, of 8 bytes for each time that is allowed; what was counted is
            forgotten when it is taken away, and counting goes on.
        files: how many there may be of them; those who come to share one are counted together.
        clock: one that all processes have in common, and that no change of the system's time moves.
    """

    def __init__(
        self,
        name: str,
        allowed: int,
        folder: Path,
        *,
        files: int = ONE_EACH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._allowed = allowed
        self._folder = Folder(folder)
        self._files = files
        self._clock = clock
        self._is_counting = True

    def count(self, who: str) -> Count | None:
        """Count once more, unless the window is full; None while nothing can be counted, on a disk that is full."""
        try:
            with closing(_Ring(self._folder.open(self._file(who)), self._allowed)) as ring:
                count = self._count(ring)
        except OSError as error:
            if self._is_counting:  # a line for each request would fill the disk up once more
                log.warning("No %s are counted: %s.", self._name, error.strerror)
            self._is_counting = False
            return None
        self._is_counting = True
        return count

    def _count(self, ring: "_Ring") -> Count:
        now = self._clock()
        end = ring.end
        kept = range(max(0, end - self._allowed), end)
        first = kept.start + bisect_right(kept, now - WINDOW_SECONDS, key=ring.moment)
        is_within = end - first < self._allowed
        if is_within:
            ring.append(now)
        wait = math.ceil(ring.moment(first) + WINDOW_SECONDS - now)
        return Count(is_within, self._allowed - (ring.end - first), wait)

    def _file(self, who: str) -> str:
        number = int.from_bytes(sha256(who.encode()).digest()) % self._files
        return f"{self._name}-{number:x}.window"


class _Ring:
    """The last moments at which something was done, in a file that is locked while it is open.

    The oldest makes way for the next. The file begins with how many there ever were, and the place of each follows from
    its number.
    """

    def __init__(self, file: int, size: int) -> None:
        self._file = file
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
