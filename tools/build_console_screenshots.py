"""Builds the pictures of docs/console.md: each page of the demo's console, as Chromium shows it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from generated import ROOT
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

TARGET = ROOT / "docs" / "console"
PROGRAM = Path(sys.executable).with_name("dialbook")
LINK = re.compile(r"(http://\S+)/console/enter/\S+")
LAST_LINE = "Ctrl-C"
CSV = "number,first_name,tag\n+919845012345,Asha,vip\n098450 12346,Bharat,\n9.19845E+11,Chitra,\n+919845012345,Dev,\n"

DESK, PHONE = {"width": 1200, "height": 780}, {"width": 360, "height": 740}

# Pages that are looked at, by the name of the picture; a list is named between braces.
AT_A_DESK = {
    "overview": "/console",
    "lists": "/console/lists",
    "list": "{Customers}",
    "list-pictures": "{Customers}/pictures",
    "contacts": "/console/contacts?search=asha",
}
ON_A_PHONE = {"list-on-a-phone": "{Newsletter}", "overview-on-a-phone": "/console"}


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium).")
    TARGET.mkdir(exist_ok=True)
    with demo() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        state, lists = enter(browser, link)
        base = LINK.match(link)[1]  # type: ignore[index]  # it was found by this pattern
        desk = open_page(browser, base, state, DESK, "light")
        for name, path in AT_A_DESK.items():
            shoot(desk, name, path.format_map(lists))
        upload(desk)
        phone = open_page(browser, base, state, PHONE, "dark")
        for name, path in ON_A_PHONE.items():
            shoot(phone, name, path.format_map(lists))
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo; the link that opens its console."""
    with subprocess.Popen([PROGRAM, "demo", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        printed = ""
        while LAST_LINE not in printed and process.stdout:
            printed += process.stdout.readline()
        try:
            yield LINK.search(printed)[0]  # type: ignore[index]  # the demo prints it
        finally:
            process.terminate()


def enter(browser: Browser, link: str) -> tuple[StorageState, Mapping[str, str]]:
    """Sign in; what the browser keeps of it, and where each list is."""
    context = browser.new_context()
    page = context.new_page()
    # Until the server listens, the connection waits.
    page.goto(link)
    page.wait_for_url("**/console")
    page.goto(link.partition("/console")[0] + "/console/lists")
    lists = {link.inner_text(): str(link.get_attribute("href")) for link in page.locator("tbody th a").all()}
    return context.storage_state(), lists


def open_page(browser: Browser, base: str, state: StorageState, viewport: Mapping[str, int], colours: str) -> Page:
    """A page of this size, in these colours, signed in."""
    context = browser.new_context(
        base_url=base,
        storage_state=state,
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=colours,  # type: ignore[arg-type]
    )
    return context.new_page()


def shoot(page: Page, name: str, path: str | None = None) -> None:
    """Take a picture of what the window shows."""
    if path:
        page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=TARGET / f"{name}.png")


def upload(page: Page) -> None:
    """Take pictures of an upload: before it is sent, and its report."""
    page.goto("/console/uploads/new")
    page.get_by_label("To the list").fill("Trade fair")
    page.locator("input[type=file]").set_input_files(
        {"name": "trade-fair.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    page.get_by_role("table").first.wait_for()
    shoot(page, "upload")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_text("until a spreadsheet rounded it").wait_for()
    shoot(page, "upload-report")


main()
