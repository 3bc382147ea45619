"""What a page does once its browser is signed in to another account: nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client
from tests.console.conftest import sign_in
from tests.console.list_page import filled
from tests.console.upload_page import choose, name_list, press_upload


@pytest.fixture
def other(connect: Callable[..., Client]) -> Client:
    """Another account, which somebody may sign in to in another tab."""
    return connect()


def test_a_form_that_was_filled_in_for_one_account_changes_no_other(api: Client, other: Client, page: Page) -> None:
    page.goto("/console/contacts?open=new-contact")
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    sign_in(page, other)

    page.get_by_role("button", name="Make the contact").click()

    expect(page.get_by_role("alert")).to_contain_text(f"You are signed in to another account now, {other.account};")
    assert [each.get("/contacts").json()["metadata"]["total"] for each in (api, other)] == [0, 0]


def test_a_file_that_was_chosen_for_one_account_is_uploaded_to_no_other(other: Client, page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, f"number\n{NUMBERS[0]}\n".encode())
    name_list(page, "Friends")
    sign_in(page, other)

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")
    expect(page.get_by_label("To the list")).to_have_value("Friends")
    assert other.get("/csv-status").json()["metadata"]["total"] == 0


def test_what_is_found_in_another_account_is_not_shown_as_of_this_one(api: Client, other: Client, page: Page) -> None:
    other.create_contacts({"number": NUMBERS[0], "first_name": "Asha"})
    page.goto("/console/contacts")
    expect(page.get_by_text(api.account, exact=True)).to_be_visible()
    sign_in(page, other)

    page.get_by_label("Number, or part of a name").fill("Asha")

    expect(page.get_by_text(other.account, exact=True)).to_be_visible()


@pytest.mark.sqlite
def test_a_form_that_names_lists_stays_once_its_browser_is_signed_in_to_another_account(
    api: Client, other: Client, page: Page
) -> None:
    page.goto("/console/uploads/new")
    choose(page, f"number\n{NUMBERS[0]}\n".encode())
    sign_in(page, other)

    name_list(page, "Friends")

    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")
    expect(page.get_by_text(api.account, exact=True)).to_be_visible()
    expect(page.locator("[data-summary]")).to_contain_text("contacts.csv")
    sign_in(page, api)
    name_list(page, "Family")
    expect(page.get_by_role("alert")).to_have_count(0)
    press_upload(page)


@pytest.mark.sqlite
def test_a_list_to_copy_to_is_suggested_from_no_other_account(api: Client, other: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 2)
    page.goto(f"/console/lists/{made}")
    page.get_by_label(f"Tick {NUMBERS[0]}").check()
    sign_in(page, other)

    with page.expect_response("**/console/lists/names?*"):
        page.get_by_label("To list").fill("Family")

    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")
    expect(page.get_by_label(f"Tick {NUMBERS[0]}")).to_be_checked()
    expect(page.get_by_label("To list")).to_have_value("Family")


def test_every_form_names_the_account_that_it_is_of(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    api.add_members(made, contact["sid"])
    upload = api.upload(f"number\n{NUMBERS[0]}\n".encode()).json()["response"]["data"]["summary"]["upload_id"]
    paths = ("contacts", f"contacts/{contact['sid']}", "lists", f"lists/{made}", "uploads/new", f"uploads/{upload}")

    sent = [path for each in paths for path in sent_to(page, f"/console/{each}")]
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    sent += page.locator("main").evaluate(ACTIONS)

    assert len(sent) == 11
    assert [path for path in sent if not path.endswith(f"?account={api.account}")] == []


ACTIONS = """
    main => [...main.querySelectorAll("form[method=post], [formaction]")]
        .map(each => each.getAttribute("formaction") ?? each.getAttribute("action"))
"""


def sent_to(page: Page, path: str) -> list[str]:
    """Where the forms of a page are sent to."""
    page.goto(path)
    actions: list[str] = page.locator("main").evaluate(ACTIONS)
    return actions
