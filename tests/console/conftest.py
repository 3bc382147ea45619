"""A browser that somebody is signed in with, which notes whatever a page does that no page may do."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

from tests.conftest import Client, Server, work_off

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARTEFACTS = Path(os.environ.get("CONSOLE_SCREENSHOTS", ".screenshots"))

Enter: TypeAlias = Callable[[Server, Client], httpx2.Client]

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}

# What browsers and scripts note of what is in order: a refusal, which is a page with a status of its own; no answer, or
# none that is still wanted; a header that means nothing over plain HTTP.
ORDINARY = (
    "Failed to load resource",
    "htmx:sendError",
    "htmx:sendAbort",
    "htmx:timeout",
    "htmx:afterRequest",
    "The Cross-Origin-Opener-Policy header",
)

# A name by which a browser reaches a server as from another machine: of its own it takes plain HTTP for secure.
ELSEWHERE = "--host-resolver-rules=MAP dialbook.test 127.0.0.1"

# A page whose policy keeps something from being loaded or run says so in its console; so it does with a script's error.
WATCH_POLICY = """
    document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
"""


class Misdeeds:
    """What went wrong in a browser, in words."""

    def __init__(self, server: str) -> None:
        self.noted: list[str] = []
        self._server = server

    def watch(self, page: Page) -> None:
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self.noted.append(f"script: {error}"))
        page.on("request", self._note_request)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(ORDINARY):
            self.noted.append(f"console: {message.text}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self._server, "data:", "blob:")):
            self.noted.append(f"elsewhere: {request.url}")


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Have a program sign in as a browser does."""
    with ExitStack() as stack:

        def sign_in(server: Server, client: Client) -> httpx2.Client:
            http = stack.enter_context(httpx2.Client(base_url=server.url))
            answer = http.post("/console/sign-in", data={"key": client.key, "token": client.token})
            assert answer.status_code == 303, answer.text
            return http

        yield sign_in


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("Chromium is not installed")
    assert CHROMIUM is not None, "Chromium must be there in CI"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", ELSEWHERE])
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a server; at the end nothing may have been noted that no page may do."""
    contexts: list[tuple[BrowserContext, Misdeeds]] = []

    def open_page(server: Server, viewport: dict[str, int] = DESK, **options: object) -> Page:
        context = browser.new_context(base_url=server.url, viewport=viewport, **options)  # type: ignore[arg-type]
        context.add_init_script(WATCH_POLICY)
        misdeeds = Misdeeds(server.url)
        context.on("page", misdeeds.watch)
        contexts.append((context, misdeeds))
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield open_page
    for context, _ in contexts:
        context.close()
    assert [each for _, misdeeds in contexts for each in misdeeds.noted] == []


def sign_in(page: Page, client: Client) -> None:
    """Have a page's browser sign in, as the form does that test_sessions fills in."""
    answer = page.context.request.post("/console/sign-in", form={"key": client.key, "token": client.token})
    assert answer.ok, answer.text()


def queries(page: Page) -> list[str]:
    """The query of each part of itself that a page asks for from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "xhr":
            asked.append(request.url.partition("?")[2])

    page.on("request", note)
    return asked


def hold(page: Page, address: str) -> list[Route]:
    """Let requests wait until each is dealt with, or routes are taken away; they are noted as they come."""
    held: list[Route] = []

    def note(route: Route) -> None:
        held.append(route)

    page.route(address, note)
    return held


@pytest.fixture
def page(api: Client, server: Server, new_page: Callable[..., Page]) -> Page:
    """A page at a desk, signed in to the account of `api` with a key that may do everything."""
    page = new_page(server)
    sign_in(page, api)
    return page


@pytest.fixture
def no_files_of_others(server: Server) -> None:
    """Work off what another test has left."""
    work_off(server)
