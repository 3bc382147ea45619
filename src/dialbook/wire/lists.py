"""Lists as JSON (contract sections 2 and 5)."""

from msgspec import UNSET, Struct

from dialbook.model.bulk import Outcome, attempt
from dialbook.model.etag import ETags
from dialbook.model.lists import ContactList, ListChange, ListDraft, list_name, list_type
from dialbook.model.text import optional_text
from dialbook.wire.body import AnyFields, read_items, read_object
from dialbook.wire.contacts import read_sid

SORT_FIELDS = ("date_created", "date_updated", "name")


class ListOut(Struct, frozen=True):
    """A list as it is sent, keys in the contract's order."""

    sid: str
    date_created: str
    date_updated: str
    account_sid: str
    name: str
    tag: str | None
    type: str
    contact_count: int
    uri: str


class ListIn(AnyFields, frozen=True):
    """A list as it is received."""

    sid: object = UNSET
    name: object = UNSET
    tag: object = UNSET
    type: object = UNSET


def write_list(found: ContactList) -> ListOut:
    """The list as JSON."""
    return ListOut(
        sid=found.sid,
        date_created=found.created,
        date_updated=found.updated,
        account_sid=found.account,
        name=found.name,
        tag=found.tag,
        type=found.type,
        contact_count=found.contact_count,
        uri=f"/v2/accounts/{found.account}/lists/{found.sid}",
    )


def read_drafts(body: bytes) -> list[Outcome[ListDraft]]:
    """Read the body of operation 7; refusals of the whole body are raised, those of an item stand in its place."""
    return attempt(_draft, read_items(body, "lists", ListIn))


def read_changes(body: bytes) -> list[Outcome[ListChange]]:
    """Read the body of operation 8."""
    return attempt(_change, read_items(body, "lists", ListIn))


def read_change(body: bytes, sid: str, expected: ETags) -> ListChange:
    """Read the body of operation 9, for the list in the path; a sid in the body is ignored."""
    return ListChange(sid, _given_fields(read_object(body, ListIn)), expected)


def _draft(given: ListIn) -> ListDraft:
    return ListDraft(
        name=list_name(_or_none(given.name)),
        tag=optional_text("tag", _or_none(given.tag)),
        type=list_type(_or_none(given.type)),
    )


def _change(given: ListIn) -> ListChange:
    return ListChange(read_sid(given.sid, "Sid"), _given_fields(given))


def _given_fields(given: ListIn) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    if given.name is not UNSET:
        fields["name"] = list_name(given.name)
    if given.tag is not UNSET:
        fields["tag"] = optional_text("tag", given.tag)
    if _or_none(given.type) not in (None, ""):
        fields["type"] = list_type(given.type)
    return fields


def _or_none(value: object) -> object:
    return None if value is UNSET else value
