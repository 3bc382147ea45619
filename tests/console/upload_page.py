"""What tests do with the form that brings a file."""

from playwright.sync_api import Locator, Page, expect


def choose(page: Page, file: bytes, name: str = "contacts.csv") -> None:
    """Choose a file, and wait until the page has looked at it."""
    page.get_by_label("CSV file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": file})
    expect(page.locator("[data-summary]")).to_contain_text(name)


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
