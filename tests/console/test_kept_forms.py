"""What was typed into a dialog stays when it is refused by something else than what was typed, or never arrives."""

import re
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import NUMBERS, Client, Server, print_json
from tests.console.conftest import Enter, hold, sign_in
from tests.console.upload_page import name_list


@pytest.fixture
def edited(api: Client, page: Page) -> str:
    """The sid of a contact whose tag is being edited."""
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha"})
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    return str(contact["sid"])


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()


@pytest.mark.sqlite
def test_a_form_of_one_account_is_sent_once_its_browser_is_signed_in_to_it_again(
    edited: str, api: Client, connect: Callable[..., Client], page: Page
) -> None:
    other = connect()
    sign_in(page, other)

    save(page)
    expect(page.get_by_role("alert")).to_contain_text(f"You are signed in to another account now, {other.account};")
    sign_in(page, api)
    save(page)

    expect(page.get_by_role("status")).to_contain_text("is saved")
    assert api.get(f"/contacts/{edited}").json()["response"]["data"]["tag"] == "vip"


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda route: route.abort(), "The server cannot be reached."),
        (lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"), "It did not work: HTTP 502."),
        (lambda route: route.fulfill(status=502), "It did not work: HTTP 502."),
    ],
    ids=["nobody", "a proxy", "a proxy without a word"],
)
def test_a_form_that_does_not_arrive_is_sent_again_by_its_button(
    answer: Callable[[Route], None], said: str, edited: str, api: Client, page: Page
) -> None:
    page.route("**/contacts/*", answer)

    save(page)
    expect(page.get_by_role("dialog", name="Edit the contact")).to_contain_text(said)
    page.unroute_all()
    save(page)

    expect(page.get_by_role("status")).to_contain_text("is saved")
    assert api.get(f"/contacts/{edited}").json()["response"]["data"]["tag"] == "vip"


def lose_the_answer(route: Route) -> None:
    """Let a request through, and nothing of what comes of it."""
    route.fetch(max_redirects=0)
    route.abort()


@pytest.mark.sqlite
def test_a_contact_whose_answer_was_lost_is_saved_by_sending_it_again(edited: str, api: Client, page: Page) -> None:
    page.get_by_label("Number", exact=True).fill(NUMBERS[1].replace("+91", "0"))
    page.route("**/contacts/*", lose_the_answer, times=1)

    save(page)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    save(page)

    expect(page.get_by_role("status")).to_contain_text(f"{NUMBERS[1]} is saved")
    assert api.get(f"/contacts/{edited}").json()["response"]["data"]["tag"] == "vip"


@pytest.mark.sqlite
def test_a_list_whose_answer_was_lost_is_saved_by_sending_it_again(api: Client, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    page.goto(f"/console/lists/{made}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Family")
    page.route("**/lists/*", lose_the_answer, times=1)

    save(page)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    save(page)

    expect(page.get_by_role("status")).to_have_text("List 'Family' is saved.")


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("what", "field", "typed", "said"),
    [
        ("contact", "Number", NUMBERS[0], f"{NUMBERS[0]} is in the address book."),
        ("list", "Name", "Friends", "List 'Friends' is made."),
    ],
)
def test_what_is_made_again_since_the_answer_was_lost_is_made_once(
    what: str, field: str, typed: str, said: str, api: Client, page: Page
) -> None:
    """What the form says first is refused, which is not said again of another text."""
    api.create_contacts({"number": NUMBERS[1]})
    api.create_list(NUMBERS[1])
    page.goto(f"/console/{what}s?open=new-{what}")
    make = page.get_by_role("button", name=f"Make the {what}")
    page.get_by_label(field, exact=True).fill(NUMBERS[1])
    make.click()
    expect(page.get_by_role("alert")).to_contain_text("exists")
    page.get_by_label(field, exact=True).fill(typed)
    page.route(f"**/{what}s?*", lose_the_answer, times=1)

    make.click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    make.click()

    expect(page.get_by_role("status")).to_have_text(said)
    expect(page).to_have_title(re.compile(re.escape(typed)))
    assert api.get(f"/{what}s").json()["metadata"]["total"] == 2


@pytest.mark.sqlite
def test_a_form_that_was_refused_makes_a_contact_once_nothing_keeps_it_from_that(
    api: Client, server: Server, enter: Enter
) -> None:
    """It is the same form then, and the same again with another text makes another contact."""
    http, key = enter(server, api), "of the form"
    (former,) = api.create_contacts({"number": NUMBERS[0]})

    def make(number: str) -> httpx2.Response:
        return http.post("/console/contacts", data={"key": key, "number": number})

    assert make(NUMBERS[0]).status_code == 409
    api.delete(f"/contacts/{former['sid']}")
    first, again, other = make(NUMBERS[0]), make(NUMBERS[0]), make(NUMBERS[1])

    assert [answer.status_code for answer in (first, again, other)] == [303] * 3
    assert first.headers["location"] == again.headers["location"] != other.headers["location"]
    (held,) = print_json("export-subject", NUMBERS[0], "--account", api.account, "--database", server.database)
    assert [each["items"] for each in held["answers"]] == [[]]


@pytest.mark.sqlite
@pytest.mark.parametrize("what", ["contact", "list"])
def test_what_is_deleted_again_since_the_answer_was_lost_is_deleted(what: str, api: Client, page: Page) -> None:
    (contact,), made = api.create_contacts({"number": NUMBERS[0]}), api.create_list("Friends")
    page.goto(f"/console/{what}s/{(contact if what == 'contact' else made)['sid']}")
    page.get_by_role("button", name="Delete").click()
    if what == "list":
        page.get_by_label("Type its name").fill("Friends")
    page.route("**/delete*", lose_the_answer, times=1)

    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_role("status")).to_contain_text(f"The {what} is deleted")


@pytest.mark.sqlite
@pytest.mark.usefixtures("edited")
def test_a_server_that_takes_a_form_and_never_answers_cannot_be_reached(page: Page) -> None:
    page.evaluate("TIMEOUTS_MS.post = 50")
    hold(page, "**/contacts/*")

    save(page)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.unroute_all()
    page.evaluate("TIMEOUTS_MS.post = 0")
    save(page)

    expect(page.get_by_role("status")).to_contain_text("is saved")


@pytest.mark.sqlite
def test_a_server_that_is_gone_is_said_in_place_of_a_refusal(connect: Callable[..., Client], page: Page) -> None:
    page.goto("/console/uploads/new")
    sign_in(page, connect())
    name_list(page, "Friends")
    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")

    page.route("**/console/uploads/target?*", lambda route: route.abort())
    page.get_by_label("To the list").fill("Family")

    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")


@pytest.mark.sqlite
@pytest.mark.usefixtures("edited")
def test_what_becomes_of_a_form_whose_dialog_was_closed_meanwhile_is_said(
    connect: Callable[..., Client], page: Page
) -> None:
    dialog, held = page.get_by_role("dialog", name="Edit the contact"), hold(page, "**/contacts/*")

    with page.expect_request("**/contacts/*"):
        save(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    held[0].abort()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.get_by_role("button", name="Edit").click()
    sign_in(page, connect())
    with page.expect_request("**/contacts/*"):
        save(page)
    page.get_by_role("button", name="Cancel").click()
    held[1].continue_()

    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")


@pytest.mark.sqlite
@pytest.mark.usefixtures("edited")
def test_a_dialog_that_was_closed_before_the_answer_opens_after_it(page: Page) -> None:
    """What is sent from it before is dropped."""
    held, edit = hold(page, "**/contacts/*"), page.get_by_role("button", name="Edit")

    with page.expect_request("**/contacts/*"):
        save(page)
    page.keyboard.press("Escape")
    expect(edit).to_be_disabled()
    held[0].abort()
    edit.click()
    page.get_by_label("Tag", exact=True).fill("regular")
    page.unroute_all()
    save(page)

    expect(page.get_by_role("status")).to_contain_text("is saved")


@pytest.mark.sqlite
@pytest.mark.usefixtures("edited")
def test_a_dialog_that_is_closed_forgets_why_it_was_not_sent(page: Page) -> None:
    page.route("**/contacts/*", lambda route: route.abort())
    save(page)
    expect(page.get_by_role("alert")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Edit").click()

    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Tag", exact=True)).to_have_value("")


@pytest.mark.sqlite
@pytest.mark.parametrize("has_scripts", [True, False])
def test_what_was_typed_of_a_contact_that_is_gone_may_make_another(
    has_scripts: bool, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "first_name": "Asha"})
    page = new_page(server, java_script_enabled=has_scripts)
    sign_in(page, api)
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    api.delete(f"/contacts/{contact['sid']}")

    save(page)
    dialog = page.get_by_role("dialog", name="New contact")
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody else deleted this contact meanwhile")
    expect(dialog.get_by_label("Tag", exact=True)).to_have_value("vip")
    assert api.get("/contacts").json()["metadata"]["total"] == 0
    dialog.get_by_role("button", name="Make the contact").click()

    expect(page.get_by_role("status")).to_have_text(f"{NUMBERS[0]} is in the address book.")
    (found,) = api.get("/contacts").json()["response"]
    assert (found["data"]["first_name"], found["data"]["tag"]) == ("Asha", "vip")


@pytest.mark.sqlite
def test_what_was_typed_of_a_list_that_is_gone_may_make_another(api: Client, page: Page) -> None:
    made = api.create_list("Friends", type="dynamic")["sid"]
    page.goto(f"/console/lists/{made}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Tag", exact=True).fill("vip")
    api.delete(f"/lists/{made}")

    save(page)
    dialog = page.get_by_role("dialog", name="New list")
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody else deleted this list meanwhile")
    expect(dialog.get_by_label("Tag", exact=True)).to_have_value("vip")
    expect(dialog.get_by_label("Dynamic")).to_be_checked()
    dialog.get_by_role("button", name="Make the list").click()

    expect(page.get_by_role("status")).to_have_text("List 'Friends' is made.")


@pytest.mark.sqlite
def test_who_pressed_a_button_below_on_a_phone_sees_the_reason_above(
    api: Client, connect: Callable[..., Client], server: Server, new_page: Callable[..., Page]
) -> None:
    page = new_page(server, {"width": 360, "height": 480})
    sign_in(page, api)
    page.goto("/console/contacts?open=new-contact")
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    page.route("**/contacts?*", lambda route: route.abort())

    page.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    page.unroute_all()
    sign_in(page, connect())
    page.get_by_role("button", name="Make the contact").click()

    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")
    expect(page.get_by_role("alert")).to_be_in_viewport()
