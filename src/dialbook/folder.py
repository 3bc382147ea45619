"""A folder for temporary files that outlives those who tidy up: it is made anew when it is gone."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Folder:
    """Opens files in a folder; all who have the same path come to have the same folder.

    It is held open, since at the path of one that is gone there may be somebody else's.

    Args:
        path: where it is, or is made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._directory: int | None = None

    def open(self, name: str, flags: int = 0) -> int:
        """Open a file to read and write, for its owner alone; it is made if there is none.

        Raises:
            OSError: it cannot be made, or the folder is another user's.
        """
        flags |= os.O_RDWR | os.O_CREAT
        if self._directory is not None:
            with suppress(FileNotFoundError):
                return os.open(name, flags, 0o600, dir_fd=self._directory)
            self.close()
        self._directory = hold(self._path)
        return os.open(name, flags, 0o600, dir_fd=self._directory)

    def remove(self, name: str) -> None:
        """Remove a file that was opened, if it is there still."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._directory)

    def close(self) -> None:
        """Let go of it."""
        if self._directory is not None:
            os.close(self._directory)
        self._directory = None


def hold(path: Path) -> int:
    """Open a folder, which is made if there is none, and lock it: systemd-tmpfiles passes over one that is locked.

    Raises:
        OSError: it cannot be made, or is another user's.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if os.fstat(directory).st_uid != os.geteuid():
        os.close(directory)
        raise PermissionError(errno.EPERM, "the folder for it is another user's")
    with suppress(BlockingIOError):  # whoever has it locked is just looking through it
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return directory
