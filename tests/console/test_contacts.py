"""The address book: found, made, changed, deleted."""

import html
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from dialbook.console import contacts
from dialbook.console.form import FORM_BYTES
from tests.conftest import NUMBERS, Client, Server
from tests.console.conftest import Enter, queries, sign_in
from tests.console.list_page import filled

FIELDS = ["Number", "First name", "Last name", "Tag"]


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


@pytest.mark.sqlite
def test_enter_pressed_twice_deletes_nothing(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[1]})
    path = f"/contacts/{contact['sid']}"
    page.goto(f"/console{path}")

    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert api.get(path).status_code == 200


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


def test_the_lists_of_a_contact_come_in_pages(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[1]})
    names = [f"List {i:02}" for i in range(51)]
    made = api.post("/lists", {"lists": [{"name": name} for name in names]}).json()["response"]
    for each in made:
        api.add_members(each["data"]["sid"], contact["sid"])

    page.goto(f"/console/contacts/{contact['sid']}")

    lists = page.get_by_role("region", name="In 51 lists")
    expect(lists.get_by_role("listitem")).to_have_text(names[:50])
    lists.get_by_role("link", name="Next").click()
    expect(lists.get_by_role("listitem")).to_have_text(names[50:])
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("out of 51 lists too")


def test_of_many_who_match_some_are_counted_and_shown(api: Client, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "COUNTED", 40)
    api.create_contacts(*({"number": number, "first_name": "Asha"} for number in NUMBERS[:60]))
    page.goto("/console/contacts?search=asha&limit=20")

    expect(page.locator(".total")).to_have_text("More than 40 contacts")
    expect(page.get_by_role("link", name="Last")).to_have_count(0)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Narrow the search to see the others.")).to_be_visible()
    assert page.locator("tbody th a").all_inner_texts() == NUMBERS[39:19:-1]
    page.goto("/console/contacts?search=asha&limit=20&page=3")
    expect(page.get_by_label("Page", exact=True)).to_have_value("2")
    page.goto("/console/contacts?limit=20&page=3")
    expect(page.locator(".total")).to_have_text("60 contacts")
    assert page.locator("tbody th a").all_inner_texts() == NUMBERS[19::-1]
    assert api.get("/contacts", name="asha").json()["metadata"]["total"] == 60


def test_a_name_of_two_characters_is_looked_for_when_that_is_asked_for(api: Client, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0], "first_name": "李明"}, {"number": NUMBERS[1], "first_name": "Asha"})
    page.goto("/console/contacts")
    field, numbers = page.get_by_label("Number, or part of a name"), page.locator("tbody th a")
    asked = queries(page)
    page.evaluate("addEventListener('htmx:trigger', () => { document.body.dataset.is = 'triggered'; })")

    field.fill("李明")
    expect(page.locator("body")).to_have_attribute("data-is", "triggered")
    field.press("Enter")
    expect(numbers).to_have_text([NUMBERS[0]])
    field.fill("ash")
    expect(numbers).to_have_text([NUMBERS[1]])
    field.fill("")
    expect(numbers).to_have_count(2)

    assert asked == ["search=%E6%9D%8E%E6%98%8E", "search=ash", "search="]


def test_without_scripts_a_contact_is_made_changed_and_deleted(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto("/console/contacts")

    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill("12")
    page.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("alert")).to_contain_text("is not a phone number")
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    page.get_by_role("button", name="Make the contact").click()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Last name").fill("Iyer")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Iyer")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_role("status")).to_have_text(f"{NUMBERS[0]} is deleted, out of every list too.")


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
    expect(page.locator("#results").get_by_text("Nobody has this number")).to_be_visible()


def test_a_search_by_number_shows_no_request_but_for_that_contact(api: Client, page: Page) -> None:
    first, _ = api.create_contacts({"number": NUMBERS[0]}, {"number": NUMBERS[1]})
    requests = page.locator(".requests")

    page.goto(f"/console/contacts?search=%2B{NUMBERS[0][1:]}")
    expect(requests).to_contain_text(f"/contacts/{first['sid']}")
    expect(requests).not_to_contain_text("Read this page")
    page.goto(f"/console/contacts?search=%2B{NUMBERS[2][1:]}")
    expect(requests).to_contain_text("Make a contact")
    expect(requests).not_to_contain_text("Read")


@pytest.mark.parametrize(
    "around", ["\u202a{}\u202c", "\u2066{}\u2069", "\u200e{}\u200f", " \u202a {} \u202c\n", "\ufeff{}\u200b"]
)
def test_a_number_is_found_with_what_is_unseen_around_it(
    around: str, api: Client, server: Server, enter: Enter
) -> None:
    made, (sid,) = filled(api, "Friends", 1)
    http = enter(server, api)

    for path, field in (("/console/contacts", "search"), (f"/console/lists/{made}", "number")):
        found = http.get(path, params={field: around.format("+91 98450 00000")}).text
        assert f"/console/contacts/{sid}" in found
    exported = http.get(f"/console/lists/{made}/export", params={"number": around.format(NUMBERS[0])})
    assert NUMBERS[0] in exported.text


@pytest.mark.parametrize("search", ["%00", "x" * 256])
def test_what_no_name_can_be_is_refused_where_it_is_looked_for(
    search: str, api: Client, server: Server, enter: Enter
) -> None:
    list_sid = api.create_list()["sid"]
    http = enter(server, api)

    book = http.get(f"/console/contacts?search={search}")
    members = http.get(f"/console/lists/{list_sid}?name={search}")
    export = http.get(f"/console/lists/{list_sid}/export?name={search}")
    lists = http.get(f"/console/lists/names?list_name={search}")

    assert [answer.status_code for answer in (book, members, export, lists)] == [200, 200, 400, 200]
    said = "characters; at most 255" if len(search) > 255 else "holds a character that cannot be stored"
    assert [said in answer.text for answer in (book, members, export, lists)] == [True, True, True, False]


def test_a_new_contact_that_is_refused_keeps_what_was_typed(api: Client, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0]})
    page.goto("/console/contacts")
    dialog = page.get_by_role("dialog", name="New contact")

    page.get_by_role("button", name="New contact").click()
    dialog.get_by_label("Number", exact=True).fill(NUMBERS[0])
    dialog.get_by_label("First name").fill("<Asha> ")
    dialog.get_by_label("Custom fields").fill('{"city": "Pune"}')
    dialog.get_by_role("button", name="Make the contact").click()

    expect(dialog.get_by_role("alert")).to_have_text(f"A contact with number '{NUMBERS[0]}' exists.")
    expect(dialog.get_by_label("First name")).to_have_value("<Asha> ")
    expect(dialog.get_by_label("Custom fields")).to_have_value('{"city": "Pune"}')
    assert dialog.evaluate("dialog => dialog.matches(':modal')")
    dialog.get_by_label("Number", exact=True).fill(NUMBERS[1])
    dialog.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("status")).to_have_text(f"{NUMBERS[1]} is in the address book.")


def test_an_edit_that_is_refused_keeps_what_was_typed(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha", "tag": "vip"})
    page.goto(f"/console/contacts/{contact['sid']}")
    dialog = page.get_by_role("dialog", name="Edit the contact")

    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Number", exact=True).fill("12")
    dialog.get_by_label("First name").fill("")
    dialog.get_by_label("Last name").fill("Iyer")
    dialog.get_by_role("button", name="Save").click()

    expect(dialog.get_by_role("alert")).to_contain_text("is not a phone number")
    shown = {name: dialog.get_by_label(name, exact=True).input_value() for name in FIELDS}
    assert shown == {"Number": "12", "First name": "", "Last name": "Iyer", "Tag": "vip"}
    expect(page.get_by_role("heading", level=1, include_hidden=True)).to_have_text("Asha")  # behind
    dialog.get_by_label("Number", exact=True).fill(NUMBERS[0])
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Iyer")


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_form_that_is_too_large_is_refused(is_announced: bool, api: Client, server: Server, enter: Enter) -> None:
    body = b"number=" + NUMBERS[0].encode() + b"&last_name=" + b"x" * FORM_BYTES
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    content = body if is_announced else iter([body[:100], body[100:]])

    answer = enter(server, api).post("/console/contacts", content=content, headers=headers)

    assert answer.status_code == 413
    assert f"larger than {FORM_BYTES} bytes" in answer.text
    assert api.get("/contacts").json()["metadata"]["total"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "custom_field must be an object or null."),
        ('"x"', "custom_field must be an object or null."),
        ("{", "custom_field is no JSON: Input data was truncated."),
        ('{city: "Pune"}', "custom_field is no JSON: expected '\"' (byte 1)."),
        ('{"city": "Pune",}', "custom_field is no JSON: trailing comma in object (byte 16)."),
        ("Pune", "custom_field is no JSON: invalid character (byte 0)."),
        ('{"a":1e999}', "custom_field holds a value that cannot be stored."),
        ('{"a":' * 50 + "1" + "}" * 50, "custom_field is nested deeper than"),
        ("[" * 20_000 + "]" * 20_000, "custom_field holds a value that cannot be stored."),
    ],
    ids=range(9),
)
def test_custom_fields_that_are_no_object_are_refused(
    text: str, said: str, api: Client, server: Server, enter: Enter
) -> None:
    answer = enter(server, api).post("/console/contacts", data={"number": NUMBERS[0], "custom_field": text})

    refusal = html.unescape(re.findall('role="alert">(.+?)<', answer.text)[0])
    assert (answer.status_code, refusal[: len(said)]) == (400, said)
    assert api.get("/contacts").json()["metadata"]["total"] == 0
