"""Where one is led who has to sign in: back to the page that was asked for, and nowhere else."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server
from tests.console.conftest import Enter, sign_in
from tests.console.upload_page import choose, name_list, press_upload, upload_of


@pytest.mark.parametrize("name", ["Friends", "A & B? #1 é", "../\\//evil.example", "😀" * 255])
def test_signing_in_leads_to_the_page_that_was_asked_for(
    name: str, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    """With what its address says, unless that is longer than what the form to sign in has room for."""
    page = new_page(server)

    page.goto(f"/console/uploads/new?{urlencode({'list_name': name, 'type': 'dynamic'})}")
    fill_in_sign_in(page, api)

    expect(page.get_by_role("heading", name="New upload")).to_be_visible()
    expect(page.get_by_label("To the list")).to_have_value(name if len(name) < 255 else "")


def fill_in_sign_in(page: Page, client: Client) -> None:
    page.get_by_label("API key").fill(client.key)
    page.get_by_label("API token").fill(client.token)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.sqlite
def test_a_file_that_is_asked_for_without_a_session_leads_to_its_page(api: Client, server: Server, page: Page) -> None:
    made = api.create_list("Friends")["sid"]
    path = upload_of(api, server, b"number\n1\n")

    for shown, label in ((f"/console/lists/{made}", "Export CSV"), (path, "Download the rows to be mended")):
        page.goto(shown)
        page.context.clear_cookies()
        page.get_by_role("link", name=label).click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        fill_in_sign_in(page, api)
        expect(page.get_by_role("link", name=label)).to_be_visible()


ENDED = "Your session has ended; what you sent was not saved."


@pytest.mark.sqlite
@pytest.mark.parametrize("has_scripts", [True, False])
def test_who_sends_a_form_after_the_session_ended_is_told_and_led_back(
    has_scripts: bool, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    """Also from a page that a refused form, or one that asks for more, has led to: no such page can be asked for."""
    page = new_page(server, java_script_enabled=has_scripts)
    sign_in(page, api)
    made = api.create_list("Friends")["sid"]
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    api.add_members(made, contact["sid"])
    path = f"/console/lists/{made}"

    page.goto(path)
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Type its name").fill("Enemies")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was deleted")
    send_without_session(page, "Delete for good", api)
    expect(page.get_by_role("heading", level=1)).to_have_text("Friends")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    send_without_session(page, "Remove", api)
    expect(page.get_by_role("heading", level=1)).to_have_text("Friends")

    assert api.get(f"/lists/{made}/contacts").json()["metadata"]["total"] == 1


def send_without_session(page: Page, button: str, client: Client) -> None:
    """Send a form after the session ended, which the page where one signs in says; sign in again."""
    page.context.clear_cookies()
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status")).to_have_text(ENDED)
    fill_in_sign_in(page, client)


@pytest.mark.sqlite
def test_who_searches_after_the_session_ended_is_led_back(api: Client, page: Page) -> None:
    page.goto("/console/contacts?limit=20")
    page.context.clear_cookies()

    page.get_by_label("Number, or part of a name").fill("Asha")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text(ENDED)).to_have_count(0)
    fill_in_sign_in(page, api)

    expect(page).to_have_url(re.compile("/console/contacts.limit=20$"))


@pytest.mark.sqlite
def test_a_form_that_names_lists_stays_once_the_session_has_ended(api: Client, page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, f"number\n{NUMBERS[0]}\n".encode())
    page.context.clear_cookies()

    name_list(page, "Friends")
    expect(page.get_by_role("alert")).to_have_text(
        "Your session has ended. Sign in again in another tab, then go on here."
    )
    sign_in(page, api)
    name_list(page, "Family")
    expect(page.get_by_role("alert")).to_have_count(0)

    press_upload(page)


@pytest.mark.sqlite
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_a_link_from_elsewhere_leads_whoever_is_signed_in_to_its_page(
    is_signed_in: bool, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    """A browser sends the session's cookie with nothing that another site's page asks for."""
    page = new_page(server)
    if is_signed_in:
        sign_in(page, api)

    page.goto(f"data:text/html,<a href='{server.url}/console/lists?sort=-name%26name=A%2526B'>Our lists</a>")
    page.get_by_role("link", name="Our lists").click()
    if not is_signed_in:
        fill_in_sign_in(page, api)

    expect(page.get_by_label("Name contains")).to_have_value("A&B")
    expect(page).to_have_url(f"{server.url}/console/lists?sort=-name&name=A%26B")


@pytest.mark.sqlite
def test_a_link_from_elsewhere_to_the_sign_in_leads_whoever_is_signed_in_past_it(server: Server, page: Page) -> None:
    page.goto(f"data:text/html,<a href='{server.url}/console/sign-in?next=/console/lists'>Our lists</a>")

    page.get_by_role("link", name="Our lists").click()

    expect(page).to_have_url(f"{server.url}/console/lists")


FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/console", "/console"),
        ("/console/lists/%3Fa%22%2F%2Fevil.example", "/console/lists/%3Fa%22//evil.example"),
        ("/console/lists?name=%22'%3B", "/console/lists?name=%22&#39;%3B"),
        ("/console/lists/x/export?format=csv", "/console/lists/x?format=csv"),  # a file comes to nobody unasked
    ],
)
def test_a_link_from_elsewhere_leads_nowhere_else(asked: str, led: str, server: Server) -> None:
    answer = httpx2.get(f"{server.url}{asked}", headers=FROM_ELSEWHERE)

    assert re.findall('http-equiv="refresh" content="0; url=(.*?)"', answer.text) == [led]


@pytest.mark.sqlite
def test_whoever_is_signed_in_is_led_past_the_sign_in(api: Client, server: Server, enter: Enter) -> None:
    http = enter(server, api)

    leads = [http.get(f"/console/sign-in?next={path}").headers["location"] for path in ("/console/lists", "//x", "")]

    assert leads == ["/console/lists", "/console", "/console"]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "referer", ["http://[", "x", "//evil.example", "http://evil.example", "http://x//evil.example/"]
)
def test_what_says_where_a_form_stood_leads_nowhere_else(referer: str, api: Client, server: Server) -> None:
    asked = httpx2.post(f"{server.url}/console/lists", data={"name": "Friends"}, headers={"Referer": referer})
    (given,) = parse_qs(urlsplit(asked.headers["location"]).query, keep_blank_values=True)["next"]

    answer = httpx2.post(f"{server.url}/console/sign-in", data={"key": api.key, "token": api.token, "next": given})

    assert (asked.status_code, answer.headers["location"]) == (303, "/console")


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example/",
        "//evil.example",
        "/console/../v2",
        "/consolex",
        "/console\\@evil.example",
        "?/console/",
        "/console/x\r\nX: y",
        "/console?x\ty",
        "",
    ],
)
def test_nobody_is_led_elsewhere_by_signing_in(given: str, api: Client, server: Server) -> None:
    answer = httpx2.post(f"{server.url}/console/sign-in", data={"key": api.key, "token": api.token, "next": given})

    assert answer.headers["location"] == "/console"


@pytest.mark.sqlite
def test_a_form_that_is_sent_by_itself_leads_to_any_page_as_another_does(api: Client, server: Server) -> None:
    fields = {"key": api.key, "token": api.token, "next": "/console/\N{CYRILLIC CAPITAL LETTER ZE}?name=a%20b"}

    sent = httpx2.post(f"{server.url}/console/sign-in", data=fields)
    by_itself = httpx2.post(f"{server.url}/console/sign-in", data=fields, headers={"HX-Request": "true"})

    assert (sent.status_code, by_itself.status_code) == (303, 204)
    assert sent.headers["location"] == by_itself.headers["hx-redirect"] == "/console/%D0%97?name=a%20b"


def test_the_root_of_a_server_leads_to_its_console(server: Server) -> None:
    answer = httpx2.get(f"{server.url}/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
