"""Work on many contacts of a list: who is meant by all, and what becomes of it where something goes wrong."""

import html
import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from dialbook.console import selection
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, execute, serving
from tests.console.conftest import Enter, sign_in
from tests.console.list_page import filled

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "PART", 40)


def numbers_in(api: Client, list_sid: str) -> list[str]:
    answer = api.get(f"/lists/{list_sid}/contacts", limit=5000)
    return [item["data"]["number"] for item in answer.json()["response"] or []]


def tag(api: Client, sids: list[str], tag: str | None) -> None:
    for sid in sids:
        assert api.put(f"/contacts/{sid}", {"tag": tag}).status_code == 200


def ask(http: httpx2.Client, list_sid: str, **fields: object) -> dict[str, list[str]]:
    """Ask the question; return the form that it has."""
    return form_of(http.post(f"/console/lists/{list_sid}/selection", data=fields))


def go_on(http: httpx2.Client, list_sid: str, form: dict[str, list[str]]) -> httpx2.Response:
    """Have the next part worked off."""
    answer = http.post(f"/console/lists/{list_sid}/selection/work", data=form)
    assert answer.status_code == 200, answer.text
    return answer


def finish(http: httpx2.Client, list_sid: str, form: dict[str, list[str]]) -> str:
    """Go on to the end; return what is said there."""
    answer = go_on(http, list_sid, form)
    while "Go on" in answer.text:
        answer = go_on(http, list_sid, form_of(answer))
    return outcome(answer)


def form_of(answer: httpx2.Response) -> dict[str, list[str]]:
    assert answer.status_code == 200, answer.text
    form: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(answer.text):
        form.setdefault(name, []).append(html.unescape(value))
    return form


def outcome(answer: httpx2.Response) -> str:
    said = re.search(r'<p id="outcome"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    assert said is not None
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", said[1])).split())


def begin_removal(page: Page, list_sid: str) -> None:
    page.goto(f"/console/lists/{list_sid}")
    page.locator("[data-all]").check()
    page.get_by_role("button", name="Remove from the list").click()
    page.wait_for_url("**/selection?**")  # with its scripts, or the first part would come as a page of its own
    page.get_by_role("button", name="Remove", exact=True).click()


# Who is meant by all


def test_who_joins_while_others_leave_is_not_meant(api: Client, server: Server, enter: Enter) -> None:
    made, sids = filled(api, "Friends", 150)
    later, leaving = sids[100:], sids[70:90]
    for sid in later:
        api.delete(f"/lists/{made}/contacts/{sid}")
    http = enter(server, api)

    answer = go_on(http, made, ask(http, made, all="1", action="remove"))
    api.add_members(made, *later)
    for sid in leaving:
        api.delete(f"/lists/{made}/contacts/{sid}")
    said = finish(http, made, form_of(answer))

    assert said == "80 contacts removed. 20 contacts had left the list meanwhile, and were left alone."
    assert numbers_in(api, made) == NUMBERS[100:150]


def test_who_comes_to_match_is_not_meant(
    new_database: Callable[[], str], new_client: Callable[..., Client], enter: Enter
) -> None:
    moments = [datetime(2026, 1, 5, 9, 0, tzinfo=UTC)]
    with serving(Settings(database=new_database()), clock=lambda: moments[-1]) as server:
        api = new_client(server)
        made, sids = filled(api, "Friends", 150)
        tag(api, sids[:100], "vip")
        http = enter(server, api)

        answer = go_on(http, made, ask(http, made, all="1", action="remove", tag="vip"))
        moments.append(moments[-1] + timedelta(seconds=1))
        tag(api, sids[60:70], None)
        tag(api, sids[100:], "vip")
        said = finish(http, made, form_of(answer))

        assert said.startswith("90 contacts removed. 10 contacts had left the list or been changed meanwhile")
        assert numbers_in(api, made) == NUMBERS[60:70] + NUMBERS[100:150]


@pytest.mark.sqlite
@pytest.mark.parametrize("asks", ["before", "after"])
def test_who_was_ticked_and_has_left_is_not_copied(asks: str, api: Client, server: Server, enter: Enter) -> None:
    """Whoever does not want to be called any more must not come back by a page that was opened before."""
    made, sids = filled(api, "Friends", 3)
    other = api.create_list("Others")["sid"]
    http = enter(server, api)

    if asks == "after":
        api.delete(f"/lists/{made}/contacts/{sids[0]}")
    form = ask(http, made, contact=sids[:2], action="copy", list_name="Others")
    api.delete(f"/lists/{made}/contacts/{sids[0]}")
    said = finish(http, made, form)

    assert said == "1 contact copied. 1 contact had left the list meanwhile, and was left alone."
    assert numbers_in(api, other) == NUMBERS[1:2]


def test_a_few_are_those_who_matched(api: Client, server: Server, enter: Enter) -> None:
    """At whatever moment others come to match, and whatever becomes of those who did."""
    made, sids = filled(api, "Friends", 60)
    tag(api, sids[:20], "vip")
    http = enter(server, api)

    form = ask(http, made, all="1", action="remove", tag="vip")
    tag(api, sids[30:], "vip")
    tag(api, sids[:5], "gone")
    said = finish(http, made, form)

    assert said == "20 contacts removed."
    assert numbers_in(api, made) == NUMBERS[20:60]


def test_all_are_met_in_a_book_that_has_not_been_changed_since_that_is_kept(
    api: Client, server: Server, enter: Enter
) -> None:
    made, sids = filled(api, "Friends", 100)
    tag(api, sids[:50], "vip")
    execute(server.database, "UPDATE books SET updated = '' WHERE account = :account", account=api.account)
    http = enter(server, api)

    said = finish(http, made, ask(http, made, all="1", action="remove", tag="vip"))

    assert said == "50 contacts removed."


# Answers that are lost


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("action", ["remove", "copy"])
def test_a_part_whose_answer_is_lost_counts_once(
    action: str, lost: int, api: Client, server: Server, enter: Enter
) -> None:
    made, sids = filled(api, "Friends", 100)
    other = api.create_list("Others")["sid"]
    newcomers = [each["sid"] for each in api.create_contacts(*({"number": number} for number in NUMBERS[100:150]))]
    http = enter(server, api)
    form = ask(http, made, all="1", action=action, list_name="Others")

    for part in range(3):
        answer = go_on(http, made, form)
        if part == lost:
            api.add_members(made, *newcomers)
            assert outcome(go_on(http, made, form)) == outcome(answer)
        form = form_of(answer)

    assert outcome(answer) == f"100 contacts {'removed' if action == 'remove' else 'copied'}."
    assert numbers_in(api, made) == (NUMBERS[100:150] if action == "remove" else NUMBERS[:150])
    assert numbers_in(api, other) == (NUMBERS[:100] if action == "copy" else [])
    assert len(sids) == 100


@pytest.mark.sqlite
def test_a_connection_that_breaks_before_the_answer_is_passed_over(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 100)
    sent = itertools.count()

    def lose(route: Route) -> None:
        if next(sent) in {0, 2}:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/selection/work", lose)
    begin_removal(page, made)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Stopped: 40 of 100 removed.")
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    assert numbers_in(api, made) == []


def test_work_that_was_told_of_is_done_anew_when_it_is_asked_for_anew(
    api: Client, server: Server, enter: Enter
) -> None:
    made, sids = filled(api, "Friends", 3)
    http = enter(server, api)

    for _ in range(2):
        api.add_members(made, *sids)
        assert finish(http, made, ask(http, made, contact=sids, action="remove")) == "3 contacts removed."

    assert numbers_in(api, made) == []


# Refusals amid the work


@pytest.mark.sqlite
@pytest.mark.parametrize("which", ["Friends", "Others"])
def test_a_list_that_is_deleted_amid_the_work_is_named(which: str, api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 100)
    other, sent = api.create_list("Others")["sid"], itertools.count()

    def delete(route: Route) -> None:
        if next(sent) == 1:
            api.delete(f"/lists/{made if which == 'Friends' else other}")
        route.continue_()

    page.route("**/selection/work", delete)
    page.goto(f"/console/lists/{made}")
    page.locator("[data-all]").check()
    page.get_by_label("To list").fill("Others")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.wait_for_url("**/selection?**")
    page.locator("main").get_by_role("button", name="Copy", exact=True).click()

    expect(page.get_by_role("alert")).to_have_text(f"The list '{which}' has been deleted meanwhile.")
    expect(page.get_by_role("status")).to_have_text("Stopped: 40 of 100 copied.")
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    expect(page).to_have_title("Stopped · Dialbook")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()


@pytest.mark.sqlite
@pytest.mark.parametrize("status", [500, 502, 503, 404])
def test_work_goes_on_after_an_answer_of_what_stands_before_the_server(status: int, api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 100)
    sent = itertools.count()

    def break_down(route: Route) -> None:
        if next(sent) in {0, 2}:
            route.fulfill(status=status, body="<h1>oops</h1>", content_type="text/html")
        else:
            route.continue_()

    page.route("**/selection/work", break_down)
    begin_removal(page, made)
    expect(page.get_by_role("alert")).to_have_text(f"It did not work: HTTP {status}.")
    expect(page.get_by_role("heading", name="Remove 100 contacts?")).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Stopped: 40 of 100 removed.")
    expect(page.get_by_role("alert")).to_have_text(f"It did not work: HTTP {status}.")
    expect(page.get_by_text("oops")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert numbers_in(api, made) == []


@pytest.mark.sqlite
def test_work_goes_on_when_its_account_is_signed_in_again(
    api: Client, connect: Callable[..., Client], page: Page
) -> None:
    made, _ = filled(api, "Friends", 100)
    sent, other = itertools.count(), connect()

    def sign_in_elsewhere(route: Route) -> None:
        if next(sent) == 1:
            sign_in(page, other)
        route.continue_()

    page.route("**/selection/work", sign_in_elsewhere)
    begin_removal(page, made)
    expect(page.get_by_role("alert")).to_contain_text("You are signed in to another account now")
    expect(page.get_by_role("status")).to_have_text("Stopped: 40 of 100 removed.")
    sign_in(page, api)
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    assert numbers_in(api, made) == []


@pytest.mark.sqlite
def test_work_goes_on_after_its_session_has_ended(api: Client, page: Page) -> None:
    made, _ = filled(api, "Friends", 100)
    sent = itertools.count()

    def end_session(route: Route) -> None:
        if next(sent) == 1:
            page.context.clear_cookies()
            route.continue_(headers={name: value for name, value in route.request.headers.items() if name != "cookie"})
        else:
            route.continue_()

    page.route("**/selection/work", end_session)
    begin_removal(page, made)
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended.")
    expect(page.get_by_role("status")).to_have_text("Stopped: 40 of 100 removed.")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Sign in again in another tab").click()
    tab = opened.value
    tab.get_by_label("API key").fill(api.key)
    tab.get_by_label("API token").fill(api.token)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("heading", name="Friends")).to_be_visible()
    page.get_by_role("button", name="Go on").click()

    expect(page.get_by_role("status")).to_have_text("100 contacts removed.")
    assert numbers_in(api, made) == []


# What is said, and where one is led


def test_who_is_in_the_address_book_no_more_is_not_said_to_be_in_the_list(
    api: Client, server: Server, enter: Enter
) -> None:
    made, sids = filled(api, "Friends", 4)
    other = api.create_list("Others")["sid"]
    api.add_members(other, sids[1])
    http = enter(server, api)

    form = ask(http, made, contact=sids, action="copy", list_name="Others")
    api.delete(f"/contacts/{sids[0]}")
    said = finish(http, made, form)

    assert said == (
        "2 contacts copied. 1 contact was passed over, being in that list already. "
        "1 contact had left the list meanwhile, and was left alone."
    )


@pytest.mark.sqlite
def test_the_question_leads_back_to_the_page_of_the_search(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 60)
    tag(api, sids[:50], "vip")
    path = f"/console/lists/{made}?tag=vip&limit=20&page=2"
    page.goto(path)
    page.get_by_label(f"Tick {NUMBERS[21]}").check()
    page.get_by_role("button", name="Remove from the list").click()

    page.get_by_role("link", name="Cancel").click()

    expect(page.get_by_label("Tag is")).to_have_value("vip")
    assert page.locator("tbody th a").all_inner_texts() == NUMBERS[20:40]


@pytest.mark.sqlite
def test_an_export_says_who_has_left_meanwhile(api: Client, page: Page) -> None:
    made, sids = filled(api, "Friends", 60)
    page.goto(f"/console/lists/{made}?limit=20&page=2")
    for number in (NUMBERS[21], NUMBERS[33], NUMBERS[34]):
        page.get_by_label(f"Tick {number}").check()
    api.delete(f"/lists/{made}/contacts/{sids[33]}")

    page.get_by_role("button", name="Export CSV").click()
    expect(page.get_by_role("alert")).to_have_text(
        "1 of the 3 whom you ticked has left the list meanwhile. Press Export CSV again for a file of the others."
    )
    expect(page.get_by_text("2 ticked")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export CSV").click()

    text = downloading.value.path().read_text()
    assert [number for number in NUMBERS[:60] if number in text] == [NUMBERS[21], NUMBERS[34]]


@pytest.mark.sqlite
def test_an_export_of_a_page_that_is_no_more_says_so_too(api: Client, server: Server, enter: Enter) -> None:
    made, sids = filled(api, "Friends", 21)
    api.delete(f"/lists/{made}/contacts/{sids[20]}")
    http = enter(server, api)

    answer = http.post(
        f"/console/lists/{made}/selection/export?limit=20&page=2", data={"contact": sids[20]}, follow_redirects=True
    )

    assert "The one whom you ticked has left the list meanwhile." in answer.text
