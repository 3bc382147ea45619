"""Pictures: how a book and a list grew, and what they are made of."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, Page, expect

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, serving
from tests.console.conftest import sign_in

DRAWN = "(canvas) => { const { config, data } = Chart.getChart(canvas); return [config.type, data.datasets.length]; }"

PLACE = "(canvas) => Chart.getChart(canvas).getDatasetMeta(0).data[0].x"


def numbers_of(page: Page, title: str) -> list[list[str]]:
    """The rows of the table behind a picture."""
    figure = page.get_by_role("figure", name=title)
    figure.get_by_text("Numbers").click()
    return [row.locator("th, td").all_inner_texts() for row in figure.locator("tbody tr").all()]


def canvas_of(page: Page, title: str) -> Locator:
    return page.get_by_role("figure", name=title).locator("canvas")


def test_the_start_page_of_an_empty_account_says_how_to_begin(page: Page) -> None:
    page.goto("/console")

    expect(page.get_by_text("Nothing is here yet.")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)


def test_the_start_page_shows_how_the_book_grew(
    new_database: Callable[[], str], new_client: Callable[..., Client], new_page: Callable[..., Page]
) -> None:
    now = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
    with serving(Settings(database=new_database()), lambda: now) as server:
        api = new_client(server)
        api.create_contacts({"number": "+14155550100"})
        now += timedelta(days=500)
        contacts = api.create_contacts(*({"number": number, "tag": "vip"} for number in NUMBERS[:3]))
        friends = api.create_list("Friends")["sid"]
        api.add_members(friends, *(contact["sid"] for contact in contacts))
        now += timedelta(days=1)
        api.delete(f"/contacts/{contacts[0]['sid']}")
        api.create_list("Empty")
        now += timedelta(days=9)
        page = new_page(server)
        sign_in(page, api)
        page.goto("/console")

        shown = {
            title: numbers_of(page, title)
            for title in ("Contacts and lists over time", "Largest lists", "Countries", "Tags")
        }
        drawn = page.get_by_role("figure").locator("canvas").evaluate_all(f"(all) => all.map({DRAWN})")

    assert shown == {
        "Contacts and lists over time": [
            ["2024-05-29", "1", "0"],
            ["2025-05-19", "4", "1"],
            ["2025-05-20", "3", "2"],
            ["2025-05-29", "3", "2"],
        ],
        "Largest lists": [["Friends", "2"], ["Empty", "0"]],
        "Countries": [["+91", "2"], ["+1", "1"]],
        "Tags": [["vip", "2"], ["none", "1"]],
    }
    assert drawn == [["line", 2], ["bar", 1], ["bar", 1], ["bar", 1]]


def test_what_was_there_before_the_first_day_is_shown_on_it_once(
    new_database: Callable[[], str], new_client: Callable[..., Client], new_page: Callable[..., Page]
) -> None:
    now = datetime(2024, 1, 5, 9, 0, tzinfo=UTC)
    with serving(Settings(database=new_database()), lambda: now) as server:
        api = new_client(server)
        for days, number in ((0, NUMBERS[0]), (10, NUMBERS[1])):
            now += timedelta(days=days)
            api.create_contacts({"number": number})
        now += timedelta(days=365)
        page = new_page(server)
        sign_in(page, api)
        page.goto("/console")

        shown = numbers_of(page, "Contacts and lists over time")

    assert shown == [["2024-01-15", "2", "0"], ["2025-01-14", "2", "0"]]


def test_a_list_shows_its_growth_and_make_up(api: Client, page: Page) -> None:
    contacts = api.create_contacts(
        *({"number": number, "tag": "vip" if i % 2 else None} for i, number in enumerate(NUMBERS[:7]))
    )
    made = api.create_list("Friends")["sid"]
    page.goto(f"/console/lists/{made}/pictures")
    expect(page.get_by_text("There is nothing to show yet.")).to_have_count(3)
    api.add_members(made, *(contact["sid"] for contact in contacts))

    page.goto(f"/console/lists/{made}")
    page.get_by_role("link", name="Growth and make-up").click()

    assert [row[1] for row in numbers_of(page, "Growth")] == ["7"]
    assert numbers_of(page, "Countries") == [["+91", "7"]]
    assert numbers_of(page, "Tags") == [["vip", "3"], ["none", "4"]]
    assert canvas_of(page, "Growth").evaluate(DRAWN) == ["line", 1]
    assert canvas_of(page, "Growth").evaluate(PLACE) > 0  # of its only day, which is today


def test_no_two_days_of_an_axis_are_the_same(api: Client, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0]})
    page.goto("/console")

    ticks = "(canvas) => Chart.getChart(canvas).scales.x.ticks.map((tick) => tick.label)"
    days = canvas_of(page, "Contacts and lists over time").evaluate(ticks)

    assert len(days) == len(set(days)) == 2


def test_pictures_are_drawn_anew_in_other_colours(api: Client, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0]})
    page.goto("/console")
    colour = "(canvas) => Chart.getChart(canvas).data.datasets[0].backgroundColor[0]"
    before = canvas_of(page, "Countries").evaluate(colour)

    page.get_by_role("button", name="Change the colours").click()

    assert canvas_of(page, "Countries").evaluate(colour) != before


def test_a_bar_leads_to_its_list(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    api.add_members(api.create_list("Friends")["sid"], contact["sid"])
    page.goto("/console")
    canvas = canvas_of(page, "Largest lists")
    middle = canvas.evaluate("(canvas) => Chart.getChart(canvas).getDatasetMeta(0).data[0].getCenterPoint()")

    canvas.click(position=middle)

    expect(page.get_by_role("heading", level=1)).to_have_text("Friends")
