"""Somebody who is signed in to the console with an API key."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from dialbook.model.account import Account, ApiKey, Scope

IDLE = timedelta(minutes=30)  # without a request, after which a session is closed
LONGEST = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # how exactly a session's last request is remembered


class SignIn(Struct, frozen=True):
    """Somebody who is about to have a session."""

    key: str  # the id of the key that opens it
    token_hash: str  # by which it will be known
    former: Sequence[str]  # the hashes of the tokens whose place it takes in a browser, which open nothing any more
    moment: datetime
    request: str  # the id of the request that asks for it


class Session(Struct, frozen=True):
    """A session, with the key that opened it and whose it is. Times are UTC in whole seconds, as text (RFC 3339)."""

    token_hash: str  # by which it is known
    key: ApiKey
    account: Account
    created: str
    used: str

    @property
    def may_write(self) -> bool:
        """Whether it may change anything."""
        return Scope.WRITE in self.key.scopes

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at the moment `now`: its key does, and it is neither idle nor old."""
        return self.key.is_live(now) and now - _moment(self.used) < IDLE and now - _moment(self.created) < LONGEST

    def is_to_be_noted(self, now: datetime) -> bool:
        """Whether its last request is so long ago that this one has to be remembered."""
        return now - _moment(self.used) >= NOTED_EVERY


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
