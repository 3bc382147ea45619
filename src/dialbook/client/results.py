"""What the calls return, and what they are given.

Only a sid is sure to come: what another server leaves out is `None`, and what it adds is passed over.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import force_setattr

from dialbook.client.errors import ItemsRefused
from dialbook.model.contact import ListRef
from dialbook.model.errors import DialbookError
from dialbook.model.upload import Status

T = TypeVar("T")


def _in_utc(struct: Struct, name: str) -> None:
    """Take a time as it came to UTC, which it is in when it does not say; they can be compared then."""
    moment: datetime | None = getattr(struct, name)
    if moment is None or moment.tzinfo is UTC:
        return
    try:
        force_setattr(struct, name, moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:  # what msgspec takes for a value that is wrong
        raise ValueError(f"{name} is in no year of 1 to 9999") from None


class Contact(Struct, frozen=True, gc=False):
    """A contact. Times are in UTC; `custom_field` is any JSON, as a rule an object."""

    sid: str
    date_created: datetime | None = None
    date_updated: datetime | None = None
    account_sid: str | None = None
    number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    email: str | None = None
    tag: str | None = None
    custom_field: Any = None
    uri: str | None = None
    lists: Sequence[ListRef] | UnsetType = UNSET  # where they were asked for
    list_id: str | UnsetType = UNSET  # of the list that it joined or left

    def __post_init__(self) -> None:
        _in_utc(self, "date_created")
        _in_utc(self, "date_updated")


class Written(Contact, frozen=True, gc=False):
    """A contact with its custom field as text: a number that is read and written anew might be another."""

    custom_field: Raw = Raw(b"null")

    def __post_init__(self) -> None:
        super().__post_init__()
        bytes(self.custom_field).decode()  # a ValueError where it is none, which is one for the whole answer


class ContactList(Struct, frozen=True, gc=False):
    """A list of contacts. Times are in UTC."""

    sid: str
    date_created: datetime | None = None
    date_updated: datetime | None = None
    account_sid: str | None = None
    name: str | None = None
    tag: str | None = None
    type: str | None = None
    contact_count: int | None = None
    uri: str | None = None

    def __post_init__(self) -> None:
        _in_utc(self, "date_created")
        _in_utc(self, "date_updated")


class UploadAccepted(Struct, frozen=True):
    """An upload that is to be worked off; a dry run may have no list."""

    upload_id: str
    list_sid: str | None = None
    url: str | None = None


class UploadStats(Struct, frozen=True):
    """How many rows are dealt with so far, and what became of them."""

    duplicate: int = 0
    total: int = 0
    success: int = 0
    failed: int = 0


class Upload(Struct, frozen=True):
    """How far an upload is: `status` is `in-progress`, `completed` or `failed`; `reason` says why it failed.

    Times are in UTC.
    """

    upload_id: str
    status: str
    list_sid: str | None = None
    stats: UploadStats = UploadStats()
    reason: str | None = None
    dry_run: bool | None = None
    date_created: datetime | None = None
    date_ended: datetime | None = None

    def __post_init__(self) -> None:
        _in_utc(self, "date_created")
        _in_utc(self, "date_ended")

    @property
    def sid(self) -> str:
        """Its id, under the name that those of other things have."""
        return self.upload_id

    @property
    def is_running(self) -> bool:
        """Whether there is more to do."""
        return self.status == Status.IN_PROGRESS


class RejectedRow(Struct, frozen=True):
    """A row of an upload that did not get into the list."""

    line: int
    number: str | None
    reason: str
    description: str

    @property
    def sid(self) -> str:
        """Its line, by which a walk finds it again."""
        return str(self.line)


class Page(Struct, Generic[T], frozen=True):
    """A part of a collection, and where it stands in it."""

    items: Sequence[T]
    offset: int | None = None
    limit: int | None = None
    total: int | None = None
    cursor: str | None = None  # leads to the next page, where the server offers it

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Ok(Struct, Generic[T], frozen=True):
    """An item of a bulk call that was accepted, and what became of it."""

    value: T


Outcome: TypeAlias = Ok[T] | DialbookError


class Results(list[Outcome[T]]):
    """What became of each item of a bulk call, in order: `Ok`, or the refusal as a value."""

    @property
    def values(self) -> list[T]:
        """What the accepted items became."""
        return [outcome.value for outcome in self if isinstance(outcome, Ok)]

    @property
    def failures(self) -> dict[int, DialbookError]:
        """The refusals, by the place of their items."""
        return {place: outcome for place, outcome in enumerate(self) if isinstance(outcome, DialbookError)}

    def raise_for_failures(self) -> list[T]:
        """Return what the items became, when all were accepted.

        Raises:
            ItemsRefused: some were not.
        """
        if failures := self.failures:
            raise ItemsRefused(failures, len(self))
        return self.values
