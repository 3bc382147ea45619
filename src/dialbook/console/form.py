"""A small form, as a browser sends it."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from msgspec import Struct
from starlette.requests import Request

from dialbook.model.errors import TooLarge
from dialbook.model.text import searchable
from dialbook.server.body import chunks_of
from dialbook.server.context import place_of

FORM_BYTES = 256 * 1024
SHOWN = "shown_"  # begins the names of hidden fields, each of which says what another one showed
DIGITS = 18  # of a whole number


class Form(Struct, frozen=True):
    """The fields of a form, in order; a name may come several times."""

    fields: Sequence[tuple[str, str]]

    def text(self, name: str) -> str:
        """The last value of this name, without blanks around it; empty where there is none."""
        return self.exact(name).strip()

    def lines(self, name: str) -> str:
        """The same of a field of many lines, whose breaks a browser sends as CR and LF."""
        return self.text(name).replace("\r\n", "\n")

    def exact(self, name: str) -> str:
        """The last value of this name, as it is."""
        return next((value for given, value in reversed(self.fields) if given == name), "")

    def count(self, name: str) -> int:
        """The last value of this name as a whole number; 0 where there is none, or it is something else."""
        given = self.text(name)
        return int(given) if given.isascii() and given.isdecimal() and len(given) <= DIGITS else 0

    def shown(self, name: str) -> str:
        """What the field of this name showed when the form was opened, as far as the form says so."""
        return self.exact(SHOWN + name)

    def typed_anew(self, *names: str) -> "Form":
        """The same with none but those of these fields that say something else than they showed."""
        anew = {name for name in names if as_text(self.exact(name)) != as_text(self.shown(name))}
        return Form([field for field in self.fields if field[0] in anew])

    def texts(self, name: str) -> list[str]:
        """Every value of this name."""
        return [value for given, value in self.fields if given == name]


def as_text(stored: str | None) -> str:
    """What `Form.text` is of a stored text that was shown and left alone: a field of one line drops its breaks."""
    return (stored or "").replace("\r", "").replace("\n", "").strip()


def as_lines(stored: str | None) -> str:
    """The same for `Form.lines`."""
    return (stored or "").replace("\r\n", "\n").replace("\r", "\n").strip()


async def read_form(request: Request, limit: int = FORM_BYTES) -> Form:
    """Receive a form of type application/x-www-form-urlencoded (WHATWG URL standard).

    Args:
        request: what it comes with.
        limit: bytes that it may have.

    Raises:
        TooLarge: it has more.
        Unreadable: it ended early.
        TooManyRequests, Unavailable: there is too much of such already.
        TooSlow: it does not come within the deadlines.
    """
    body, place = bytearray(), place_of(request)
    async for chunk in chunks_of(request):
        if len(body) + len(chunk) > limit:
            raise TooLarge(f"The form is larger than {limit} bytes.")
        place.hold(len(chunk))
        body += chunk
    fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    return Form([(searchable(name), searchable(value)) for name, value in fields])
