"""The address book: found, made, changed, deleted."""

from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server
from tests.console.conftest import Enter


def test_a_contact_is_made_changed_and_deleted(api: Client, page: Page) -> None:
    page.goto("/console/contacts")
    expect(page.get_by_text("The address book is empty.")).to_be_visible()

    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill("098450 00001")
    page.get_by_label("First name").fill("Asha")
    page.get_by_label("Custom fields").fill('{"city": "Pune", "age": 41}')
    page.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("status")).to_have_text(f"{NUMBERS[1]} is in the address book.")
    expect(page.get_by_role("row", name="city Pune")).to_be_visible()
    expect(page.get_by_role("row", name="age 41")).to_be_visible()

    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Last name").fill("Iyer")
    page.get_by_label("First name").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Iyer")
    (found,) = api.get("/contacts").json()["response"]
    wanted = {
        "number": NUMBERS[1],
        "first_name": None,
        "last_name": "Iyer",
        "custom_field": {"city": "Pune", "age": 41},
    }
    assert wanted.items() <= found["data"].items()

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("status")).to_have_text(f"{NUMBERS[1]} is deleted, out of every list too.")
    assert api.get("/contacts").json()["metadata"]["total"] == 0


def test_a_contacts_page_shows_the_lists_that_it_is_in(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[1]})
    for name in ("Friends", "Family"):
        api.add_members(api.create_list(name)["sid"], contact["sid"])
    api.create_list("Others")

    page.goto(f"/console/contacts/{contact['sid']}")

    lists = page.get_by_role("region", name="In 2 lists").get_by_role("link")
    assert lists.all_inner_texts() == ["Family", "Friends"]
    lists.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Family")


def test_contacts_are_found_by_number_or_name(api: Client, page: Page) -> None:
    api.create_contacts(
        {"number": NUMBERS[0], "first_name": "Asha"},
        {"number": NUMBERS[1], "last_name": "Masham"},
        {"number": NUMBERS[2]},
    )
    page.goto("/console/contacts")
    numbers = page.locator("tbody th a")
    expect(numbers).to_have_count(3)

    page.get_by_label("Number, or part of a name").fill("ASHA")
    expect(numbers).to_have_count(2)
    page.get_by_label("Number, or part of a name").fill(NUMBERS[2].replace("+91", "0"))
    expect(numbers).to_have_text([NUMBERS[2]])
    page.get_by_label("Number, or part of a name").fill("nobody")
    expect(page.get_by_text("Nobody has this number")).to_be_visible()


def test_a_number_that_is_taken_is_refused(api: Client, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0]})
    page.goto("/console/contacts")

    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    page.get_by_role("button", name="Make the contact").click()

    expect(page.get_by_role("alert")).to_have_text(f"A contact with number '{NUMBERS[0]}' exists.")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha"})
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Last name").fill("Iyer")
    api.put(f"/contacts/{contact['sid']}", {"tag": "vip"})

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this contact meanwhile")
    found = api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]
    assert (found["last_name"], found["tag"]) == (None, "vip")


def test_custom_fields_that_are_no_object_are_refused(api: Client, server: Server, enter: Enter) -> None:
    http = enter(server, api)

    for text in ("[1]", "{", '"x"', "{" + '"a":' * 50 + "1" + "}" * 50):
        answer = http.post("/console/contacts", data={"number": NUMBERS[0], "custom_field": text})
        assert (answer.status_code, "custom_field" in answer.text) == (400, True)
    assert api.get("/contacts").json()["metadata"]["total"] == 0
