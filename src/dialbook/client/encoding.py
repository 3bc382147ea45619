"""What is sent as JSON, and how much of it goes into one request. Each item is encoded once."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from types import NoneType
from typing import TypeAlias

import msgspec
from msgspec import Raw

from dialbook.client.errors import unsendable_as_invalid
from dialbook.model.errors import Invalid
from dialbook.wire.body import BULK_LIMIT

Part: TypeAlias = Sequence[bytes]  # the items of one request, each as JSON

ENOUGH = 4 * 1024 * 1024  # bytes of a part; Dialbook refuses 10 MiB, where it is not set otherwise

_PLAIN = frozenset({str, int, bool, NoneType, Raw})  # what JSON has a word for, whatever its value

_ARRAYS = (list, tuple, set, frozenset)
_BYTES = (bytes, bytearray, memoryview)


def _as_known(value: object) -> str:
    """A text of a class of its own as a plain one.

    Raises:
        Invalid: it is none.
    """
    if isinstance(value, str):
        return str.__str__(value)
    raise Invalid(f"A value is of the type {type(value).__name__}, which JSON has no word for.")


_encode = msgspec.json.Encoder(enc_hook=_as_known).encode


def encode(value: object) -> bytes:
    """A value as JSON.

    Raises:
        Invalid: JSON has no word for something in it.
    """
    return _encode_each([value])[0]


def parts(items: Iterable[object]) -> Iterator[Part]:
    """Items, in as many parts as they need; one that is more than enough is a part of its own.

    Raises:
        Invalid: as `encode`.
    """
    rest = iter(items)
    while some := list(islice(rest, BULK_LIMIT)):
        yield from _cut(_encode_each(some))


def _cut(items: Part) -> Iterator[Part]:
    start = size = 0
    for place, item in enumerate(items):
        size += len(item)
        if size > ENOUGH and place > start:
            yield items[start:place]
            start, size = place, len(item)
    yield items[start:]


def _encode_each(values: Sequence[object]) -> list[bytes]:
    with unsendable_as_invalid():
        encoded = list(map(_encode, values))  # first, since it ends where a value holds itself
    # All at once, level by level: to look at each by itself would cost several times what it costs to encode it.
    while not _PLAIN.issuperset(map(type, values)):
        others = [value for value in values if type(value) not in _PLAIN]
        values = list(chain.from_iterable(map(_parts_of, others)))
    return encoded


def _parts_of(value: object) -> Iterable[object]:
    """What is in a value.

    Raises:
        Invalid: it would be encoded as another value, without a word.
    """
    if isinstance(value, dict):
        return chain(value, value.values())
    if isinstance(value, _ARRAYS):
        return value
    if isinstance(value, float) and not isfinite(value):
        raise Invalid("A number is infinite or none at all (NaN), which JSON cannot say.")
    if isinstance(value, _BYTES):
        raise Invalid("A value is bytes, which JSON cannot say: decode it to a text.")
    if isinstance(value, Decimal):
        raise Invalid("A value is a Decimal, which would be sent as a text: make it a float, or a text.")
    return ()
