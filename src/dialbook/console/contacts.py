"""The address book: searched, and one contact with every field and the lists that it is in."""

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.form import Form, read_form
from dialbook.console.page import is_part, redirect, render
from dialbook.console.paging import Pager, read_window
from dialbook.model.bulk import single
from dialbook.model.contact import TEXT_FIELDS, Contact, ContactChange, ContactDraft
from dialbook.model.errors import DialbookError, PreconditionFailed
from dialbook.model.page import Page, Sort
from dialbook.model.phone import normal_number
from dialbook.model.text import optional_text
from dialbook.server.changes import make_change
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store import contacts as store
from dialbook.store.contact_search import get_contact_with_lists, search_contacts
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.wire.contacts import read_custom_field

PATH = "/console/contacts"
NEWEST_FIRST = Sort("date_created", descending=True)


async def list_contacts(request: Request) -> Response:
    """The newest contacts, or those whose name or number is looked for."""
    service, account, query = service_of(request), account_of(request), request.query_params
    search, window = query.get("search", "").strip(), read_window(query)
    filter_, refusal = read_search(search, account.region)
    page: Page[Contact] = Page([], window, 0)
    if refusal is None:
        page = await service.db.scan(search_contacts, account.sid, window, NEWEST_FIRST, filter_)
    limit = {"limit": str(window.limit)} if "limit" in query else {}
    pager = Pager(page, PATH, {"search": search} | limit)
    if pager.is_beyond:
        return redirect(pager.to(pager.last))
    template = "contacts_table.html" if is_part(request) else "contacts.html"
    calls = _list_calls(request, pager, filter_)
    return render(request, template, pager=pager, search=search, refusal=refusal, calls=calls)


async def create_contact(request: Request) -> Response:
    """Make a contact, and show it."""
    fields = _read_fields(request, await read_form(request))
    outcomes = await make_change(
        request, store.create_contacts, account_of(request).sid, [ContactDraft(**fields)], now=now_of(request)
    )
    made = single(outcomes)
    return redirect(f"{PATH}/{made.sid}", note=f"{made.number} is in the address book.")


async def show_contact(request: Request) -> Response:
    """One contact."""
    account, sid = account_of(request).sid, sid_of(request, "contact_sid")
    found = await service_of(request).db.read(get_contact_with_lists, account, sid)
    calls = _contact_calls(request, found.contact)
    return render(request, "contact.html", contact=found.contact, lists=found.lists, calls=calls)


async def update_contact(request: Request) -> Response:
    """Change a contact, unless somebody else has changed it since it was shown."""
    form, sid = await read_form(request), sid_of(request, "contact_sid")
    change = ContactChange(sid, _read_fields(request, form), (form.text("etag"),))
    try:
        changed = await make_change(request, store.update_contact, account_of(request).sid, change, now=now_of(request))
    except PreconditionFailed:
        raise PreconditionFailed("Somebody else changed this contact meanwhile; yours was not saved.") from None
    return redirect(f"{PATH}/{sid}", note=f"{changed.number} is saved.")


async def delete_contact(request: Request) -> Response:
    """Delete a contact for good, out of every list too."""
    deleted = await make_change(
        request, store.delete_contact, account_of(request).sid, sid_of(request, "contact_sid"), now=now_of(request)
    )
    return redirect(PATH, note=f"{deleted.number} is deleted, out of every list too.")


def read_search(search: str, region: str) -> tuple[ContactFilter, DialbookError | None]:
    """Read what is looked for: a number, when it is one, or else a part of a name."""
    if not search:
        return EVERYONE, None
    try:
        return ContactFilter(number=normal_number(search, region)), None
    except DialbookError:
        pass
    try:
        return ContactFilter(name=optional_text("search", search)), None
    except DialbookError as refusal:
        return EVERYONE, refusal


def _read_fields(request: Request, form: Form) -> dict[str, str | None]:
    fields: dict[str, str | None] = {name: optional_text(name, form.text(name)) for name in TEXT_FIELDS}
    fields["number"] = normal_number(form.text("number"), account_of(request).region)
    custom = form.text("custom_field")
    fields["custom_field"] = read_custom_field("custom_field", Raw(custom.encode())) if custom else None
    return fields


def _list_calls(request: Request, pager: Pager, filter_: ContactFilter) -> list[Call]:
    calls, window, new = Calls(request), pager.page.window, {"number": "+919845012345", "first_name": "Asha"}
    query = {"name": filter_.name, "sort_by": "date_created:desc", "offset": window.offset, "limit": window.limit}
    make = f"{python_call('create_contacts', [new])}.raise_for_failures()"
    return [
        calls.get("Read this page", "/contacts", f"page = {python_call('list_contacts', **query)}", query),
        calls.send("Make a contact", "POST", "/contacts", make, {"contacts": [new]}),
    ]


def _contact_calls(request: Request, contact: Contact) -> list[Call]:
    calls, path = Calls(request), f"/contacts/{contact.sid}"
    change = {"tag": "vip"}
    return [
        calls.get("Read this contact", path, f"contact = {python_call('get_contact', contact.sid)}"),
        calls.send("Change its tag", "PUT", path, python_call("update_contact", contact.sid, **change), change),
        calls.send("Delete it", "DELETE", path, python_call("delete_contact", contact.sid)),
    ]
