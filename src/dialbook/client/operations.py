"""Every call as data: what to send, and how its answer is read. Nothing is sent from here."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any, BinaryIO, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from dialbook.client.answers import Answer, check, read_each, read_if_any, read_one, read_page
from dialbook.client.errors import unsendable_as_invalid
from dialbook.client.fields import (
    ContactChange,
    ContactFields,
    ContactQuery,
    Format,
    ListChange,
    ListFields,
    ListQuery,
    MemberFilter,
    MemberQuery,
    NewContact,
    NewList,
    UploadChoices,
)
from dialbook.client.results import Contact, ContactList, Outcome, Page, RejectedRow, Upload, UploadAccepted
from dialbook.model.errors import Invalid
from dialbook.wire.contacts import SHOW_LIST

T = TypeVar("T")

MEDIA_TYPES: Mapping[Format, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}

FILTERS = ("number", "name", "tag")

_encoder = msgspec.json.Encoder()


class Form(Struct, frozen=True):
    """A form with a file in it."""

    fields: Mapping[str, str]
    file: bytes | BinaryIO


class Operation(Struct, Generic[T], frozen=True):
    """One request to an account, and what makes a result of its answer."""

    method: str
    path: str  # below the account
    read: Callable[[Answer], T]
    query: Mapping[str, str | int] = {}
    body: bytes | None = None
    form: Form | None = None
    accept: str = "application/json"
    is_bulk: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether a second request changes nothing, and is answered as the first.

        To set fields of one thing is safe. In a bulk, an item that was refused for a number which a later item gave
        up would be accepted the second time; who was deleted, or has left, would be missed, or be there again by then.
        """
        return self.method == "GET" or (self.method == "PUT" and not self.is_bulk)


def create_contacts(contacts: Sequence[NewContact]) -> Operation[list[Outcome[Contact]]]:
    return _bulk("POST", "/contacts", "contacts", contacts, Contact)


def update_contacts(changes: Sequence[ContactChange]) -> Operation[list[Outcome[Contact]]]:
    return _bulk("PUT", "/contacts", "contacts", changes, Contact)


def update_contact(sid: str, fields: ContactFields) -> Operation[Contact]:
    return Operation("PUT", _path("contacts", sid), _one(Contact), body=_encode(fields))


def list_contacts(part: Mapping[str, str | int], query: ContactQuery) -> Operation[Page[Contact]]:
    return Operation("GET", "/contacts", _page(Contact), {**part, **_contact_query(query)})


def get_contact(sid: str) -> Operation[Contact]:
    return Operation("GET", _path("contacts", sid), _one(Contact))


def delete_contact(sid: str) -> Operation[Contact | None]:
    return Operation("DELETE", _path("contacts", sid), partial(read_if_any, kind=Contact))


def create_lists(lists: Sequence[NewList]) -> Operation[list[Outcome[ContactList]]]:
    return _bulk("POST", "/lists", "lists", lists, ContactList)


def update_lists(changes: Sequence[ListChange]) -> Operation[list[Outcome[ContactList]]]:
    return _bulk("PUT", "/lists", "lists", changes, ContactList)


def update_list(sid: str, fields: ListFields) -> Operation[ContactList]:
    return Operation("PUT", _path("lists", sid), _one(ContactList), body=_encode(fields))


def list_lists(part: Mapping[str, str | int], query: ListQuery) -> Operation[Page[ContactList]]:
    return Operation("GET", "/lists", _page(ContactList), {**part, **_given(_choosing(query))})


def get_list(sid: str) -> Operation[ContactList]:
    return Operation("GET", _path("lists", sid), _one(ContactList))


def delete_list(sid: str) -> Operation[ContactList | None]:
    return Operation("DELETE", _path("lists", sid), partial(read_if_any, kind=ContactList))


def add_members(list_sid: str, contact_sids: Sequence[str]) -> Operation[list[Outcome[Contact]]]:
    references = [{"contact_sid": sid} for sid in contact_sids]
    return _bulk("POST", _path("lists", list_sid, "contacts"), "contact_references", references, Contact)


def list_members(list_sid: str, part: Mapping[str, str | int], query: MemberQuery) -> Operation[Page[Contact]]:
    return Operation("GET", _path("lists", list_sid, "contacts"), _page(Contact), {**part, **_given(_choosing(query))})


def export_members(list_sid: str, format_: Format, query: MemberFilter) -> Operation[None]:
    """The whole list in one answer; who does not offer that answers with a page."""
    if format_ not in MEDIA_TYPES:
        raise ValueError(f"format is {format_!r}; allowed are {', '.join(MEDIA_TYPES)}.")
    accept = f"{MEDIA_TYPES[format_]}, application/json;q=0.1"
    return Operation("GET", _path("lists", list_sid, "contacts"), check, _given(_choosing(query)), accept=accept)


def remove_member(list_sid: str, contact_sid: str) -> Operation[Contact | None]:
    path = _path("lists", list_sid, "contacts", contact_sid)
    return Operation("DELETE", path, partial(read_if_any, kind=Contact))


def upload_csv(file: bytes | BinaryIO, list_name: str, choices: UploadChoices) -> Operation[UploadAccepted]:
    fields = {"list_name": list_name, **{name: str(value) for name, value in _given(choices).items()}}
    return Operation("POST", "/contacts/csv-upload", _read_accepted, form=Form(fields, file))


def get_upload(upload_id: str) -> Operation[Upload]:
    return Operation("GET", _path("csv-status", upload_id), _one(Upload))


def list_uploads(part: Mapping[str, str | int]) -> Operation[Page[Upload]]:
    return Operation("GET", "/csv-status", _page(Upload), part)


def cancel_upload(upload_id: str) -> Operation[Upload]:
    return Operation("DELETE", _path("csv-status", upload_id), _one(Upload))


def list_upload_errors(upload_id: str, part: Mapping[str, str | int]) -> Operation[Page[RejectedRow]]:
    return Operation("GET", _path("csv-status", upload_id, "errors"), _page(RejectedRow), part)


class _Summary(Struct, frozen=True):
    summary: UploadAccepted


def _read_accepted(answer: Answer) -> UploadAccepted:
    return read_one(answer, _Summary).summary


def _one(kind: type[T]) -> Callable[[Answer], T]:
    return partial(read_one, kind=kind)


def _page(kind: type[T]) -> Callable[[Answer], Page[T]]:
    return partial(read_page, kind=kind)


def _bulk(method: str, path: str, wrapper: str, items: Sequence[Any], kind: type[T]) -> Operation[list[Outcome[T]]]:
    return Operation(
        method, path, partial(read_each, kind=kind, count=len(items)), body=_encode({wrapper: items}), is_bulk=True
    )


def _encode(body: object) -> bytes:
    with unsendable_as_invalid():
        encoded = _encoder.encode(body)
    if b"null" in encoded and _holds_no_number(body):
        raise Invalid("A number is infinite or none at all (NaN), which JSON cannot say.")
    return encoded


def _holds_no_number(value: object) -> bool:
    """Whether there is one in it that is encoded as null."""
    if isinstance(value, float):
        return not isfinite(value)
    if isinstance(value, Mapping):
        return any(map(_holds_no_number, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_no_number, value))


def _path(*parts: str) -> str:
    # Not even escaped are these a name: what they lead to is something else, which would be changed or deleted.
    if {"", ".", ".."}.intersection(parts):
        raise ValueError("A sid is neither empty nor dots.")
    with unsendable_as_invalid():
        return "".join(f"/{quote(part, safe='')}" for part in parts)


def _contact_query(query: ContactQuery) -> dict[str, str | int]:
    shown = {"filter": SHOW_LIST} if query.get("show_lists") else {}
    chosen = {"list_sids": _joined(query["list_sids"])} if "list_sids" in query else {}
    plain = _choosing({name: query.get(name) for name in ("sort_by", "name")})
    return {**_given(plain), **chosen, **shown}


def _joined(list_sids: Sequence[str]) -> str:
    # A server takes nothing for no choice, and sends everybody.
    if not list_sids or "" in list_sids:
        raise ValueError("list_sids holds one sid or more, none of them empty; without it, all contacts are meant.")
    return ",".join(list_sids)


def _choosing(query: Mapping[str, Any]) -> Mapping[str, Any]:
    # As above: an empty text, such as that of a variable that is not set, chooses nobody, and brought everybody.
    if empty := [name for name in FILTERS if query.get(name) == ""]:
        raise ValueError(f"{' and '.join(empty)} must not be empty; without it, all are meant.")
    return query


def _given(query: Mapping[str, Any]) -> dict[str, str | int]:
    """What is set; a truth as the wire writes it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
