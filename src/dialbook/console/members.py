"""A list's own page: who is in it, any page at once, and what to do with some of them or all."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.dialogs import Opened
from dialbook.console.numbers import searched_number
from dialbook.console.page import is_part, redirect, render
from dialbook.console.paging import COUNTED, Pager, limit_asked, read_window
from dialbook.model.contact import Contact
from dialbook.model.errors import DialbookError, Invalid
from dialbook.model.lists import ContactList
from dialbook.model.page import Page, Window
from dialbook.model.text import optional_text
from dialbook.server.context import account_of, service_of, sid_of
from dialbook.server.export import export_members as send_members
from dialbook.store import members as store
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.store.lists import get_list
from dialbook.store.member_search import search_members
from dialbook.wire.export import FORMATS

FILTERS = ("name", "number", "tag")
MEDIA_TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


class Filters(Struct, frozen=True):
    """What the fields above the table say, and whom they let through."""

    given: Mapping[str, str]
    filter: ContactFilter
    refusal: DialbookError | None = None  # of what cannot be looked for


async def show_list(request: Request, opened: Opened | None = None) -> Response:
    """One page of a list's contacts: all, or those whom the filters let through."""
    service, account, sid = service_of(request), account_of(request).sid, sid_of(request, "list_sid")
    found = await service.db.read(get_list, account, sid)
    filters = read_filters(request, request.query_params)
    window = read_window(request.query_params, COUNTED if filters.given else None)
    page: Page[Contact] = Page([], window, 0)
    if filters.refusal is None and filters.filter == EVERYONE:
        page = await service.db.read(store.list_members, account, sid, window)
    elif filters.refusal is None:
        page = await service.db.scan(search_members, account, sid, window, None, filters.filter)
    pager = Pager(page, f"/console/lists/{sid}", {**filters.given, **limit_asked(request.query_params, window)})
    if pager.is_beyond:
        refusal = opened.refusal if opened else None
        return redirect(request, pager.to(pager.last), note=refusal.description if refusal else None)
    return render(
        request,
        "members_table.html" if is_part(request) and not opened else "list.html",
        opened=opened,
        list=found,
        filters=filters,
        pager=pager,
        calls=_calls(request, found, filters, window),
    )


async def export_list(request: Request) -> Response:
    """All contacts of a list whom the filters let through, as a file."""
    format_ = FORMATS.get(MEDIA_TYPES.get(request.query_params.get("format", "csv"), ""))
    if format_ is None:
        raise Invalid(f"format is {request.query_params['format']!r}; allowed are {', '.join(MEDIA_TYPES)}.")
    filters = read_filters(request, request.query_params)
    if filters.refusal:
        raise filters.refusal
    return await send_members(request, Window(0, 1, -1), filters.filter, format_)


def read_filters(request: Request, fields: Mapping[str, str]) -> Filters:
    """Read the filters out of a query or a form; a number may be written as it is dialled.

    Tags are looked for as they were typed, since there may be some with blanks around them.
    """
    typed = {name: fields.get(name, "") for name in FILTERS}
    trimmed = {name: value if name == "tag" else value.strip() for name, value in typed.items()}
    given = {name: value for name, value in trimmed.items() if value}
    number = given.get("number")
    try:
        return Filters(
            given,
            ContactFilter(
                name=optional_text("name", given.get("name")),
                number=searched_number(number, account_of(request).region) if number else None,
                tag=optional_text("tag", given.get("tag")),
            ),
        )
    except DialbookError as refusal:
        return Filters(given, EVERYONE, refusal)


def _calls(request: Request, found: ContactList, filters: Filters, window: Window) -> list[Call]:
    calls, path = Calls(request), f"/lists/{found.sid}/contacts"
    query: dict[str, object] = {**filters.given}
    if filters.filter.number:
        query["number"] = filters.filter.number
    paged = {**query, "offset": window.offset, "limit": window.limit}
    read = python_call("list_members", found.sid, **paged)
    export = python_call("export_members", found.sid, "contacts.csv", format="csv", **query)
    return [
        calls.get("Read this page", path, f"page = {read}", paged),
        calls.get("Take all of them in one file", path, export, query, accept="text/csv"),
    ]
