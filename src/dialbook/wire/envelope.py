"""The envelope around every answer (contract section 2): one object, a page, a bulk result, a refusal."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dialbook.model.bulk import Outcome
from dialbook.model.errors import NO_HEADERS, DialbookError, Duplicate
from dialbook.model.page import Page

T = TypeVar("T")


class ErrorData(Struct, frozen=True, gc=False):
    """Why an item failed."""

    code: int
    message: str
    description: str


class Item(Struct, frozen=True, gc=False):
    """One result: its own HTTP code, and either data or the reason why there is none."""

    code: int
    error_data: ErrorData | None
    status: str
    data: object


class PageMetadata(Struct, frozen=True):
    """Where in the collection a page stands."""

    count: int
    offset: int
    limit: int
    total: int


class BulkMetadata(Struct, frozen=True):
    """How a bulk write went."""

    failed: int
    total: int
    success: int


class Answer(Struct, frozen=True):
    """All of a reply but the request's own id and method."""

    http_code: int
    response: Item | Sequence[Item]
    metadata: PageMetadata | BulkMetadata | UnsetType = UNSET
    headers: Mapping[str, str] = NO_HEADERS


class Envelope(Struct, frozen=True):
    """What is sent, keys in the contract's order."""

    request_id: str
    method: str
    http_code: int
    metadata: PageMetadata | BulkMetadata | UnsetType
    response: Item | Sequence[Item]


class _Sent(Struct, frozen=True):
    response: msgspec.Raw = msgspec.Raw(b"[]")


_encode = msgspec.json.Encoder().encode


def to_bytes(answer: Answer, request_id: str, method: str) -> bytes:
    """The body to send: compact JSON (docs/decisions/0004)."""
    return _encode(Envelope(request_id, method, answer.http_code, answer.metadata, answer.response))


def items_of(body: bytes) -> list[msgspec.Raw]:
    """The items of an answer as they were sent; of one without an envelope, as the console keeps its own, none."""
    response = msgspec.json.decode(body, type=_Sent).response
    return msgspec.json.decode(response, type=list[msgspec.Raw]) if bytes(response).startswith(b"[") else [response]


def one(data: object, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """A single object."""
    return Answer(200, Item(200, None, "success", data), headers=headers)


def accepted(data: object) -> Answer:
    """A single object that is to be worked off."""
    return Answer(202, Item(202, None, "success", data))


def page(found: Page[T], write: Callable[[T], object]) -> Answer:
    """A page of a collection."""
    items = [Item(200, None, "success", write(item)) for item in found.items]
    metadata = PageMetadata(len(items), found.window.offset, found.window.limit, found.total)
    return Answer(200, items, metadata)


def bulk(outcomes: Sequence[Outcome[T]], write: Callable[[T], object]) -> Answer:
    """One item per input, in order: 200 when all succeeded, else 207."""
    items = [
        _failure(outcome, write) if isinstance(outcome, DialbookError) else Item(200, None, "success", write(outcome))
        for outcome in outcomes
    ]
    failed = sum(item.error_data is not None for item in items)
    metadata = BulkMetadata(failed, len(items), len(items) - failed)
    return Answer(207 if failed else 200, items, metadata)


def refusal(error: DialbookError) -> Answer:
    """A request that fails as a whole."""
    return Answer(error.status, _failure(error, lambda _: None), headers=error.headers)


def _failure(error: DialbookError, write: Callable[[T], object]) -> Item:
    existing = error.existing if isinstance(error, Duplicate) else None
    data = None if existing is None else write(existing)
    return Item(error.status, ErrorData(error.code, error.message, error.description), "failure", data)
