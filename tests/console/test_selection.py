"""Some contacts of a list, or all that match: removed, copied, exported."""

import csv
import html
import io
import itertools
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from dialbook.console import selection
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.console.conftest import Enter, sign_in
from tests.console.list_page import filled
from tests.sqlite import beside


def numbers_in(api: Client, list_sid: str) -> list[str]:
    answer = api.get(f"/lists/{list_sid}/contacts", limit=5000)
    return [item["data"]["number"] for item in answer.json()["response"] or []]


def exported(text: str) -> list[str]:
    return [row["number"] for row in csv.DictReader(io.StringIO(text))]


def test_ticked_contacts_are_removed_after_a_question(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 5)
    page.goto(f"/console/lists/{made}")
    expect(page.get_by_role("button", name="Remove from the list")).to_be_disabled()

    page.get_by_label(f"Tick {NUMBERS[1]}").check()
    page.get_by_label(f"Tick {NUMBERS[3]}").check()
    expect(page.get_by_text("2 ticked")).to_be_visible()
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_role("heading", name="Remove 2 contacts?")).to_be_visible()
    assert len(numbers_in(api, made)) == 5
    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("status")).to_have_text("2 contacts removed.")
    assert numbers_in(api, made) == [NUMBERS[0], NUMBERS[2], NUMBERS[4]]
    assert api.get("/contacts").json()["metadata"]["total"] == 5


def test_all_on_the_page_are_ticked_at_once(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 60)
    page.goto(f"/console/lists/{made}")

    page.get_by_label("Tick all on this page").check()

    expect(page.get_by_text("50 ticked")).to_be_visible()
    page.get_by_label(f"Tick {NUMBERS[0]}").uncheck()
    expect(page.get_by_text("49 ticked")).to_be_visible()
    expect(page.get_by_label("Tick all on this page")).not_to_be_checked()


def test_all_that_match_are_copied_in_parts(api: Client, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, sids = filled(api, "Friends", 300)
    for sid in sids[:130]:
        api.put(f"/contacts/{sid}", {"tag": "vip"})
    other = api.create_list("Others")["sid"]
    api.add_members(other, *sids[10:15])
    page.goto(f"/console/lists/{made}?tag=vip")

    page.get_by_label("All 130 that match").check()
    page.get_by_label("To list").fill("Others")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    expect(page.get_by_role("heading", name="Copy 130 contacts?")).to_be_visible()
    page.locator("main").get_by_role("button", name="Copy", exact=True).click()

    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(
        "125 contacts copied. 5 contacts were passed over, being in that list already."
    )
    assert sorted(numbers_in(api, other)) == NUMBERS[:130]
    assert len(numbers_in(api, made)) == 300


@pytest.mark.parametrize("query", ["", "?tag=vip"])
def test_all_are_removed_in_parts(query: str, api: Client, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, sids = filled(api, "Friends", 200)
    for sid in sids[::2]:
        api.put(f"/contacts/{sid}", {"tag": "vip"})
    page.goto(f"/console/lists/{made}{query}")

    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert numbers_in(api, made) == (NUMBERS[1:200:2] if query else [])


def test_whoever_works_by_keyboard_and_by_ear_is_told_and_led_on(
    api: Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, _ = filled(api, "Friends", 100)
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    status = page.get_by_role("status").element_handle()

    page.get_by_role("button", name="Remove").press("Enter")

    expect(page).to_have_title("Done · Dialbook")
    expect(page.get_by_role("link", name="Back to Friends")).to_be_focused()
    assert status is not None
    assert status.evaluate("status => status.isConnected")
    assert status.inner_text() == "100 contacts removed."


def test_who_joins_after_the_question_is_not_meant(api: Client, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, sids = filled(api, "Friends", 150)
    later = sids[100:]
    for sid in later:
        api.delete(f"/lists/{made}/contacts/{sid}")
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_role("heading", name="Remove 100 contacts?")).to_be_visible()
    api.add_members(made, *later)

    page.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    assert numbers_in(api, made) == NUMBERS[100:150]


@pytest.mark.sqlite
def test_work_that_is_refused_for_now_goes_on_by_a_button(
    tmp_path: Path,
    new_client: Callable[..., Client],
    new_page: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    path = tmp_path / "book.db"
    with serving(Settings(database=f"sqlite:///{path}")) as server, closing(beside(path)) as other:
        api = new_client(server)
        made, _ = filled(api, "Friends", 100)
        page, sent = new_page(server), itertools.count()
        sign_in(page, api)

        def lock_for_two(route: Route) -> None:
            if next(sent) in {0, 2}:
                other.execute("BEGIN IMMEDIATE")
            route.continue_()

        page.route("**/selection/work", lock_for_two)
        page.goto(f"/console/lists/{made}")
        page.locator("[data-all]").check()
        page.get_by_role("button", name="Remove from the list").click()
        page.wait_for_url("**/selection?**")  # with its scripts, which keep the form

        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("alert")).to_contain_text("The database cannot be used now", timeout=30_000)
        other.execute("ROLLBACK")
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("status")).to_contain_text("40 of 100 removed.")
        expect(page.get_by_role("alert")).to_contain_text("The database cannot be used now", timeout=30_000)
        other.execute("ROLLBACK")
        page.get_by_role("button", name="Go on").click()

        expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
        assert numbers_in(api, made) == []


def test_work_that_a_broken_connection_stops_goes_on_by_a_button(
    api: Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, _ = filled(api, "Friends", 100)
    sent = itertools.count()
    page.route("**/selection/work", lambda route: route.abort() if next(sent) in {0, 2} else route.continue_())
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    page.wait_for_url("**/selection?**")

    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("40 of 100 removed.")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert numbers_in(api, made) == []


def test_without_scripts_each_part_is_a_press_of_a_button(
    api: Client, server: Server, new_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, _ = filled(api, "Friends", 100)
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto(f"/console/lists/{made}")

    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    page.get_by_role("button", name="Remove").click()
    expect(page).to_have_title("Removing… · Dialbook")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert numbers_in(api, made) == []


def test_a_list_that_is_renamed_meanwhile_is_still_the_one(
    api: Client, server: Server, new_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "PART", 40)
    made, _ = filled(api, "Friends", 100)
    other = api.create_list("Others")["sid"]
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_label("To list").fill("Others")
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("button", name="Copy", exact=True).click()

    api.put(f"/lists/{other}", {"name": "Renamed"})
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts copied.")
    expect(page.get_by_role("link", name="To Renamed")).to_be_visible()
    assert len(numbers_in(api, other)) == 100


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("Others", "They join the list"),
        ("Linebreak", "2 lists are shown as 'Linebreak', since line breaks are not: rename all but one."),
    ],
)
def test_a_list_whose_name_has_a_break_is_copied_to_by_its_name_as_it_is_shown(
    other: str, said: str, api: Client, server: Server, enter: Enter
) -> None:
    made, _ = filled(api, "Friends", 1)
    api.create_list("Line\r\nbreak")
    api.create_list(other)
    fields = {"all": "1", "action": "copy", "list_name": "Linebreak"}

    answer = enter(server, api).post(f"/console/lists/{made}/selection", data=fields)

    assert said in html.unescape(answer.text)


def test_enter_in_the_name_of_the_other_list_does_nothing(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 2)
    page.goto(f"/console/lists/{made}")
    page.evaluate("addEventListener('submit', (event) => { event.preventDefault(); window.isSent = true; })")
    page.locator("[data-all]").check()
    page.get_by_label("To list").fill("Others")

    page.get_by_label("To list").press("Enter")

    assert page.evaluate("window.isSent") is None
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("window.isSent") is True


def test_copying_stops_where_the_other_list_is_full(
    new_database: Callable[[], str], new_client: Callable[..., Client], new_page: Callable[..., Page]
) -> None:
    with serving(Settings(database=new_database(), static_list_limit=10)) as server:
        api = new_client(server)
        made, sids = filled(api, "Friends", 8)
        other = api.create_list("Others")["sid"]
        more = api.create_contacts(*({"number": number} for number in NUMBERS[100:105]))
        api.add_members(other, *(contact["sid"] for contact in more))
        page = new_page(server)
        sign_in(page, api)
        page.goto(f"/console/lists/{made}")

        page.locator("[data-all]").check()
        page.get_by_label("To list").fill("Others")
        page.get_by_role("button", name="Copy", exact=True).first.click()
        page.locator("main").get_by_role("button", name="Copy", exact=True).click()

        expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_text("The list holds at most 10 contacts.")
        expect(page.get_by_role("status")).to_contain_text("5 contacts copied")
        assert len(numbers_in(api, other)) == 10
        assert len(sids) == 8


def test_a_copy_that_is_refused_keeps_the_page_the_ticks_and_the_name(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 60)
    for sid in sids[:50]:
        api.put(f"/contacts/{sid}", {"tag": "vip"})
    page.goto(f"/console/lists/{made}?tag=vip&limit=20&page=2")
    copied = [NUMBERS[21], NUMBERS[33]]

    for number in copied:
        page.get_by_label(f"Tick {number}").check()
    page.get_by_label("To list").fill("Other")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("There is no list 'Other'.")
    expect(page.get_by_text("2 ticked")).to_be_visible()
    expect(page.get_by_label("To list")).to_have_value("Other")
    expect(page.get_by_label("Tag is")).to_have_value("vip")
    assert page.locator("tbody th a").all_inner_texts() == NUMBERS[20:40]
    api.create_list("Other")
    page.get_by_role("button", name="Copy", exact=True).click()

    expect(page.get_by_role("heading", name="Copy 2 contacts?")).to_be_visible()
    page.goto(f"/console/lists/{made}?tag=vip")
    page.get_by_label("All 50 that match").check()
    page.get_by_label("To list").fill("Another")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("There is no list 'Another'.")
    expect(page.get_by_label("All 50 that match")).to_be_checked()
    expect(page.get_by_text("All are selected")).to_be_visible()


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"action": "remove"}, 400, "Tick the contacts"),
        ({"action": "explode", "all": "1"}, 400, "allowed are remove, copy"),
        ({"action": "copy", "all": "1"}, 400, "Name the list"),
        ({"action": "copy", "all": "1", "list_name": "Nobody's"}, 404, "There is no list"),
        ({"action": "copy", "all": "1", "list_name": "Friends"}, 400, "in this list already"),
        ({"action": "remove", "contact": ["x"] * 2001}, 400, "at most"),
        ({"action": "remove", "all": "1", "number": "12"}, 400, "is not a phone number"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(
    fields: dict[str, object], status: int, words: str, api: Client, server: Server, enter: Enter
) -> None:
    made, _ = filled(api, "Friends", 2)

    for path in ("selection", "selection/work"):
        answer = enter(server, api).post(f"/console/lists/{made}/{path}", data=fields)
        assert answer.status_code == status
        assert words in answer.text.replace("&#39;", "'")
    assert len(numbers_in(api, made)) == 2


def test_a_selection_is_exported(api: Client, server: Server, enter: Enter) -> None:
    made, sids = filled(api, "Friends", 30)
    api.put(f"/contacts/{sids[3]}", {"tag": "vip", "first_name": "=1+1"})
    http, path = enter(server, api), f"/console/lists/{made}/selection/export"

    some = http.post(path, data={"contact": [sids[3], sids[1]]})
    all_ = http.post(path, data={"all": "1"}, follow_redirects=True)
    matching = http.post(path, data={"all": "1", "tag": "vip"}, follow_redirects=True)

    assert exported(some.text) == [NUMBERS[3], NUMBERS[1]]
    assert "'=1+1" in some.text
    assert exported(all_.text) == NUMBERS[:30]
    assert exported(matching.text) == [NUMBERS[3]]
    for answer in (some, all_, matching):
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="{made}.csv"'


@pytest.mark.parametrize("list_sid", ["0" * 32, "%E2%82%AC", "%00", "%0D%0Aa"])
def test_contacts_of_a_list_that_is_not_there_are_not_exported(
    list_sid: str, api: Client, server: Server, enter: Enter
) -> None:
    answer = enter(server, api).post(f"/console/lists/{list_sid}/selection/export", data={"contact": ["a"]})

    assert answer.status_code == 404


def test_contacts_whose_sid_has_a_character_that_none_has_are_not_found(
    api: Client, server: Server, enter: Enter
) -> None:
    made, _ = filled(api, "Friends", 1)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = enter(server, api).post(
        f"/console/lists/{made}/selection/work", content=b"action=remove&contact=a\0b", headers=headers
    )

    assert answer.status_code == 200
    assert len(numbers_in(api, made)) == 1


def test_a_whole_list_is_downloaded(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 3000)
    page.goto(f"/console/lists/{made}")

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export CSV").click()

    text = downloading.value.path().read_text()
    assert exported(text) == NUMBERS[:3000]


def test_an_export_in_no_such_format_is_refused(api: Client, server: Server, enter: Enter) -> None:
    made, _ = filled(api, "Friends", 1)

    answer = enter(server, api).get(f"/console/lists/{made}/export?format=xls")

    assert (answer.status_code, "allowed are csv, ndjson" in answer.text) == (400, True)
