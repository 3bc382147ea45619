"""What the processes of one server share while it runs: a folder, of which each knows by its environment."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from dialbook.counts import Counts

VARIABLE = "_DIALBOOK_SHARED"  # no setting: the underscore keeps it apart from them


class Shared(Struct, frozen=True):
    """The folder."""

    folder: Path

    def begin_stopping(self) -> None:
        """Let all processes know that the server has been told to stop."""
        self._mark.touch()

    def is_stopping(self) -> bool:
        """Whether it has been told."""
        return self._mark.exists()

    def new_counts(self, operations: Sequence[str] = ()) -> Counts:
        """The counts of this process."""
        return Counts(self.folder, operations)

    @property
    def _mark(self) -> Path:
        return self.folder / "stopping"


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
    """Keep a folder from those who tidy up temporary files: systemd-tmpfiles passes over one that is locked."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_SH)
        yield
    finally:
        os.close(directory)
