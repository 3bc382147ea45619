"""What is done with some contacts of a list, or with all whom its filters let through: removed, copied, exported.

All of them may be millions. They are worked off in parts, each in a transaction of its own, and the page that shows
how far it is asks for the next part: whoever closes it stops the work where it is. What was done stays, and nothing is
done twice when it is begun again.

"All" are those who are meant when the question is asked. A few are named in its form; of many the form has the edge of
the list at that moment. What became of a part is kept with it: who asks for the same part again, since the answer was
lost, is told what became of it then.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from msgspec import Struct, json
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.dialogs import refused
from dialbook.console.form import read_form
from dialbook.console.members import FILTERS, show_list
from dialbook.console.page import is_part, redirect, render, url
from dialbook.console.selection_form import PART, Work, read_chosen, read_settled, read_work
from dialbook.model.bulk import Outcome
from dialbook.model.contact import Contact
from dialbook.model.errors import DialbookError, Duplicate, Invalid, NotFound
from dialbook.model.lists import ContactList
from dialbook.model.page import Window
from dialbook.server.changes import make_change_once, note_export
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store.database import Tx
from dialbook.store.lists import get_list
from dialbook.store.member_search import find_edge, search_members, walk_within
from dialbook.store.members import add_members, find_members, remove_members
from dialbook.wire.export import CSV_TYPE, FORMATS


class Part(Struct, frozen=True):
    """The contacts that are next, and the position that the following ones come after, if there are any."""

    sids: Sequence[str]
    after: int | None


class Tally(Struct, frozen=True):
    """What became of a part."""

    done: int
    passed: int
    gone: int
    after: int | None
    refusal: str | None  # the other list is full


async def choose(request: Request) -> Response:
    """Take a selection and what is to be done with it, and ask whether it is meant so."""
    form = await read_form(request)
    try:
        asked = await read_work(request, form, read_chosen(request, form))
        work = await service_of(request).db.scan(_settle, asked.list.account, asked, now=now_of(request))
    except DialbookError as refusal:
        return await show_list(request, refused("selection", form, refusal))
    return render(
        request,
        "selection.html",
        work=work,
        asked=asked.selection,
        back=_way_back(request, asked.list),
        calls=_calls(request, asked),
    )


async def work_off(request: Request) -> Response:
    """Work off the next part, and show how far it is."""
    form = await read_form(request)
    work = await read_work(request, form, read_settled(request, form))
    part = await service_of(request).db.scan(_next_part, work.list.account, work)
    tally = await _act(request, work, part)
    work = replace(
        work,
        done=work.done + tally.done,
        passed=work.passed + tally.passed,
        gone=work.gone + tally.gone,
        after=tally.after,
        refusal=tally.refusal,
    )
    return render(request, "selection_part.html" if is_part(request) else "selection_work.html", work=work)


async def export_selection(request: Request) -> Response:
    """The selected contacts as a file."""
    db, account = service_of(request).db, account_of(request).sid
    sid = (await db.read(get_list, account, sid_of(request, "list_sid"))).sid
    form = await read_form(request)
    selection = read_chosen(request, form)
    if selection.is_all:
        return redirect(request, url(f"/console/lists/{sid}/export", {"format": "csv", **selection.given}))
    format_ = FORMATS["text/csv"]
    chosen = await db.scan(find_members, account, sid, selection.sids)
    if left := len(selection.sids) - len(chosen):
        return await show_list(request, refused("selection", form, _have_left(left, len(selection.sids))))
    await note_export(request, "export_selection", sid, *(contact.sid for contact in chosen))
    rows = [tuple(getattr(contact, field) for field in format_.fields) for contact in chosen]
    headers = {"Content-Disposition": f'attachment; filename="{sid}.csv"'}
    return Response(format_.head + format_.write(rows), headers=headers, media_type=CSV_TYPE)


def _have_left(left: int, ticked: int) -> NotFound:
    whose = "The one" if ticked == 1 else f"{left} of the {ticked}"
    have = "has" if left == 1 else "have"
    others = " Press Export CSV again for a file of the others." if left < ticked else ""
    return NotFound(f"{whose} whom you ticked {have} left the list meanwhile.{others}")


async def _act(request: Request, work: Work, part: Part) -> Tally:
    limits, account, now = service_of(request).list_limits, account_of(request).sid, now_of(request)

    def pack(outcomes: Sequence[Outcome[Contact]]) -> bytes:
        return json.encode(_tally(part, outcomes))

    key = sha256(json.encode([work.key, work.after])).hexdigest()
    if work.target is None:
        kept = await make_change_once(request, key, pack, remove_members, account, work.list.sid, part.sids, now=now)
    else:
        kept = await make_change_once(
            request, key, pack, add_members, account, work.target.sid, part.sids, limits=limits, now=now
        )
    return json.decode(kept, type=Tally)


def _tally(part: Part, outcomes: Sequence[Outcome[Contact]]) -> Tally:
    refusal = next((each.description for each in outcomes if isinstance(each, Invalid)), None)
    return Tally(
        done=sum(isinstance(each, Contact) for each in outcomes),
        passed=sum(isinstance(each, Duplicate) for each in outcomes),
        gone=sum(isinstance(each, NotFound) for each in outcomes),
        after=None if refusal else part.after,
        refusal=refusal,
    )


def _calls(request: Request, work: Work) -> list[Call]:
    calls, selection, sid = Calls(request), work.selection, work.list.sid
    some = list(selection.sids) or ["CONTACT_SID"]
    chosen = repr(some)
    if selection.is_all:
        chosen = f"[contact.sid for contact in {python_call('iter_members', sid, **selection.given)}]"
    body = {"contact_references": [{"contact_sid": contact_sid} for contact_sid in some]}
    if work.target is None:
        remove = f"client.remove_members({sid!r}, {chosen})"
        return [calls.send("Take them out of the list", "DELETE", f"/lists/{sid}/contacts", remove, body)]
    add = f"client.add_members({work.target.sid!r}, {chosen})"
    return [calls.send("Let them join the other list", "POST", f"/lists/{work.target.sid}/contacts", add, body)]


def _way_back(request: Request, source: ContactList) -> str:
    """The page of the list from which the question was asked."""
    shown = {name: request.query_params.get(name) for name in (*FILTERS, "limit", "page")}
    return url(f"/console/lists/{source.sid}", shown)


def _settle(tx: Tx, account: str, work: Work, *, now: datetime) -> Work:
    """The work with whom it is about, who are the same from now on, whoever joins, leaves or is changed."""
    sid, chosen = work.list.sid, work.selection
    work = replace(work, edge=find_edge(tx, account, sid, now=now))
    if not chosen.is_all:
        return replace(work, total=len(chosen.sids))
    total = search_members(tx, account, sid, Window(0, 1), None, chosen.filter).total
    if total > PART:
        return replace(work, total=total)
    # A few among many are found by an index. The form has room for their sids.
    page = search_members(tx, account, sid, Window(0, PART), None, chosen.filter)
    named = [contact.sid for contact in page.items]
    return replace(work, total=total, selection=replace(chosen, sids=named, is_all=not named))


def _next_part(tx: Tx, account: str, work: Work) -> Part:
    """Those who are next, and are in the list still: whoever has left it is not to come into another one."""
    if not work.selection.is_all:
        members = find_members(tx, account, work.list.sid, work.selection.sids)
        return Part([contact.sid for contact in members], None)
    left = work.total - work.seen
    if left <= 0:
        return Part([], None)
    # Each part walks on through the list where the last one ended.
    window = Window(0, min(PART, left), work.after)
    walk = walk_within(tx, account, work.list.sid, window, work.selection.filter, work.edge)
    is_last = walk.following is None or len(walk.rows) == left
    return Part([row[0] for row in walk.rows], None if is_last else walk.rows[-1][-1])
