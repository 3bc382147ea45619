"""What a page that is asked for anew shows to whoever goes back to it: nothing of what was typed or ticked."""

import re
from collections.abc import Callable, Iterator, Mapping

import httpx2
import pytest
from playwright.sync_api import Page, expect

from dialbook.console.app import OPEN_PAGES, PAGES
from tests.conftest import NUMBERS, Client, Server
from tests.console.conftest import Enter, sign_in
from tests.console.list_page import filled
from tests.console.upload_page import choose, upload_of

# What a browser might put back into a page. The fields of a part are in a form of the page that asks for it.
KEPT = """
    html => {
        const parsed = new DOMParser().parseFromString(html, "text/html");
        const others = html.includes("<html") ? null : "off";
        const said = each => each.getAttribute("autocomplete") ?? (each.form ? said(each.form) : others);
        const all = [...parsed.querySelectorAll("form, input, select, textarea")];
        return all.filter(each => said(each) !== "off").map(each => each.getAttribute("name"));
    }
"""


@pytest.mark.sqlite
@pytest.mark.parametrize("has_scripts", [True, False])
def test_who_goes_back_to_a_list_finds_nobody_ticked(
    has_scripts: bool, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    """A browser would put the ticks back by their places, at which others stand meanwhile."""
    made, sids = filled(api, "Friends", 6)
    page = new_page(server, java_script_enabled=has_scripts)
    sign_in(page, api)
    page.goto(f"/console/lists/{made}")
    page.get_by_label(f"Tick {NUMBERS[3]}").check()
    page.get_by_role("link", name=NUMBERS[3]).click()
    expect(page.get_by_role("heading", name="Fields", exact=True)).to_be_visible()
    api.delete(f"/lists/{made}/contacts/{sids[0]}")

    page.go_back()

    expect(page.get_by_label("Tick +")).to_have_count(5)
    expect(page.locator(":checked")).to_have_count(0)


@pytest.mark.sqlite
def test_who_goes_back_after_all_were_meant_has_to_say_so_anew(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 6)
    for sid in sids[3:]:
        api.delete(f"/lists/{made}/contacts/{sid}")
    page.goto(f"/console/lists/{made}")
    page.get_by_label("All 3").check()
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_role("heading", name="Remove 3 contacts?")).to_be_visible()
    api.add_members(made, *sids[3:])

    page.go_back()

    expect(page.get_by_label("All 6")).not_to_be_checked()
    expect(page.get_by_role("button", name="Remove from the list")).to_be_disabled()


@pytest.mark.sqlite
def test_who_goes_back_to_a_contact_edits_what_is_stored(api: Client, page: Page) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0], "custom_field": {"v": "old"}})
    page.goto(f"/console/contacts/{contact['sid']}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Custom fields").fill('{"v": "mine"}')
    page.goto("/console/lists")
    theirs = {"v": "theirs"}
    api.put(f"/contacts/{contact['sid']}", {"custom_field": theirs})

    page.go_back()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("textbox", name="Custom fields")).to_have_value(re.compile("theirs"))
    page.get_by_label("Tag", exact=True).fill("vip")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("is saved")
    found = api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]
    assert (found["tag"], found["custom_field"]) == ("vip", theirs)


@pytest.mark.sqlite
def test_who_signs_in_to_another_account_finds_nothing_of_the_first(connect: Callable[..., Client], page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, f"number\n{NUMBERS[5]}\n".encode())
    page.goto("/console/contacts")
    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Number", exact=True).fill(NUMBERS[0])
    page.get_by_role("textbox", name="Custom fields").fill('{"secret": 1}')
    page.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("status")).to_contain_text("is in the address book")
    sign_in(page, connect())

    page.go_back()
    page.get_by_role("button", name="New contact").click()
    expect(page.get_by_role("textbox", name="Custom fields")).to_have_value("")
    page.go_back()

    expect(page.get_by_label("CSV file")).to_have_value("")
    expect(page.locator("[data-preview]")).to_be_hidden()


@pytest.mark.sqlite
def test_a_browser_is_told_to_keep_nothing_of_any_form(api: Client, server: Server, page: Page, enter: Enter) -> None:
    made, (sid, *_) = filled(api, "Friends", 60)
    upload = upload_of(api, server, b"number\n1\n").rpartition("/")[2]
    sids = {"list_sid": made, "contact_sid": sid, "upload_id": upload, "link": "x"}
    http, chosen = enter(server, api), {"all": "1", "action": "remove"}

    shown = {path: http.get(f"/console{path.format(**sids)}", headers=headers) for path, headers in asked_in_all_ways()}
    shown |= {path: httpx2.get(f"{server.url}/console{path.format(**sids)}") for path in OPEN_PAGES}
    shown |= {path: http.post(f"/console{path.format(**sids)}", data=chosen) for path in WORK}
    kept = {path: page.evaluate(KEPT, answer.text) for path, answer in shown.items()}

    assert sum(answer.text.count("<form") for answer in shown.values()) > 40
    assert kept.pop("/sign-in") == ["key", "token"]  # which a browser may fill in for whoever signs in
    assert [name for names in kept.values() for name in names] == []


WORK = ("/lists/{list_sid}/selection", "/lists/{list_sid}/selection/work")


def asked_in_all_ways() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every page that somebody who is signed in can ask for; parts of pages that are shown already, too."""
    for path, methods in PAGES.items():
        if "GET" in methods:
            yield path, {}
            yield f"{path}#part", {"HX-Request": "true"}
