"""What is typed into a form arrives, and what is not typed stays."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client
from tests.console.list_page import filled


@pytest.mark.sqlite
def test_only_a_click_beside_a_dialog_closes_it(page: Page) -> None:
    page.goto("/console/contacts")
    dialog = page.get_by_role("dialog", name="New contact")
    page.get_by_role("button", name="New contact").click()
    edge, field = dialog.bounding_box(), dialog.get_by_label("First name").bounding_box()
    assert edge
    assert field
    beside, middle = edge["x"] - 40, field["y"] + field["height"] / 2

    page.mouse.click(edge["x"] + 6, middle)
    expect(dialog).to_be_visible()
    page.mouse.move(field["x"] + 60, middle)
    page.mouse.down()
    page.mouse.move(beside, middle)
    page.mouse.up()
    expect(dialog).to_be_visible()
    page.mouse.click(beside, middle)
    expect(dialog).to_be_hidden()


@pytest.mark.sqlite
@pytest.mark.parametrize("key", ["Escape", "Enter"])  # on Cancel
def test_a_dialog_that_is_closed_discards_what_was_typed(key: str, api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "tag": "old"})
    page.goto(f"/console/contacts/{contact['sid']}")
    dialog = page.get_by_role("dialog", name="Edit the contact")
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Tag", exact=True).fill("new")
    dialog.get_by_role("button", name="Cancel").focus()

    page.keyboard.press(key)
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Edit").click()

    expect(dialog.get_by_label("Tag", exact=True)).to_have_value("old")


@pytest.mark.sqlite
def test_a_refused_dialog_that_is_closed_opens_anew(page: Page) -> None:
    page.goto("/console/contacts")
    dialog = page.get_by_role("dialog", name="New contact")
    page.get_by_role("button", name="New contact").click()
    dialog.get_by_label("Number", exact=True).fill("12")
    dialog.get_by_role("button", name="Make the contact").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is not a phone number")
    expect(page.locator("dialog:modal")).to_be_visible()  # until then, nothing closes it by a key

    with page.expect_event("load"):
        page.keyboard.press("Escape")
    page.get_by_role("button", name="New contact").click()

    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_label("Number", exact=True)).to_have_value("")


def test_what_somebody_else_changed_in_a_contact_meanwhile_is_not_overwritten(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha"})
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Last name").fill("Iyer")
    api.put(f"/contacts/{contact['sid']}", {"tag": "vip"})

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this contact meanwhile")
    found = api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]
    assert (found["last_name"], found["tag"]) == (None, "vip")
    expect(page.get_by_label("Last name")).to_have_value("Iyer")
    expect(page.get_by_role("row", name="Tag vip", include_hidden=True)).to_have_count(1)  # theirs, behind
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Asha Iyer")
    assert api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]["tag"] == "vip"


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_was_left_alone_in_a_contact_stays_theirs(is_cancelled: bool, api: Client, page: Page) -> None:
    custom = {"city": "Pune", "note": "a\nb"}
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Old", "custom_field": custom})
    theirs = {"first_name": "Theirs", "custom_field": {"city": "Goa"}}
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    api.put(f"/contacts/{contact['sid']}", theirs)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this contact meanwhile")

    if is_cancelled:
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("button", name="Edit").click()
        page.get_by_label("Tag", exact=True).fill("vip")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("is saved")
    found = api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]
    assert (theirs | {"tag": "vip"}).items() <= found.items()


def test_what_a_form_of_a_contact_cannot_show_is_left_as_it_was(api: Client, page: Page) -> None:
    """A field of one line drops line breaks, and blanks around a text are nobody's wish."""
    custom = '{\n  "city": "Pune",\n  "age": 41\n}'
    fields = {"number": NUMBERS[0], "company_name": "ACME\r\nLtd", "first_name": " padded ", "email": "a\rb"}
    body = json.dumps({"contacts": [{**fields, "custom_field": "CUSTOM"}]}).replace('"CUSTOM"', custom)
    headers = {"Content-Type": "application/json"}
    sid = api.request("POST", "/contacts", content=body, headers=headers).json()["response"][0]["data"]["sid"]
    page.goto(f"/console/contacts/{sid}")
    dialog = page.get_by_role("dialog", name="Edit the contact")

    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Tag").fill("vip")
    dialog.get_by_label("Number", exact=True).fill("12")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is not a phone number")
    dialog.get_by_label("Number", exact=True).fill(NUMBERS[0])
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("is saved")

    found = api.get(f"/contacts/{sid}")
    assert (fields | {"tag": "vip"}).items() <= found.json()["response"]["data"].items()
    assert custom in found.text
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Custom fields").fill('{\n"city": "Goa"\n}')
    dialog.get_by_label("Company").fill("ACME")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="city Goa")).to_be_visible()
    found = api.get(f"/contacts/{sid}")
    assert '{\n"city": "Goa"\n}' in found.text
    assert (fields | {"tag": "vip", "company_name": "ACME"}).items() <= found.json()["response"]["data"].items()


def test_what_a_form_of_a_list_cannot_show_is_left_as_it_was(api: Client, page: Page) -> None:
    made = api.create_list("A\nB", tag=" vip ")["sid"]
    page.goto(f"/console/lists/{made}")

    found = []
    for label, typed in (("Tag", "q4"), ("Name", "C")):
        page.get_by_role("button", name="Edit").click()
        page.get_by_label(label, exact=True).fill(typed)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("is saved")
        found.append(api.get(f"/lists/{made}").json()["response"]["data"])
        api.put(f"/lists/{made}", {"tag": " vip "})
        page.reload()

    assert [(each["name"], each["tag"]) for each in found] == [("A\nB", "q4"), ("C", " vip ")]


def test_what_somebody_else_changed_in_a_list_meanwhile_is_not_overwritten(api: Client, page: Page) -> None:
    made, (sid,) = filled(api, "Friends", 1)
    page.goto(f"/console/lists/{made}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    api.put(f"/lists/{made}", {"name": "Family"})

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("alert")).to_contain_text("Somebody else changed this list meanwhile")
    found = api.get(f"/lists/{made}").json()["response"]["data"]
    assert (found["name"], found["tag"]) == ("Family", None)
    expect(page.get_by_label("Tag", exact=True)).to_have_value("vip")
    expect(page.locator("h1")).to_have_text("Family")  # theirs, behind
    api.delete(f"/lists/{made}/contacts/{sid}")  # who comes and goes is another matter
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("is saved")
    found = api.get(f"/lists/{made}").json()["response"]["data"]
    assert (found["name"], found["tag"]) == ("Family", "vip")  # the name was left alone


def test_who_cancels_after_a_refusal_edits_what_is_stored(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    page.goto(f"/console/lists/{made}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    api.put(f"/lists/{made}", {"name": "Family"})
    page.get_by_role("button", name="Save").click()

    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Edit").click()

    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Family")
    expect(page.get_by_label("Tag", exact=True)).to_have_value("")


@pytest.mark.sqlite
def test_what_is_pasted_is_kept_whole(api: Client, page: Page) -> None:
    """A browser counts an emoji twice; of a text that is too long, a refusal says so."""
    page.goto("/console/lists")
    dialog = page.get_by_role("dialog", name="New list")
    page.get_by_role("button", name="New list").click()

    for field, count in (("Name", 255), ("Tag", 200)):
        dialog.get_by_label(field, exact=True).focus()
        page.keyboard.insert_text("😀" * count)
    dialog.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_contain_text("is made")
    page.goto("/console/lists?open=new-list")
    dialog.get_by_label("Name", exact=True).focus()
    page.keyboard.insert_text("x" * 256)
    dialog.get_by_role("button", name="Make the list").click()

    expect(dialog.get_by_role("alert")).to_contain_text("256 characters; at most 255")
    (found,) = api.get("/lists").json()["response"]
    assert (found["data"]["name"], found["data"]["tag"]) == ("😀" * 255, "😀" * 200)


# A browser that is driven keeps no pages; what it says to a page that it kept, when somebody goes back to it, is this.
BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


@pytest.mark.sqlite
def test_who_goes_back_sees_what_is_so_now(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    page.goto("/console/contacts")
    expect(page.get_by_role("link", name=NUMBERS[0])).to_be_visible()
    api.delete(f"/contacts/{contact['sid']}")

    page.evaluate(BACK)

    expect(page.get_by_text("The address book is empty.")).to_be_visible()


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("path", "label"), [("/console/contacts?open=new-contact", "Tag"), ("/console/uploads/new", "To the list")]
)
def test_who_goes_back_to_a_form_finds_what_was_typed(path: str, label: str, page: Page) -> None:
    page.goto(path)
    page.get_by_label(label, exact=True).fill("vip")
    page.evaluate("window.isKept = true")

    page.evaluate(BACK)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("window.isKept")
    expect(page.get_by_label(label, exact=True)).to_have_value("vip")


@pytest.mark.sqlite
def test_who_goes_back_to_what_a_form_led_to_sends_it_no_second_time(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 1)
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    page.evaluate("window.isKept = true")

    page.evaluate(BACK)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("window.isKept")
