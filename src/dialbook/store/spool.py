"""The files of uploads, from when they are received until they are worked off.

They hold personal data: the folder is its owner's alone, and a file is removed when its upload ends. Whoever works on a
file has a lock on it, which the system takes away when the process ends in whatever way: so another can go on at once,
and no two work on one file.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path
from secrets import token_hex

from dialbook.model.errors import RETRY_SOON, Unavailable

NAME_FILE = "folder-name"
RESERVE = 64 * 1024 * 1024  # bytes of the disk that uploads leave free
FULL = "The server's disk has no room for the upload."


class Spool:
    """A folder of such files; each is named by its upload's sid.

    Args:
        folder: is made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder's own name, which stays when it is moved; no two folders have the same.

        Raises:
            Unavailable: the folder cannot be used.
        """
        with _trouble_as_unavailable():
            self._make_folder()
            path = self._folder / NAME_FILE
            if not path.exists():
                # A link appears whole or not at all, and only where there is none yet.
                draft = self._folder / f".{token_hex(8)}"
                draft.write_text(token_hex(16))
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
                draft.unlink()
            return path.read_text()

    @contextmanager
    def receiving(self, sid: str, size: int) -> Iterator["Received"]:
        """A new file to be written; it is removed at the end, unless it is kept.

        Args:
            sid: its name.
            size: how many bytes it will have at most.

        Raises:
            Unavailable: the disk has no room for it, or cannot be written.
        """
        path = self._folder / sid
        with _trouble_as_unavailable():
            self._make_folder()
            if shutil.disk_usage(self._folder).free < size + RESERVE:
                raise Unavailable(FULL, headers=RETRY_SOON)
            file = open(path, "xb", opener=_private)  # noqa: SIM115  # Path has no opener; closed below
            fcntl.flock(file, fcntl.LOCK_EX)
        received = Received(path, file)
        try:
            yield received
        finally:
            if not received.is_kept:
                path.unlink(missing_ok=True)
            with suppress(OSError):  # what could not be written was said before
                file.close()

    def exists(self) -> bool:
        """Whether there ever was a file."""
        return self._folder.exists()

    def lock(self, sid: str) -> "LockedFile | None":
        """A file that nobody else works on until it is closed; None when somebody does.

        Raises:
            FileNotFoundError: it is not there.
        """
        path = self._folder / sid
        file = path.open("rb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return LockedFile(path, file)

    def remove(self, sid: str) -> None:
        """Remove a file, if it is there."""
        (self._folder / sid).unlink(missing_ok=True)

    def sids(self) -> Sequence[str]:
        """The files that are there."""
        return [path.name for path in self._folder.iterdir() if path.name != NAME_FILE and path.name[0] != "."]

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class LockedFile:
    """A file that somebody works on."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path = path
        self._file = file

    def close(self) -> None:
        """Let others have it."""
        self._file.close()


class Received:
    """A file that is being received."""

    def __init__(self, path: Path, file: BufferedWriter) -> None:
        self.path = path
        self.is_kept = False
        self._file = file

    def write(self, part: bytes) -> None:
        """Add to it.

        Raises:
            Unavailable: the disk is full, or cannot be written.
        """
        with _trouble_as_unavailable():
            self._file.write(part)

    def sync(self) -> None:
        """Return when all of it is on the disk.

        Raises:
            Unavailable: the disk is full, or cannot be written.
        """
        with _trouble_as_unavailable():
            self._file.flush()
            os.fsync(self._file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _trouble_as_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as trouble:
        full = trouble.errno in {errno.ENOSPC, errno.EDQUOT}
        description = FULL if full else f"The server's folder for uploads cannot be used ({type(trouble).__name__})."
        raise Unavailable(description, headers=RETRY_SOON) from trouble
