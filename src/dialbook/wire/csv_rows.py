"""The rows of an uploaded CSV file (contract section 7): RFC 4180, but separated by comma, semicolon or tab.

A first line may say which, as in `sep=;`. No more than one record is held in memory.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import BufferedReader
from itertools import chain

import msgspec
from msgspec import Struct

from dialbook.model.contact import TEXT_FIELDS
from dialbook.model.errors import Invalid
from dialbook.model.lists import ListType
from dialbook.model.text import optional_text
from dialbook.model.upload import EXTRA_COLUMNS, VALUE_SHOWN, Reason, Rejection, UploadRow, known_name
from dialbook.wire.csv_cells import cell_value, number_value
from dialbook.wire.csv_lines import Lines

NUMBER = "number"

# Columns that a report has beside those of the file. An upload passes over them, so that a report can be mended and
# uploaded.
REPORT_COLUMNS = ("error_line", "error_reason", "error_description")

DELIMITERS = (",", ";", "\t")
NAMES_SHOWN = 5
DECLARES = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)  # a first line that names the delimiter
BLANK_LIMIT = 1_000_000  # rows with nothing in them

_REASONS = frozenset(Reason)
_ROUNDED = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+")


class Record(Struct, frozen=True, gc=False):
    """The cells of one row, the line on which it begins, counted from 1, and its length in characters."""

    line: int
    cells: list[str]
    size: int


class Layout(Struct, frozen=True):
    """What the columns of a file are: each is known by its place."""

    columns: Sequence[str]  # as the file names them
    number: int
    fields: Sequence[int | None]  # where each of `TEXT_FIELDS` stands
    variables: Sequence[tuple[str, int]]  # the extra columns of a dynamic list


def read_records(file: BufferedReader, *, limit: int) -> Iterator[Record]:
    """Read all records that have anything in them, the header first.

    Args:
        file: open at its beginning; it is closed at the end.
        limit: the most characters that are read, after gzip is undone.

    Raises:
        Invalid: it is no CSV file, or empty.
        TooLarge: it is longer than the limit, or a record longer than `RECORD_LIMIT`.
    """
    with file:
        lines = Lines(file, limit)
        first = _first(lines)
        if declared := DECLARES.fullmatch(first):
            lines.end_record()
            first = _first(lines)
        ahead = [first]
        delimiter = declared[1] if declared else _delimiter(ahead, lines)
        records = _records(ahead, lines, delimiter)
        header = next(records, None)
        if header is None:
            raise Invalid("file_name is empty; its first line has to name its columns.")
        yield header
        yield from records


def read_layout(header: Record, list_type: ListType) -> Layout:
    """Read which column is what.

    Raises:
        Invalid: there is no number, a column comes twice or has no name, or the list cannot keep a column.
    """
    columns = read_columns(header)
    places = {known_name(column): place for place, column in enumerate(columns)}
    if NUMBER not in places:
        raise Invalid(
            f"file_name has no column 'number'; its first line names {_some(columns)}."
            " Name the column that has the phone numbers 'number'."
        )
    known = {NUMBER, *TEXT_FIELDS, *REPORT_COLUMNS}
    extra = [(columns[place], place) for name, place in places.items() if name not in known]
    _check_extra([column for column, _ in extra], list_type)
    return Layout(columns, places[NUMBER], [places.get(field) for field in TEXT_FIELDS], extra)


def read_columns(header: Record) -> list[str]:
    """The names of the columns; blank ones at the end are none.

    Raises:
        Invalid: a column comes twice or has no name.
    """
    columns = [_column(cell) for cell in header.cells]
    while columns and not columns[-1]:
        columns.pop()
    if "" in columns:
        raise Invalid(f"file_name has no name for its column {columns.index('') + 1}; every column needs one.")
    met: set[str] = set()
    for column in columns:
        if (name := known_name(column)) in met:
            raise Invalid(f"file_name has the column {column!r} twice.")
        met.add(name)
    return columns


def read_row(layout: Layout, record: Record) -> UploadRow | Rejection:
    """Read a row; its number is as it stands in the file."""
    line, cells = record.line, record.cells
    missing = len(layout.columns) - len(cells)
    if missing < 0 and cells_beyond(cells, len(layout.columns)):
        own = own_columns(layout.columns)
        count = len(own_cells(cells, own, len(layout.columns)))
        description = f"The row has {count} cells; the first line names {len(own)} columns."
        return Rejection(
            line, number_value(cells[layout.number])[:VALUE_SHOWN] or None, Reason.TOO_MANY_CELLS, description, cells
        )
    full = cells if missing <= 0 else cells + [""] * missing
    number = number_value(full[layout.number])
    if _ROUNDED.fullmatch(number):
        description = (
            f"{number[:VALUE_SHOWN]!r} was a number until a spreadsheet rounded it; format the column as text."
        )
        return Rejection(line, number[:VALUE_SHOWN], Reason.NUMBER_ROUNDED, description, cells)
    values = [None if place is None else cell_value(full[place]) or None for place in layout.fields]
    try:
        fields = list(map(optional_text, TEXT_FIELDS, values))
        variables = _variables(layout, full) if layout.variables else None
    except Invalid as error:
        return Rejection(line, number[:VALUE_SHOWN], Reason.VALUE_INVALID, error.description, cells)
    return UploadRow(line, number, fields, variables, cells)


def own_columns(columns: Sequence[str]) -> list[int]:
    """The places of the columns that are not an earlier report's."""
    return [place for place, column in enumerate(columns) if known_name(column) not in REPORT_COLUMNS]


def own_cells(cells: Sequence[str], own: Sequence[int], width: int) -> list[str]:
    """A row's cells without those of an earlier report; where they are too many all of them, wherever they stand.

    Args:
        cells: as many as the row has.
        own: the places of its columns that are not an earlier report's.
        width: how many columns there are in all.

    Returns:
        One for each of its own columns, and those too many behind them.
    """
    beyond = cells_beyond(cells, width)
    if beyond and len(own) < width and (before := _cells_before_report(cells)):
        return before
    return [*(cells[place] if place < len(cells) else "" for place in own), *beyond]


def _cells_before_report(cells: Sequence[str]) -> list[str]:
    """The cells before those that a report has put behind all others; none where it has not."""
    end = max(place for place, cell in enumerate(cells, 1) if cell.strip())  # spreadsheets fill rows up with blank ones
    return list(cells[: end - 3]) if cells[end - 2] in _REASONS else []


def cells_beyond(cells: Sequence[str], width: int) -> Sequence[str]:
    """The cells that no column has; none where all of them are blank, since those say nothing."""
    beyond = cells[width:]
    return beyond if any(map(str.strip, beyond)) else ()


def _first(lines: Lines) -> str:
    """The next line that has anything in it; blank ones before it are no part of its record."""
    for blank, line in enumerate(lines):
        if line.strip():
            return line
        _limit_blank(blank + 1)
        lines.end_record()
    return ""


def _records(ahead: Sequence[str], lines: Lines, delimiter: str) -> Iterator[Record]:
    """The records of lines, of which some were read ahead."""
    before, begins, blank = lines.count - len(ahead), 0, 0
    # What is strict refuses a quote that is never closed, which would swallow the rows behind it.
    reader = csv.reader(chain(ahead, lines), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            size = lines.end_record()
            if any(map(str.strip, cells)):
                yield Record(before + begins + 1, cells, size)
            else:
                blank += 1
                _limit_blank(blank)
            begins = reader.line_num
    except csv.Error as error:
        line = before + begins + 1
        raise Invalid(f"file_name is no CSV: {error}, in the record that begins on line {line}.") from None


def _limit_blank(count: int) -> None:
    if count > BLANK_LIMIT:
        raise Invalid(f"file_name has more than {BLANK_LIMIT} blank lines.")


def _delimiter(ahead: list[str], lines: Lines) -> str:
    """The delimiter that finds the number among the columns, or the one that finds most.

    Args:
        ahead: the first line; those that the header has besides are added.
        lines: what comes after it.
    """
    found = {delimiter: _columns(_remembered(ahead, lines), delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: (NUMBER in found[delimiter], len(found[delimiter])))


def _remembered(ahead: list[str], lines: Lines) -> Iterator[str]:
    yield from ahead
    for line in lines:
        ahead.append(line)
        yield line


def _columns(lines: Iterator[str], delimiter: str) -> list[str]:
    return [known_name(_column(cell)) for cell in next(csv.reader(lines, delimiter=delimiter), [])]


def _check_extra(columns: Sequence[str], list_type: ListType) -> None:
    if columns and list_type == ListType.STATIC:
        allowed = ", ".join((NUMBER, *TEXT_FIELDS))
        raise Invalid(
            f"file_name has columns that a static list cannot keep: {_some(columns)}. Allowed are {allowed};"
            f" with type=dynamic up to {EXTRA_COLUMNS} more."
        )
    if len(columns) > EXTRA_COLUMNS:
        raise Invalid(
            f"file_name has {len(columns)} columns of its own, {_some(columns)}; a dynamic list keeps up to"
            f" {EXTRA_COLUMNS}."
        )
    for column in columns:
        optional_text("A column's name", column)


def _some(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:VALUE_SHOWN]) for column in columns[:NAMES_SHOWN])
    return shown if len(columns) <= NAMES_SHOWN else f"{shown} and {len(columns) - NAMES_SHOWN} more"


def _column(cell: str) -> str:
    return cell_value(cell.strip("\N{ZERO WIDTH NO-BREAK SPACE}"))


def _variables(layout: Layout, cells: Sequence[str]) -> str | None:
    """The extra columns as a JSON object, those left out that are empty; None when all are."""
    values = {column: optional_text(column, cell_value(cells[place])) for column, place in layout.variables}
    given = {column: value for column, value in values.items() if value is not None}
    return msgspec.json.encode(given).decode() if given else None
