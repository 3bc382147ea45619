"""The list that an upload in the console is for, and the file, where they change while the form is filled in."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server, work_off
from tests.console.conftest import Enter, hold, sign_in
from tests.console.upload_page import choose, name_list, press_upload

pytestmark = pytest.mark.usefixtures("no_files_of_others")

FILE = f"number\n{NUMBERS[0]}\n".encode()


def sizes(api: Client) -> dict[str, int]:
    """How many contacts each list has."""
    found = [item["data"] for item in api.get("/lists").json()["response"] or []]
    return {each["name"]: each["contact_count"] for each in found}


@pytest.mark.sqlite
@pytest.mark.parametrize("other", [None, "Line break"])
def test_a_list_whose_name_has_a_break_is_uploaded_to_from_its_page(
    other: str | None, api: Client, server: Server, page: Page
) -> None:
    made = api.create_list("Line\nbreak", type="dynamic")["sid"]
    if other:
        api.create_list("Linebreak")
    page.goto(f"/console/lists/{made}")

    page.get_by_role("link", name="Upload", exact=True).click()
    expect(page.get_by_text("It is there: a dynamic list")).to_be_visible()
    choose(page, FILE)
    press_upload(page)
    work_off(server)

    assert sizes(api) == {"Line\nbreak": 1, **({"Linebreak": 0} if other else {})}


@pytest.mark.sqlite
@pytest.mark.parametrize("other", ["Others", "Linebreak", "Line\r\nbreak"])
def test_a_list_whose_name_has_a_break_is_uploaded_to_by_its_name_as_it_is_shown(
    other: str, api: Client, server: Server, enter: Enter
) -> None:
    """Unless another one has the very name, or several are shown so: then one is made that has it."""
    api.create_list("Line\nbreak")
    api.create_list(other)
    http, typed = enter(server, api), {"list_name": "Linebreak"}

    shown = http.get("/console/uploads/target", params=typed)
    http.post("/console/uploads", data=typed, files={"file_name": ("contacts.csv", FILE, "text/csv")})
    work_off(server)

    is_single = other == "Others"
    assert ("It is there" in shown.text) == (other != "Line\r\nbreak")
    assert sizes(api) == {"Line\nbreak": int(is_single), other: 0, **({} if is_single else {"Linebreak": 1})}


@pytest.mark.parametrize("comes", ["from its page", "by its name"])
@pytest.mark.parametrize("becomes", ["renamed", "deleted", "another"])
def test_rows_go_to_no_list_but_the_one_that_was_shown(
    comes: str, becomes: str, api: Client, server: Server, page: Page
) -> None:
    made = api.create_list("Friends")["sid"]
    if comes == "from its page":
        page.goto(f"/console/lists/{made}")
        page.get_by_role("link", name="Upload", exact=True).click()
    else:
        page.goto("/console/uploads/new")
        name_list(page, "Friends")
    expect(page.get_by_text("It is there: a static list")).to_be_visible()
    choose(page, FILE)
    if becomes == "deleted":
        api.delete(f"/lists/{made}")
    else:
        api.put(f"/lists/{made}", {"name": "Renamed"})
    if becomes == "another":
        api.create_list("Friends")
    before = sizes(api)

    for _ in range(2):
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "The list that was named 'Friends' has been renamed or deleted"
        )
        expect(page.get_by_label("To the list")).to_have_value("Friends")
    work_off(server)
    assert sizes(api) == before
    name_list(page, "Somebody else")
    press_upload(page)
    work_off(server)
    assert sizes(api) == {**before, "Somebody else": 1}


@pytest.mark.sqlite
def test_a_type_that_is_chosen_while_the_name_is_looked_for_stays(page: Page) -> None:
    page.goto("/console/uploads/new")
    dynamic, held = page.get_by_role("radio", name="Dynamic"), hold(page, "**/console/uploads/target?*")

    with page.expect_request("**/console/uploads/target?*"):
        page.get_by_label("To the list").fill("Friends")
    dynamic.check()
    held[0].continue_()

    expect(page.get_by_text("There is no such list; it will be made")).to_be_visible()
    expect(dynamic).to_be_checked()
    expect(dynamic).to_be_focused()


@pytest.mark.sqlite
def test_a_name_that_is_typed_at_the_last_moment_counts(api: Client, server: Server, enter: Enter) -> None:
    """As where nobody waited until the page knew of it: what it knows is of the name before."""
    made = api.create_list("Friends")["sid"]
    files = {"file_name": ("contacts.csv", FILE, "text/csv")}
    fields = {"list_name": "Others", "list_sid": made, "found_name": "Friends"}

    answer = enter(server, api).post("/console/uploads", data=fields, files=files)
    work_off(server)

    assert answer.status_code == 303
    assert sizes(api) == {"Friends": 0, "Others": 1}


@pytest.mark.sqlite
def test_without_scripts_the_list_is_the_one_that_was_shown_too(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    made = api.create_list("Friends")["sid"]
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto(f"/console/lists/{made}")
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": FILE})
    api.put(f"/lists/{made}", {"name": "Renamed"})

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("The list that was named 'Friends' has been renamed or deleted")
    expect(page.get_by_text("There is no such list; it will be made")).to_be_visible()
    assert sizes(api) == {"Renamed": 0}


@pytest.mark.sqlite
@pytest.mark.parametrize("sid", ["0" * 32, "%00", "%ED%A0%80", "a%0D%0Ab"])
def test_a_link_to_a_list_that_is_not_there_is_refused(sid: str, api: Client, server: Server, enter: Enter) -> None:
    http = enter(server, api)

    assert http.get(f"/console/uploads/new?list_sid={sid}").status_code == 404
    assert http.get(f"/console/uploads/target?list_name=a&list_sid={sid}&found_name=a").status_code == 200


@pytest.mark.sqlite
@pytest.mark.parametrize("sid", ["0" * 32, "\0", "a\r\nb"])
def test_a_form_for_a_list_that_is_not_there_is_refused(sid: str, api: Client, server: Server, enter: Enter) -> None:
    files = {"file_name": ("contacts.csv", FILE, "text/csv")}
    fields = {"list_name": "Friends", "list_sid": sid, "found_name": "Friends"}

    answer = enter(server, api).post("/console/uploads", data=fields, files=files)

    assert answer.status_code == 412
    assert sizes(api) == {}


def test_another_accounts_list_is_not_there(
    api: Client, server: Server, connect: Callable[..., Client], enter: Enter
) -> None:
    made = api.create_list("Friends")["sid"]
    http = enter(server, connect())
    files = {"file_name": ("contacts.csv", FILE, "text/csv")}
    fields = {"list_name": "Friends", "list_sid": made, "found_name": "Friends"}

    assert http.get(f"/console/uploads/new?list_sid={made}").status_code == 404
    assert http.post("/console/uploads", data=fields, files=files).status_code == 412


@pytest.mark.sqlite
@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_that_is_changed_after_it_was_chosen_is_chosen_again(
    is_there: bool, api: Client, server: Server, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"phone\n1\n")
    page.goto("/console/uploads/new")
    page.get_by_label("CSV file").set_input_files(file)
    expect(page.get_by_text("No column is named")).to_be_visible()
    name_list(page, "Friends")
    if is_there:
        file.write_bytes(FILE)
        os.utime(file, (1, 1))
    else:
        file.unlink()

    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_have_text(
        "The file has changed since you chose it, or is gone. Choose it again."
    )
    expect(page.locator("[data-preview]")).to_be_hidden()
    expect(page.get_by_label("To the list")).to_have_value("Friends")
    assert page.get_by_label("CSV file").input_value() == ""
    file.write_bytes(FILE)
    page.get_by_label("CSV file").set_input_files(file)
    press_upload(page)
    work_off(server)

    assert sizes(api) == {"Friends": 1}
