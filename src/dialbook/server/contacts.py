"""/v2/accounts/{account_sid}/contacts"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.bulk import Outcome, attempt
from dialbook.model.contact import Contact, ContactChange, ContactDraft, ContactRef
from dialbook.model.phone import number_change, number_draft, number_ref
from dialbook.server.body import read_body
from dialbook.server.changes import change_and_reply
from dialbook.server.context import (
    account_of,
    expected_by,
    now_of,
    query_of,
    seen_by,
    service_of,
    sid_of,
    window_of,
)
from dialbook.server.reply import not_modified, reply
from dialbook.store import contact_deletion
from dialbook.store import contacts as store
from dialbook.store.contact_search import search_contacts, search_contacts_with_lists
from dialbook.wire import contacts as wire
from dialbook.wire import envelope, paging
from dialbook.wire.envelope import Answer
from dialbook.wire.etag import etag_header


async def create_contacts(request: Request) -> Response:
    """Store up to 5,000 contacts; each is accepted or refused on its own."""
    account = account_of(request)
    drafts = await read_body(request, _read_drafts, account.region)
    return await change_and_reply(request, _write_each, store.create_contacts, account.sid, drafts, now=now_of(request))


async def update_contacts(request: Request) -> Response:
    """Change up to 5,000 contacts; each change is made or refused on its own."""
    account = account_of(request)
    changes = await read_body(request, _read_changes, account.region)
    return await change_and_reply(
        request, _write_each, store.update_contacts, account.sid, changes, now=now_of(request)
    )


async def update_contact(request: Request) -> Response:
    """Change one contact."""
    account = account_of(request)
    change = await read_body(request, wire.read_change, sid_of(request, "contact_sid"), expected_by(request))
    change = number_change(change, account.region)
    return await change_and_reply(request, _write, store.update_contact, account.sid, change, now=now_of(request))


async def list_contacts(request: Request) -> Response:
    """One page of the address book: all, or those that match."""
    service, account, query = service_of(request), account_of(request), query_of(request)
    window = window_of(request)
    sort = paging.read_sort(query, wire.SORT_FIELDS)
    filter_ = store.ContactFilter(paging.read_text(query, "name"), wire.read_list_sids(query))
    if wire.wants_lists(query):  # of which a contact may be in any number
        shown = await service.db.scan(search_contacts_with_lists, account.sid, window, sort, filter_)
        return reply(request, envelope.page(shown, wire.write_contact_in_lists))
    if window.is_near and filter_ == store.EVERYONE:
        page = await service.db.read(store.list_contacts, account.sid, window, sort)
    else:
        page = await service.db.scan(search_contacts, account.sid, window, sort, filter_)
    return reply(request, envelope.page(page, wire.write_contact))


async def get_contact(request: Request) -> Response:
    """One contact."""
    seen = seen_by(request)
    contact = await service_of(request).db.read(
        store.get_contact, account_of(request).sid, sid_of(request, "contact_sid")
    )
    if contact.etag in seen:
        return not_modified(request, contact.etag)
    return reply(request, _write(contact))


async def delete_contacts(request: Request) -> Response:
    """Delete up to 5,000 contacts for good, out of every list too; each is deleted or refused on its own."""
    account = account_of(request)
    refs = await read_body(request, _read_refs, account.region)
    return await change_and_reply(
        request, _write_each, contact_deletion.delete_contacts, account.sid, refs, now=now_of(request)
    )


async def delete_contact(request: Request) -> Response:
    """Delete one contact for good, out of every list too."""
    return await change_and_reply(
        request,
        _write_deleted,
        contact_deletion.delete_contact,
        account_of(request).sid,
        sid_of(request, "contact_sid"),
        now=now_of(request),
        expected=expected_by(request),
    )


def _write(contact: Contact) -> Answer:
    return envelope.one(wire.write_contact(contact), etag_header(contact.etag))


def _write_deleted(contact: Contact) -> Answer:
    return envelope.one(wire.write_contact(contact))


def _write_each(outcomes: Sequence[Outcome[Contact]]) -> Answer:
    return envelope.bulk(outcomes, wire.write_contact)


def _read_drafts(body: bytes, region: str) -> list[Outcome[ContactDraft]]:
    return attempt(lambda draft: number_draft(draft, region), wire.read_drafts(body))


def _read_changes(body: bytes, region: str) -> list[Outcome[ContactChange]]:
    return attempt(lambda change: number_change(change, region), wire.read_changes(body))


def _read_refs(body: bytes, region: str) -> list[Outcome[ContactRef]]:
    return attempt(lambda ref: number_ref(ref, region), wire.read_refs(body))
