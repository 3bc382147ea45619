"""Receiving a form with a file in it (RFC 7578): the file goes where it is sent, and is never held in memory."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from dialbook.model.errors import Invalid, Missing, TooLarge, Unreadable, UnsupportedType
from dialbook.server.body import chunks_of

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD_LIMIT = 4096  # bytes of a part that is no file
OVERHEAD = 256 * 1024  # bytes that a form may have besides its file
WRITE_BYTES = 256 * 1024  # that are gathered before they are written

FORM = "multipart/form-data"


class Expected(Struct, frozen=True):
    """The parts that a form may have."""

    file: str
    fields: Sequence[str]
    file_limit: int  # bytes


async def receive_form(request: Request, expected: Expected, write: Callable[[bytes], None]) -> dict[str, str]:
    """Receive a form; return its fields.

    Args:
        request: whose body is read.
        expected: what the form may hold.
        write: takes the next part of the file; it is called in a thread.

    Raises:
        UnsupportedType: the body is no form, or is compressed.
        Unreadable: it is a form that cannot be read, or ends early.
        TooSlow: it does not come within the deadlines.
        TooLarge: the file, a field or the form is larger than allowed.
        Missing: there is no file.
        Invalid: a part comes twice, or is none of these.
    """
    parts = _Parts(expected)
    boundary = _boundary(request)
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > expected.file_limit + OVERHEAD:
        raise parts.file_too_large()
    try:
        await _feed(request, MultipartParser(boundary, parts.callbacks()), parts, write)
    except FormParserError:
        raise Unreadable("The body is not a form as RFC 7578 has it.") from None
    if not parts.is_whole:
        raise Unreadable("The form ended early.")
    if not parts.has_file:
        raise Missing(f"{expected.file} is mandatory: the part of the form that is the file itself.")
    return parts.fields()


async def _feed(request: Request, parser: MultipartParser, parts: "_Parts", write: Callable[[bytes], None]) -> None:
    length = 0
    async for chunk in chunks_of(request):
        length += len(chunk)
        if length > parts.expected.file_limit + OVERHEAD:
            raise parts.file_too_large()
        parser.write(chunk)
        if len(parts.waiting) >= WRITE_BYTES:
            await asyncio.to_thread(write, parts.take())
    parser.finalize()
    await asyncio.to_thread(write, parts.take())


class _Parts:
    """What the parser finds, part by part."""

    def __init__(self, expected: Expected) -> None:
        self.waiting = bytearray()  # of the file, not written yet
        self.is_whole = False
        self.expected = expected
        self._file_length = 0
        self._values: dict[str, bytearray] = {}
        self._header_name, self._header_value = bytearray(), bytearray()
        self._name = ""

    @property
    def has_file(self) -> bool:
        return self.expected.file in self._values

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_data,
            "on_part_data": self._add_data,
            "on_end": self._end,
        }

    def take(self) -> bytes:
        """The next part of the file."""
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken

    def fields(self) -> dict[str, str]:
        """The fields, as text."""
        try:
            return {name: value.decode() for name, value in self._values.items() if name != self.expected.file}
        except UnicodeDecodeError:
            raise Unreadable("A field of the form is not in UTF-8.") from None

    def file_too_large(self) -> TooLarge:
        return TooLarge(f"{self.expected.file} is larger than {self.expected.file_limit} bytes.")

    def _begin_part(self) -> None:
        self._name = ""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            self._name = options.get(b"name", b"").decode(errors="replace")
        self._header_name.clear()
        self._header_value.clear()

    def _begin_data(self) -> None:
        if self._name != self.expected.file and self._name not in self.expected.fields:
            allowed = ", ".join((*self.expected.fields, self.expected.file))
            raise Invalid(f"The form has a part {self._name[:64]!r}; allowed are {allowed}.")
        if self._name in self._values:
            raise Invalid(f"The form has the part {self._name!r} twice.")
        self._values[self._name] = bytearray()

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self.expected.file:
            self._file_length += end - start
            if self._file_length > self.expected.file_limit:
                raise self.file_too_large()
            self.waiting += data[start:end]
            return
        value = self._values[self._name]
        value += data[start:end]
        if len(value) > FIELD_LIMIT:
            raise TooLarge(f"{self._name} has more than {FIELD_LIMIT} bytes.")

    def _end(self) -> None:
        self.is_whole = True


def _boundary(request: Request) -> bytes:
    given = request.headers.get("content-type", "")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedType(f"Content-Encoding '{encoding}' cannot be read; send the form as it is.")
    kind, options = parse_options_header(given)
    if kind.lower() != FORM.encode():
        raise UnsupportedType(f"Content-Type '{given}' cannot be read; send {FORM}.")
    boundary = options.get(b"boundary")
    if not boundary:
        raise Unreadable(f"{FORM} has no boundary.")
    return boundary
