"""Every call as data: what to send, and how its answer is read. Nothing is sent from here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO, Generic, TypeVar
from urllib.parse import quote

from msgspec import Struct, structs

from dialbook.client.answers import Answer, check, read_each, read_if_any, read_one, read_page
from dialbook.client.encoding import Part, encode
from dialbook.client.errors import unsendable_as_invalid
from dialbook.client.fields import (
    ContactFields,
    ContactQuery,
    Format,
    ListFields,
    ListQuery,
    MemberFilter,
    MemberQuery,
    UploadChoices,
)
from dialbook.client.names import as_sent, choosing, choosing_contacts, known
from dialbook.client.results import Contact, ContactList, Outcome, Page, RejectedRow, Upload, UploadAccepted, Written

T = TypeVar("T")

MEDIA_TYPES: Mapping[Format, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


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


def as_written(operation: Operation[T]) -> Operation[T]:
    """The same; a contact that it reads, or a page of them, is `Written`."""
    read = operation.read
    if isinstance(read, partial) and read.func in (read_one, read_page) and read.keywords["kind"] is Contact:
        return structs.replace(operation, read=partial(read, kind=Written))
    return operation


def create_contacts(contacts: Part) -> Operation[list[Outcome[Contact]]]:
    return _bulk("POST", "/contacts", "contacts", contacts, Contact)


def update_contacts(changes: Part) -> Operation[list[Outcome[Contact]]]:
    return _bulk("PUT", "/contacts", "contacts", changes, Contact)


def update_contact(sid: str, fields: ContactFields) -> Operation[Contact]:
    return Operation("PUT", _path("contacts", sid), _one(Contact), body=encode(known(fields, ContactFields)))


def contact_pages(query: ContactQuery) -> Callable[[Mapping[str, str | int]], Operation[Page[Contact]]]:
    """What makes the operation that reads a page, of the part of a query that says which."""
    chosen = choosing_contacts(query)  # once, since a generator of sids gives them but once
    return lambda part: Operation("GET", "/contacts", _page(Contact), {**part, **chosen})


def list_contacts(part: Mapping[str, str | int], query: ContactQuery) -> Operation[Page[Contact]]:
    return contact_pages(query)(part)


def get_contact(sid: str) -> Operation[Contact]:
    return Operation("GET", _path("contacts", sid), _one(Contact))


def delete_contacts(refs: Part) -> Operation[list[Outcome[Contact]]]:
    return _bulk("DELETE", "/contacts", "contacts", refs, Contact)


def delete_contact(sid: str) -> Operation[Contact | None]:
    return Operation("DELETE", _path("contacts", sid), partial(read_if_any, kind=Contact))


def create_lists(lists: Part) -> Operation[list[Outcome[ContactList]]]:
    return _bulk("POST", "/lists", "lists", lists, ContactList)


def update_lists(changes: Part) -> Operation[list[Outcome[ContactList]]]:
    return _bulk("PUT", "/lists", "lists", changes, ContactList)


def update_list(sid: str, fields: ListFields) -> Operation[ContactList]:
    return Operation("PUT", _path("lists", sid), _one(ContactList), body=encode(known(fields, ListFields)))


def list_lists(part: Mapping[str, str | int], query: ListQuery) -> Operation[Page[ContactList]]:
    return Operation("GET", "/lists", _page(ContactList), {**part, **choosing(query, ListQuery)})


def get_list(sid: str) -> Operation[ContactList]:
    return Operation("GET", _path("lists", sid), _one(ContactList))


def delete_list(sid: str) -> Operation[ContactList | None]:
    return Operation("DELETE", _path("lists", sid), partial(read_if_any, kind=ContactList))


def reference(contact_sid: str) -> Mapping[str, str]:
    """A contact that is to join a list, or to leave it."""
    return {"contact_sid": contact_sid}


def add_members(list_sid: str, references: Part) -> Operation[list[Outcome[Contact]]]:
    return _bulk("POST", _path("lists", list_sid, "contacts"), "contact_references", references, Contact)


def remove_members(list_sid: str, references: Part) -> Operation[list[Outcome[Contact]]]:
    return _bulk("DELETE", _path("lists", list_sid, "contacts"), "contact_references", references, Contact)


def list_members(list_sid: str, part: Mapping[str, str | int], query: MemberQuery) -> Operation[Page[Contact]]:
    chosen = choosing(query, MemberQuery)
    return Operation("GET", _path("lists", list_sid, "contacts"), _page(Contact), {**part, **chosen})


def export_members(list_sid: str, format_: Format, query: MemberFilter) -> Operation[None]:
    """The whole list in one answer; who does not offer that answers with a page."""
    if format_ not in MEDIA_TYPES:
        raise ValueError(f"format is {format_!r}; allowed are {', '.join(MEDIA_TYPES)}.")
    accept = f"{MEDIA_TYPES[format_]}, application/json;q=0.1"
    chosen = choosing(query, MemberFilter)
    return Operation("GET", _path("lists", list_sid, "contacts"), check, chosen, accept=accept)


def remove_member(list_sid: str, contact_sid: str) -> Operation[Contact | None]:
    path = _path("lists", list_sid, "contacts", contact_sid)
    return Operation("DELETE", path, partial(read_if_any, kind=Contact))


def upload_csv(file: bytes | BinaryIO, list_name: str, choices: UploadChoices) -> Operation[UploadAccepted]:
    chosen = as_sent(known(choices, UploadChoices))
    fields = {"list_name": list_name, **{name: str(value) for name, value in chosen.items()}}
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


def _bulk(method: str, path: str, wrapper: str, items: Part, kind: type[T]) -> Operation[list[Outcome[T]]]:
    body = b'{"%b":[%b]}' % (wrapper.encode(), b",".join(items))
    return Operation(method, path, partial(read_each, kind=kind, count=len(items)), body=body, is_bulk=True)


def _path(*parts: str) -> str:
    # Not even escaped are these a name: what they lead to is something else, which would be changed or deleted.
    if {"", ".", ".."}.intersection(parts):
        raise ValueError("A sid is neither empty nor dots.")
    with unsendable_as_invalid():
        return "".join(f"/{quote(part, safe='')}" for part in parts)
