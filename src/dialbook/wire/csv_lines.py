"""The lines of an uploaded file, in any of the forms that spreadsheets give it.

UTF-8 with or without a byte order mark, or UTF-16 with one; plain, or in gzip.
"""

import codecs
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from io import BufferedReader, TextIOWrapper

from dialbook.model.errors import Invalid, TooLarge

RECORD_LIMIT = 65_536  # characters of a record, line breaks included
WANTED = "Save it as CSV in UTF-8; in Excel that is 'CSV UTF-8 (Comma delimited)'."
DAMAGED = "file_name is gzip that is damaged or not whole."
DAMAGED_GZIP = (BadGzipFile, EOFError, zlib.error)

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Lines:
    """The lines of a file, with their ends; csv takes them one by one.

    Args:
        file: open at its beginning.
        limit: the most characters that are read, after gzip is undone.

    Raises:
        Invalid: it is no text, when it is made or while it is read.
        TooLarge: it is longer than the limit, or a record longer than `RECORD_LIMIT`.
    """

    def __init__(self, file: BufferedReader, limit: int) -> None:
        if file.peek(4).startswith(_ZIP):
            raise Invalid(f"file_name is an Excel workbook, or another archive. {WANTED}")
        plain = GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file
        self._text = TextIOWrapper(plain, _encoding(plain), newline="")
        self._limit = limit
        self._left = limit
        self._of_record = 0
        self._before_record = 0  # lines that other records had
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
            raise TooLarge(self._too_long())
        if self._left < 0:
            raise TooLarge(f"file_name is larger than {self._limit} characters.")
        if "\0" in line:
            raise Invalid(f"file_name is no text: NUL on line {self.count + 1}. {WANTED}")
        self.count += 1
        return line

    def end_record(self) -> int:
        """Begin another record; return the length of the one that ends."""
        size, self._of_record = self._of_record, 0
        self._before_record = self.count
        return size

    def _too_long(self) -> str:
        begins = f"the record that begins on line {self._before_record + 1}"
        hint = "; a quote may not be closed" if self.count > self._before_record else ""
        return f"file_name: {begins} has more than {RECORD_LIMIT} characters{hint}."

    def _read(self) -> str:
        try:
            return self._text.readline(RECORD_LIMIT + 1)
        except UnicodeDecodeError:
            name = "UTF-16" if self._text.encoding == "utf-16" else "UTF-8"
            where = f", somewhere after line {self.count}" if self.count else ""
            raise Invalid(f"file_name is not in {name}{where}. {WANTED}") from None
        except DAMAGED_GZIP:
            raise Invalid(DAMAGED) from None


def _encoding(plain: GzipFile | BufferedReader) -> str:
    try:
        start = plain.peek(2)
    except DAMAGED_GZIP:
        raise Invalid(DAMAGED) from None
    return "utf-16" if start.startswith(_UTF_16) else "utf-8-sig"
