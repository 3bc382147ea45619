"""A contact: somebody with a number."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import astuple

from dialbook.model.etag import ANY, ETags

TEXT_FIELDS = ("first_name", "last_name", "company_name", "email", "tag")


class Contact(Struct, frozen=True, gc=False):
    """A stored contact. Times are UTC in whole seconds, as text (RFC 3339); `custom_field` is JSON text."""

    account: str
    sid: str
    number: str
    first_name: str | None
    last_name: str | None
    company_name: str | None
    email: str | None
    tag: str | None
    custom_field: str | None
    created: str
    updated: str

    @property
    def etag(self) -> str:
        """The name of this state: a digest of every field."""
        # No field holds a NUL, and none is stored empty: what is joined here could be taken apart again.
        fields = "\0".join(field or "" for field in astuple(self))
        return blake2b(fields.encode(), digest_size=16).hexdigest()


class ContactDraft(Struct, frozen=True, gc=False):
    """A contact to be made. Its number is as the client wrote it until `phone` has read it."""

    number: str | None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    email: str | None = None
    tag: str | None = None
    custom_field: str | None = None


class ContactChange(Struct, frozen=True):
    """What to change in a contact: only the fields that are to be set, `None` to clear one.

    A number among them is as the client wrote it until `phone` has read it.
    """

    sid: str
    fields: Mapping[str, str | None]
    expected: ETags = ANY  # the states in which it is to be made


class ContactRef(Struct, frozen=True):
    """A contact named by its sid, by its number, or by both, which then have to be of one.

    The number is as the client wrote it until `phone` has read it.
    """

    sid: str | None = None
    number: str | None = None
    expected: ETags = ANY  # the states in which it is meant


class ListRef(Struct, frozen=True, gc=False):
    """A list that a contact is in."""

    sid: str
    name: str


class ContactInLists(Struct, frozen=True):
    """A contact with the lists that it is in."""

    contact: Contact
    lists: Sequence[ListRef]
