"""Files that are sent."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@contextmanager
def sendable(source: Source) -> Iterator[bytes | BinaryIO]:
    """What can be sent, and sent again from its beginning.

    Raises:
        OSError: the file cannot be read.
        TypeError: it was opened as text.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        yield bytes(source)
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield _repeatable(file)
    else:
        yield _repeatable(source)


def _repeatable(file: BinaryIO) -> bytes | BinaryIO:
    if isinstance(file, io.TextIOBase):
        raise TypeError("A file that is sent has to be opened in binary mode.")
    size = _size_of(file)
    return io.BufferedReader(_AsLong(file, size)) if size else file.read()


def _size_of(file: BinaryIO) -> int:
    """How many bytes there are; 0 as well where only reading tells: of pipes, and of files that the kernel makes up."""
    with suppress(OSError):
        if file.seekable():
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            return size
    return 0


class _AsLong(io.RawIOBase):
    """A file as long as it was at first, since that length is announced before it is sent."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self._at = file, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = self._file.seek(start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # of what BufferedReader gives
        piece = self._file.read(min(len(buffer), self._size - self._at))
        if not piece and self._at < self._size:
            raise OSError("The file became shorter while it was sent.")
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
