"""A list's growth and make-up."""

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.charts import Chart, tally_bars
from dialbook.console.page import render
from dialbook.model.lists import ContactList
from dialbook.server.context import account_of, service_of, sid_of
from dialbook.store.database import Tx
from dialbook.store.growth import ListDay, list_growth
from dialbook.store.lists import get_list
from dialbook.store.makeup import Makeup, list_makeup
from dialbook.store.tallies import Tally

SHOWN = 12  # bars of a picture


class Figures(Struct, frozen=True):
    """All that the page shows, seen at one moment."""

    list: ContactList
    growth: Sequence[ListDay]
    makeup: Makeup


async def show_pictures(request: Request) -> Response:
    """How a list grew, and what it is made of."""
    figures = await service_of(request).db.scan(_read, account_of(request).sid, sid_of(request, "list_sid"))
    makeup = figures.makeup
    return render(
        request,
        "list_pictures.html",
        list=figures.list,
        makeup=makeup,
        growth=Chart(
            "Growth", "growth", ["Day (UTC)", "Contacts"], [(each.day, each.joined) for each in figures.growth]
        ),
        countries=_bars("Countries", makeup.countries, makeup.looked_at),
        tags=_bars("Tags", makeup.tags, makeup.looked_at),
        calls=_calls(request, figures.list.sid),
    )


def _read(tx: Tx, account: str, list_sid: str) -> Figures:
    return Figures(
        get_list(tx, account, list_sid), list_growth(tx, account, list_sid), list_makeup(tx, account, list_sid)
    )


def _calls(request: Request, sid: str) -> list[Call]:
    calls, path = Calls(request), f"/lists/{sid}"
    export = python_call("export_members", sid, "contacts.csv", format="csv")
    return [
        calls.get("Read the list", path, f"found = {python_call('get_list', sid)}"),
        calls.get("Take all of its contacts, to be counted", f"{path}/contacts", export, accept="text/csv"),
    ]


def _bars(title: str, tallies: Sequence[Tally], looked_at: int) -> Chart:
    counted = sum(tally.live for tally in tallies)
    shown = sum(tally.live for tally in tallies[:SHOWN])
    return tally_bars(title, tallies[:SHOWN], others=counted - shown, without=looked_at - counted)
