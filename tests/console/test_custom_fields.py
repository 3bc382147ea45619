"""How the custom fields of a contact are shown."""

from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client


def test_a_number_is_shown_as_it_was_written(api: Client, page: Page) -> None:
    shown = {
        "price": "1.10",
        "huge": "1E+2",
        "sid": "12345678901234567890123",
        "list": "[1.50,null]",
        "nested": '{"rate":2.50}',
    }
    custom = ",".join(f'"{name}":{value}' for name, value in shown.items())
    body = f'{{"contacts":[{{"number":"{NUMBERS[0]}","custom_field":{{{custom}}}}}]}}'
    made = api.request("POST", "/contacts", content=body, headers={"Content-Type": "application/json"})
    sid = made.json()["response"][0]["data"]["sid"]
    list_sid = api.create_list()["sid"]
    api.add_members(list_sid, sid)

    page.goto(f"/console/contacts/{sid}")
    for name, value in shown.items():
        expect(page.get_by_role("row", name=f"{name} {value}", exact=True)).to_be_visible()
    page.goto(f"/console/lists/{list_sid}")
    expect(page.locator(".pair")).to_have_text([f"{name} {value}" for name, value in shown.items()])
