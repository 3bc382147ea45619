"""Lists: seen, sorted, searched, made, renamed, deleted, a page of their contacts at any depth."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server, work_off
from tests.console.conftest import DESK, PHONE, Enter, sign_in
from tests.console.list_page import filled, names_shown


def test_a_list_is_made_renamed_and_deleted(api: Client, page: Page) -> None:
    page.goto("/console/lists")
    expect(page.get_by_text("There is no list yet.")).to_be_visible()

    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill("May/June")
    page.get_by_label("Tag").fill("q4")
    page.get_by_label("Dynamic").check()
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_have_text("List 'May/June' is made.")
    (made,) = api.get("/lists").json()["response"]
    assert {"name": "May/June", "tag": "q4", "type": "dynamic"}.items() <= made["data"].items()

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

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("is not 'Friends'; nothing was deleted.")
    expect(page.get_by_label("Type its name")).to_have_value("friends")
    assert api.get(f"/lists/{made['sid']}").status_code == 200


@pytest.mark.parametrize("name", ["A\nB", "A  B", "A\tB"])
def test_a_list_is_deleted_by_its_name_as_it_is_shown(name: str, api: Client, page: Page) -> None:
    made = api.create_list(name)
    page.goto(f"/console/lists/{made['sid']}")

    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type its name").fill(page.get_by_role("dialog").locator("strong").inner_text())
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_text("is deleted")).to_be_visible()
    assert api.get(f"/lists/{made['sid']}").status_code == 404


def test_a_name_that_is_taken_is_refused_where_it_was_typed(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")

    dialog = page.get_by_role("dialog", name="New list")

    page.get_by_role("button", name="New list").click()
    dialog.get_by_label("Name", exact=True).fill("Friends")
    dialog.get_by_label("Tag").fill("q4")
    dialog.get_by_label("Dynamic").check()
    dialog.get_by_role("button", name="Make the list").click()

    expect(dialog.get_by_role("alert")).to_have_text("A list named 'Friends' exists.")
    expect(dialog.get_by_label("Tag")).to_have_value("q4")
    expect(dialog.get_by_label("Dynamic")).to_be_checked()
    dialog.get_by_label("Name", exact=True).fill("Family")
    dialog.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_have_text("List 'Family' is made.")


def test_a_new_name_that_is_taken_is_refused_where_it_was_typed(api: Client, page: Page) -> None:
    api.create_list("Friends")
    made = api.create_list("Family")
    page.goto(f"/console/lists/{made['sid']}/pictures")
    dialog = page.get_by_role("dialog", name="Edit the list")

    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Name", exact=True).fill("Friends")
    dialog.get_by_label("Tag").fill("q4")
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_role("alert")).to_have_text("A list named 'Friends' exists.")
    expect(dialog.get_by_label("Tag")).to_have_value("q4")
    dialog.get_by_label("Name", exact=True).fill("Colleagues")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Colleagues")


def test_without_scripts_a_list_is_made_renamed_and_deleted(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto("/console/lists")

    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill("Friends")
    page.get_by_role("button", name="Make the list").click()
    page.get_by_role("link", name="Growth and make-up").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Family")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Family")
    for typed in ("Friends", "Family"):
        if page.get_by_role("dialog").count() == 0:
            page.get_by_role("button", name="Delete").click()
        page.get_by_label("Type its name").fill(typed)
        page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_text("List 'Family' is deleted")).to_be_visible()


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


@pytest.mark.sqlite
def test_the_request_beside_lists_by_size_says_that_its_order_is_another(
    api: Client, server: Server, enter: Enter
) -> None:
    http = enter(server, api)

    by_size, by_name = (http.get(f"/console/lists?sort={field}").text for field in ("-contact_count", "-name"))

    assert "Read this page" in by_name
    assert "Read this page" not in by_size
    assert "in the order in which they were made; the API cannot order by size" in by_size


@pytest.mark.sqlite
def test_on_a_phone_lists_are_sorted_and_a_page_is_ticked(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    filled(api, "b", 3)
    api.create_list("a")
    page = new_page(server, viewport=PHONE)
    sign_in(page, api)
    page.goto("/console/lists")

    page.get_by_role("link", name="Contacts", exact=True).last.click()
    expect(page.locator("tbody th a")).to_have_text(["b", "a"])
    page.get_by_role("link", name="b", exact=True).click()
    page.get_by_label("Tick all on this page").check()

    expect(page.get_by_text("3 ticked")).to_be_visible()


def test_times_say_of_which_zone_they_are(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["date_created"]
    page.goto("/console/lists")

    expect(page.locator("tbody time").first).to_have_text(f"{made[:16].replace('T', ' ')} UTC")


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


def test_whatever_comes_in_pages_leads_to_its_last(api: Client, server: Server, enter: Enter) -> None:
    made, sids = filled(api, "Long", 2)
    upload = api.upload(b"number\nnone\n").json()["response"]["data"]["summary"]["upload_id"]
    http = enter(server, api)

    paths = ["contacts", f"contacts/{sids[0]}", "lists", f"lists/{made}", "uploads", f"uploads/{upload}"]
    leads = [http.get(f"/console/{path}?page=9").headers["location"] for path in paths]
    shown = [http.get(lead).status_code for lead in leads]

    work_off(server)
    assert [lead.partition("?")[0] for lead in leads] == [f"/console/{path}" for path in paths]
    assert shown == [200] * len(paths)


def test_the_way_to_other_pages_keeps_how_many_are_on_each(api: Client, server: Server, enter: Enter) -> None:
    (contact,) = api.create_contacts(*({"number": number} for number in NUMBERS[:1]))
    lists = api.post("/lists", {"lists": [{"name": f"List {i:02}"} for i in range(41)]}).json()["response"]
    for each in lists:
        api.add_members(each["data"]["sid"], contact["sid"])
    made = lists[0]["data"]["sid"]
    more = api.create_contacts(*({"number": number} for number in NUMBERS[1:41]))
    api.add_members(made, *(each["sid"] for each in more))
    rows = "".join(f"{i}\n" for i in range(10, 51))
    upload = api.upload(f"number\n{rows}".encode(), "List 00").json()["response"]["data"]["summary"]["upload_id"]
    work_off(server)
    http = enter(server, api)

    paths = ["contacts", f"contacts/{contact['sid']}", "lists", f"lists/{made}", f"uploads/{upload}"]
    shown = [http.get(f"/console/{path}?page=2&limit=20").text for path in paths]
    following = [re.findall(r'href="([^"]*)" rel="next"', text) for text in shown]

    assert following == [[f"/console/{path}?limit=20&amp;page=3"] for path in paths]


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=0", "position=0", "limit=7", "limit=x", "page=٣"])
def test_nonsense_in_an_address_shows_the_first_page(query: str, api: Client, server: Server, enter: Enter) -> None:
    made, _ = filled(api, "Long", 60)

    answer = enter(server, api).get(f"/console/lists/{made}?{query}")

    assert answer.status_code == 200
    assert re.findall(r"\+9198450\d{5}</a>", answer.text) == [f"{number}</a>" for number in NUMBERS[:50]]


@pytest.mark.parametrize("viewport", [PHONE, DESK])
def test_what_a_dynamic_list_keeps_of_a_contact_is_read_whole_and_exported(
    viewport: dict[str, int], api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    kept = "Ground floor, behind the temple, " * 7
    api.upload(f'number,address,shift\n{NUMBERS[0]},"{kept}",night\n'.encode(), "Drivers", type="dynamic")
    work_off(server)
    page = new_page(server, viewport=viewport)
    sign_in(page, api)
    page.goto("/console/lists")
    page.get_by_role("link", name="Drivers").click()

    pairs = page.locator(".pair")
    expect(pairs).to_have_text([f"address {kept.strip()}", "shift night"])
    assert [pair.evaluate("pair => pair.scrollWidth > pair.clientWidth") for pair in pairs.all()] == [False] * 2
    expect(page.get_by_text("are not in its CSV, but in its NDJSON")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export NDJSON").click()

    assert kept.strip() in downloading.value.path().read_text()


def test_a_list_of_another_account_is_not_there(
    api: Client, connect: Callable[..., Client], server: Server, enter: Enter
) -> None:
    made = api.create_list("Friends")["sid"]
    stranger = enter(server, connect())

    shown = stranger.get(f"/console/lists/{made}")
    deleted = stranger.post(f"/console/lists/{made}/delete", data={"name": "Friends"})

    assert (shown.status_code, deleted.status_code) == (404, 303)  # as one that is gone
    assert "Friends" not in shown.text + deleted.headers["set-cookie"]
    assert api.get(f"/lists/{made}").status_code == 200
