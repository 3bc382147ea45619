"""A whole list as one text: CSV for spreadsheets and uploads, NDJSON for programs (contract section 9)."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dialbook.model.contact import Contact
from dialbook.wire.contacts import ContactOut, write_contact
from dialbook.wire.csv_cells import FORMULA, harmless

Row: TypeAlias = tuple[Any, ...]

# What a CSV upload reads (contract section 7), so that what was exported can be imported.
CSV_COLUMNS = ("number", "first_name", "last_name", "company_name", "email", "tag")

CONTACT_FIELDS = Contact.__struct_fields__

# In any value but the first. One that begins with a carriage return has quotes; without them it is a record's end.
_FORMULA_IN_CSV = re.compile(f',(?!\r)"?(?:{"|".join(map(re.escape, FORMULA))})'.encode())

_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,3})?")

_encode_lines = msgspec.json.Encoder().encode_lines


class Format(Struct, frozen=True):
    """How contacts are written one after another."""

    media_type: str
    extension: str
    head: bytes
    fields: Sequence[str]  # of a contact, that are written
    write: Callable[[Sequence[Row]], bytes]  # of rows that begin with these fields


def write_csv(rows: Sequence[Row]) -> bytes:
    """A record for each contact (RFC 4180). A number is never a formula, though it begins with a plus."""
    records = [row[: len(CSV_COLUMNS)] for row in rows]
    text = to_csv(records)
    # Few lists hold a formula, and one look at all of the text costs a tenth of a look at each value.
    if _FORMULA_IN_CSV.search(text):
        text = to_csv((number, *map(harmless, values)) for number, *values in records)
    return text


def write_ndjson(rows: Sequence[Row]) -> bytes:
    """A line for each contact, as a page has it."""
    return _encode_lines([_on_one_line(write_contact(Contact(*row[: len(CONTACT_FIELDS)]))) for row in rows])


@lru_cache(maxsize=64)
def wanted_format(accept: str) -> Format | None:
    """Read `Accept`: the format that it prefers to JSON, if it names one (RFC 9110, section 12.5.1)."""
    weights = {name: weight for name, weight in _weights(accept) if name in FORMATS or name in JSON}
    best = max(weights, key=weights.__getitem__, default="*/*")
    return FORMATS.get(best) if weights.get(best) else None


@lru_cache(maxsize=64)
def accepts_gzip(accept_encoding: str) -> bool:
    """Read `Accept-Encoding`: whether gzip is welcome (RFC 9110, section 12.5.3)."""
    weights = dict(_weights(accept_encoding))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weights(header: str) -> list[tuple[str, float]]:
    """The values in a list with weights, `a;q=0.5, b`, in lower case; a weight that cannot be read is 0."""
    found = []
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        found.append((name, float(weight) if _WEIGHT.fullmatch(weight) else 0.0))
    return found


def to_csv(rows: Iterable[Sequence[object]]) -> bytes:
    """Records in CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _on_one_line(contact: ContactOut) -> ContactOut:
    """The contact with its `custom_field`, which is kept as it was sent, without line breaks between its parts."""
    raw = b"" if contact.custom_field is None else bytes(contact.custom_field)
    if b"\n" not in raw and b"\r" not in raw:
        return contact
    return replace(contact, custom_field=Raw(msgspec.json.format(raw, indent=-1)))


CSV_TYPE = "text/csv; charset=utf-8; header=present"
JSON = {"application/json", "application/*", "*/*"}
FORMATS = {
    "text/csv": Format(CSV_TYPE, "csv", to_csv([CSV_COLUMNS]), CSV_COLUMNS, write_csv),
    "application/x-ndjson": Format("application/x-ndjson", "ndjson", b"", CONTACT_FIELDS, write_ndjson),
}
