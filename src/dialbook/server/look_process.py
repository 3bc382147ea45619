"""The process that looks through a file: `python -m dialbook.server.look_process`.

Each upload waits for it to start, so it loads nothing but what reads a file.
"""

import os
import signal
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from dialbook.model.errors import DialbookError, Invalid, TooLarge
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
