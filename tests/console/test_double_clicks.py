"""A button that is pressed twice, as where the line is slow, sends its form once."""

import pytest
from playwright.sync_api import Page, Request, expect

from tests.conftest import NUMBERS, Client
from tests.console.conftest import hold

# A browser that is driven keeps no pages; what it says to a page that it kept, when somebody goes back to it, is this.
BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


def forms_sent(page: Page) -> list[str]:
    """Where each form that a page sends from now on goes."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    return sent


def press_twice(page: Page, button: str, said: str) -> None:
    """Press a button twice before anything is answered, and wait for what is said then."""
    sent = forms_sent(page)
    hold(page, "**/*")
    with page.expect_request("**/*"):
        # As by hand: where there is no time between them, a browser takes two for one.
        page.get_by_role("button", name=button).dblclick(delay=50)
    page.unroute_all()

    expect(page.get_by_role("status")).to_contain_text(said)
    assert len(sent) == 1


@pytest.mark.sqlite
def test_a_contact_is_made_saved_and_deleted_once(page: Page) -> None:
    page.goto("/console/contacts")

    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    press_twice(page, "Make the contact", "is in the address book.")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    press_twice(page, "Save", "is saved.")
    page.get_by_role("button", name="Delete").click()
    press_twice(page, "Delete for good", "is deleted, out of every list too.")


@pytest.mark.sqlite
def test_a_list_is_made_saved_and_deleted_once(page: Page) -> None:
    page.goto("/console/lists")

    page.get_by_role("button", name="New list").click()
    page.get_by_label("Name", exact=True).fill("Friends")
    press_twice(page, "Make the list", "is made.")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    press_twice(page, "Save", "is saved.")
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type its name").fill("Friends")
    press_twice(page, "Delete for good", "is deleted")


@pytest.mark.sqlite
def test_who_signs_out_does_so_once(page: Page) -> None:
    page.goto("/console/contacts")

    press_twice(page, "Sign out", "You are signed out.")


@pytest.mark.sqlite
def test_what_has_led_away_is_not_sent_again_before_the_other_page_is_there(page: Page) -> None:
    page.goto("/console/contacts")
    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    sent = forms_sent(page)
    again = "setTimeout(() => document.querySelector('dialog[open] .main').click())"
    page.evaluate(f"document.addEventListener('htmx:afterRequest', () => {again})")

    page.get_by_role("button", name="Make the contact").click()

    expect(page.get_by_role("status")).to_contain_text("is in the address book.")
    assert len(sent) == 1


@pytest.mark.sqlite
def test_a_page_that_was_kept_sends_its_form_again_once_it_is_gone_back_to(page: Page) -> None:
    page.goto("/console/uploads/new")  # which is not asked for anew then
    sent, button = forms_sent(page), page.get_by_role("button", name="Sign out")
    page.route("**/sign-out", lambda route: route.fulfill(status=204))  # after which a browser stays where it is

    button.click()
    button.click()
    assert len(sent) == 1
    page.evaluate(BACK)
    button.click()

    assert len(sent) == 2


@pytest.mark.sqlite
def test_a_file_can_be_exported_twice_in_a_row(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    api.add_members(made, *(contact["sid"] for contact in api.create_contacts({"number": NUMBERS[0]})))
    page.goto(f"/console/lists/{made}")
    page.get_by_label(f"Tick {NUMBERS[0]}").check()

    for _ in range(2):
        with page.expect_download():
            page.get_by_role("button", name="Export CSV").click()
