"""What is done with some contacts of a list, or with all whom its filters let through: removed, copied, exported.

All of them may be millions. They are worked off in parts, each in a transaction of its own, and the page that shows
how far it is asks for the next part: whoever closes it stops the work where it is. What was done stays, and nothing is
done twice when it is begun again.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.dialogs import refused
from dialbook.console.form import Form, read_form
from dialbook.console.members import FILTERS, read_filters, show_list
from dialbook.console.page import is_part, redirect, render, url
from dialbook.model.bulk import Outcome
from dialbook.model.contact import Contact
from dialbook.model.errors import DialbookError, Duplicate, Invalid, Missing, NotFound
from dialbook.model.lists import ContactList
from dialbook.model.page import Window
from dialbook.server.changes import make_change, note_export
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.store.database import Tx
from dialbook.store.lists import find_list, get_list
from dialbook.store.member_search import search_members, walk_members
from dialbook.store.members import add_members, find_members, remove_members
from dialbook.wire.export import CSV_TYPE, FORMATS

PART = 2000  # contacts that are worked off together
MOST_TICKED = 500  # contacts: a page of them
REMOVE, COPY = "remove", "copy"


class Selection(Struct, frozen=True):
    """Whom it is about: the contacts that were ticked, or all whom a filter lets through."""

    sids: Sequence[str]
    is_all: bool
    given: Mapping[str, str]  # the filters, as they were typed
    filter: ContactFilter


class Work(Struct, frozen=True):
    """What is to be done, and how far it is."""

    list: ContactList
    selection: Selection
    action: str
    target: ContactList | None  # that they are copied to
    total: int  # contacts that it is about
    done: int = 0
    passed: int = 0  # contacts for whom there was nothing to do
    after: int | None = -1  # the position that the next part comes after; None at the end
    refusal: DialbookError | None = None  # that ended it

    @property
    def percent(self) -> int:
        """How much of all is worked off."""
        return min(100, 100 * (self.done + self.passed) // self.total) if self.total else 100


class Part(Struct, frozen=True):
    """The contacts that are next, and the position that the following ones come after, if there are any."""

    sids: Sequence[str]
    after: int | None


async def choose(request: Request) -> Response:
    """Take a selection and what is to be done with it, and ask whether it is meant so."""
    form = await read_form(request)
    try:
        work = await _read_work(request, form)
        total = await service_of(request).db.scan(_count, work)
    except DialbookError as refusal:
        return await show_list(request, refused("selection", form, refusal))
    return render(request, "selection.html", work=replace(work, total=total), calls=_calls(request, work))


async def work_off(request: Request) -> Response:
    """Work off the next part, and show how far it is."""
    work = await _read_work(request, await read_form(request))
    part = await service_of(request).db.scan(_next_part, work)
    outcomes = await _act(request, work, part)
    refusal = next((each for each in outcomes if isinstance(each, Invalid)), None)  # the other list is full
    work = replace(
        work,
        done=work.done + sum(isinstance(each, Contact) for each in outcomes),
        passed=work.passed + sum(isinstance(each, Duplicate | NotFound) for each in outcomes),
        after=None if refusal else part.after,
        refusal=refusal,
    )
    return render(request, "selection_part.html" if is_part(request) else "selection_work.html", work=work)


async def export_selection(request: Request) -> Response:
    """The selected contacts as a file."""
    db, account = service_of(request).db, account_of(request).sid
    sid = (await db.read(get_list, account, sid_of(request, "list_sid"))).sid
    selection = _read_selection(request, await read_form(request))
    if selection.is_all:
        return redirect(request, url(f"/console/lists/{sid}/export", {"format": "csv", **selection.given}))
    format_ = FORMATS["text/csv"]
    chosen = await db.scan(find_members, account, sid, selection.sids)
    await note_export(request, "export_selection", sid, *(contact.sid for contact in chosen))
    rows = [tuple(getattr(contact, field) for field in format_.fields) for contact in chosen]
    headers = {"Content-Disposition": f'attachment; filename="{sid}.csv"'}
    return Response(format_.head + format_.write(rows), headers=headers, media_type=CSV_TYPE)


async def _act(request: Request, work: Work, part: Part) -> Sequence[Outcome[Contact]]:
    service, account, now = service_of(request), account_of(request).sid, now_of(request)
    if work.target is None:
        return await make_change(request, remove_members, account, work.list.sid, part.sids, now=now)
    return await make_change(
        request, add_members, account, work.target.sid, part.sids, limits=service.list_limits, now=now
    )


def _calls(request: Request, work: Work) -> list[Call]:
    calls, selection, sid = Calls(request), work.selection, work.list.sid
    some = list(selection.sids) or ["CONTACT_SID"]
    chosen = repr(some)
    if selection.is_all:
        chosen = f"[contact.sid for contact in {python_call('iter_members', sid, **selection.given)}]"
    if work.target is None:
        loop = f"for contact_sid in {chosen}:\n    client.remove_member({sid!r}, contact_sid)"
        return [calls.send("Remove a contact", "DELETE", f"/lists/{sid}/contacts/{some[0]}", loop)]
    add = f"client.add_members({work.target.sid!r}, {chosen})"
    body = {"contact_references": [{"contact_sid": contact_sid} for contact_sid in some]}
    return [calls.send("Let them join the other list", "POST", f"/lists/{work.target.sid}/contacts", add, body)]


async def _read_work(request: Request, form: Form) -> Work:
    """Read the work as a form has it: just chosen, or as far as it is."""
    db, account = service_of(request).db, account_of(request).sid
    found = await db.read(get_list, account, sid_of(request, "list_sid"))
    action = form.text("action")
    if action not in {REMOVE, COPY}:
        raise Invalid(f"action is {action!r}; allowed are {REMOVE}, {COPY}.")
    return Work(
        found,
        _read_selection(request, form),
        action,
        await _read_target(request, form, found) if action == COPY else None,
        total=form.count("total"),
        done=form.count("done"),
        passed=form.count("passed"),
        after=form.count("after") - 1,
    )


async def _read_target(request: Request, form: Form, source: ContactList) -> ContactList:
    """The list that they are copied to: chosen by its name, and known by its sid from then on."""
    if sid := form.text("target"):
        return await service_of(request).db.read(get_list, source.account, sid)
    name = form.text("list_name")
    if not name:
        raise Missing("Name the list that they are to be copied to.")
    found = await service_of(request).db.read(find_list, source.account, name)
    if found is None:
        raise NotFound(f"There is no list '{name}'.")
    if found.sid == source.sid:
        raise Invalid("They are in this list already; name another one.")
    return found


def _read_selection(request: Request, form: Form) -> Selection:
    is_all, sids = bool(form.text("all")), form.texts("contact")
    filters = read_filters(request, {name: form.exact(name) for name in FILTERS})
    if filters.refusal:
        raise filters.refusal
    if not is_all and not sids:
        raise Missing("Tick the contacts that it is about, or all of them.")
    if len(sids) > MOST_TICKED:
        raise Invalid(f"{len(sids)} contacts are ticked; at most {MOST_TICKED} are allowed.")
    return Selection([] if is_all else sids, is_all, filters.given, filters.filter)


def _count(tx: Tx, work: Work) -> int:
    """How many contacts it is about."""
    if not work.selection.is_all:
        return len(work.selection.sids)
    if work.selection.filter == EVERYONE:
        return work.list.contact_count
    return search_members(tx, work.list.account, work.list.sid, Window(0, 1), None, work.selection.filter).total


def _next_part(tx: Tx, work: Work) -> Part:
    if not work.selection.is_all:
        return Part(work.selection.sids, None)
    # Whoever joined after the question was asked comes last, and is none of those whom it was about.
    left = work.total - work.done - work.passed
    if left <= 0:
        return Part([], None)
    account, sid, window = work.list.account, work.list.sid, Window(0, min(PART, left), work.after)
    # A few among many are found by an index; of many, each part walks on through the list where the last one ended.
    if work.total <= PART:
        page = search_members(tx, account, sid, window, None, work.selection.filter)
        sids, after = [contact.sid for contact in page.items], page.last
    else:
        walk = walk_members(tx, account, sid, window, ("sid",), work.selection.filter)
        sids, after = [row[0] for row in walk.rows], walk.following.after if walk.following else None
    return Part(sids, after if len(sids) == window.limit < left else None)
