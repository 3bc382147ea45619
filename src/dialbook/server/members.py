"""/v2/accounts/{account_sid}/lists/{list_sid}/contacts"""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from dialbook.server.body import read_body
from dialbook.server.context import account_of, header_of, now_of, service_of, sid_of, url_but_paging, walk_of
from dialbook.server.export import export_members
from dialbook.server.reply import reply
from dialbook.store import members as store
from dialbook.wire import envelope, paging
from dialbook.wire import members as wire
from dialbook.wire.contacts import write_contact
from dialbook.wire.export import wanted_format


async def add_members(request: Request) -> Response:
    """Let up to 5,000 contacts join a list, each on its own."""
    service, list_sid = service_of(request), sid_of(request, "list_sid")
    references = await read_body(request, wire.read_references)
    outcomes = await service.db.write(
        store.add_members,
        account_of(request).sid,
        list_sid,
        references,
        limits=service.list_limits,
        now=now_of(request),
    )
    return reply(request, envelope.bulk(outcomes, partial(write_contact, list_id=list_sid)))


async def list_members(request: Request) -> Response:
    """One page of a list's contacts, in the order in which they joined; or all of them, in another format."""
    service, window = service_of(request), walk_of(request)
    if format_ := wanted_format(header_of(request, b"accept")):
        return await export_members(request, window, format_)
    run = service.db.read if window.is_short else service.db.scan
    page = await run(store.list_members, account_of(request).sid, sid_of(request, "list_sid"), window)
    return reply(request, envelope.page(page, write_contact), paging.next_page(page, url_but_paging(request)))


async def remove_member(request: Request) -> Response:
    """Take one contact out of a list; it stays in the address book."""
    list_sid = sid_of(request, "list_sid")
    contact = await service_of(request).db.write(
        store.remove_member, account_of(request).sid, list_sid, sid_of(request, "contact_sid"), now=now_of(request)
    )
    return reply(request, envelope.one(write_contact(contact, list_id=list_sid)))
