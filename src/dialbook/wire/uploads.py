"""Uploads: the form that brings one, and its state and report as JSON and CSV (contract sections 7 and 9)."""

import re
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from dialbook.model.errors import Invalid, Missing
from dialbook.model.lists import list_name, list_type
from dialbook.model.upload import OnDuplicate, Rejection, Upload, UploadDraft
from dialbook.wire.csv_cells import cell_value, harmless
from dialbook.wire.csv_rows import REPORT_COLUMNS, own_cells, own_columns
from dialbook.wire.export import to_csv

E = TypeVar("E", bound=StrEnum)

FILE = "file_name"  # the part that is the file itself
FIELDS = ("list_name", "type", "on_duplicate", "dry_run")

_is_number = re.compile(r"\+[0-9]{5,15}").fullmatch  # in E.164, which is no formula
_FLAGS = {"true": True, "false": False, "": False}


class SummaryOut(Struct, frozen=True):
    """What is said of an upload when it is accepted."""

    upload_id: str
    list_sid: str | None
    url: str


class AcceptedOut(Struct, frozen=True):
    """The answer to an upload."""

    summary: SummaryOut


class StatsOut(Struct, frozen=True):
    """How many rows are dealt with, and what became of them; keys in the contract's order."""

    duplicate: int
    total: int
    success: int
    failed: int


class StatusOut(Struct, frozen=True):
    """An upload as it is sent, keys in the contract's order; those from `reason` on are ours."""

    upload_id: str
    list_sid: str | None
    status: str
    stats: StatsOut
    reason: str | None
    dry_run: bool
    date_created: str
    date_ended: str | None


class RejectionOut(Struct, frozen=True):
    """A row that did not get into the list."""

    line: int
    number: str | None
    reason: str
    description: str


def read_draft(fields: Mapping[str, str]) -> UploadDraft:
    """Read the parts of the form that are not the file.

    Raises:
        Missing: no name of a list.
        Invalid: a value that is not allowed.
    """
    if "list_name" not in fields:
        raise Missing("list_name is mandatory.")
    dry_run = fields.get("dry_run", "").lower()
    if dry_run not in _FLAGS:
        raise Invalid(f"dry_run is {dry_run!r}; allowed are true and false.")
    return UploadDraft(
        list_name(fields["list_name"]),
        list_type(fields.get("type")),
        _one_of(OnDuplicate, fields.get("on_duplicate") or OnDuplicate.SKIP, "on_duplicate"),
        _FLAGS[dry_run],
    )


def write_accepted(upload: Upload) -> AcceptedOut:
    """The upload as the answer to its request has it."""
    return AcceptedOut(
        SummaryOut(upload.sid, upload.list_sid, f"/v2/accounts/{upload.account}/csv-status/{upload.sid}")
    )


def write_status(upload: Upload) -> StatusOut:
    """How far the upload is."""
    stats = StatsOut(upload.duplicate, upload.total, upload.success, upload.failed)
    return StatusOut(
        upload_id=upload.sid,
        list_sid=upload.list_sid,
        status=upload.status,
        stats=stats,
        reason=upload.reason,
        dry_run=upload.dry_run,
        date_created=upload.created,
        date_ended=upload.ended,
    )


def write_rejection(found: Rejection) -> RejectionOut:
    """A row of the report as JSON, without its cells."""
    return RejectionOut(found.line, found.number, found.reason, found.description)


def report_head(columns: Sequence[str]) -> bytes:
    """The first line of a report as CSV: the columns of the file, and ours."""
    kept = [columns[place] for place in own_columns(columns)]
    # Without the mark, spreadsheets take it for another encoding, and names come back damaged.
    return BOM_UTF8 + to_csv([[*map(harmless, kept), *REPORT_COLUMNS]])


def report_rows(columns: Sequence[str], found: Sequence[Rejection]) -> bytes:
    """Rows of a report as CSV, each as it stands in the file, with where that was and what is wrong.

    One of too many cells has all of them, so that it is refused again until somebody mends it.
    """
    own, width = own_columns(columns), len(columns)
    return to_csv(
        [*map(_as_in_file, own_cells(row.cells, own, width)), row.line, row.reason, harmless(row.description)]
        for row in found
    )


def _as_in_file(cell: str) -> str | None:
    value = cell_value(cell)
    return value if _is_number(value) else harmless(value)


def _one_of(kind: type[E], value: str, name: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise Invalid(f"{name} is {value!r}; allowed are {', '.join(kind)}.") from None
