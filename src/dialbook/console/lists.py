"""The lists of an account: seen, made, renamed, deleted."""

from datetime import datetime
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.dialogs import Opened, refused
from dialbook.console.form import Form, as_text, read_form
from dialbook.console.making import make_once
from dialbook.console.members import show_list
from dialbook.console.page import is_part, redirect, render, url
from dialbook.console.paging import Pager, read_window
from dialbook.model.errors import DialbookError, Invalid, NotFound, PreconditionFailed
from dialbook.model.etag import unexpected
from dialbook.model.lists import ContactList, ListChange, ListDraft, list_name, list_type
from dialbook.model.page import Sort
from dialbook.model.text import optional_text
from dialbook.server.changes import make_change
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store import lists as store
from dialbook.store.books import lock_book
from dialbook.store.database import Tx

PATH = "/console/lists"
FIELDS = ("name", "tag")  # of a form to edit a list, which says besides what each of them showed
MEANWHILE = PreconditionFailed(
    "Somebody else changed this list meanwhile; yours was not saved. Cancel to see theirs, or save again to put yours "
    "in its place."
)
GONE = NotFound("Somebody else deleted this list meanwhile. What you typed can make another one, or be cancelled.")
SORTS = ("name", "contact_count", "date_updated", "date_created")


async def list_lists(request: Request, opened: Opened | None = None) -> Response:
    """All lists, or those whose name contains a text."""
    query = {name: value for name, value in request.query_params.items() if name in {"name", "sort", "limit"}}
    window, sort = read_window(request.query_params), _read_sort(query.get("sort", ""))
    name = optional_text("name", query.get("name", "").strip())
    page = await service_of(request).db.scan(store.list_lists, account_of(request).sid, window, sort, name=name)
    pager = Pager(page, PATH, query)
    if pager.is_beyond:
        return redirect(request, pager.to(pager.last))
    return render(
        request,
        "lists_table.html" if is_part(request) and not opened else "lists.html",
        opened=opened,
        pager=pager,
        query=query,
        sort=sort,
        heading_url=_heading_url(query, sort),
        calls=_calls(request, pager, sort, name),
    )


async def create_list(request: Request) -> Response:
    """Make a list, and show it."""
    form = await read_form(request)
    try:
        draft = ListDraft(
            list_name(form.text("name")), optional_text("tag", form.text("tag")), list_type(form.text("type"))
        )
        sid = await make_once(request, form, store.create_lists, draft)
    except DialbookError as refusal:
        return await list_lists(request, refused("new-list", form, refusal))
    return redirect(request, f"{PATH}/{sid}", note=f"List '{draft.name}' is made.")


async def update_list(request: Request) -> Response:
    """Rename a list, or give it another tag, unless somebody else has done so since it was shown."""
    form, sid = await read_form(request), sid_of(request, "list_sid")

    @wraps(store.update_list)  # by whose name the audit log knows it
    def update(tx: Tx, account: str, *, now: datetime) -> ContactList:
        lock_book(tx, account)
        changes = _read_changes(form, store.get_list(tx, account, sid))
        return store.update_list(tx, account, ListChange(sid, changes), now=now)

    try:
        changed = await make_change(request, update, account_of(request).sid, now=now_of(request))
    except PreconditionFailed:
        # The state that was not known is shown now; whoever saves again means to replace what they typed anew of it.
        return await show_list(request, refused("edit-list", form.typed_anew(*FIELDS), MEANWHILE))
    except NotFound:
        return await list_lists(request, refused("new-list", form, GONE))
    except DialbookError as refusal:
        return await show_list(request, refused("edit-list", form, refusal))
    return redirect(request, f"{PATH}/{sid}", note=f"List '{changed.name}' is saved.")


async def delete_list(request: Request) -> Response:
    """Delete a list whose name was typed as it is shown; its contacts stay in the address book."""
    form = await read_form(request)
    try:
        return await _delete_named(request, form)
    except NotFound:  # as where the button is pressed again, since the answer was lost
        return redirect(request, PATH, note="The list is deleted; its contacts are still in the address book.")


async def _delete_named(request: Request, form: Form) -> Response:
    account, sid = account_of(request).sid, sid_of(request, "list_sid")
    found = await service_of(request).db.read(store.get_list, account, sid)
    if _folded(form.text("name")) != _folded(found.name):
        refusal = Invalid(f"The name that was typed is not '{found.name}'; nothing was deleted.")
        return await show_list(request, refused("delete-list", form, refusal))
    await make_change(request, store.delete_list, account, sid, now=now_of(request))
    return redirect(request, PATH, note=f"List '{found.name}' is deleted; its contacts are still in the address book.")


def _folded(name: str) -> str:
    """A name as a page shows it: of several blanks, tabs or line breaks one blank is seen."""
    return " ".join(name.split())


def _read_changes(form: Form, found: ContactList) -> dict[str, str | None]:
    """Read what does not say what is stored. The rest is left alone, since no form can show every text whole.

    Raises:
        PreconditionFailed: the form showed another name or tag than the list has now.
    """
    typed_anew = [name for name in FIELDS if form.text(name) != as_text(getattr(found, name))]
    if not typed_anew:  # as where the form is sent again, since its answer was lost: it showed the state before
        return {}
    # Not by its etag, which moves with each contact that joins: that is no reason to refuse another name.
    if any(as_text(form.shown(name)) != as_text(getattr(found, name)) for name in FIELDS):
        raise unexpected()
    fields = {"name": list_name(form.text("name")), "tag": optional_text("tag", form.text("tag"))}
    return {name: fields[name] for name in typed_anew}


def _read_sort(given: str) -> Sort:
    """Read the order that a heading asks for: a field, with a minus before it when it descends."""
    field = given.removeprefix("-")
    return Sort(field, descending=given.startswith("-")) if field in SORTS else Sort("name")


def _heading_url(query: dict[str, str], sort: Sort) -> dict[str, str]:
    """Where each heading leads: to its order, the second time to the opposite one; the largest come first."""
    urls = {}
    for field in SORTS:
        descending = not sort.descending if field == sort.field else field != "name"
        urls[field] = url(PATH, {**query, "sort": f"-{field}" if descending else field})
    return urls


def _calls(request: Request, pager: Pager, sort: Sort, name: str | None) -> list[Call]:
    calls, window, new = Calls(request), pager.page.window, {"name": "New list", "type": "static"}
    title, order = _title_and_order(sort)
    query = {"name": name, "sort_by": order, "offset": window.offset, "limit": window.limit}
    make = f"{python_call('create_lists', [new])}.raise_for_failures()"
    return [
        calls.get(title, "/lists", f"page = {python_call('list_lists', **query)}", query),
        calls.send("Make a list", "POST", "/lists", make, {"lists": [new]}),
    ]


def _title_and_order(sort: Sort) -> tuple[str, str | None]:
    """What the request for a page is called, and its `sort_by`."""
    if sort.field == "contact_count":
        return "Read a page of lists in the order in which they were made; the API cannot order by size", None
    return "Read this page", f"{sort.field}:{'desc' if sort.descending else 'asc'}"
