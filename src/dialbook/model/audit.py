"""The audit log: who did what, to which things. It has sids alone of them, and so no personal data."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from msgspec import Struct, json
from msgspec.structs import astuple

NOBODY = "-"  # has the chain of what was refused and concerns no account; no account's sid begins with a dash

_SID = re.compile(r"[0-9a-f]{32}")


class Via(StrEnum):
    """The way on which something was asked for."""

    API = "api"
    CONSOLE = "console"
    COMMAND = "command line"
    JOB = "job"


class Author(Struct, frozen=True):
    """Who does something, and when."""

    via: Via
    moment: datetime
    key: str | None = None  # the id of an API key
    request: str | None = None  # its id


class Effect(Struct, frozen=True):
    """What something did."""

    touched: Sequence[str] = ()  # sids, and the ids of keys
    succeeded: int = 0
    failed: int = 0
    refusal: int | None = None  # the status of an answer that refused it


class Entry(Struct, frozen=True):
    """An entry of an account's log. Times are UTC in whole seconds, as text (RFC 3339)."""

    account: str
    number: int  # counted from 1, without gaps
    moment: str
    via: str
    key: str | None
    action: str
    touched: str  # as `write_runs` has it
    succeeded: int
    failed: int
    refusal: int | None
    request: str | None

    def hash(self, previous: str) -> str:
        """SHA-256 of this entry and of the hash of the one before it, as hex: what the next one goes on from."""
        return sha256(json.encode([previous, *astuple(self)])).hexdigest()


class Head(Struct, frozen=True):
    """The place in a chain after an entry; the beginning has number 0 and no hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


def write_runs(sids: Iterable[str]) -> str:
    """Sids as one text, each once; of those that count up the first, and how many follow: `…a0+4999`.

    The sids of one request count up, so that a request of 5,000 new contacts takes 37 characters.
    """
    runs: list[tuple[str, int]] = []
    following = None
    for sid in dict.fromkeys(sids):
        value = _value(sid)
        if value is not None and value == following:
            first, more = runs[-1]
            runs[-1] = first, more + 1
        else:
            runs.append((sid, 0))
        following = None if value is None else value + 1
    return ",".join(f"{first}+{more}" if more else first for first, more in runs)


def read_runs(text: str) -> Iterator[str]:
    """The sids in such a text."""
    for first, more in _runs(text):
        yield first
        for i in range(1, more + 1):
            yield f"{int(first, 16) + i:032x}"


def has_sid(text: str, sid: str) -> bool:
    """Whether a sid is in such a text."""
    value = _value(sid)
    return any(
        first == sid or (more > 0 and value is not None and 0 <= value - int(first, 16) <= more)
        for first, more in _runs(text)
    )


def _runs(text: str) -> Iterator[tuple[str, int]]:
    for run in filter(None, text.split(",")):
        first, _, more = run.partition("+")
        yield first, int(more or 0)


def _value(sid: str) -> int | None:
    return int(sid, 16) if _SID.fullmatch(sid) else None
