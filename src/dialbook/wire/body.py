"""Reading a JSON request: its wrapper, and its items one by one, so that a bad item spoils only itself."""

from types import GenericAlias
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from dialbook.model.bulk import Outcome, attempt
from dialbook.model.errors import Invalid, Missing, Unreadable

T = TypeVar("T")

BULK_LIMIT = 5000  # items in one request (contract sections 4 and 6)

_wrapper = msgspec.json.Decoder(dict[str, Raw]).decode
_array = msgspec.json.Decoder(list[Raw]).decode
_NOTHING = Raw(b"null")

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
    array = _object(body).get(wrapper, _NOTHING)
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
    _object(body)
    return _decode(body, shape)


def _object(body: bytes) -> dict[str, Raw]:
    try:
        body.decode()  # all of it, also where an item is not looked into
        return _wrapper(body)
    except msgspec.ValidationError:
        raise Unreadable("The body must be a JSON object.") from None
    except NOT_JSON:
        raise Unreadable("The body is not valid JSON.") from None


def _items(array: Raw, wrapper: str) -> list[Raw]:
    wanted = f"an array of 1 to {BULK_LIMIT} objects"
    if bytes(array) == b"null":
        raise Missing(f"{wrapper} is mandatory: {wanted}.")
    try:
        items = _array(array)
    except NOT_JSON:
        items = []
    if not items:
        raise Invalid(f"{wrapper} must be {wanted}.")
    if len(items) > BULK_LIMIT:
        raise Invalid(f"{wrapper} has {len(items)} items; at most {BULK_LIMIT} are allowed in one request.")
    return items


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
