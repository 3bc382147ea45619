"""Looking through a file before its upload is accepted: whether it is CSV, what its columns are, how many rows it has.

It is done by a process of its own: `python -m dialbook.server.look`. A thread would keep the pages of others waiting:
who reads rows out of a database lets go of the interpreter with each, and a thread that computes gives it back only
milliseconds later.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from dialbook.model.errors import RETRY_SOON, DialbookError, Invalid, TooLarge, Unavailable
from dialbook.model.lists import ListType
from dialbook.wire.csv_rows import read_layout, read_records

NICENESS = 10


class Look(Struct, frozen=True, tag=True):
    """What a file was found to be."""

    columns: Sequence[str]  # as the file names them
    rows: int


class Refusal(Struct, frozen=True, tag=True):
    """Why a file cannot be worked off, as one process tells another."""

    is_too_large: bool
    description: str


Found: TypeAlias = Look | Refusal


async def look_through(path: Path, list_type: ListType, *, limit: int, most: int) -> Look:
    """Read a file once, so that what is no CSV, or too long, is refused before anything is written.

    Args:
        path: the file.
        list_type: of the list that its rows will join.
        limit: the most characters that are read, after gzip is undone.
        most: how many rows it may have.

    Raises:
        Invalid: it is no CSV file, has no numbers, columns that the list cannot keep, or too many rows.
        TooLarge: it is longer than the limit, or a record longer than it may be.
        Unavailable: it could not be looked through now.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, path, list_type, str(limit), str(most)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        written, _ = await process.communicate()
    finally:
        if process.returncode is None:  # nobody waits for it any more
            process.kill()
    if process.returncode:
        raise Unavailable("The file could not be looked through; send it again.", headers=RETRY_SOON)
    found = msgspec.json.decode(written, type=Found)
    if isinstance(found, Look):
        return found
    raise (TooLarge if found.is_too_large else Invalid)(found.description)


def main(path: str, list_type: str, limit: str, most: str) -> None:
    """Look, and write what was found to standard output."""
    os.nice(NICENESS)
    # Ctrl-C at a terminal reaches this process as well, and is the server's to understand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found: Found = _look(Path(path), ListType(list_type), int(limit), int(most))
    except DialbookError as refusal:
        found = Refusal(isinstance(refusal, TooLarge), refusal.description)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _look(path: Path, list_type: ListType, limit: int, most: int) -> Look:
    with path.open("rb") as file:
        records = read_records(file, limit=limit)
        layout = read_layout(next(records), list_type)
        rows = sum(1 for _ in islice(records, most + 1))
        if rows > most:
            raise Invalid(
                f"file_name has more rows than a {list_type} list may have contacts, {most}. Cut it into several."
            )
    return Look(layout.columns, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
