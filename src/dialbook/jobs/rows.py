"""The file of an upload, read chunk by chunk."""

from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from dialbook.model.errors import Invalid, Missing
from dialbook.model.lists import ListType
from dialbook.model.phone import normal_number
from dialbook.model.upload import VALUE_SHOWN, Chunk, Reason, Rejection, UploadRow
from dialbook.store.spool import LockedFile
from dialbook.wire.csv_rows import Layout, Record, read_layout, read_records, read_row

CHUNK_SIZE = 4_000_000  # characters of rows that go together, whatever they say


class OpenFile:
    """A file that is worked off by nobody else until it is closed.

    Args:
        file: from the spool.
        list_type: of the list that its rows join.
        region: of the account, for national numbers.
        limit: the most characters that are read.
        chunk: how many rows go together.
    """

    def __init__(self, file: LockedFile, list_type: str, region: str, *, limit: int, chunk: int) -> None:
        self._file = file
        self._list_type = ListType(list_type)
        self._region = region
        self._limit = limit
        self._chunk = chunk
        self._ahead: Chunk | None = None
        self._rows: Iterator[tuple[UploadRow | Rejection, int]] = iter(())

    def chunk(self, first: int) -> Chunk:
        """The rows that have `first` others before them.

        Raises:
            DialbookError: the file is no CSV file any more.
            OSError: it cannot be read.
        """
        if self._ahead is None or self._ahead.first != first:
            self._rows = self._rows_from(first)
            self._ahead = self._take(first)
        return self._ahead

    def read_ahead(self, chunk: Chunk) -> None:
        """Read the chunk after this one, unless that is done."""
        if self._ahead is chunk and not chunk.is_last:
            self._ahead = None  # so that the file is read anew where this goes wrong: of a broken end nothing follows
            self._ahead = self._take(chunk.first + len(chunk.rows))

    def halve(self, chunk: Chunk) -> None:
        """Have half as many rows go together from now on as in this chunk."""
        self._chunk = max(1, len(chunk.rows) // 2)
        self._ahead = None

    def close(self) -> None:
        """Leave it to others."""
        self._rows = iter(())
        self._file.close()

    def _take(self, first: int) -> Chunk:
        rows: list[UploadRow | Rejection] = []
        size = 0
        for row, length in self._rows:
            rows.append(row)
            size += length
            if len(rows) == self._chunk or size >= CHUNK_SIZE:
                return Chunk(first, rows, is_last=False)
        return Chunk(first, rows, is_last=True)

    def _rows_from(self, first: int) -> Iterator[tuple[UploadRow | Rejection, int]]:
        """The rows from one on, each with its length in characters."""
        records = read_records(self._file.path.open("rb"), limit=self._limit)
        layout = read_layout(next(records), self._list_type)
        for record in islice(records, first, None):
            yield self._row(layout, record), record.size

    def _row(self, layout: Layout, record: Record) -> UploadRow | Rejection:
        row = read_row(layout, record)
        if isinstance(row, Rejection):
            return row
        try:
            number = normal_number(row.number, self._region)
        except Missing:
            return Rejection(row.line, None, Reason.NUMBER_MISSING, "The row has no number.", row.cells)
        except Invalid as error:
            return Rejection(row.line, row.number[:VALUE_SHOWN], Reason.NUMBER_INVALID, error.description, row.cells)
        return row if number == row.number else replace(row, number=number)
