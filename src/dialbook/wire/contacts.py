"""Contacts as JSON (contract sections 2 and 4)."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dialbook.model.bulk import Outcome, attempt
from dialbook.model.contact import (
    TEXT_FIELDS,
    Contact,
    ContactChange,
    ContactDraft,
    ContactInLists,
    ContactRef,
    ListRef,
)
from dialbook.model.errors import Invalid, Missing
from dialbook.model.etag import ETags
from dialbook.model.text import optional_text, searchable, storable
from dialbook.model.upload import VALUE_SHOWN
from dialbook.wire.body import NOT_JSON, AnyFields, read_items, read_object

SORT_FIELDS = ("date_created", "date_updated", "number", "first_name", "last_name")
SHOW_LIST = "show_list"
LIST_SIDS_LIMIT = 100

CUSTOM_FIELD_BYTES = 8192
CUSTOM_FIELD_DEPTH = 32
CUSTOM_FIELD_KEYS = 50

_may_be_sid = re.compile("[0-9A-Za-z]").search
_NOT_GIVEN = (UNSET, None, "")

# NUL as JSON writes it: after an even number of backslashes.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class ContactOut(Struct, frozen=True, gc=False):
    """A contact as it is sent, keys in the contract's order."""

    sid: str
    date_created: str
    date_updated: str
    account_sid: str
    number: str
    first_name: str | None
    last_name: str | None
    company_name: str | None
    email: str | None
    tag: str | None
    custom_field: Raw | None
    uri: str
    lists: Sequence[ListRef] | UnsetType = UNSET
    list_id: str | UnsetType = UNSET


class ContactIn(AnyFields, frozen=True):
    """A contact as it is received."""

    sid: object = UNSET
    number: object = UNSET
    first_name: object = UNSET
    last_name: object = UNSET
    company_name: object = UNSET
    email: object = UNSET
    tag: object = UNSET
    custom_field: Raw | UnsetType = UNSET
    custom: Raw | UnsetType = UNSET


def write_contact(
    contact: Contact, *, lists: Sequence[ListRef] | UnsetType = UNSET, list_id: str | UnsetType = UNSET
) -> ContactOut:
    """The contact as JSON; `lists` for `filter=show_list`, `list_id` for a change of membership."""
    return ContactOut(
        contact.sid,
        contact.created,
        contact.updated,
        contact.account,
        contact.number,
        contact.first_name,
        contact.last_name,
        contact.company_name,
        contact.email,
        contact.tag,
        None if contact.custom_field is None else Raw(contact.custom_field),
        f"/v2/accounts/{contact.account}/contacts/{contact.sid}",
        lists,
        list_id,
    )


def write_contact_in_lists(found: ContactInLists) -> ContactOut:
    """The contact with its lists, for `filter=show_list`."""
    return write_contact(found.contact, lists=found.lists)


def read_drafts(body: bytes) -> list[Outcome[ContactDraft]]:
    """Read the body of operation 1; refusals of the whole body are raised, those of an item stand in its place."""
    return attempt(_draft, read_items(body, "contacts", ContactIn))


def read_changes(body: bytes) -> list[Outcome[ContactChange]]:
    """Read the body of operation 2."""
    return attempt(_change, read_items(body, "contacts", ContactIn))


def read_change(body: bytes, sid: str, expected: ETags) -> ContactChange:
    """Read the body of operation 3, for the contact in the path; a sid in the body is ignored."""
    return ContactChange(sid, _given_fields(read_object(body, ContactIn)), expected)


def read_refs(body: bytes) -> list[Outcome[ContactRef]]:
    """Read the body of `delete_contacts`: contacts by `sid`, `number`, or both; other fields do not count."""
    return attempt(_ref, read_items(body, "contacts", ContactIn))


def read_list_sids(query: Mapping[str, str]) -> Sequence[str] | None:
    """Read `list_sids`: the lists whose contacts are wanted, or `None` for all contacts.

    Raises:
        Invalid: none, or more than `LIST_SIDS_LIMIT` of them.
    """
    given = query.get("list_sids")
    if given is None:
        return None
    sids = given.split(",")
    if len(sids) > LIST_SIDS_LIMIT:
        raise Invalid(f"list_sids names {len(sids)} lists; at most {LIST_SIDS_LIMIT} are allowed.")
    wanted = dict.fromkeys(filter(_may_be_sid, map(str.strip, sids)))
    if not wanted:
        raise Invalid(
            f"list_sids is {given!r}; allowed are the sids of 1 to {LIST_SIDS_LIMIT} lists, with commas between."
        )
    return list(filter(storable, wanted))


def wants_lists(query: Mapping[str, str]) -> bool:
    """Read `filter`: whether each contact is to be shown with its lists.

    Raises:
        Invalid: an unknown filter.
    """
    given = query.get("filter")
    if given is None:
        return False
    if given != SHOW_LIST:
        raise Invalid(f"filter is {given!r}; allowed is {SHOW_LIST}.")
    return True


def _draft(given: ContactIn) -> ContactDraft:
    return ContactDraft(**_given_fields(given)) if given.number is not UNSET else _no_number()


def _no_number() -> ContactDraft:
    raise Missing("Number is mandatory")


def _change(given: ContactIn) -> ContactChange:
    return ContactChange(read_sid(given.sid, "Sid"), _given_fields(given))


def _ref(given: ContactIn) -> ContactRef:
    sid = None if given.sid in _NOT_GIVEN else read_sid(given.sid, "Sid")
    number = None if given.number in _NOT_GIVEN else _number(given.number)
    if sid is None and number is None:
        raise Missing("Sid or number is mandatory")
    return ContactRef(sid, number)


def read_sid(value: object, name: str) -> str:
    """Read a sid out of a body.

    Raises:
        Missing: there is none.
        Invalid: it is not a string.
    """
    if value in _NOT_GIVEN:
        raise Missing(f"{name} is mandatory")
    if not isinstance(value, str):
        raise Invalid(f"{name.lower()} must be a string.")
    return searchable(value)


def read_custom_field(name: str, raw: Raw) -> str | None:
    """Check a JSON object and give it back as it was written: a number read and written anew might be another.

    Raises:
        Invalid: it is none, too large or too deep, or cannot be stored.
    """
    try:
        value = msgspec.json.decode(raw)
        written = bytes(raw)
        text = written.decode()
    except NOT_JSON:
        raise Invalid(f"{name} holds a value that cannot be stored.") from None
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be an object or null.")
    if len(written) > CUSTOM_FIELD_BYTES:
        raise Invalid(f"{name} has {len(written)} bytes of JSON; at most {CUSTOM_FIELD_BYTES} are allowed.")
    if len(value) > CUSTOM_FIELD_KEYS:
        raise Invalid(f"{name} has {len(value)} keys; at most {CUSTOM_FIELD_KEYS} are allowed.")
    # What has few brackets cannot be deep, and need not be walked through.
    if text.count("{") + text.count("[") > CUSTOM_FIELD_DEPTH and _is_deeper(value, CUSTOM_FIELD_DEPTH):
        raise Invalid(f"{name} is nested deeper than {CUSTOM_FIELD_DEPTH} levels.")
    if "u0000" in text and _ESCAPED_NUL.search(text):
        raise Invalid(f"{name} holds a character that cannot be stored.")
    return text


def _given_fields(given: ContactIn) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    if given.number is not UNSET:
        fields["number"] = _number(given.number)
    for field in TEXT_FIELDS:
        value = getattr(given, field)
        if value is not UNSET:
            fields[field] = optional_text(field, value)
    # The provider's pages know both names; where both are given, the second one counts.
    for name in ("custom", "custom_field"):
        raw = getattr(given, name)
        if raw is not UNSET:
            fields["custom_field"] = read_custom_field(name, raw)
    return fields


def _number(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Invalid(f"number is {msgspec.json.encode(value).decode()[:VALUE_SHOWN]}, which is no string.")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    """Whether it has more levels; of what has, no more are looked at, however many there are."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in value)
