"""Making sids and request ids."""

import os
import random
from datetime import datetime


def new_sids(now: datetime, count: int) -> list[str]:
    """Make `count` UUIDv7s of the moment `now` as 32 lower-case hex digits, ascending in the order given.

    The last 62 bits of a batch count up from one random start, as RFC 9562 section 6.2 method 2 allows.
    """
    milliseconds = int(now.timestamp() * 1000)
    chance = int.from_bytes(os.urandom(10))
    prefix = f"{milliseconds:012x}7{chance & 0xFFF:03x}"
    # The variant bits 10, then a start whose top bit is clear, so that counting up never overflows.
    start = 0x8 << 60 | chance >> 19
    return [f"{prefix}{start + i:016x}" for i in range(count)]


def new_request_id() -> str:
    """A random id of 32 lower-case hex digits (contract section 2); it names a request, and guards nothing."""
    return f"{random.getrandbits(128):032x}"
