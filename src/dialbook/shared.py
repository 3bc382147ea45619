"""What the processes of one server share while it runs: a folder, of which each knows by its environment."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from dialbook.counts import Counts
from dialbook.folder import hold
from dialbook.model.errors import Unavailable

VARIABLE = "_DIALBOOK_SHARED"  # no setting: the underscore keeps it apart from them
STOPPING = 0o1700  # the folder's mode once the server has been told to stop: unlike a file, it needs no room


class Shared(Struct, frozen=True):
    """The folder."""

    folder: Path

    def begin_stopping(self) -> None:
        """Let all processes know that the server has been told to stop.

        Raises:
            OSError: the folder was taken away, and cannot be made anew, or is another user's.
        """
        directory = hold(self.folder)
        try:
            os.fchmod(directory, STOPPING)
        finally:
            os.close(directory)

    def is_stopping(self) -> bool:
        """Whether it has been told."""
        with suppress(FileNotFoundError):  # taken away before
            return stat.S_IMODE(self.folder.stat().st_mode) == STOPPING
        return False

    def new_counts(self, operations: Sequence[str] = ()) -> Counts:
        """The counts of this process.

        Raises:
            Unavailable: there can be none, on a disk that is full.
        """
        try:
            return Counts(self.folder, operations)
        except OSError as error:
            raise Unavailable(f"Nothing can be counted in {self.folder} ({error.strerror}).") from error


@contextmanager
def sharing() -> Iterator[Shared]:
    """A new folder, for this process and those that it starts, until the caller is done."""
    with TemporaryDirectory(prefix="dialbook-") as folder, _kept(folder):
        os.environ[VARIABLE] = folder
        yield Shared(Path(folder))


def shared() -> Shared:
    """The folder of the server that this process belongs to."""
    return Shared(Path(os.environ[VARIABLE]))


@contextmanager
def _kept(folder: str) -> Iterator[None]:
    """Keep a folder from those who tidy up temporary files."""
    directory = hold(Path(folder))
    try:
        yield
    finally:
        os.close(directory)
