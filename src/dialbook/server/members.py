"""/v2/accounts/{account_sid}/lists/{list_sid}/contacts"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.bulk import Outcome
from dialbook.model.contact import Contact
from dialbook.model.errors import Invalid
from dialbook.model.lists import page_etag
from dialbook.model.page import Page, Sort, Window
from dialbook.model.phone import normal_number
from dialbook.server.body import read_body
from dialbook.server.changes import change_and_reply
from dialbook.server.context import (
    account_of,
    expected_by,
    header_of,
    now_of,
    query_of,
    seen_by,
    service_of,
    sid_of,
    url_but_paging,
    walk_of,
)
from dialbook.server.export import export_members
from dialbook.server.reply import not_modified, reply
from dialbook.store import members as store
from dialbook.store.contacts import ContactFilter
from dialbook.store.database import Tx
from dialbook.store.lists import get_version
from dialbook.store.member_search import search_members
from dialbook.wire import envelope, paging
from dialbook.wire import members as wire
from dialbook.wire.contacts import SORT_FIELDS, write_contact
from dialbook.wire.envelope import Answer
from dialbook.wire.etag import etag_header
from dialbook.wire.export import wanted_format

Finder: TypeAlias = Callable[[Tx, str, str, Window], Page[Contact]]  # of an account, a list in it, a part of that

SELECTING = frozenset({"sort_by", "number", "name", "tag"})  # parameters that ask for some members, or another order


async def add_members(request: Request) -> Response:
    """Let up to 5,000 contacts join a list, each on its own."""
    service, list_sid = service_of(request), sid_of(request, "list_sid")
    references = await read_body(request, wire.read_references)
    return await change_and_reply(
        request,
        partial(_write_each, list_sid),
        store.add_members,
        account_of(request).sid,
        list_sid,
        references,
        limits=service.list_limits,
        now=now_of(request),
    )


async def list_members(request: Request) -> Response:
    """One page of a list's contacts, or all of them in another format; those whom the query selects, in its order."""
    service, window = service_of(request), walk_of(request)
    format_ = wanted_format(header_of(request, b"accept"))
    if format_:
        request.scope["operation"] = export_members.__name__
        _sort(request, by_offset=False)
        return await export_members(request, window, _filter(request), format_)
    find = store.list_members if SELECTING.isdisjoint(query_of(request)) else _search(request, window)
    account, list_sid = account_of(request).sid, sid_of(request, "list_sid")
    search = b"" if find is store.list_members else request.scope["query_string"]
    if seen := seen_by(request):
        version = await service.db.read(get_version, account, list_sid)
        if (etag := page_etag(list_sid, version, window, search)) in seen:
            return not_modified(request, etag)
    run = service.db.scan if search or not window.is_short else service.db.read
    page = await run(find, account, list_sid, window)
    headers = etag_header(page_etag(list_sid, page.version, window, search))
    headers |= paging.next_page(page, url_but_paging(request))
    return reply(request, envelope.page(page, write_contact), headers)


async def remove_members(request: Request) -> Response:
    """Take up to 5,000 contacts out of a list, each on its own; they stay in the address book."""
    list_sid, expected = sid_of(request, "list_sid"), expected_by(request)
    references = await read_body(request, wire.read_references)
    return await change_and_reply(
        request,
        partial(_write_each, list_sid),
        store.remove_members,
        account_of(request).sid,
        list_sid,
        references,
        now=now_of(request),
        expected=expected,
    )


async def remove_member(request: Request) -> Response:
    """Take one contact out of a list; it stays in the address book."""
    list_sid = sid_of(request, "list_sid")
    return await change_and_reply(
        request,
        lambda contact: envelope.one(write_contact(contact, list_id=list_sid)),
        store.remove_member,
        account_of(request).sid,
        list_sid,
        sid_of(request, "contact_sid"),
        now=now_of(request),
        expected=expected_by(request),
    )


def _write_each(list_sid: str, outcomes: Sequence[Outcome[Contact]]) -> Answer:
    return envelope.bulk(outcomes, partial(write_contact, list_id=list_sid))


def _search(request: Request, window: Window) -> Finder:
    """What finds those members whom the query selects."""
    sort = _sort(request, by_offset=window.after is None)
    return partial(search_members, sort=sort, filter_=_filter(request))


def _sort(request: Request, *, by_offset: bool) -> Sort | None:
    """Read `sort_by`, which only pages by offset can follow."""
    query = query_of(request)
    if "sort_by" not in query:
        return None
    sort = paging.read_sort(query, SORT_FIELDS)
    if not by_offset:
        raise Invalid("sort_by orders pages by offset; it goes with neither a cursor nor a whole list.")
    return sort


def _filter(request: Request) -> ContactFilter:
    query = query_of(request)
    number = paging.read_number(query)
    return ContactFilter(
        name=paging.read_text(query, "name"),
        number=normal_number(number, account_of(request).region) if number else None,
        tag=paging.read_text(query, "tag"),
    )
