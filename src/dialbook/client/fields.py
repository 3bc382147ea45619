"""What the calls are given by name."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypedDict

Format = Literal["csv", "ndjson"]
ListKind = Literal["static", "dynamic"]


class OptionalFields(TypedDict, total=False):
    """The fields that a contact may be without; `None` clears one."""

    first_name: str | None
    last_name: str | None
    company_name: str | None
    email: str | None
    tag: str | None
    custom_field: Mapping[str, Any] | None
    custom: Mapping[str, Any] | None  # another name of it; where both are given, `custom_field` counts


class ContactFields(OptionalFields, total=False):
    """The fields of a contact that can be changed."""

    number: str


class NewContact(OptionalFields):
    """A contact to be made."""

    number: str


class ContactChange(ContactFields):
    """What to change in a contact; fields that are not given stay."""

    sid: str


class ContactRef(TypedDict, total=False):
    """A contact that is meant: by its `sid`, by its `number`, or by both, which then have to be of one contact."""

    sid: str
    number: str


class ListFields(TypedDict, total=False):
    """The fields of a list that can be changed; `None` clears its tag."""

    name: str
    tag: str | None


class NewList(TypedDict):
    """A list to be made."""

    name: str
    tag: NotRequired[str | None]
    type: NotRequired[ListKind]


class ListChange(ListFields):
    """What to change in a list; fields that are not given stay."""

    sid: str


class ContactQuery(TypedDict, total=False):
    """Which contacts of the address book, and in which order."""

    sort_by: str  # a field, optionally followed by :asc or :desc
    name: str  # a part of the first, last or full name
    list_sids: Iterable[str]  # contacts in any of these lists
    show_lists: bool  # each contact with the lists that it is in


class ListQuery(TypedDict, total=False):
    """Which lists, and in which order."""

    sort_by: str
    name: str


class MemberFilter(TypedDict, total=False):
    """Which contacts of a list: all that is given has to apply. An extension of Dialbook's."""

    number: str
    name: str
    tag: str


class MemberQuery(MemberFilter, total=False):
    """Which contacts of a list, and in which order; ordered pages go by offset."""

    sort_by: str


class UploadChoices(TypedDict, total=False):
    """How an upload is to be worked off; the last two are extensions of Dialbook's."""

    type: ListKind  # of a list that is made; one that is there has to be of it
    on_duplicate: Literal["skip", "update"]
    dry_run: bool
