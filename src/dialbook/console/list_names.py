"""The lists that a name may mean, while it is typed."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.page import render
from dialbook.model.lists import ContactList
from dialbook.model.page import Sort, Window
from dialbook.model.text import TEXT_LIMIT, storable
from dialbook.server.context import account_of, service_of
from dialbook.store.database import Tx
from dialbook.store.lists import find_list, list_lists

SUGGESTED = Window(0, 10)


class Named(Struct, frozen=True):
    """What a name means as far as it is typed."""

    found: ContactList | None  # the list that has this name
    alike: Sequence[ContactList]  # some whose names contain it


async def find_named(request: Request, typed: str) -> Named:
    """Look for lists by a name; one that no list can have finds none."""
    name = typed.strip()
    if len(name) > TEXT_LIMIT or not storable(name):
        return Named(None, [])
    return await service_of(request).db.scan(_read, account_of(request).sid, name)


async def suggest_names(request: Request) -> Response:
    """The names of some lists that contain a text."""
    named = await find_named(request, request.query_params.get("list_name", ""))
    return render(request, "list_names.html", lists=named.alike)


def _read(tx: Tx, account: str, name: str) -> Named:
    alike = list_lists(tx, account, SUGGESTED, Sort("name"), name=name or None)
    return Named(find_list(tx, account, name), alike.items)
