"""The lists that a name may mean, while it is typed."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.form import as_text
from dialbook.console.page import render
from dialbook.model.lists import ContactList
from dialbook.model.page import Sort, Window
from dialbook.model.text import TEXT_LIMIT, storable
from dialbook.server.context import account_of, service_of
from dialbook.store.database import Tx
from dialbook.store.lists import find_shown, list_lists

SUGGESTED = Window(0, 10)


class Named(Struct, frozen=True):
    """What a name means as far as it is typed."""

    found: ContactList | None  # the list that is meant
    alike: Sequence[ContactList]  # some whose names contain it


async def find_named(request: Request, typed: str, sid: str = "") -> Named:
    """Look for lists by a name; one that no list can have finds none.

    Args:
        request: who asks.
        typed: the name.
        sid: of the list that is meant, as long as a field shows its name like that.
    """
    name = typed.strip()
    if len(name) > TEXT_LIMIT or not storable(name + sid):
        return Named(None, [])
    return await service_of(request).db.scan(_read, account_of(request).sid, name, sid)


async def suggest_names(request: Request) -> Response:
    """The names of some lists that contain a text."""
    named = await find_named(request, request.query_params.get("list_name", ""))
    return render(request, "list_names.html", lists=named.alike)


def _read(tx: Tx, account: str, name: str, sid: str) -> Named:
    alike = list_lists(tx, account, SUGGESTED, Sort("name"), name=name or None)
    return Named(_choose(find_shown(tx, account, as_text(name)), name, sid), alike.items)


def _choose(shown: Sequence[ContactList], name: str, sid: str) -> ContactList | None:
    """Of the lists that a field shows by this name, the one of this sid, or that has the name; else the only one."""
    meant = [each for each in shown if each.sid == sid] or [each for each in shown if each.name == name] or shown
    return meant[0] if len(meant) == 1 else None
