"""The files of uploads, from when they are received until they are worked off.

They hold personal data: the folder is its owner's alone, and a file is removed when its upload ends. Whoever works on a
file has a lock on it, which the system takes away when the process ends in whatever way: so another can go on at once,
and no two work on one file.
"""

import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from io import BufferedRandom, BufferedWriter
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile

from dialbook.model.errors import RETRY_SOON, Unavailable
from dialbook.store.engines import SQLITE
from dialbook.store.place import database_place

NAME_FILE = "folder-name"
SUFFIX = ".upload"
RESERVE = 64 * 1024 * 1024  # bytes of the disk that uploads leave free
FULL = "The server's folder for uploads has no room."
NAMELESS = (
    f"The server's folder for uploads cannot be used (its file {NAME_FILE} is missing, and files of uploads are there: "
    "give it back, or cancel the uploads that wait and move their files away)."
)

_is_name = re.compile(rb"[0-9a-f]{32}").fullmatch
_OURS = re.compile(rf"([0-9a-f]{{32}}){re.escape(SUFFIX)}")


def open_spool(folder: str, database: str) -> "Spool":
    """The folder for the uploads of one book.

    Args:
        folder: where it is to be, in a folder of its own for each book; empty for one beside a SQLite file, or in the
            current folder for PostgreSQL.
        database: the URL of the book.
    """
    place = database_place(database).removeprefix(SQLITE)
    beside = Path(f"{place}-uploads") if database.startswith(SQLITE) else Path("dialbook-uploads") / _key(place)
    return Spool(Path(folder) / _key(place) if folder else beside)


class Spool:
    """A folder of such files; each is named by its upload's sid. What else is in it is left alone.

    Args:
        folder: is made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder's own name, which stays when it is moved; no two folders have the same.

        Raises:
            Unavailable: the folder cannot be used, or has lost its name.
        """
        with _trouble_as_unavailable():
            self._make_folder()
            if not self._has_name():
                self._make_name()
            return self._read_name()

    @contextmanager
    def receiving(self, sid: str, size: int) -> Iterator["Received"]:
        """A new file to be written; it is removed at the end, unless it is kept.

        Args:
            sid: its name.
            size: how many bytes it will have at most.

        Raises:
            Unavailable: the disk has no room for it, or cannot be written, or the folder has lost its name.
        """
        path, folder = self._path(sid), self.name
        with _trouble_as_unavailable():
            _want_room(self.folder, size)
            received = Received(path, folder, _create_locked(path))
        try:
            yield received
        finally:
            if not received.is_kept:
                path.unlink(missing_ok=True)
            received.close()

    def look(self) -> None:
        """See that files can be made, and that the folder's name can be read; none stays.

        Raises:
            Unavailable: they cannot, or it cannot.
        """
        with _trouble_as_unavailable():
            nearest = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
            with TemporaryFile(dir=nearest) as file:
                file.write(b"1")
            if self._has_name():
                self._read_name()

    def exists(self) -> bool:
        """Whether there ever was a file.

        Raises:
            Unavailable: the folder cannot be reached.
        """
        with _trouble_as_unavailable():
            return self.folder.exists()

    def lock(self, sid: str) -> "LockedFile | None":
        """A file that nobody else works on until it is closed; None when somebody does.

        Raises:
            FileNotFoundError: it is not there.
            OSError: it cannot be read.
        """
        path = self._path(sid)
        file = path.open("r+b")  # some file systems lock nothing for whoever cannot write
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return LockedFile(path, file)

    def remove(self, sid: str) -> None:
        """Remove a file, if it is there."""
        self._path(sid).unlink(missing_ok=True)

    def sids(self) -> Sequence[str]:
        """The files that are there.

        Raises:
            Unavailable: the folder cannot be read.
        """
        with _trouble_as_unavailable():
            return [
                found[1] for path in self.folder.iterdir() if (found := _OURS.fullmatch(path.name)) and path.is_file()
            ]

    def lock_idle(
        self, but: Collection[str], tell: Callable[[str, OSError], object], *, seconds: float = 0
    ) -> list["LockedFile"]:
        """The files that nobody works on, but for some uploads'; each is locked until it is closed.

        Args:
            but: those uploads.
            tell: is called with the sid of one that cannot be read, which is passed over, and why.
            seconds: for how long a file stays whose upload was never confirmed.

        Raises:
            Unavailable: the folder cannot be read.
        """
        latest = time.time() - seconds
        return [file for sid in self.sids() if sid not in but and (file := self._lock_if_idle(sid, latest, tell))]

    def sweep(self, idle: Sequence["LockedFile"], queued: Collection[str]) -> None:
        """Remove those of some locked files that no upload waits for, and close all.

        Args:
            idle: the files. Who receives one has it locked until its upload is queued.
            queued: the uploads that wait, as it is known since the files were locked.
        """
        for file in idle:
            if file.path.stem not in queued:
                file.path.unlink(missing_ok=True)
            file.close()

    def _lock_if_idle(self, sid: str, latest: float, tell: Callable[[str, OSError], object]) -> "LockedFile | None":
        try:
            if self._path(sid).stat().st_mtime <= latest:
                return self.lock(sid)
        except FileNotFoundError:
            pass
        except OSError as trouble:
            tell(sid, trouble)
        return None

    def _has_name(self) -> bool:
        """Whether it has one yet.

        Raises:
            Unavailable: it has lost it, by which the uploads know it whose files are there.
        """
        path = self.folder / NAME_FILE
        if path.exists():
            return True
        # In this order: somebody else may just have made the name, and then a file.
        if self.exists() and self.sids() and not path.exists():
            raise Unavailable(NAMELESS)
        return False

    def _make_name(self) -> None:
        # A link appears whole or not at all, and only where there is none yet.
        draft = self.folder / f".{token_hex(8)}"
        draft.write_text(token_hex(16))
        sync(draft)
        with suppress(FileExistsError):
            (self.folder / NAME_FILE).hardlink_to(draft)
        draft.unlink()
        sync(self.folder)
        sync(self.folder.parent)

    def _read_name(self) -> str:
        name = (self.folder / NAME_FILE).read_bytes()
        if not _is_name(name):  # with another the uploads that wait would have no file
            raise Unavailable(f"The server's folder for uploads cannot be used (its file {NAME_FILE} is damaged).")
        return name.decode()

    def _path(self, sid: str) -> Path:
        return self.folder / f"{sid}{SUFFIX}"

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class LockedFile:
    """A file that somebody works on."""

    def __init__(self, path: Path, file: BufferedRandom) -> None:
        self.path = path
        self._file = file

    def close(self) -> None:
        """Let others have it."""
        self._file.close()


class Received:
    """A file that is being received.

    Args:
        path: where.
        folder: the name of the folder that it is in.
        file: what writes it.
    """

    def __init__(self, path: Path, folder: str, file: BufferedWriter) -> None:
        self.path = path
        self.folder = folder
        self.is_kept = False
        self._file = file

    def write(self, part: bytes) -> None:
        """Add to it.

        Raises:
            Unavailable: the disk has no room for it any more, or cannot be written.
        """
        with _trouble_as_unavailable():
            self._file.write(part)
            _want_room(self.path)  # others that come at the same time found the same room

    def sync(self) -> None:
        """Return when all of it is on the disk, its name too.

        Raises:
            Unavailable: the disk has no room for it any more, or cannot be written.
        """
        with _trouble_as_unavailable():
            self._file.flush()
            os.fsync(self._file.fileno())
            _want_room(self.path)
            sync(self.path.parent)

    def confirm(self) -> None:
        """Say that the database has its upload: from then on it goes as soon as none waits for it."""
        with suppress(OSError):  # it is worked off already; or else it stays for longer than it need
            os.utime(self.path, (0, 0))

    def close(self) -> None:
        """Let others have it."""
        with suppress(OSError):  # what could not be written was said before
            self._file.close()


def _want_room(place: Path, size: int = 0) -> None:
    """Refuse to go on where a disk that so many more bytes are written to has too few left.

    Raises:
        Unavailable: it has.
    """
    if shutil.disk_usage(place).free < size + RESERVE:
        raise Unavailable(FULL, headers=RETRY_SOON)


def _create_locked(path: Path) -> BufferedWriter:
    while True:
        file = open(path, "xb", opener=_private)  # noqa: SIM115  # Path has no opener; its owner closes it
        fcntl.flock(file, fcntl.LOCK_EX)
        # Before it was locked, it was nobody's, and may have been taken away.
        if path.exists():
            return file
        file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync(path: Path) -> None:
    """Return when what is in a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _key(place: str) -> str:
    return blake2b(place.encode(), digest_size=8).hexdigest()


@contextmanager
def _trouble_as_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as trouble:
        full = trouble.errno in {errno.ENOSPC, errno.EDQUOT}
        description = FULL if full else f"The server's folder for uploads cannot be used ({trouble.strerror})."
        raise Unavailable(description, headers=RETRY_SOON) from trouble
