"""The address book: searched, and one contact with every field and the lists that it is in."""

from collections.abc import Iterable

import msgspec
from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.dialogs import Opened, refused
from dialbook.console.form import Form, as_lines, as_text, read_form
from dialbook.console.making import make_once
from dialbook.console.numbers import searched_number
from dialbook.console.page import is_part, redirect, render
from dialbook.console.paging import COUNTED, Pager, limit_asked, read_window
from dialbook.model.contact import TEXT_FIELDS, Contact, ContactChange, ContactDraft, ListRef
from dialbook.model.errors import DialbookError, Invalid, NotFound, PreconditionFailed
from dialbook.model.etag import ANY
from dialbook.model.page import Page, Sort, Window
from dialbook.model.phone import normal_number
from dialbook.model.text import optional_text
from dialbook.server.changes import make_change
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store import contact_deletion
from dialbook.store import contacts as store
from dialbook.store.contact_search import search_contacts
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.store.database import Tx
from dialbook.store.members import lists_of
from dialbook.wire.contacts import read_custom_field

PATH = "/console/contacts"
FIELDS = ("number", *TEXT_FIELDS, "custom_field")
NEWEST_FIRST = Sort("date_created", descending=True)
MEANWHILE = PreconditionFailed(
    "Somebody else changed this contact meanwhile; yours was not saved. Cancel to see theirs, or save again to put "
    "yours in its place."
)
GONE = NotFound("Somebody else deleted this contact meanwhile. What you typed can make another one, or be cancelled.")


async def list_contacts(request: Request, opened: Opened | None = None) -> Response:
    """The newest contacts, or those whose name or number is looked for."""
    service, account, query = service_of(request), account_of(request), request.query_params
    search = query.get("search", "").strip()
    filter_, refusal = read_search(search, account.region)
    window = read_window(query, COUNTED if search else None)
    page: Page[Contact] = Page([], window, 0)
    if refusal is None:
        page = await service.db.scan(search_contacts, account.sid, window, NEWEST_FIRST, filter_)
    pager = Pager(page, PATH, {"search": search, **limit_asked(query, window)})
    if pager.is_beyond:
        return redirect(request, pager.to(pager.last))
    template = "contacts_table.html" if is_part(request) and not opened else "contacts.html"
    calls = _list_calls(request, pager, filter_)
    return render(request, template, opened=opened, pager=pager, search=search, refusal=refusal, calls=calls)


async def create_contact(request: Request) -> Response:
    """Make a contact, and show it."""
    form = await read_form(request)
    try:
        draft = ContactDraft(**_read_fields(request, form, FIELDS))
        sid = await make_once(request, form, store.create_contacts, draft)
    except DialbookError as refusal:
        return await list_contacts(request, refused("new-contact", form, refusal))
    return redirect(request, f"{PATH}/{sid}", note=f"{draft.number} is in the address book.")


async def show_contact(request: Request, opened: Opened | None = None) -> Response:
    """One contact, and the lists that it is in."""
    account, sid = account_of(request).sid, sid_of(request, "contact_sid")
    window = read_window(request.query_params)
    contact, lists = await service_of(request).db.scan(_read_contact, account, sid, window)
    pager = Pager(lists, f"{PATH}/{sid}", limit_asked(request.query_params, window))
    if pager.is_beyond:
        return redirect(request, pager.to(pager.last))
    calls = _contact_calls(request, contact)
    return render(request, "contact.html", opened=opened, contact=contact, fields=FIELDS, pager=pager, calls=calls)


async def update_contact(request: Request) -> Response:
    """Change a contact, unless somebody else has changed it since it was shown."""
    form, account, sid = await read_form(request), account_of(request).sid, sid_of(request, "contact_sid")
    try:
        found = await service_of(request).db.read(store.get_contact, account, sid)
        fields = _read_changes(request, form, found)
        # A form that is sent again, since its answer was lost, says what is stored: it knows the state before.
        change = ContactChange(sid, fields, (form.text("etag"),) if fields else ANY)
        changed = await make_change(request, store.update_contact, account, change, now=now_of(request))
    except PreconditionFailed:
        # The state that was not known is shown now; whoever saves again means to replace what they typed anew of it.
        return await show_contact(request, refused("edit-contact", form.typed_anew(*FIELDS), MEANWHILE))
    except NotFound:
        return await list_contacts(request, refused("new-contact", form, GONE))
    except DialbookError as refusal:
        return await show_contact(request, refused("edit-contact", form, refusal))
    return redirect(request, f"{PATH}/{sid}", note=f"{changed.number} is saved.")


async def delete_contact(request: Request) -> Response:
    """Delete a contact for good, out of every list too."""
    account, sid = account_of(request).sid, sid_of(request, "contact_sid")
    try:
        deleted = await make_change(request, contact_deletion.delete_contact, account, sid, now=now_of(request))
    except NotFound:  # as where the button is pressed again, since the answer was lost
        return redirect(request, PATH, note="The contact is deleted, out of every list too.")
    return redirect(request, PATH, note=f"{deleted.number} is deleted, out of every list too.")


def read_search(search: str, region: str) -> tuple[ContactFilter, DialbookError | None]:
    """Read what is looked for: a number, when it is one, or else a part of a name."""
    if not search:
        return EVERYONE, None
    try:
        return ContactFilter(number=searched_number(search, region)), None
    except DialbookError:
        pass
    try:
        return ContactFilter(name=optional_text("search", search)), None
    except DialbookError as refusal:
        return EVERYONE, refusal


def _read_contact(tx: Tx, account: str, sid: str, window: Window) -> tuple[Contact, Page[ListRef]]:
    return store.get_contact(tx, account, sid), lists_of(tx, account, sid, window)


def _read_changes(request: Request, form: Form, found: Contact) -> dict[str, str | None]:
    """Read what does not say what is stored, a number in any form in which it is dialled."""
    fields = _read_fields(request, form, _typed_anew(form, found))
    return {name: value for name, value in fields.items() if value != getattr(found, name)}


def _typed_anew(form: Form, found: Contact) -> list[str]:
    """The fields that do not say what is stored. The others are left alone, since no form can show every text whole."""
    names = [name for name in ("number", *TEXT_FIELDS) if form.text(name) != as_text(getattr(found, name))]
    return names if form.lines("custom_field") == as_lines(found.custom_field) else [*names, "custom_field"]


def _read_fields(request: Request, form: Form, names: Iterable[str]) -> dict[str, str | None]:
    return {name: _read_field(request, form, name) for name in names}


def _read_field(request: Request, form: Form, name: str) -> str | None:
    if name == "number":
        return normal_number(form.text(name), account_of(request).region)
    if name == "custom_field":
        return _read_custom_field(name, form.lines(name))
    return optional_text(name, form.text(name))


def _read_custom_field(name: str, typed: str) -> str | None:
    """Read what was typed by hand, of which nobody has seen before whether it is JSON."""
    if not typed:
        return None
    raw = Raw(typed.encode())
    try:
        msgspec.json.decode(raw, type=Raw)
    except msgspec.DecodeError as error:
        raise Invalid(f"{name} is no JSON: {str(error).removeprefix('JSON is malformed: ')}.") from None
    except RecursionError:
        pass  # it is far too deep, and refused below
    return read_custom_field(name, raw)


def _list_calls(request: Request, pager: Pager, filter_: ContactFilter) -> list[Call]:
    calls, window, new = Calls(request), pager.page.window, {"number": "+919845012345", "first_name": "Asha"}
    query = {"name": filter_.name, "sort_by": "date_created:desc", "offset": window.offset, "limit": window.limit}
    read = [calls.get("Read this page", "/contacts", f"page = {python_call('list_contacts', **query)}", query)]
    if filter_.number:  # which the API looks for in a list alone; of the book it knows a contact by its sid
        read = [_read_call(calls, contact) for contact in pager.page.items]
    make = f"{python_call('create_contacts', [new])}.raise_for_failures()"
    return [*read, calls.send("Make a contact", "POST", "/contacts", make, {"contacts": [new]})]


def _read_call(calls: Calls, contact: Contact) -> Call:
    return calls.get(
        "Read this contact", f"/contacts/{contact.sid}", f"contact = {python_call('get_contact', contact.sid)}"
    )


def _contact_calls(request: Request, contact: Contact) -> list[Call]:
    calls, path = Calls(request), f"/contacts/{contact.sid}"
    change = {"tag": "vip"}
    return [
        _read_call(calls, contact),
        calls.send("Change its tag", "PUT", path, python_call("update_contact", contact.sid, **change), change),
        calls.send("Delete it", "DELETE", path, python_call("delete_contact", contact.sid)),
    ]
