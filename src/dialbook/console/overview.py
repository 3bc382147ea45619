"""The start page: how much there is, how it grew, and what it is made of."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Calls, python_call
from dialbook.console.charts import Bar, Chart, bars, tally_bars
from dialbook.console.page import render
from dialbook.model.lists import ContactList
from dialbook.model.moment import day_text
from dialbook.model.page import Page, Sort, Window
from dialbook.server.context import account_of, now_of, service_of
from dialbook.store.database import Tx
from dialbook.store.growth import BookDay, book_growth
from dialbook.store.lists import list_lists
from dialbook.store.tallies import Tallies, top_tallies

DAYS = 365  # that the growth is shown for
SHOWN = 10  # bars of a picture
LARGEST_FIRST = Sort("contact_count", descending=True)


class Figures(Struct, frozen=True):
    """All that the page shows, seen at one moment."""

    growth: Sequence[BookDay]
    lists: Page[ContactList]
    countries: Tallies
    tags: Tallies

    @property
    def contact_count(self) -> int:
        """How many contacts there are."""
        return sum(tally.live for tally in self.countries.largest) + self.countries.others + self.countries.without


async def show_overview(request: Request) -> Response:
    """What there is in the account."""
    now = now_of(request)
    first_day, today = day_text(now - timedelta(days=DAYS)), day_text(now)
    figures = await service_of(request).db.scan(_read, account_of(request).sid, first_day, today)
    calls, query = Calls(request), {"sort_by": "date_updated:desc", "limit": SHOWN}
    return render(
        request,
        "overview.html",
        figures=figures,
        growth=_growth(figures.growth, first_day, today),
        sizes=bars("Largest lists", [Bar(each.name, each.contact_count, _path(each)) for each in figures.lists.items]),
        countries=_tally_bars("Countries", figures.countries),
        tags=_tally_bars("Tags", figures.tags),
        calls=[calls.get("Read the lists", "/lists", f"page = {python_call('list_lists', **query)}", query)],
    )


def _read(tx: Tx, account: str, first_day: str, today: str) -> Figures:
    return Figures(
        book_growth(tx, account, first_day, today),
        list_lists(tx, account, Window(0, SHOWN), LARGEST_FIRST),
        top_tallies(tx, account, "country", SHOWN),
        top_tallies(tx, account, "tag", SHOWN),
    )


def _tally_bars(title: str, tallies: Tallies) -> Chart:
    return tally_bars(title, tallies.largest, others=tallies.others, without=tallies.without)


def _growth(days: Sequence[BookDay], first_day: str, today: str) -> Chart:
    """Contacts and lists by day; what was there before the first day is there on it, and the last figures hold on."""
    counts = {max(each.day, first_day): (each.contact_count, each.list_count) for each in days}
    if days:
        counts.setdefault(today, (days[-1].contact_count, days[-1].list_count))
    rows = [(day, *numbers) for day, numbers in counts.items()]
    return Chart("Contacts and lists over time", "growth", ["Day (UTC)", "Contacts", "Lists"], rows)


def _path(found: ContactList) -> str:
    return f"/console/lists/{found.sid}"
