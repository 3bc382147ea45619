"""What the processes of a server count, in files that they share with the one that tells Prometheus.

A process counts in a file of its own, so that nobody waits for a lock; to count is to add to a number in memory. The
files stay when a process ends, so that what was counted does not go down; their sum is what the server has done. A
process whose file was taken away writes what it has counted into another.
"""

import fcntl
import os
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from secrets import token_hex

from msgspec import Struct

from dialbook.folder import Folder

SUFFIX = ".counts"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATUSES = (
    *(200, 202, 204, 207, 303, 304),
    *(400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 422, 429, 431),
    *(500, 503),
)
FAILURES = {"500", "503"}  # told of from the start: a rate over what first is there as 1 sees no rise
OTHER = "other"  # operations and statuses that are not told apart

# The numbers in a file: those of the process, then those of each operation.
_SPREAD = len(SECONDS) + 2  # how often each time, and all times together
_LAG = 0
_WORKERS = _LAG + _SPREAD
_WAITING = _WORKERS + 1
_ROWS = _WAITING + 1
_OPERATIONS = _ROWS + 1
_SIZE = _SPREAD + len(STATUSES) + 1
_PLACES = {status: _SPREAD + place for place, status in enumerate(STATUSES)}
_OTHER_STATUS = _SIZE - 1


class Spread(Struct, frozen=True):
    """How long something took, each time: how often at most so many seconds, and all together."""

    times: Sequence[float]
    total: float


class Counts:
    """The counts of this process.

    Args:
        folder: where its file is made.
        operations: what is told apart; none for a process that answers no requests.
    """

    def __init__(self, folder: Path, operations: Sequence[str]) -> None:
        names = [*operations, OTHER]
        self._starts: Mapping[str, int] = {name: _OPERATIONS + place * _SIZE for place, name in enumerate(names)}
        self._folder = Folder(folder)
        self._file, self._numbers = self._begin(_OPERATIONS + len(names) * _SIZE)
        self._numbers[_WORKERS] = bool(operations)

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        start = self._starts.get(operation) or self._starts[OTHER]
        numbers = self._numbers
        numbers[start + bisect_left(SECONDS, seconds)] += 1
        numbers[start + _SPREAD - 1] += seconds
        numbers[start + _PLACES.get(status, _OTHER_STATUS)] += 1

    def lag(self, seconds: float) -> None:
        """Count a turn of the event loop that came so much too late."""
        self._keep()
        self._numbers[_LAG + bisect_left(SECONDS, seconds)] += 1
        self._numbers[_LAG + _SPREAD - 1] += seconds

    def waiting(self, changes: int) -> None:
        """Say how many changes wait now, or are made."""
        self._numbers[_WAITING] = changes

    def rows(self, count: int) -> None:
        """Count rows of uploads that were worked off."""
        self._keep()
        self._numbers[_ROWS] += count

    def _begin(self, size: int) -> tuple[int, "memoryview[float]"]:
        """Make a file for so many numbers, which is locked while we live.

        Raises:
            OSError: it cannot be made, or the disk has no room for it; none is left.
        """
        name = f"{token_hex(8)}{SUFFIX}"
        file = self._folder.open(name, os.O_EXCL)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Room that is only promised may be gone when the first number is written there: that ends the process.
            os.posix_fallocate(file, 0, size * 8)
            return file, memoryview(mmap(file, 0)).cast("d")
        except OSError:
            self._folder.remove(name)
            os.close(file)
            raise

    def _keep(self) -> None:
        """See that there is a file of what was counted, which somebody who tidies up may have taken away."""
        if os.fstat(self._file).st_nlink:
            return
        with suppress(OSError):  # it is tried again
            file, numbers = self._begin(len(self._numbers))
            numbers[:] = self._numbers
            os.close(self._file)
            self._file, self._numbers = file, numbers


class Total:
    """The counts of all processes together, as they are now.

    Args:
        folder: where their files are.
        operations: what those who answer requests tell apart.
    """

    def __init__(self, folder: Path, operations: Sequence[str]) -> None:
        self._names = [*operations, OTHER]
        self._numbers = [0.0] * (_OPERATIONS + len(self._names) * _SIZE)
        self.waiting = self.workers = 0.0  # now, of the processes that live
        for path in folder.glob(f"*{SUFFIX}"):
            self._add(path)

    @property
    def lag(self) -> Spread:
        """How late turns of the event loop came."""
        return self._spread(_LAG)

    @property
    def rows(self) -> float:
        """Rows of uploads that were worked off."""
        return self._numbers[_ROWS]

    @property
    def seconds(self) -> Mapping[str, Spread]:
        """How long requests took, by operation."""
        return {name: self._spread(start) for name, start in self._starts() if any(self._times(start))}

    @property
    def requests(self) -> Mapping[tuple[str, str], float]:
        """How many requests were answered, by operation and status; of failures also where there were none."""
        statuses = [*map(str, STATUSES), OTHER]
        return {
            (name, status): count
            for name, start in self._starts()
            for status, count in zip(statuses, self._numbers[start + _SPREAD : start + _SIZE], strict=True)
            if count or status in FAILURES
        }

    def _add(self, path: Path) -> None:
        with path.open("rb") as file:
            numbers = memoryview(file.read()).cast("d")
            for place, number in enumerate(numbers):
                self._numbers[place] += number
            if numbers and _is_alive(file.fileno()):
                self.waiting += numbers[_WAITING]
                self.workers += numbers[_WORKERS]

    def _starts(self) -> Sequence[tuple[str, int]]:
        return [(name, _OPERATIONS + place * _SIZE) for place, name in enumerate(self._names)]

    def _times(self, start: int) -> Sequence[float]:
        return self._numbers[start : start + _SPREAD - 1]

    def _spread(self, start: int) -> Spread:
        return Spread(self._times(start), self._numbers[start + _SPREAD - 1])


def _is_alive(file: int) -> bool:
    """Whether the process whose file it is still has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
