"""Uploads: rows out of a file that join a list, and what became of each (contract section 7)."""

import re
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from dialbook.model.lists import ListLimits, ListType

EXTRA_COLUMNS = 5  # that a dynamic list keeps of each member
VALUE_SHOWN = 64  # characters of a value that a report or a refusal repeats
BETWEEN_WORDS = re.compile(r"[\s_-]+")  # in the name of a column


class Status(StrEnum):
    """How far an upload is."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    FAILED = "failed"


class OnDuplicate(StrEnum):
    """What becomes of a contact whose number is known: nothing, or what the row gives is filled in."""

    SKIP = "skip"
    UPDATE = "update"


class Reason(StrEnum):
    """Why a row did not get into the list."""

    NUMBER_MISSING = "number_missing"
    NUMBER_INVALID = "number_invalid"
    NUMBER_ROUNDED = "number_rounded"
    VALUE_INVALID = "value_invalid"
    TOO_MANY_CELLS = "too_many_cells"
    DUPLICATE = "duplicate"
    LIST_FULL = "list_full"


class UploadLimits(Struct, frozen=True):
    """How much of what, in the working off of uploads."""

    lists: ListLimits
    file_size: int  # characters that are read of one file
    chunk: int = 10_000  # rows written together: the more, the fewer commits, and the longer other changes wait


class UploadDraft(Struct, frozen=True):
    """What a caller wants to become of a file."""

    list_name: str
    list_type: ListType = ListType.STATIC
    on_duplicate: OnDuplicate = OnDuplicate.SKIP
    dry_run: bool = False
    list_sid: str | None = None  # of the list that the name has to mean, where the caller was shown one


class UploadFile(Struct, frozen=True):
    """A file that is to be worked off."""

    sid: str  # its name, and that of its upload
    folder: str  # the name of the folder that has it
    columns: Sequence[str]  # as its first line names them
    rows: int  # blank ones not counted
    key: str | None = None  # whose request brought it


class Upload(Struct, frozen=True):
    """A stored upload. Times are UTC in whole seconds, as text (RFC 3339)."""

    account: str
    sid: str
    list_sid: str | None  # None while the list that a dry run would make is not there
    list_type: str
    on_duplicate: str
    dry_run: bool
    columns: Sequence[str]  # as the file names them
    rows: int | None  # that the file has, blank ones not counted; None of an upload from before they were counted
    status: str
    reason: str | None  # why it failed
    joined: int  # contacts that joined the list
    success: int
    duplicate: int
    failed: int
    created: str
    ended: str | None
    key: str | None  # who sent the file; None of an upload from before that was kept

    @property
    def total(self) -> int:
        """How many rows of the file are dealt with, blank ones not counted."""
        return self.success + self.duplicate + self.failed

    @property
    def percent(self) -> int | None:
        """How much of the file is dealt with; None where nobody knows how many rows it has."""
        if self.rows is None:
            return None
        return 100 * self.total // self.rows if self.rows else 100

    @property
    def reported(self) -> int:
        """How many rows its report has."""
        return self.duplicate + self.failed

    @property
    def is_running(self) -> bool:
        """Whether there is more to do."""
        return self.status == Status.IN_PROGRESS

    @property
    def remembers_numbers(self) -> bool:
        """Whether it has to keep which numbers it has met, since the list alone does not tell."""
        return self.dry_run or self.on_duplicate == OnDuplicate.UPDATE


class UploadRow(Struct, frozen=True, gc=False):
    """A row that can be stored."""

    line: int  # of the file, counted from 1
    number: str
    fields: Sequence[str | None]  # in the order of `contact.TEXT_FIELDS`
    variables: str | None  # a JSON object of the extra columns
    cells: Sequence[str]  # as they stand in the file


class Rejection(Struct, frozen=True, gc=False):
    """A row that did not get into the list, as the upload's report has it."""

    line: int
    number: str | None
    reason: str
    description: str
    cells: Sequence[str]


class Chunk(Struct, frozen=True):
    """Rows of a file that follow each other, each as it can be stored, or why it cannot."""

    first: int  # how many rows come before it
    rows: Sequence[UploadRow | Rejection]
    is_last: bool


def known_name(column: str) -> str:
    """`First Name` and `first-name` are the column `first_name`."""
    return BETWEEN_WORDS.sub("_", column.lower())
