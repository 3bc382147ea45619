"""Reading an answer: its envelope, the items in it, and why a request or an item was refused (contract section 2)."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from dialbook.client.errors import NotUnderstood
from dialbook.client.results import Ok, Outcome, Page
from dialbook.model import errors
from dialbook.model.errors import DialbookError, Duplicate
from dialbook.wire.body import NOT_JSON

T = TypeVar("T")

_NEXT = re.compile(r"""<([^>]*)>\s*;[^,]*\brel="?next\b""")

_KINDS: tuple[type[DialbookError], ...] = (
    errors.NotFound,
    errors.Missing,
    errors.Invalid,
    errors.PreconditionFailed,
    errors.KeyReused,
    errors.Forbidden,
    errors.Internal,
    errors.Unavailable,
    errors.MethodNotAllowed,
    errors.TooManyRequests,
    errors.Unreadable,
    errors.TooLarge,
    errors.UrlTooLong,
    errors.HeadTooLarge,
    errors.Duplicate,
    errors.Unauthorized,
    errors.UnsupportedType,
)
_BY_CODE = {(kind.status, kind.code): kind for kind in _KINDS}
_BY_STATUS = {kind.status: kind for kind in _KINDS if kind.status != 400}  # 400 alone says too little


class Answer(Struct, frozen=True):
    """What is read of an HTTP response; names of headers in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ErrorIn(Struct, frozen=True, gc=False):
    """Why an item failed."""

    code: int = 0
    message: str = ""
    description: str | None = None


class ItemIn(Struct, Generic[T], frozen=True, gc=False):
    """One result."""

    code: int = 0
    error_data: ErrorIn | None = None
    status: object = None
    data: T | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it says so in any way."""
        return self.error_data is not None or self.code >= 400 or self.status == "failure"


class MetadataIn(Struct, frozen=True):
    """Where in the collection a page stands."""

    offset: int | None = None
    limit: int | None = None
    total: int | None = None


class EnvelopeIn(Struct, Generic[T], frozen=True):
    """An answer; a single item may come as an array of one."""

    response: ItemIn[T] | list[ItemIn[T]]
    request_id: str | None = None
    metadata: MetadataIn | None = None

    @property
    def items(self) -> list[ItemIn[T]]:
        """The items, however they came."""
        return self.response if isinstance(self.response, list) else [self.response]


def read_one(answer: Answer, kind: type[T]) -> T:
    """The one thing that an answer holds.

    Raises:
        NotUnderstood: it holds nothing, or is none of this API's.
        DialbookError: the request was refused.
    """
    item = _read_item(answer, kind)
    if item.data is None:
        raise NotUnderstood("The answer holds no data.", status=answer.status)
    return item.data


def read_if_any(answer: Answer, kind: type[T]) -> T | None:
    """As `read_one`, of an answer that may say no more than that it was done: empty, or a success with other data."""
    check(answer)
    if not answer.body:
        return None
    item = _read_item(answer, Any)
    if item.is_failure:
        raise NotUnderstood("The answer says neither that it was done nor why not.", status=answer.status)
    try:
        return msgspec.convert(item.data, kind)
    except msgspec.ValidationError:
        return None


def read_page(answer: Answer, kind: type[T]) -> Page[T]:
    """The page that an answer holds; raises as `read_one`."""
    envelope = _read(answer, kind)
    items = [item.data for item in envelope.items if item.data is not None]
    if len(items) != len(envelope.items):
        raise NotUnderstood("An item of the page holds no data.", status=answer.status)
    at = envelope.metadata or MetadataIn()
    return Page(items, at.offset, at.limit, at.total, _next_cursor(answer.headers.get("link", "")))


def read_each(answer: Answer, kind: type[T], count: int) -> list[Outcome[T]]:
    """The results of a bulk request of so many items; raises as `read_one`."""
    envelope = _read(answer, kind)
    if len(envelope.items) != count:
        raise NotUnderstood(f"The answer to {count} items holds {len(envelope.items)} results.", status=answer.status)
    return [_outcome(item, answer, envelope.request_id) for item in envelope.items]


def check(answer: Answer) -> None:
    """Raise what stands in the way of reading an answer.

    Raises:
        NotUnderstood: it is neither a success nor a refusal.
        DialbookError: it is a refusal.
    """
    if answer.status >= 400:
        raise _whole_refusal(answer)
    if not 200 <= answer.status < 300:
        raise NotUnderstood(f"The answer is HTTP {answer.status}, which this API does not use.", status=answer.status)


def _read(answer: Answer, kind: type[T]) -> EnvelopeIn[T]:
    check(answer)
    try:
        envelope: EnvelopeIn[T] = _decoder(kind).decode(answer.body)  # type: ignore[arg-type]  # classes have hashes
    except msgspec.ValidationError as error:
        reason = str(error)
    except NOT_JSON:
        reason = f"it is {answer.headers.get('content-type', 'of no type')}, not JSON"
    else:
        return envelope
    raise NotUnderstood(f"The answer is none of this API: {reason}.", status=answer.status)


def _read_item(answer: Answer, kind: type[T]) -> ItemIn[T]:
    """The one item of an answer, unless it says why it was refused."""
    envelope = _read(answer, kind)
    if len(envelope.items) != 1:
        raise NotUnderstood(f"The answer holds {len(envelope.items)} items instead of one.", status=answer.status)
    (item,) = envelope.items
    if item.error_data:
        raise _refusal(item.code or answer.status, item, answer, envelope.request_id)
    return item


@cache
def _decoder(kind: Any) -> "msgspec.json.Decoder[EnvelopeIn[Any]]":
    return msgspec.json.Decoder(EnvelopeIn[kind])  # made once for each kind


def _outcome(item: ItemIn[T], answer: Answer, request_id: str | None) -> Outcome[T]:
    if item.error_data:
        return _refusal(item.code, item, answer, request_id)
    if item.data is None:
        return NotUnderstood("The result holds neither data nor a reason.", status=item.code)
    return Ok(item.data)


def _whole_refusal(answer: Answer) -> DialbookError:
    try:
        envelope = _decoder(Any).decode(answer.body)
    except NOT_JSON:
        envelope = EnvelopeIn(ItemIn())
    item = envelope.items[0] if envelope.items else ItemIn()
    return _refusal(answer.status, item, answer, envelope.request_id)


def _refusal(status: int, item: ItemIn[Any], answer: Answer, request_id: str | None) -> DialbookError:
    """The refusal as a value; a kind that is not known has the status and the code that the server gave."""
    said = item.error_data or ErrorIn()
    kind = _BY_CODE.get((status, said.code)) or _BY_STATUS.get(status, DialbookError)
    refusal = kind(said.description or said.message or f"The server answered HTTP {status} and did not say why.")
    refusal.status, refusal.code, refusal.message = status, said.code, said.message
    refusal.request_id = request_id
    refusal.headers = answer.headers
    if isinstance(refusal, Duplicate):
        refusal.existing = item.data
    return refusal


def _next_cursor(link: str) -> str | None:
    """The cursor in a Link header (RFC 8288). Nothing else of its URL counts: it may name another host."""
    found = _NEXT.search(link)
    try:
        return dict(parse_qsl(urlsplit(found[1]).query)).get("after") if found else None
    except ValueError:  # its URL is none
        return None
