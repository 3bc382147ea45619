"""A list into a file, whole or not at all."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dialbook.model.errors import Invalid

if TYPE_CHECKING:
    from dialbook.client import Client
    from dialbook.client.files import Writable

FORMATS = ("csv", "ndjson", "json")
ENDINGS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "json"}  # in any case; with another it is CSV


class NewFile(click.Path):
    """A path to write to; not one that ends as a folder's does, which a path object forgets."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        if str(value).endswith(os.sep):
            self.fail(f"{value} is a folder.", param, ctx)
        return super().convert(value, param, ctx)


def export(
    client: "Client", list_sid: str, output: Path, format_: str | None, advance: Callable[[int], None], **query: Any
) -> None:
    """Write a list.

    Args:
        client: whose list it is.
        list_sid: the list.
        output: a path, or `-` for standard output.
        format_: one of `FORMATS`; when it is `None`, that of the path's ending.
        advance: is told of contacts that are written.
        query: `number`, `name` and `tag`, as of `export_members`.

    Raises:
        Invalid: there is no folder for the file.
        OSError: the file cannot be written.
        DialbookError: as `export_members`.
    """
    if not output.parent.is_dir():
        raise Invalid(f"There is no folder {output.parent}.")
    chosen = format_ or ENDINGS.get(output.suffix.lower(), "csv")
    with _opened(output) as file:
        if chosen == "csv":
            client.export_members(list_sid, Lines(file, advance, heads=1), format="csv", **query)
            return
        lines = JsonArray(file, advance) if chosen == "json" else Lines(file, advance)
        client.export_members(list_sid, lines, format="ndjson", **query)
        lines.end()


@contextmanager
def _opened(output: Path) -> Iterator["Writable"]:
    from dialbook.client.files import whole_file  # noqa: PLC0415  # commands on a database start without it

    if str(output) == "-":
        yield sys.stdout.buffer
        return
    with whole_file(output) as file:
        yield file


class Lines:
    """A file that is written line by line, and a bar that moves on with them, but for so many at the head."""

    def __init__(self, file: "Writable", advance: Callable[[int], None], heads: int = 0) -> None:
        self._file = file
        self._advance = advance
        self._heads = heads

    def write(self, data: bytes) -> None:
        """Write on."""
        self._file.write(data)
        lines = data.count(b"\n")
        heads = min(lines, self._heads)
        self._heads -= heads
        self._advance(lines - heads)

    def end(self) -> None:
        """Nothing follows."""


class JsonArray(Lines):
    """Lines of JSON, of which an array is made."""

    _rest = b""
    _before = b"[\n"

    def write(self, data: bytes) -> None:
        """Write on, line by line as they are whole."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._file.write(self._before + line)
            self._before = b",\n"
        self._advance(len(whole))

    def end(self) -> None:
        """Nothing follows."""
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
