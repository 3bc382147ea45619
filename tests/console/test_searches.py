"""Searches in lists and among their contacts: what is looked for when, what is said of it, and the way back."""

import pytest
from playwright.sync_api import Page, expect

from dialbook.console import members
from tests.conftest import NUMBERS, Client
from tests.console.conftest import hold, queries
from tests.console.list_page import filled, names_shown


def test_lists_are_found_while_one_types(api: Client, page: Page) -> None:
    for name in ("Customers", "Suppliers", "Custodians"):
        api.create_list(name)
    page.goto("/console/lists")

    page.get_by_label("Name contains").press_sequentially("cust")

    expect(page.locator("tbody th a")).to_have_text(["Custodians", "Customers"])
    page.reload()
    expect(page.locator("tbody th a")).to_have_text(["Custodians", "Customers"])


def test_how_much_a_search_found_is_read_out_and_no_row(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 5)
    api.put(f"/contacts/{sids[1]}", {"tag": "vip"})
    page.goto(f"/console/lists/{made}")
    read_out = page.locator("main [aria-live]").first
    expect(read_out).to_have_text("")

    page.get_by_label("Tag is").fill("vip")
    expect(read_out).to_have_text("1 contact")
    page.get_by_label("Tag is").fill("nobody")
    expect(read_out).to_have_text("Nobody in this list matches.")

    expect(page.locator("[aria-live] table")).to_have_count(0)


def test_a_search_can_be_gone_back_from(api: Client, page: Page) -> None:
    for name in ("Customers", "Suppliers"):
        api.create_list(name)
    page.goto("/console/lists")
    search = page.get_by_label("Name contains")
    for typed in ("custom", "cust", "suppl", "supp"):
        with page.expect_response(f"**/console/lists?name={typed}"):
            search.fill(typed)
        if typed in {"cust", "supp"}:
            with page.expect_response(f"**/console/lists?name={typed}"):
                search.press("Enter")
    expect(page.locator("tbody th a")).to_have_text(["Suppliers"])

    page.go_back()
    expect(page.locator("tbody th a")).to_have_text(["Customers"])
    expect(page.get_by_role("heading", name="Lists")).to_be_visible()
    page.go_back()
    expect(page.locator("tbody th a")).to_have_text(["Customers", "Suppliers"])


@pytest.mark.sqlite
def test_what_cannot_be_gone_back_to_is_not_shown_as_what_is_left(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")
    with page.expect_response("**/console/lists?name=nobody"):
        page.get_by_label("Name contains").fill("nobody")
    expect(page.locator("tbody th a")).to_have_count(0)
    page.route("**/console/lists", lambda route: route.fulfill(status=503, body="There is too much to do."))

    page.go_back()

    expect(page.locator("body")).to_have_text("There is too much to do.")


@pytest.mark.sqlite
def test_a_search_that_a_proxy_answers_without_a_word_says_so_in_its_place(page: Page) -> None:
    page.goto("/console/lists")
    page.route("**/console/lists?*", lambda route: route.fulfill(status=502))

    page.get_by_label("Name contains").fill("Friends")

    expect(page.locator("#results").get_by_role("alert")).to_have_text("It did not work: HTTP 502.")


def test_a_search_that_is_refused_says_so_in_its_place(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")

    page.get_by_label("Name contains").fill("x" * 300)

    expect(page.locator("#results").get_by_role("alert")).to_contain_text("at most 255 are allowed")
    expect(page.get_by_role("banner")).to_have_count(1)


@pytest.mark.sqlite
def test_a_text_that_is_far_too_long_is_refused_in_words(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    refused = page.locator("#results").get_by_role("alert")

    for path, label in (("contacts", "Number, or part"), ("lists", "Name contains"), (f"lists/{made}", "Tag is")):
        page.goto(f"/console/{path}")
        page.get_by_label(label).focus()
        page.keyboard.insert_text("\N{DEVANAGARI LETTER A}" * 9000)
        expect(refused).to_contain_text("at most 255 are allowed")
    page.get_by_label("Name contains").focus()
    page.keyboard.insert_text("\N{DEVANAGARI LETTER A}" * 9000)  # with the tag more than an address may have

    expect(refused).to_have_text("It did not work: HTTP 414.")


def test_a_search_that_reaches_no_server_says_so_until_one_does(api: Client, page: Page) -> None:
    for name in ("Customers", "Suppliers"):
        api.create_list(name)
    page.goto("/console/lists")

    page.context.set_offline(True)
    page.get_by_label("Name contains").fill("cust")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.context.set_offline(False)
    page.get_by_label("Name contains").fill("custo")

    expect(page.locator("tbody th a")).to_have_text(["Customers"])
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.sqlite
def test_a_search_that_a_server_never_answers_says_so(page: Page) -> None:
    page.goto("/console/lists")
    page.evaluate("TIMEOUTS_MS.get = 50")
    hold(page, "**/console/lists?*")

    page.get_by_label("Name contains").fill("cust")

    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")


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
    page.get_by_label("Number is").press("Tab")
    expect(numbers).to_have_text([NUMBERS[2]])
    page.get_by_label("Number is").fill("12")
    page.get_by_label("Number is").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("is not a phone number")


def test_a_number_is_looked_for_once_it_is_whole(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 3)
    page.goto(f"/console/lists/{made}")
    numbers, asked = page.locator("tbody th a"), queries(page)
    page.evaluate("addEventListener('htmx:trigger', () => { document.body.dataset.is = 'triggered'; })")

    page.get_by_label("Number is").fill("+9")
    expect(page.locator("body")).to_have_attribute("data-is", "triggered")
    page.get_by_label("Number is").fill(NUMBERS[1])
    page.get_by_label("Number is").press("Tab")
    expect(numbers).to_have_text([NUMBERS[1]])
    page.get_by_label("Number is").fill("")
    expect(numbers).to_have_count(3)

    assert asked == [f"name=&number=%2B{NUMBERS[1][1:]}&tag=", "name=&number=&tag="]


def test_a_tag_with_blanks_around_it_is_found(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 3)
    api.put(f"/contacts/{sids[1]}", {"tag": " vip "})
    page.goto(f"/console/lists/{made}")

    page.get_by_label("Tag is").fill(" vip ")
    expect(page.locator("tbody th a")).to_have_text([NUMBERS[1]])
    page.get_by_label("All 1 that match").check()
    page.get_by_role("button", name="Remove from the list").click()

    expect(page.get_by_role("heading", name="Remove 1 contact?")).to_be_visible()


def test_of_many_who_match_some_are_counted_and_all_are_meant(
    api: Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "COUNTED", 40)
    made, sids = filled(api, "Long", 70)
    for sid in sids[:60]:
        api.put(f"/contacts/{sid}", {"first_name": "Asha"})
    page.goto(f"/console/lists/{made}?name=asha&limit=20&page=2")

    expect(page.locator(".total")).to_have_text("More than 40 contacts")
    expect(page.get_by_text("Narrow the search to see the others.")).to_be_visible()
    assert names_shown(page) == NUMBERS[20:40]
    assert api.get(f"/lists/{made}/contacts", name="asha").json()["metadata"]["total"] == 60
    page.get_by_label("All that match").check()
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_role("heading", name="Remove 60 contacts?")).to_be_visible()
    page.goto(f"/console/lists/{made}?limit=20&page=4")
    expect(page.locator(".total")).to_have_text("70 contacts")


def test_a_name_of_two_characters_is_looked_for_when_that_is_asked_for(api: Client, page: Page) -> None:
    contacts = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha"}, {"number": NUMBERS[1], "tag": "vip"})
    made = api.create_list()["sid"]
    api.add_members(made, *(contact["sid"] for contact in contacts))
    page.goto(f"/console/lists/{made}")
    numbers = page.locator("tbody th a")
    asked = queries(page)
    page.evaluate("addEventListener('htmx:trigger', () => { document.body.dataset.is = 'triggered'; })")

    page.get_by_label("Name contains").fill("as")
    expect(page.locator("body")).to_have_attribute("data-is", "triggered")
    page.get_by_role("button", name="Search").click()
    expect(numbers).to_have_text([NUMBERS[0]])
    page.get_by_label("Name contains").fill("")
    expect(numbers).to_have_count(2)
    page.get_by_label("Tag is").fill("vip")
    expect(numbers).to_have_text([NUMBERS[1]])

    assert asked == ["name=as&number=&tag=", "name=&number=&tag=", "name=&number=&tag=vip"]
