"""Lists: seen, sorted, searched, made, renamed, deleted, a page of their contacts at any depth."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server
from tests.console.conftest import Enter


def names_shown(page: Page) -> list[str]:
    return page.locator("tbody th a").all_inner_texts()


def filled(api: Client, name: str, count: int) -> tuple[str, list[str]]:
    """A list of so many contacts, in the order of their numbers; its sid and theirs."""
    sids = [contact["sid"] for contact in api.create_contacts(*({"number": number} for number in NUMBERS[:count]))]
    made = api.create_list(name)["sid"]
    assert api.add_members(made, *sids).status_code == 200
    return made, sids


def test_a_list_is_made_renamed_and_deleted(api: Client, page: Page) -> None:
    page.goto("/console/lists")
    expect(page.get_by_text("There is no list yet.")).to_be_visible()

    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill("Friends")
    page.get_by_label("Tag").fill("q4")
    page.get_by_label("Dynamic").check()
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_have_text("List 'Friends' is made.")
    (made,) = api.get("/lists").json()["response"]
    assert {"name": "Friends", "tag": "q4", "type": "dynamic"}.items() <= made["data"].items()

    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Family")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Family")

    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type its name").fill("Family ")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("List 'Family' is deleted")).to_be_visible()
    assert api.get("/lists").json()["metadata"]["total"] == 0


def test_a_list_whose_name_was_typed_wrongly_stays(api: Client, page: Page) -> None:
    made = api.create_list("Friends")
    page.goto(f"/console/lists/{made['sid']}")

    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type its name").fill("friends")
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_role("alert")).to_contain_text("is not 'Friends'; nothing was deleted.")
    assert api.get(f"/lists/{made['sid']}").status_code == 200


def test_a_name_that_is_taken_is_refused_where_it_was_typed(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")

    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill("Friends")
    page.get_by_role("button", name="Make the list").click()

    expect(page.get_by_role("alert")).to_have_text("A list named 'Friends' exists.")
    assert names_shown(page) == ["Friends"]


def test_lists_are_sorted_by_each_heading_both_ways(api: Client, page: Page) -> None:
    filled(api, "b", 3)
    api.create_list("a")
    api.create_list("c")
    page.goto("/console/lists")

    shown = {}
    for heading in ("Contacts", "Contacts", "Name", "Name"):
        page.get_by_role("columnheader", name=heading).get_by_role("link").click()
        page.wait_for_load_state()
        shown[page.url.partition("sort=")[2]] = names_shown(page)

    assert shown["-contact_count"][0] == "b"
    assert shown["contact_count"][-1] == "b"
    assert (shown["name"], shown["-name"]) == (["a", "b", "c"], ["c", "b", "a"])


def test_lists_are_found_while_one_types(api: Client, page: Page) -> None:
    for name in ("Customers", "Suppliers", "Custodians"):
        api.create_list(name)
    page.goto("/console/lists")

    page.get_by_label("Name contains").press_sequentially("cust")

    expect(page.locator("tbody th a")).to_have_text(["Custodians", "Customers"])
    page.reload()
    expect(page.locator("tbody th a")).to_have_text(["Custodians", "Customers"])


def test_a_search_can_be_gone_back_from(api: Client, page: Page) -> None:
    for name in ("Customers", "Suppliers"):
        api.create_list(name)
    page.goto("/console/lists")
    page.get_by_label("Name contains").fill("cust")
    expect(page.locator("tbody th a")).to_have_text(["Customers"])
    page.get_by_label("Name contains").fill("supp")
    expect(page.locator("tbody th a")).to_have_text(["Suppliers"])

    page.go_back()

    expect(page.locator("tbody th a")).to_have_text(["Customers"])
    expect(page.get_by_role("heading", name="Lists")).to_be_visible()


def test_a_search_that_is_refused_says_so_in_its_place(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")

    page.get_by_label("Name contains").fill("x" * 300)

    expect(page.locator("#results").get_by_role("alert")).to_contain_text("at most 255 are allowed")
    expect(page.get_by_role("banner")).to_have_count(1)


def test_any_page_is_there_at_once(api: Client, page: Page) -> None:
    made, _ = filled(api, "Long", 320)
    api.delete(f"/lists/{made}/contacts/{api.get(f'/lists/{made}/contacts').json()['response'][0]['data']['sid']}")
    page.goto(f"/console/lists/{made}")
    expect(page.get_by_text("319 contacts").first).to_be_visible()

    page.get_by_role("link", name="Last").click()
    expect(page.locator("tbody tr")).to_have_count(19)
    expect(page.locator("tbody tr").last.get_by_role("link")).to_have_text(NUMBERS[319])
    page.get_by_label("Page", exact=True).fill("4")
    page.get_by_label("Page", exact=True).press("Enter")
    expect(page.locator("tbody tr").first).to_contain_text(NUMBERS[151])
    page.get_by_label("Position").fill("200")
    page.get_by_label("Position").press("Enter")
    expect(page.locator("tbody tr").last).to_contain_text(NUMBERS[200])
    page.get_by_role("link", name="Previous").click()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr").last).to_contain_text(NUMBERS[200])


@pytest.mark.parametrize("query", ["page=99", "position=100000", "page=999999999999999999"])
def test_a_page_beyond_the_end_leads_to_the_last(query: str, api: Client, server: Server, enter: Enter) -> None:
    made, _ = filled(api, "Long", 60)

    answer = enter(server, api).get(f"/console/lists/{made}?{query}")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/lists/{made}?page=2")


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=0", "position=0", "limit=7", "limit=x", "page=٣"])
def test_nonsense_in_an_address_shows_the_first_page(query: str, api: Client, server: Server, enter: Enter) -> None:
    made, _ = filled(api, "Long", 60)

    answer = enter(server, api).get(f"/console/lists/{made}?{query}")

    assert answer.status_code == 200
    assert re.findall(r"\+9198450\d{5}</a>", answer.text) == [f"{number}</a>" for number in NUMBERS[:50]]


def test_contacts_are_found_by_number_name_and_tag(api: Client, page: Page) -> None:
    contacts = [
        {"number": NUMBERS[0], "first_name": "Asha", "tag": "vip"},
        {"number": NUMBERS[1], "first_name": "Ravi", "tag": "vip"},
        {"number": NUMBERS[2], "first_name": "Tasha"},
    ]
    sids = [contact["sid"] for contact in api.create_contacts(*contacts)]
    made = api.create_list()["sid"]
    api.add_members(made, *sids)
    page.goto(f"/console/lists/{made}")
    numbers = page.locator("tbody th a")

    page.get_by_label("Name contains").fill("asha")
    expect(numbers).to_have_text([NUMBERS[0], NUMBERS[2]])
    page.get_by_label("Tag is").fill("vip")
    expect(numbers).to_have_text([NUMBERS[0]])
    page.get_by_label("Name contains").fill("")
    expect(numbers).to_have_text(NUMBERS[:2])
    page.get_by_label("Tag is").fill("")
    page.get_by_label("Number is").fill("098450 00002")
    expect(numbers).to_have_text([NUMBERS[2]])
    page.get_by_label("Number is").fill("12")
    expect(page.get_by_role("alert")).to_contain_text("is not a phone number")


def test_a_list_of_another_account_is_not_there(
    api: Client, connect: Callable[..., Client], server: Server, enter: Enter
) -> None:
    made = api.create_list("Friends")["sid"]
    stranger = enter(server, connect())

    shown = stranger.get(f"/console/lists/{made}")
    deleted = stranger.post(f"/console/lists/{made}/delete", data={"name": "Friends"})

    assert (shown.status_code, deleted.status_code) == (404, 404)
    assert "Friends" not in shown.text
    assert api.get(f"/lists/{made}").status_code == 200
