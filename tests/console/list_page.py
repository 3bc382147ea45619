"""A list that is looked at, and what its page shows."""

from playwright.sync_api import Page

from tests.conftest import NUMBERS, Client


def names_shown(page: Page) -> list[str]:
    return page.locator("tbody th a").all_inner_texts()


def filled(api: Client, name: str, count: int) -> tuple[str, list[str]]:
    """A list of so many contacts, in the order of their numbers; its sid and theirs."""
    sids = [contact["sid"] for contact in api.create_contacts(*({"number": number} for number in NUMBERS[:count]))]
    made = api.create_list(name)["sid"]
    assert api.add_members(made, *sids).status_code == 200
    return made, sids
