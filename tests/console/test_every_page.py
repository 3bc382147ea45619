"""What holds for every page: what was stored is text, everybody can use it, and what it shows as a request works."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dialbook.console.app import OPEN_PAGES, PAGES, READING_PAGES
from tests.conftest import NUMBERS, Client, Server, work_off
from tests.console.conftest import ARTEFACTS, DESK, PHONE, Enter, sign_in

HOSTILE = [
    "<script>window.pwned = 1</script>",
    '"><img src=x onerror="window.pwned=1">',
    "'onmouseover='window.pwned=1' x='",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}",
    "</textarea></title><svg onload=window.pwned=1>",
    "${window.pwned=1}`",
]
LONG = "Ein-sehr-langer-Name-ohne-eine-einzige-Stelle-zum-Umbrechen-" * 4
STRANGE = [*HOSTILE, LONG[:255], "خريطة العملاء الجدد", "\u202eevil", "👩\u200d👩\u200d👧", "a\u0300\u0301" * 20]


@pytest.fixture
def paths(api: Client, server: Server) -> list[str]:
    """Every page that a user can open, in an account whose every text is strange."""
    contacts = api.create_contacts(
        *(
            {
                "number": NUMBERS[i],
                **dict.fromkeys(("first_name", "last_name", "company_name", "email", "tag"), text),
                "custom_field": {text: text, "nested": {"a": [text]}},
            }
            for i, text in enumerate(STRANGE)
        )
    )
    lists = [api.create_list(text, tag=text)["sid"] for text in STRANGE]
    for sid in lists[:2]:
        api.add_members(sid, *(contact["sid"] for contact in contacts))
    rows = "".join(f'12,"{text.replace(chr(34), chr(34) * 2)}"\n' for text in STRANGE)
    upload = api.upload(f"number,first_name\n{rows}".encode(), HOSTILE[1]).json()["response"]["data"]["summary"][
        "upload_id"
    ]
    work_off(server)
    return [
        "/console",
        "/console/lists",
        "/console/lists?name=%3Cscript%3E",
        f"/console/lists/{lists[0]}",
        f"/console/lists/{lists[1]}?name=%22%3E%3Cimg",
        f"/console/lists/{lists[2]}",
        f"/console/lists/{lists[0]}/pictures",
        f"/console/lists/{lists[2]}/pictures",
        "/console/uploads",
        "/console/uploads/new",
        f"/console/uploads/{upload}",
        "/console/contacts",
        "/console/contacts?search=%3Cscript%3Ealert(1)%3C/script%3E",
        *(f"/console/contacts/{contact['sid']}" for contact in contacts[::4]),
        "/console/lists/%3Cscript%3E",
        "/console/nowhere",
    ]


@pytest.mark.sqlite
def test_whatever_was_stored_is_shown_and_never_run(paths: list[str], page: Page) -> None:
    """A page that runs or loads anything that it should not fails in `new_page` too."""
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("main script, main img, main svg[onload]").count() == 0, path

    for text in HOSTILE:
        expect(page.get_by_text("x", exact=True)).to_have_count(0)
        page.goto("/console/lists")
        expect(page.get_by_role("link", name=text, exact=True)).to_be_visible()


@pytest.mark.sqlite  # the engine makes no difference here
@pytest.mark.parametrize(("viewport", "colours"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_everybody_can_use_every_page(
    viewport: dict[str, int],
    colours: str,
    paths: list[str],
    api: Client,
    server: Server,
    new_page: Callable[..., Page],
) -> None:
    page = new_page(server, viewport, color_scheme=colours)
    found = []
    page.goto("/console/sign-in")
    found += complaints(page)
    sign_in(page, api)
    for number, path in enumerate(paths):
        page.goto(path)
        for summary in page.locator("details > summary").all():
            summary.click()
        found += complaints(page)
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{number:02}-{viewport['width']}-{colours}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{path} is too wide"
    for path, button in (("/console/lists", "New list"), ("/console/contacts", "New contact"), (paths[3], "Delete")):
        page.goto(path)
        page.get_by_role("button", name=button).first.click()
        found += complaints(page)
    page.goto("/console/contacts?open=new-contact")
    page.get_by_label("Number", exact=True).fill("12")
    page.get_by_role("button", name="Make the contact").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    found += complaints(page)
    page.screenshot(path=ARTEFACTS / f"refused-{viewport['width']}-{colours}.png", full_page=True)
    page.goto(paths[3])
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    found += complaints(page)

    assert found == []


def complaints(page: Page) -> list[str]:
    """What axe finds against a page (WCAG 2.2 A and AA, and its best practices)."""
    return [
        f"{page.url}: {violation['id']} ({violation['impact']}): {violation['nodes'][0]['html'][:200]}"
        for violation in Axe().run(page).response["violations"]
    ]


def test_a_keyboard_reaches_everything(api: Client, page: Page) -> None:
    api.create_list("Friends")
    page.goto("/console/lists")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="New list")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_colours_that_were_chosen_stay(page: Page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    page.goto("/console")
    before = page.evaluate(background)

    page.get_by_role("button", name="Change the colours").click()
    after = page.evaluate(background)
    page.reload()

    assert after != before
    assert page.evaluate(background) == after


def test_every_page_is_guarded(server: Server) -> None:
    """Whoever is not signed in is asked to, wherever it is."""
    for path, methods in {**PAGES, **READING_PAGES}.items():
        for method in methods:
            url = re.sub(r"\{\w+\}", "x", f"{server.url}/console{path}")
            answer = httpx2.request(method, url, headers={"Cookie": "dialbook=nothing"})
            assert (answer.status_code, answer.headers["location"][:16]) == (303, "/console/sign-in"), url


@pytest.mark.parametrize("path", ["/console", "/console/lists", "/console/sign-in", "/console/nowhere"])
def test_every_answer_has_the_headers_that_guard_it(path: str, api: Client, server: Server, enter: Enter) -> None:
    headers = enter(server, api).get(path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_a_browser_keeps_files_until_they_change(server: Server) -> None:
    page = httpx2.get(f"{server.url}/console/sign-in").text
    files = set(re.findall(r'(?:href|src)="(/console/static/[^"]+)"', page))

    assert len(files) == 5
    for file in files:
        path, _, version = file.partition("?")
        kept = httpx2.get(server.url + file)
        assert (kept.status_code, kept.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        for other in (path, f"{path}?v=0", f"{path}?{version}0"):
            asked = httpx2.get(server.url + other, headers={"If-None-Match": kept.headers["etag"]})
            assert (asked.status_code, asked.headers["cache-control"]) == (304, "no-cache")
    assert httpx2.get(f"{server.url}/console/static/nothing.css?v=0").status_code == 404


def test_a_method_that_a_page_does_not_know_is_refused(api: Client, server: Server, enter: Enter) -> None:
    answer = enter(server, api).request("DELETE", "/console/lists")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert "<h1>" in answer.text


def test_a_button_to_copy_is_there_where_the_browser_lets_it_copy(
    api: Client, page: Page, server: Server, new_page: Callable[..., Page]
) -> None:
    distant = new_page(replace(server, url=server.url.replace("127.0.0.1", "dialbook.test")))
    distant.goto("/console/sign-in")
    distant.get_by_label("API key").fill(api.key)
    distant.get_by_label("API token").fill(api.token)
    distant.get_by_role("button", name="Sign in").click()

    for each in (page, distant):
        each.goto("/console/lists")
        each.get_by_text("As a request").click()

    expect(page.get_by_role("button", name="Copy")).to_have_count(4)
    expect(distant.locator(".requests code").last).to_be_visible()
    expect(distant.get_by_role("button", name="Copy")).to_have_count(0)


def test_open_pages_are_those_that_sign_in_or_out() -> None:
    assert set(OPEN_PAGES) == {"/sign-in", "/sign-out", "/enter/{link}"}


@pytest.fixture
def requests_shown(api: Client, page: Page) -> tuple[list[str], list[str]]:
    """What the views of an account show as requests that read: for curl, and for Python."""
    contacts = api.create_contacts(*({"number": number, "first_name": "O'Neil"} for number in NUMBERS[:5]))
    made = api.create_list("Friends")["sid"]
    api.add_members(made, *(contact["sid"] for contact in contacts))
    curls, programs = [], []
    for path in (
        "/console/lists?name=Fri&sort=-date_updated",
        f"/console/lists/{made}?name=o%27ne",
        "/console/contacts?search=O%27Neil",
        f"/console/contacts/{contacts[0]['sid']}",
    ):
        page.goto(path)
        page.locator(".requests summary").click()
        shown = page.locator(".requests .code code").all_text_contents()
        reading = [pair for pair in zip(shown[::2], shown[1::2], strict=True) if "-X" not in pair[0]]
        curls += [curl for curl, _ in reading]
        programs += [program for _, program in reading]
    return curls, programs


def test_what_is_shown_as_a_request_can_be_run(
    requests_shown: tuple[list[str], list[str]], api: Client, tmp_path: Path
) -> None:
    curls, programs = requests_shown
    environment = os.environ | {"DIALBOOK_KEY": api.key, "DIALBOOK_TOKEN": api.token}

    for curl in curls:
        done = subprocess.run(
            ["bash", "-c", f"{curl} --silent --fail"], env=environment, capture_output=True, text=True, check=True
        )
        assert "O'Neil" in done.stdout or "Friends" in done.stdout
    for program in programs:
        subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)

    assert len(curls) == len(programs) == 5
    assert (tmp_path / "contacts.csv").read_text().count("O'Neil") == 5
