"""/v2/accounts/{account_sid}/lists"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.bulk import Outcome
from dialbook.model.lists import ContactList
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
from dialbook.store import lists as store
from dialbook.wire import envelope, paging
from dialbook.wire import lists as wire
from dialbook.wire.envelope import Answer
from dialbook.wire.etag import etag_header


async def create_lists(request: Request) -> Response:
    """Make up to 5,000 lists; each is accepted or refused on its own."""
    drafts = await read_body(request, wire.read_drafts)
    return await change_and_reply(
        request, _write_each, store.create_lists, account_of(request).sid, drafts, now=now_of(request)
    )


async def update_lists(request: Request) -> Response:
    """Change up to 5,000 lists; each change is made or refused on its own."""
    changes = await read_body(request, wire.read_changes)
    return await change_and_reply(
        request, _write_each, store.update_lists, account_of(request).sid, changes, now=now_of(request)
    )


async def update_list(request: Request) -> Response:
    """Change one list."""
    change = await read_body(request, wire.read_change, sid_of(request, "list_sid"), expected_by(request))
    return await change_and_reply(
        request, _write, store.update_list, account_of(request).sid, change, now=now_of(request)
    )


async def list_lists(request: Request) -> Response:
    """One page of the account's lists."""
    service, query = service_of(request), query_of(request)
    window = window_of(request)
    sort = paging.read_sort(query, wire.SORT_FIELDS)
    name = paging.read_text(query, "name")
    run = service.db.read if window.is_near and name is None else service.db.scan
    page = await run(store.list_lists, account_of(request).sid, window, sort, name=name)
    return reply(request, envelope.page(page, wire.write_list))


async def get_list(request: Request) -> Response:
    """One list."""
    seen = seen_by(request)
    found = await service_of(request).db.read(store.get_list, account_of(request).sid, sid_of(request, "list_sid"))
    if found.etag in seen:
        return not_modified(request, found.etag)
    return reply(request, _write(found))


async def delete_list(request: Request) -> Response:
    """Delete one list; its contacts stay in the address book."""
    return await change_and_reply(
        request,
        _write_deleted,
        store.delete_list,
        account_of(request).sid,
        sid_of(request, "list_sid"),
        now=now_of(request),
        expected=expected_by(request),
    )


def _write(found: ContactList) -> Answer:
    return envelope.one(wire.write_list(found), etag_header(found.etag))


def _write_deleted(deleted: ContactList) -> Answer:
    return envelope.one(wire.write_list(deleted))


def _write_each(outcomes: Sequence[Outcome[ContactList]]) -> Answer:
    return envelope.bulk(outcomes, wire.write_list)
