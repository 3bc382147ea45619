"""The start page: how much there is."""

from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.page import render
from dialbook.model.page import Sort, Window
from dialbook.server.context import account_of, service_of
from dialbook.store.contacts import list_contacts
from dialbook.store.lists import list_lists

LARGEST = Window(0, 10)
NEWEST = Window(0, 5)


async def show_overview(request: Request) -> Response:
    """What there is in the account."""
    db, account = service_of(request).db, account_of(request).sid
    lists = await db.scan(list_lists, account, LARGEST, Sort("contact_count", descending=True))
    contacts = await db.read(list_contacts, account, NEWEST, Sort("date_created", descending=True))
    return render(request, "overview.html", lists=lists, contacts=contacts)
