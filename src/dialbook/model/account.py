"""Accounts and their API keys: who may do what."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from dialbook.model.errors import Invalid
from dialbook.model.moment import utc_text
from dialbook.model.network import Address, Network, is_in
from dialbook.model.phone import REGIONS

DEFAULT_REGION = "IN"

_SID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    WRITE = "write"


class Account(Struct, frozen=True):
    """One organisation: its sid is chosen when it is made and never changes."""

    sid: str
    region: str  # ISO 3166 code; national numbers are read as dialled there
    created: str


class KeyDraft(Struct, frozen=True):
    """What a key is to be."""

    scopes: frozenset[Scope] = frozenset(Scope)
    name: str | None = None
    expires: datetime | None = None
    networks: Sequence[Network] = ()


class ApiKey(Struct, frozen=True):
    """A credential of an account, without its secret: of the token only a hash is kept."""

    key: str
    account: str
    token_hash: str
    name: str | None
    scopes: frozenset[Scope]
    created: str
    expires: str | None
    revoked: str | None
    networks: Sequence[Network]  # from where it may be used; from anywhere when there are none

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at the moment `now`."""
        return self.revoked is None and (self.expires is None or utc_text(now) < self.expires)

    def is_allowed_from(self, address: Address) -> bool:
        """Whether it opens anything for whoever asks from an address."""
        return not self.networks or is_in(address, self.networks)


def check_account_sid(sid: str) -> str:
    """Return the sid when it may name an account.

    Raises:
        Invalid: it is not 1 to 64 letters, digits, `-` and `_`, beginning with a letter or digit.
    """
    if _SID.fullmatch(sid) is None:
        raise Invalid(
            f"Account sid {sid!r} must be 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit."
        )
    return sid


def check_region(region: str) -> str:
    """Return the region when numbers can be read in it.

    Raises:
        Invalid: it is no ISO 3166 code of a country with a numbering plan.
    """
    if region not in REGIONS:
        raise Invalid(f"Region {region!r} is no two-letter country code with a numbering plan, such as IN or SG.")
    return region
