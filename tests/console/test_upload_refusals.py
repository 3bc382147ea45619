"""Uploads in the console that do not come to be: refused, too large, cancelled, cut off."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving, work_off
from tests.console.conftest import hold, sign_in
from tests.console.upload_page import (
    choose,
    choose_by_hand,
    drop,
    name_list,
    press_upload,
    problems,
)
from tests.losing import losing

pytestmark = pytest.mark.usefixtures("no_files_of_others")


def test_a_refusal_keeps_what_was_typed(server: Server, page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, b"phone\n1\n")
    name_list(page, "Friends")
    page.get_by_label("Only check").check()

    page.get_by_role("button", name="Upload").click()

    expect(page.locator("[data-refused]").get_by_role("alert")).to_contain_text("file_name has no column 'number'")
    expect(page.get_by_label("To the list")).to_have_value("Friends")
    expect(page.get_by_label("Only check")).to_be_checked()
    choose(page, f"number\n{NUMBERS[0]}\n".encode(), "better.csv")
    press_upload(page)
    work_off(server)
    expect(page.get_by_role("status")).to_contain_text("Checked: 1 contact would join.")


@pytest.mark.sqlite
def test_a_refused_file_is_mended_and_chosen_again(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("phone\n1\n")
    page.goto("/console/uploads/new")
    choose_by_hand(page, file)
    name_list(page, "Friends")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("file_name has no column 'number'")

    file.write_text(f"number\n{NUMBERS[0]}\n")
    os.utime(file, (1, 1))
    choose_by_hand(page, file)

    expect(problems(page)).to_have_count(0)
    press_upload(page)


@pytest.mark.sqlite
def test_a_file_that_is_too_large_is_known_before_it_is_sent(page: Page) -> None:
    page.goto("/console/uploads/new")
    page.evaluate("rules.fileLimit = 1000")

    choose(page, b"number\n" + b"\n" * 1001)

    expect(problems(page)).to_have_text("It has 1.0 kB; at most 1.0 kB are allowed.")


@pytest.mark.sqlite
def test_sending_is_cancelled(api: Client, page: Page) -> None:
    """The line is slow enough that it cannot have been sent."""
    page.goto("/console/uploads/new")
    choose(page, ("number\n" + "\n".join(NUMBERS[:20_000])).encode())
    name_list(page, "Friends")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)

    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("progressbar", name="How much is sent")).to_be_visible()
    expect(page.locator("[data-sizes]")).to_contain_text("of 280")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("alert")).to_have_text("Cancelled; nothing was uploaded.")
    expect(page.get_by_role("button", name="Upload")).to_be_focused()
    assert api.get("/csv-status").json()["metadata"]["total"] == 0


class Held:
    """Keeps back what a server answers to an upload, until it is let go."""

    def __init__(self) -> None:
        self.is_let_go = threading.Event()

    def before(self, app: ASGIApp) -> ASGIApp:
        async def hold(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_later(message: Message) -> None:
                await asyncio.to_thread(self.is_let_go.wait)
                await send(message)

            is_upload = scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/console/uploads")
            await app(scope, receive, send_later if is_upload else send)

        return hold


@pytest.fixture
def held(
    new_database: Callable[[], str], new_client: Callable[..., Client], new_page: Callable[..., Page]
) -> Iterator[tuple[Held, Client, Page]]:
    """A form that is filled in, of a server that keeps back what it answers to it."""
    held = Held()
    with serving(Settings(database=new_database()), before=held.before) as server, ExitStack() as at_the_end:
        at_the_end.callback(held.is_let_go.set)
        client, page = new_client(server), new_page(server)
        sign_in(page, client)
        page.goto("/console/uploads/new")
        choose(page, f"number\n{NUMBERS[0]}\n".encode())
        name_list(page, "Friends")
        yield held, client, page


@pytest.mark.sqlite
def test_what_the_server_has_cannot_be_cancelled_any_more(held: tuple[Held, Client, Page]) -> None:
    answers, _, page = held

    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-stage]")).to_have_text("The server looks through it.")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    answers.is_let_go.set()

    expect(page.get_by_role("heading", name="Upload to Friends")).to_be_visible()


@pytest.mark.sqlite
@pytest.mark.parametrize(("dropped", "made"), [([], 1), (["a.csv"], 2), (["a.csv", "b.csv"], 1)])
def test_an_upload_that_is_never_answered_is_made_once(
    dropped: list[str], made: int, held: tuple[Held, Client, Page]
) -> None:
    """Unless another file takes the place of its own; two at once do not."""
    answers, client, page = held
    page.evaluate("TIMEOUTS_MS.post = 500")

    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("the file may have arrived")
    if dropped:
        drop(page, *dropped)
    answers.is_let_go.set()
    page.evaluate("TIMEOUTS_MS.post = 300_000")
    press_upload(page)

    assert client.get("/csv-status").json()["metadata"]["total"] == made


@pytest.mark.sqlite
def test_a_line_that_breaks_is_explained(page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, b"number\n1\n")
    name_list(page, "Friends")
    page.context.set_offline(True)

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("The connection was lost")
    page.context.set_offline(False)


@pytest.mark.sqlite
@pytest.mark.parametrize(("status", "said"), [(502, "the file may have arrived"), (413, "It did not work: HTTP 413.")])
def test_an_answer_of_what_stands_before_the_server_is_explained(status: int, said: str, page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, b"number\n1\n")
    name_list(page, "Friends")
    page.route("**/console/uploads?*", lambda route: route.fulfill(status=status))

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text(said)


@pytest.mark.parametrize("is_changed", [False, True])
def test_an_upload_whose_answer_is_lost_is_made_once(
    is_changed: bool, api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    """However often a browser sends it, of itself or because a button is pressed again; what is changed is another."""
    with losing(server.url) as proxy:
        page = new_page(replace(server, url=proxy.url))
        sign_in(page, api)
        page.goto("/console/uploads/new")
        choose(page, f"number\n{NUMBERS[0]}\n".encode())
        name_list(page, "Friends")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_contain_text("the file may have arrived", timeout=30_000)
        assert api.get("/csv-status").json()["metadata"]["total"] == 1

        proxy.loses = False
        if is_changed:
            page.get_by_label("Only check").check()
        press_upload(page)

    assert api.get("/csv-status").json()["metadata"]["total"] == 1 + is_changed


@pytest.mark.sqlite
def test_an_upload_whose_answer_is_lost_is_made_once_though_its_list_is_found_meanwhile(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    api.create_list("Friends")
    with losing(server.url) as proxy:
        page = new_page(replace(server, url=proxy.url))
        sign_in(page, api)
        page.goto("/console/uploads/new")
        choose(page, f"number\n{NUMBERS[0]}\n".encode())
        held = hold(page, "**/console/uploads/target?*")
        with page.expect_request("**/console/uploads/target?*"):
            page.get_by_label("To the list").fill("Friends")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("alert")).to_contain_text("the file may have arrived", timeout=30_000)
        held[0].continue_()
        expect(page.get_by_text("It is there")).to_be_visible()

        proxy.loses = False
        press_upload(page)

    assert api.get("/csv-status").json()["metadata"]["total"] == 1


@pytest.mark.sqlite
def test_a_session_that_ends_meanwhile_leads_to_the_sign_in(page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, b"number\n1\n")
    name_list(page, "Friends")
    page.context.clear_cookies()

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
