"""Files that are written whole or not at all, and files that are sent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias
from uuid import uuid4

import msgspec

from dialbook.client.fields import Format
from dialbook.client.results import Contact
from dialbook.wire.export import CSV_COLUMNS, harmless, to_csv


class Writable(Protocol):
    """What bytes can be written to, such as a binary file."""

    def write(self, data: bytes, /) -> object: ...


Target: TypeAlias = str | os.PathLike[str] | Writable
Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO


@contextmanager
def whole_file(target: Target) -> Iterator[Writable]:
    """A file to write into; a path gets its name when all of it is on the disk, and not when anything goes wrong."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    path = Path(target)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def sendable(source: Source) -> Iterator[bytes | BinaryIO]:
    """What can be sent, and sent again from its beginning."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file
    elif isinstance(source, bytes) or source.seekable():
        yield source
    else:
        yield source.read()


def head_of(format_: Format) -> bytes:
    """What a list begins with, as a server writes it that offers whole lists."""
    return to_csv([CSV_COLUMNS]) if format_ == "csv" else b""


def line_of(contact: Contact, format_: Format) -> bytes:
    """A contact as such a server writes it."""
    if format_ == "ndjson":
        return msgspec.json.encode(contact) + b"\n"
    number, *others = (getattr(contact, column) for column in CSV_COLUMNS)
    return to_csv([[number, *map(harmless, others)]])
