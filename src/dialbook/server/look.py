"""Looking through a file before its upload is accepted: whether it is CSV, what its columns are, how many rows it has.

It is done by a process of its own. A thread would keep the pages of others waiting: who reads rows out of a database
lets go of the interpreter with each, and a thread that computes gives it back only milliseconds later.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from dialbook.model.errors import RETRY_SOON, Invalid, TooLarge, Unavailable
from dialbook.model.lists import ListType
from dialbook.server import look_process
from dialbook.server.look_process import Found, Look


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
        *(sys.executable, "-m", look_process.__name__, path, list_type, str(limit), str(most)),
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
