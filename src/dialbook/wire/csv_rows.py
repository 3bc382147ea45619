"""The rows of an uploaded CSV file (contract section 7), in any of the forms that spreadsheets give it.

UTF-8 with or without a byte order mark, or UTF-16 with one; separated by comma, semicolon or tab (RFC 4180 otherwise);
plain, or in gzip. No more than one record is held in memory, and a record has a greatest length.
"""

import codecs
import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, TextIOWrapper
from itertools import chain

import msgspec
from msgspec import Struct

from dialbook.model.contact import TEXT_FIELDS
from dialbook.model.errors import Invalid, TooLarge
from dialbook.model.lists import ListType
from dialbook.model.text import optional_text
from dialbook.model.upload import EXTRA_COLUMNS, VALUE_SHOWN, Reason, Rejection, UploadRow
from dialbook.wire.export import FORMULA

NUMBER = "number"

# Columns that a report has beside those of the file. An upload passes over them, so that a report can be mended and
# uploaded.
REPORT_COLUMNS = ("error_line", "error_reason", "error_description")

RECORD_LIMIT = 65_536  # characters of a record, line breaks included
DELIMITERS = (",", ";", "\t")
NAMES_SHOWN = 5
WANTED = "Save it as CSV in UTF-8; in Excel that is 'CSV UTF-8 (Comma delimited)'."
BLANK_LIMIT = 1_000_000  # rows with nothing in them
DAMAGED = "file_name is gzip that is damaged or not whole."
DAMAGED_GZIP = (BadGzipFile, EOFError, zlib.error)

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
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
        lines = _Lines(file, limit)
        first = next((line for line in lines if line.strip()), "")
        records = _records(first, lines)
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
    columns = [_column(cell) for cell in header.cells]
    while columns and not columns[-1]:
        columns.pop()
    if "" in columns:
        raise Invalid(f"file_name has no name for its column {columns.index('') + 1}; every column needs one.")
    places: dict[str, int] = {}
    for place, column in enumerate(columns):
        if (name := known_name(column)) in places:
            raise Invalid(f"file_name has the column {column!r} twice.")
        places[name] = place
    if NUMBER not in places:
        raise Invalid(
            f"file_name has no column 'number'; its first line names {_some(columns)}."
            " Name the column that has the phone numbers 'number'."
        )
    known = {NUMBER, *TEXT_FIELDS, *REPORT_COLUMNS}
    extra = [(columns[place], place) for name, place in places.items() if name not in known]
    _check_extra([column for column, _ in extra], list_type)
    return Layout(columns, places[NUMBER], [places.get(field) for field in TEXT_FIELDS], extra)


def read_row(layout: Layout, record: Record) -> UploadRow | Rejection:
    """Read a row; its number is as it stands in the file."""
    line, cells = record.line, record.cells
    missing = len(layout.columns) - len(cells)
    if missing < 0 and any(map(str.strip, cells[missing:])):
        description = f"The row has {len(cells)} cells; the first line names {len(layout.columns)} columns."
        return Rejection(
            line, _number(cells[layout.number])[:VALUE_SHOWN] or None, Reason.TOO_MANY_CELLS, description, cells
        )
    full = cells if missing <= 0 else cells + [""] * missing
    number = _number(full[layout.number])
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


def _records(first: str, lines: "_Lines") -> Iterator[Record]:
    before, begins, blank = lines.count - 1, 0, 0
    # What is strict refuses a quote that is never closed, which would swallow the rows behind it.
    reader = csv.reader(chain([first], lines), delimiter=_delimiter(first), strict=True)
    try:
        for cells in reader:
            size = lines.end_record()
            if any(map(str.strip, cells)):
                yield Record(before + begins + 1, cells, size)
            elif (blank := blank + 1) > BLANK_LIMIT:
                raise Invalid(f"file_name has more than {BLANK_LIMIT} blank lines.")
            begins = reader.line_num
    except csv.Error as error:
        line = before + begins + 1
        raise Invalid(f"file_name is no CSV: {error}, in the record that begins on line {line}.") from None


class _Lines:
    """The lines of a file, as text; csv takes them one by one."""

    def __init__(self, file: BufferedReader, limit: int) -> None:
        if file.peek(4).startswith(_ZIP):
            raise Invalid(f"file_name is an Excel workbook, or another archive. {WANTED}")
        plain = GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file
        self._text = TextIOWrapper(plain, _encoding(plain), newline="")
        self._limit = limit
        self._left = limit
        self._of_record = 0
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        self._of_record += len(line)
        self._left -= len(line)
        if self._of_record > RECORD_LIMIT:
            raise TooLarge(f"file_name: the record after line {self.count} has more than {RECORD_LIMIT} characters.")
        if self._left < 0:
            raise TooLarge(f"file_name is larger than {self._limit} characters.")
        if "\0" in line:
            raise Invalid(f"file_name is no text: NUL on line {self.count + 1}. {WANTED}")
        self.count += 1
        return line

    def end_record(self) -> int:
        """Begin another record; return the length of the one that ends."""
        size, self._of_record = self._of_record, 0
        return size

    def _read(self) -> str:
        try:
            return self._text.readline(RECORD_LIMIT + 1)
        except UnicodeDecodeError:
            name = "UTF-16" if self._text.encoding == "utf-16" else "UTF-8"
            raise Invalid(f"file_name is not in {name}, somewhere after line {self.count}. {WANTED}") from None
        except DAMAGED_GZIP:
            raise Invalid(DAMAGED) from None


def _encoding(plain: GzipFile | BufferedReader) -> str:
    try:
        start = plain.peek(2)
    except DAMAGED_GZIP:
        raise Invalid(DAMAGED) from None
    return "utf-16" if start.startswith(_UTF_16) else "utf-8-sig"


def _delimiter(first: str) -> str:
    """The delimiter that finds the number among the columns, or the one that finds most."""
    found = {delimiter: _columns(first, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: (NUMBER in found[delimiter], len(found[delimiter])))


def _columns(first: str, delimiter: str) -> list[str]:
    return [known_name(_column(cell)) for cell in next(csv.reader([first], delimiter=delimiter), [])]


def known_name(column: str) -> str:
    """`First Name` and `first-name` are the column `first_name`."""
    return _BETWEEN_WORDS.sub("_", column.lower())


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


def cell_value(cell: str) -> str:
    """What a cell says: without blanks around it, and without the apostrophe that an export puts before a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def _column(cell: str) -> str:
    return cell_value(cell.strip("\N{ZERO WIDTH NO-BREAK SPACE}"))


def _number(cell: str) -> str:
    """A number, without what spreadsheets and data frames make of one: an apostrophe before it, a `.0` behind it."""
    text = cell_value(cell).removeprefix("'")
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("+").isdecimal() else text


def _variables(layout: Layout, cells: Sequence[str]) -> str | None:
    """The extra columns as a JSON object, those left out that are empty; None when all are."""
    values = {column: optional_text(column, cell_value(cells[place])) for column, place in layout.variables}
    given = {column: value for column, value in values.items() if value is not None}
    return msgspec.json.encode(given).decode() if given else None
