"""Reading a JSON request: its wrapper, and its items one by one, so that a bad item spoils only itself."""

from collections.abc import Callable
from functools import cache
from types import GenericAlias
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import astuple

from dialbook.model.bulk import Outcome, attempt
from dialbook.model.errors import Invalid, Missing, Unreadable

T = TypeVar("T")

BULK_LIMIT = 5000  # items in one request (contract sections 4 and 6)

SMALL = 64 * 1024  # bytes of an array, below which all items are made

_NOTHING = Raw(b"null")

# What a struct has no field for becomes no object: of 10 MB of `0,` there would be 400 MB. To make one takes 10 us.
_FIRST = msgspec.defstruct("_FIRST", [(f"item_{n}", Raw, _NOTHING) for n in range(BULK_LIMIT + 1)], array_like=True)
_first = msgspec.json.Decoder(_FIRST).decode
_all = msgspec.json.Decoder(list[Raw]).decode
_object = msgspec.json.Decoder(Struct).decode

# What msgspec raises for text that is not JSON: malformed, not UTF-8, or nested deeper than it recurses.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_items(body: bytes, wrapper: str, shape: type[T]) -> list[Outcome[T]]:
    """Read `{"<wrapper>": [item, …]}`.

    Args:
        body: the request's body.
        wrapper: the one key that counts.
        shape: a struct whose fields accept anything; the caller checks their values.

    Returns:
        One `shape`, or a refusal, for each item.

    Raises:
        Unreadable: not JSON, or not an object.
        Missing: no wrapper.
        Invalid: the wrapper is no array, is empty, or holds too many items.
    """
    array: Raw = getattr(_read(body, _decoder_of(wrapper)), wrapper)
    items = _items(array, wrapper)
    try:
        read: list[Outcome[T]] = msgspec.json.decode(array, type=GenericAlias(list, shape))
    except NOT_JSON:
        read = attempt(lambda item: _decode(item, shape), items)
    return read


def read_object(body: bytes, shape: type[T]) -> T:
    """Read a request that is one flat object.

    Raises:
        Unreadable: not JSON, or not an object.
    """
    _read(body, _object)
    return _decode(body, shape)


@cache
def _decoder_of(wrapper: str) -> Callable[[bytes], Struct]:
    return msgspec.json.Decoder(msgspec.defstruct("_Wrapper", [(wrapper, Raw, _NOTHING)])).decode


def _read(body: bytes, decode: Callable[[bytes], Struct]) -> Struct:
    try:
        body.decode()  # all of it, also where an item is not looked into
        return decode(body)
    except msgspec.ValidationError:
        raise Unreadable("The body must be a JSON object.") from None
    except NOT_JSON:
        raise Unreadable("The body is not valid JSON.") from None


def _items(array: Raw, wrapper: str) -> list[Raw]:
    wanted = f"an array of 1 to {BULK_LIMIT} objects"
    if bytes(array) == b"null":
        raise Missing(f"{wrapper} is mandatory: {wanted}.")
    try:
        items = _all(array) if len(bytes(array)) < SMALL else _first_items(array)
    except NOT_JSON:
        items = []
    if not items:
        raise Invalid(f"{wrapper} must be {wanted}.")
    if len(items) > BULK_LIMIT:
        raise Invalid(f"{wrapper} has too many items; at most {BULK_LIMIT} are allowed in one request.")
    return items


def _first_items(array: Raw) -> list[Raw]:
    """As many as are allowed, and one more."""
    return [item for item in astuple(_first(array)) if item is not _NOTHING]


def _decode(raw: bytes | Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError:
        is_object = bytes(raw).lstrip().startswith(b"{")
        raise Invalid(
            "An item holds a number that is out of range." if is_object else "An item must be a JSON object."
        ) from None
    except NOT_JSON:
        raise Invalid("An item holds text that is not valid JSON.") from None


class AnyFields(Struct, frozen=True):
    """Base of the request shapes: every field accepts any JSON value, so that our own words name what is wrong."""
