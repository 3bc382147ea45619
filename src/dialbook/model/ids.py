"""Making sids and request ids."""

import os
import random
from datetime import UTC, datetime

from dialbook.model.moment import MICROSECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_sids(now: datetime, count: int) -> list[str]:
    """Make `count` UUIDv7s of the moment `now` as 32 lower-case hex digits, ascending in the order given.

    The 12 bits after the milliseconds are a fraction of one, so that those of a later microsecond sort after them. The
    last 62 bits of a batch count up from one random start. RFC 9562 section 6.2 allows both, as methods 3 and 2.
    """
    milliseconds, microseconds = divmod((now - EPOCH) // MICROSECOND, 1000)
    prefix = f"{milliseconds:012x}7{microseconds * 0x1000 // 1000:03x}"
    # The variant bits 10, then a start whose top bit is clear, so that counting up never overflows.
    start = 0x8 << 60 | int.from_bytes(os.urandom(8)) >> 3
    return [f"{prefix}{start + i:016x}" for i in range(count)]


def new_request_id() -> str:
    """A random id of 32 lower-case hex digits (contract section 2); it names a request, and guards nothing."""
    return f"{random.getrandbits(128):032x}"
