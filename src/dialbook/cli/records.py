"""Contacts in a file: CSV, a JSON array, or a line of JSON for each."""

import io
from codecs import BOM_UTF8
from collections.abc import Sequence
from itertools import chain
from typing import Any, BinaryIO, TypeAlias

import msgspec
from msgspec import Raw

from dialbook.model.contact import TEXT_FIELDS
from dialbook.model.errors import DialbookError, Invalid
from dialbook.model.upload import known_name
from dialbook.wire.body import NOT_JSON
from dialbook.wire.contacts import ContactOut
from dialbook.wire.csv_cells import cell_value, number_value
from dialbook.wire.csv_rows import NUMBER, REPORT_COLUMNS, cells_beyond, read_columns, read_records

COLUMNS = ("sid", NUMBER, *TEXT_FIELDS)

UNPACKED_LIMIT = 1_000_000_000  # characters, since what is packed may say that it has no end

AS_WRITTEN = ("custom_field", "custom")  # a number that is read and written anew might be another

# All that a contact is shown with, so that what was exported can be given back.
FIELDS = frozenset({*ContactOut.__struct_fields__, *AS_WRITTEN})

Record: TypeAlias = dict[str, Raw]

_decode = msgspec.json.Decoder(list[Record] | Record).decode
_decode_lines = msgspec.json.Decoder(Record).decode_lines


def read_contacts(file: BinaryIO) -> list[dict[str, Any]]:
    """Read every contact of a file, in the order of the file.

    Args:
        file: CSV whose first line names its columns; or JSON, an array of objects, one object to a line, or
            `{"contacts": […]}`.

    Returns:
        The fields of each, the custom field as it is written; a cell that is empty is left out.

    Raises:
        Invalid: it is none of these.
    """
    content = file.read()
    start = content.removeprefix(BOM_UTF8).lstrip()[:1]
    return _read_json(content) if start in {b"[", b"{"} else _read_csv(content)


def _read_json(content: bytes) -> list[dict[str, Any]]:
    text = content.removeprefix(BOM_UTF8)
    try:
        text.decode()  # all of it, also where it is not looked into
        records = [_read_fields(record) for record in _read_any_json(text)]
    except NOT_JSON as error:
        raise Invalid(f"The file is no JSON of contacts: {error}.") from None
    if unknown := sorted(set(chain.from_iterable(records)) - FIELDS):
        raise Invalid(f"The file has a field {unknown[0]!r}; allowed are {', '.join((*COLUMNS, *AS_WRITTEN))}.")
    return records


def _read_any_json(text: bytes) -> list[Record]:
    try:
        found = _decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return _decode_lines(text)
    if isinstance(found, list):
        return found
    return msgspec.json.decode(found["contacts"], type=list[Record]) if "contacts" in found else [found]


def _read_fields(record: Record) -> dict[str, Any]:
    return {name: _read_value(name, raw) for name, raw in record.items() if name not in REPORT_COLUMNS}


def _read_value(name: str, raw: Raw) -> Any:
    # Line breaks and blanks between its parts, as in an array for people, would count as its length.
    return Raw(msgspec.json.format(bytes(raw), indent=-1)) if name in AS_WRITTEN else msgspec.json.decode(raw)


def _read_csv(content: bytes) -> list[dict[str, Any]]:
    try:
        header, *rows = read_records(io.BufferedReader(io.BytesIO(content)), limit=max(len(content), UNPACKED_LIMIT))
        columns = [_known(column) for column in read_columns(header)]
    except DialbookError as refusal:  # which speaks of the part of an upload
        raise Invalid(refusal.description.replace("file_name", "The file", 1)) from None
    return [_read_cells(columns, row.line, row.cells) for row in rows]


def _known(name: str) -> str:
    column = known_name(name)
    if column not in (*COLUMNS, *REPORT_COLUMNS):
        raise Invalid(f"The file has a column {name!r}; allowed are {', '.join(COLUMNS)}.")
    return column


def _read_cells(columns: Sequence[str], line: int, cells: Sequence[str]) -> dict[str, Any]:
    if cells_beyond(cells, len(columns)):
        raise Invalid(f"Line {line} has {len(cells)} cells; the first line names {len(columns)} columns.")
    given = zip(columns, cells, strict=False)
    return {column: value for column, cell in given if column in COLUMNS and (value := _read_cell(column, cell))}


def _read_cell(column: str, cell: str) -> str:
    return number_value(cell) if column == NUMBER else cell_value(cell)
