"""What tests do with the form that brings a file, and see of its upload."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.conftest import Client, Server, work_off

DROPPED = """(names) => {
    const all = new DataTransfer();
    for (const name of names) all.items.add(new File(["number"], name));
    return all;
}"""


def choose(page: Page, file: bytes, name: str = "contacts.csv") -> None:
    """Choose a file, and wait until the page has looked at it."""
    page.get_by_label("CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": file})
    expect(page.locator("[data-summary]")).to_contain_text(name)


def choose_by_hand(page: Page, file: Path) -> None:
    """Choose a file of a folder as a browser's own dialog does, after which the driver adds no event of its own."""
    browser = page.context.new_cdp_session(page)
    found = browser.send("Runtime.evaluate", {"expression": "document.querySelector('[name=file_name]')"})
    chosen = {"files": [str(file)], "objectId": found["result"]["objectId"]}
    browser.send("DOM.setFileInputFiles", chosen)


def drop(page: Page, *names: str) -> None:
    """Drop files of these names onto the form."""
    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": page.evaluate_handle(DROPPED, names)})


def name_list(page: Page, name: str) -> None:
    """Type the name of a list, and wait until the page knows whether there is one."""
    with page.expect_response("**/console/uploads/target?**"):
        page.get_by_label("To the list").fill(name)


def columns_of(page: Page) -> list[tuple[str, str]]:
    """The columns of the preview: what the file names each, and what it becomes."""
    headings = page.locator("[data-columns] th")
    names, becomes = headings.locator("bdi").all_text_contents(), headings.locator(".becomes").all_text_contents()
    return list(zip(names, becomes, strict=True))


def rows_of(page: Page) -> list[list[str]]:
    return [row.locator("td").all_text_contents() for row in page.locator("[data-rows] tr").all()]


def problems(page: Page) -> Locator:
    return page.locator("[data-problems] .refusal")


def begin(page: Page, file: bytes, list_name: str) -> None:
    """Upload a file by the form, up to the page of its upload."""
    page.goto("/console/uploads/new")
    choose(page, file)
    name_list(page, list_name)
    press_upload(page)


def press_upload(page: Page) -> None:
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(lambda url: not url.endswith(("/new", "/uploads")) and "?" not in url)


def figures(page: Page) -> dict[str, str]:
    """The figures on an upload's page."""
    return {each.locator("dt").inner_text(): each.locator("dd").inner_text() for each in page.locator("dl > div").all()}


def upload_of(client: Client, server: Server, file: bytes, list_name: str = "Friends", **fields: str) -> str:
    """Have an upload of a file worked off; return the path of its page."""
    answer = client.upload(file, list_name, **fields)
    assert answer.status_code == 202, answer.text
    work_off(server)
    return f"/console/uploads/{answer.json()['response']['data']['summary']['upload_id']}"
