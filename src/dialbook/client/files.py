"""Files that are written whole or not at all."""

import glob
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias
from uuid import uuid4

import msgspec

from dialbook.client.fields import Format
from dialbook.client.results import Contact
from dialbook.wire.csv_cells import harmless
from dialbook.wire.export import CSV_COLUMNS, to_csv

if sys.platform != "win32":
    import fcntl


class Writable(Protocol):
    """What bytes can be written to, such as a binary file."""

    def write(self, data: bytes, /) -> object: ...


LONGEST_STEM = 255 - len("...part") - 32  # bytes: what a name may have, but for dots, ending and id

Target: TypeAlias = str | os.PathLike[str] | Writable


@contextmanager
def whole_file(target: Target, mode: int = 0o666) -> Iterator[Writable]:
    """A file to write into; it gets its name when all of it is on the disk, and not when anything goes wrong.

    Args:
        target: a path; what is no file but a pipe or a device is written to as it is.
        mode: who may do what with the file, but for what the umask takes away; it has it from the first moment on,
            since what is narrowed later has been open before. One that is there stays as narrow, and whose it was.

    Raises:
        OSError: it cannot be written.
    """
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = Path(target)
    if path.exists() and not path.is_file():  # a pipe or a device: no file may take its place
        with path.open("wb") as device:
            yield device
        return
    path = path.resolve()  # a link stays one
    _remove_left(path)
    there = path.stat() if path.exists() else None
    mode = stat.S_IMODE(there.st_mode) & mode if there else mode
    part, file = _new_part(path, mode)
    try:
        with file:
            if there:
                _take_over(file, there, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # there, what is open keeps its name; elsewhere, what is not held is taken for left
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _new_part(path: Path, mode: int) -> tuple[Path, BinaryIO]:
    """A new file that is held, so that nobody takes it for left; one that somebody did before that is given up."""
    while True:
        part = path.with_name(f".{_stem(path)}.{uuid4().hex}.part")
        file = _created(part, mode, path)
        if _is_kept(part, file):
            return part, file
        file.close()


def _stem(path: Path) -> str:
    """What the names of its parts begin with: its own name, or a digest where theirs would be too long."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= LONGEST_STEM else sha256(name).hexdigest()


def _is_kept(part: Path, file: BinaryIO) -> bool:
    try:
        _hold(file)
    except BlockingIOError:  # by somebody who is about to remove it
        return False
    except OSError:  # without locks nothing is taken for left
        return True
    return part.exists()


def _take_over(file: BinaryIO, there: os.stat_result, mode: int) -> None:
    """Let a file belong to whom the one belongs whose place it is to take, and let the same people read it."""
    if sys.platform != "win32":
        with suppress(OSError):  # only root may give a file away
            os.fchown(file.fileno(), there.st_uid, there.st_gid)
        with suppress(OSError):  # not every file system has modes
            os.fchmod(file.fileno(), mode)


def _created(part: Path, mode: int, path: Path) -> BinaryIO:
    """A new file, whose troubles are those of the one that it is to become."""
    try:
        return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
    except OSError as trouble:
        raise OSError(trouble.errno, trouble.strerror, str(path)) from None


def _remove_left(path: Path) -> None:
    """Remove what was written of a file by processes that were killed: nobody holds it any more."""
    for part in path.parent.glob(f".{glob.escape(_stem(path))}.*.part"):
        with suppress(OSError):
            with part.open("rb") as file:
                _hold(file)
                with suppress(PermissionError):  # of Windows, where nobody can remove what is open
                    part.unlink()
            part.unlink()


def _hold(file: BinaryIO) -> None:
    if sys.platform != "win32":  # where nobody can remove what is open
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def head_of(format_: Format) -> bytes:
    """What a list begins with, as a server writes it that offers whole lists."""
    return to_csv([CSV_COLUMNS]) if format_ == "csv" else b""


def line_of(contact: Contact, format_: Format) -> bytes:
    """A contact as such a server writes it."""
    if format_ == "ndjson":
        # Without line breaks between the parts of a custom field, which is as it was written.
        return msgspec.json.format(msgspec.json.encode(contact), indent=-1) + b"\n"
    number, *others = (getattr(contact, column) for column in CSV_COLUMNS)
    return to_csv([[number, *map(harmless, others)]])
