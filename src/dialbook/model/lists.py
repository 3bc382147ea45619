"""A list: contacts in the order in which they joined."""

from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from dialbook.model.errors import Invalid, Missing
from dialbook.model.etag import ANY, ETags
from dialbook.model.page import Window
from dialbook.model.text import optional_text


class ListType(StrEnum):
    """Dynamic lists carry columns of their own for each member; static ones do not."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class ContactList(Struct, frozen=True):
    """A stored list. Times are UTC in whole seconds, as text (RFC 3339)."""

    account: str
    sid: str
    name: str
    tag: str | None
    type: str
    contact_count: int
    created: str
    updated: str
    version: int  # moves with each change of the list, of who is in it, or of a contact in it

    @property
    def etag(self) -> str:
        """The name of the state that the list and its members are in."""
        return list_etag(self.sid, self.version)


class ListDraft(Struct, frozen=True):
    """A list to be made."""

    name: str
    tag: str | None = None
    type: ListType = ListType.STATIC


class ListChange(Struct, frozen=True):
    """What to change in a list: only the fields that are to be set."""

    sid: str
    fields: Mapping[str, str | None]
    expected: ETags = ANY  # the states in which it is to be made


class ListLimits(Struct, frozen=True):
    """How many contacts a list may hold, by type (contract section 7)."""

    static: int = 100_000
    dynamic: int = 500_000

    def of(self, list_type: str) -> int:
        """The limit for lists of this type."""
        return self.dynamic if list_type == ListType.DYNAMIC else self.static


def list_etag(sid: str, version: int) -> str:
    """The name of the state that a list and its members are in."""
    return f"{sid}-{version}"


def page_etag(list_sid: str, version: int, window: Window, search: bytes = b"") -> str:
    """The name of the state that one page of a list's contacts is in; it is known before the page is read.

    Args:
        list_sid: the list.
        version: that of the list.
        window: which part was asked for.
        search: what else selects or sorts, in any form.
    """
    page = f"{list_etag(list_sid, version)}-{window.offset}-{window.limit}-{window.after}"
    return f"{page}-{blake2b(search, digest_size=8).hexdigest()}" if search else page


def list_name(value: object) -> str:
    """Return the name, trimmed.

    Raises:
        Missing: there is none.
        Invalid: not a string, too long, or not storable.
    """
    if value is not None and not isinstance(value, str):
        raise Invalid("name must be a string.")
    name = optional_text("name", (value or "").strip())
    if name is None:
        raise Missing("Name is mandatory")
    return name


def list_type(value: object) -> ListType:
    """Return the type; unset means static.

    Raises:
        Invalid: it is neither static nor dynamic.
    """
    if value is None or value == "":
        return ListType.STATIC
    if not isinstance(value, str):
        raise Invalid(f"type must be a string; allowed are {', '.join(ListType)}.")
    try:
        return ListType(value)
    except ValueError:
        raise Invalid(f"type is {value!r}; allowed are {', '.join(ListType)}.") from None
