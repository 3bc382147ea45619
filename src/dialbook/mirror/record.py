"""What a mirror keeps between two runs, and what lets a run that was killed go on: two files in a folder.

`last.json` is written when a run has ended. `journal.ndjson` grows during a run, a line after each step that is done,
and is emptied at its end. A kill can cut its last line off, which is passed over: that step is done once more.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

import msgspec
from msgspec import Struct, structs

from dialbook.client.files import whole_file
from dialbook.model.audit import Head
from dialbook.model.errors import Unavailable
from dialbook.wire.body import NOT_JSON


class Mark(Struct, frozen=True):
    """The state that a list was in on the server, and how many of its members were refused."""

    updated: datetime | None  # `None` when it does not tell whether the list has changed since
    count: int | None
    refused: int = 0


class Last(Struct, frozen=True):
    """What the last whole run has left. What an older version did not write is doubt, and doubt is more work."""

    newest: datetime | None  # when the contact was changed, on the server, that was changed last
    checksum: str  # of the local book
    lists: Mapping[str, Mark]  # by their sids
    refused: Mapping[str, str]  # contacts that could not be stored, by their sids, and why
    witnesses: Mapping[str, datetime] = {}  # when those were changed, on the server, that were changed last
    made: str | None = None  # when the local account was made that a push was agreed to


NOTHING = Last(None, "", {}, {})  # no book has this checksum


class Opened(Struct, frozen=True, tag=True):
    """A run began, which is the first step of every journal."""

    run: str  # its id
    book: str  # which one it changes
    head: Head  # where the audit log of the book ended then
    is_trusted: bool  # whether the book was as the last run had left it


class Began(Struct, frozen=True, tag=True):
    """A pass through all contacts began, when this was the newest change, and this contact's."""

    newest: datetime | None
    sid: str | None = None


class Met(Struct, frozen=True, tag=True):
    """Contacts that were met, and are stored: their numbers by their sids, and where the pass goes on."""

    numbers: Mapping[str, str]
    refused: Mapping[str, str]
    behind: int
    late: Mapping[str, datetime] = {}  # when those of them were changed that were when the pass began, or since


class Swept(Struct, frozen=True, tag=True):
    """The pass through all contacts has come to its end."""


class Settled(Struct, frozen=True, tag=True):
    """A list holds what it held on the server in this state."""

    sid: str
    mark: Mark


class Moved(Struct, frozen=True, tag=True):
    """No list tells whether it is as it was left.

    Somebody who can be in one has a number that nobody had here, or the server is not the one it was then.
    """


Step: TypeAlias = Opened | Began | Met | Swept | Settled | Moved


class Record:
    """The two files, for one run at a time: who opens them has the book for himself.

    Args:
        folder: where they are; it is made where there is none. What they hold is for the user's eyes alone.
        book: names the local book.
    """

    def __init__(self, folder: Path, book: str) -> None:
        self._folder = folder
        self._book = book
        self._path = folder / "journal.ndjson"
        self._last = folder / "last.json"

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = _open_private(self._path)
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
        self._journal.write(_line(step))
        self._journal.flush()

    def agree(self, made: str) -> None:
        """Note no more than that a push was agreed to: nobody needs to be asked again.

        Args:
            made: when the local account was made: another one of the same name is asked about.
        """
        self.finish(structs.replace(NOTHING, made=made))

    def has_agreed(self, made: str) -> bool:
        """Whether a push of the local account that was made then was agreed to before."""
        last = self.last()
        return last is not None and last.made == made

    def opened(self) -> Opened | None:
        """How the run began that did not come to its end."""
        return next((step for step in self.steps() if isinstance(step, Opened)), None)

    def open(self, run: str, head: Head, *, is_trusted: bool) -> Opened:
        """Note that a run begins; no step of another one is left."""
        opened = Opened(run, self._book, head, is_trusted)
        self._replace([opened])
        return opened

    def began(self) -> Began | None:
        """How the pass through all contacts began, if this run has begun one."""
        return next((step for step in self.steps() if isinstance(step, Began)), None)

    def begin(self, began: Began) -> Began:
        """Note that a pass through all contacts begins, anew where one had begun; what is known of lists stays."""
        kept = [step for step in self.steps() if isinstance(step, Opened | Settled | Moved)]
        self._replace([*kept, began])
        return began

    def forget(self) -> None:
        """Note the end of a run that leaves nothing to go by: the next one reads everything."""
        self.finish(NOTHING)

    def finish(self, last: Last) -> None:
        """Note the end of a run."""
        with whole_file(self._last, 0o600) as file:
            file.write(msgspec.json.encode(last))
        self._journal.truncate(0)

    def _replace(self, steps: Sequence[Step]) -> None:
        """Note these steps in place of all others, which stay until then: without any, a book that a run has begun to
        change would pass for whole.
        """
        with whole_file(self._path, 0o600) as file:
            file.write(b"".join(map(_line, steps)))
        self._journal.close()
        self._journal = _open_private(self._path)


@contextmanager
def alone(folder: Path, book: str) -> Iterator[None]:
    """Keep other runs out of a book, whichever way they go and to whatever server: a push reads what a pull changes.

    Args:
        folder: in which all mirrors have their folders.
        book: names the local book.

    Raises:
        Unavailable: another run is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _open_private(folder / f"{book}.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable("Another pull or push of this book is at work.") from None
        yield


def unfinished(folder: Path, book: str) -> Path | None:
    """Where a run keeps its steps that has begun to change a book, and has not ended.

    Args:
        folder: in which all mirrors have their folders.
        book: names the local book.
    """
    for path in folder.glob("*/journal.ndjson"):
        with path.open("rb") as journal:
            first = journal.readline()
        with suppress(*NOT_JSON):
            step = msgspec.json.decode(first, type=Step)
            if isinstance(step, Opened) and step.book == book:
                return path.parent
    return None


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


def _line(step: Step) -> bytes:
    return msgspec.json.encode(step) + b"\n"


def _open_private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b")
