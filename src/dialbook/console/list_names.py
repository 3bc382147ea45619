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
from dialbook.store.lists import find_list, find_names, get_list, list_lists

SUGGESTED = Window(0, 10)


class Named(Struct, frozen=True):
    """What a name means as far as it is typed."""

    found: ContactList | None  # the list that has this name
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
    return Named(_find_shown(tx, account, name, sid) or find_list(tx, account, name), alike.items)


def _find_shown(tx: Tx, account: str, name: str, sid: str) -> ContactList | None:
    """The list of this sid, if a field shows its name like that, without the breaks that it may have."""
    names = find_names(tx, account, [sid])
    return get_list(tx, account, sid) if sid in names and as_text(names[sid]) == as_text(name) else None
