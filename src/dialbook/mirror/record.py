"""What a mirror keeps between two runs, and what lets a run that was killed go on: two files in a folder.

`last.json` is written when a run has ended. `journal.ndjson` grows during a run, a line after each step that is done,
and is emptied at its end. A kill can cut its last line off, which is passed over: that step is done once more.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

import msgspec
from msgspec import Struct

from dialbook.client.files import whole_file
from dialbook.model.errors import Unavailable
from dialbook.wire.body import NOT_JSON


class Mark(Struct, frozen=True):
    """The state that a list was in on the server, and how many of its members were refused."""

    updated: datetime | None  # `None` when it does not tell whether the list has changed since
    count: int | None
    refused: int = 0


class Last(Struct, frozen=True):
    """What the last whole run has left."""

    newest: datetime | None  # when the contact was changed, on the server, that was changed last
    checksum: str  # of the local book
    lists: Mapping[str, Mark]  # by their sids
    refused: Mapping[str, str]  # contacts that could not be stored, by their sids, and why


NOTHING = Last(None, "", {}, {})  # no book has this checksum


class Trusted(Struct, frozen=True, tag=True):
    """A run began on a book that was as the last one had left it."""


class Began(Struct, frozen=True, tag=True):
    """A pass through all contacts began, when this was the newest change."""

    newest: datetime | None


class Met(Struct, frozen=True, tag=True):
    """Contacts that were met, and are stored: their numbers by their sids, and where the pass goes on."""

    numbers: Mapping[str, str]
    refused: Mapping[str, str]
    behind: int


class Swept(Struct, frozen=True, tag=True):
    """The pass through all contacts has come to its end."""


class Settled(Struct, frozen=True, tag=True):
    """A list holds what it held on the server in this state."""

    sid: str
    mark: Mark


class Moved(Struct, frozen=True, tag=True):
    """Somebody whom the last run knew has a number that nobody had here: no list tells whether he is in it."""


Step: TypeAlias = Trusted | Began | Met | Swept | Settled | Moved


class Record:
    """The two files, for one run at a time.

    Args:
        folder: where they are; it is made where there is none. What they hold is for the user's eyes alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = folder / "last.json"

    def __enter__(self) -> Self:
        """Keep others out.

        Raises:
            Unavailable: another run is at work.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = _open_journal(self._folder / "journal.ndjson")
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._journal.close()
            raise Unavailable("Another run between the same two is at work.") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._journal.close()

    @property
    def is_new(self) -> bool:
        """Whether no run has ever come far enough to leave anything."""
        return not self._last.exists() and not self.steps()

    def last(self) -> Last | None:
        """What the last whole run has left, if there was one."""
        try:
            return msgspec.json.decode(self._last.read_bytes(), type=Last)
        except (FileNotFoundError, *NOT_JSON):
            return None

    def steps(self) -> list[Step]:
        """The steps of a run that did not come to its end."""
        self._journal.seek(0)
        return list(_whole_steps(self._journal))

    def add(self, step: Step) -> None:
        """Note a step that is done."""
        self._journal.write(msgspec.json.encode(step) + b"\n")
        self._journal.flush()

    def agree(self) -> None:
        """Note no more than that there was a run: nobody needs to be asked again."""
        if self.is_new:
            self.forget()

    def begin(self, newest: datetime | None) -> None:
        """Note that a pass through all contacts begins, anew where one had begun; what is known of lists stays."""
        kept = [step for step in self.steps() if isinstance(step, Trusted | Settled)]
        self.clear()
        for step in (*kept, Began(newest)):
            self.add(step)

    def clear(self) -> None:
        """Forget the steps."""
        self._journal.truncate(0)

    def forget(self) -> None:
        """Forget all but that there was a run: the next one reads everything."""
        self.finish(NOTHING)

    def finish(self, last: Last) -> None:
        """Note the end of a run."""
        with whole_file(self._last, 0o600) as file:
            file.write(msgspec.json.encode(last))
        self.clear()


def _whole_steps(journal: BinaryIO) -> Iterator[Step]:
    decoder = msgspec.json.Decoder(Step)
    end = 0
    for line in journal:
        try:
            step = decoder.decode(line) if line.endswith(b"\n") else None
        except NOT_JSON:
            step = None
        if step is None:
            journal.truncate(end)  # so that what is added does not go on from half a line
            return
        end += len(line)
        yield step


def _open_journal(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
