"""Uploads in the console: the sending, the work, the report."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import NUMBERS, Client, Server, turns, work_off
from tests.console.conftest import PHONE, Enter, sign_in
from tests.console.upload_page import begin, choose, columns_of, figures, name_list, press_upload, rows_of, upload_of

LONG = "A name that goes on " * 12
RIGHT_TO_LEFT = "خريطة العملاء"
ATTACKS = [
    "<script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "\"><svg onload=document.title='run'>",
    "x'-document.title='run'-'",
    "{{7*7}}",
    "javascript:document.title='run'",
    "</template></textarea></title><b>bold</b>",
]


pytestmark = pytest.mark.usefixtures("no_files_of_others")


# The whole way


def test_a_file_becomes_a_list_and_its_report_is_mended(server: Server, page: Page, tmp_path: Path) -> None:
    file = f"number,first_name\n{NUMBERS[0]},Asha\n{NUMBERS[0]},Again\n12,Short\n9.19845E+11,Rounded\n".encode()

    begin(page, file, "Friends")

    expect(page.get_by_role("heading", name="Upload to Friends")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("being worked off")
    assert figures(page)["Rows dealt with"] == "0 of 4"
    work_off(server)
    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")
    shown = figures(page)
    assert [shown[name] for name in ("Joined", "Duplicate", "Failed", "Rows dealt with")] == ["1", "1", "2", "4"]
    rows = [row.locator("td, th").all_inner_texts()[:3] for row in page.locator("tbody tr").all()]
    assert rows == [
        ["3", NUMBERS[0], "duplicate"],
        ["4", "12", "number invalid"],
        ["5", "9.19845E+11", "number rounded"],
    ]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows to be mended").click()
    download.value.save_as(tmp_path / "errors.csv")
    mended = (tmp_path / "errors.csv").read_text().replace("9.19845E+11", NUMBERS[1])
    begin(page, mended.encode(), "Friends")
    work_off(server)
    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")
    page.get_by_role("link", name="To the list").click()
    expect(page.get_by_role("heading", name="Friends")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_the_page_follows_the_work_and_leaves_the_reader_alone(server: Server, page: Page) -> None:
    begin(page, "\n".join(["number", *NUMBERS[:4]]).encode(), "Friends")
    page.get_by_text("As a request").focus()
    page.keyboard.press("Enter")
    cancel = page.get_by_role("button", name="Cancel").element_handle()
    status = page.get_by_role("status").element_handle()

    for done, _ in enumerate(turns(server, chunk=1), 1):
        if done > 3:
            break
        expect(page.get_by_role("progressbar")).to_have_attribute("value", str(25 * done))
        expect(page.get_by_text(f"{done} of 4")).to_be_visible()
        assert cancel.evaluate("button => button.isConnected")  # so that no press is lost
        expect(page.get_by_text("As a request")).to_be_focused()
    work_off(server)

    expect(page.get_by_role("status")).to_have_text("Done: 4 contacts joined.")
    assert status.evaluate("status => status.isConnected")  # or it would not be read out
    expect(page.get_by_text("As a request")).to_be_focused()
    expect(page.locator("[hx-trigger]")).to_have_count(0)  # nothing asks again
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


@pytest.mark.sqlite
@pytest.mark.parametrize("status", [429, 502, 503])
def test_the_page_follows_the_work_past_a_refusal(status: int, server: Server, page: Page) -> None:
    begin(page, f"number\n{NUMBERS[0]}\n".encode(), "Friends")
    with page.expect_response(lambda answer: answer.status == status):
        page.route("**/console/uploads/*", lambda route: route.fulfill(status=status, body="Not now"), times=1)

    work_off(server)

    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")
    expect(page.get_by_text("Not now")).to_have_count(0)


@pytest.mark.sqlite
def test_the_page_says_when_it_reaches_no_server(server: Server, page: Page) -> None:
    begin(page, f"number\n{NUMBERS[0]}\n".encode(), "Friends")

    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_have_count(0)

    work_off(server)
    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")


@pytest.mark.sqlite
def test_whoever_stands_on_cancel_at_the_end_is_led_on(server: Server, page: Page) -> None:
    begin(page, f"number\n{NUMBERS[0]}\n".encode(), "Friends")
    page.get_by_role("button", name="Cancel").focus()

    work_off(server)

    expect(page.get_by_role("link", name="To the list")).to_be_focused()


def test_an_upload_updates_who_is_known(api: Client, server: Server, page: Page) -> None:
    api.create_contacts({"number": NUMBERS[0], "first_name": "Old"})
    upload_of(api, server, f"number\n{NUMBERS[0]}\n".encode())
    page.goto("/console/uploads/new?list_name=Friends&type=static")
    choose(page, f"number,first_name\n{NUMBERS[0]},New\n{NUMBERS[1]},Other\n".encode())
    page.get_by_label("takes what the file says").check()

    press_upload(page)
    work_off(server)

    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")
    shown = figures(page)
    assert [shown[name] for name in ("Joined", "Updated", "Duplicate")] == ["1", "1", "0"]
    names = {each["data"]["number"]: each["data"]["first_name"] for each in api.get("/contacts").json()["response"]}
    assert names == {NUMBERS[0]: "New", NUMBERS[1]: "Other"}


def test_a_check_changes_nothing(api: Client, server: Server, page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, f"number\n{NUMBERS[0]}\n12\n".encode())
    name_list(page, "Friends")
    page.get_by_label("Only check").check()

    press_upload(page)
    work_off(server)

    expect(page.get_by_role("status")).to_have_text("Checked: 1 contact would join. Nothing was changed.")
    expect(page.get_by_role("heading", name="Check of an upload to a new list")).to_be_visible()
    expect(page.get_by_text("1 row that would not join")).to_be_visible()
    assert api.get("/lists").json()["metadata"]["total"] == 0
    assert api.get("/contacts").json()["metadata"]["total"] == 0
    page.goto("/console/uploads")
    expect(page.get_by_text("only checked")).to_be_visible()


def test_an_upload_is_cancelled_where_it_stands(api: Client, server: Server, page: Page) -> None:
    begin(page, "\n".join(["number", *NUMBERS[:4]]).encode(), "Friends")
    next(turns(server, chunk=1))

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("status")).to_contain_text("It ended early. It was cancelled.")
    assert figures(page)["Rows dealt with"] == "1 of 4"
    assert [each["data"]["contact_count"] for each in api.get("/lists").json()["response"]] == [1]
    page.goto("/console/uploads")
    expect(page.locator("tbody .chip")).to_have_text("failed")


# Whom it shows what


def test_uploads_are_listed_newest_first(api: Client, server: Server, page: Page) -> None:
    page.goto("/console/uploads")
    expect(page.get_by_text("There is no upload yet.")).to_be_visible()
    for i in range(3):
        upload_of(api, server, f"number\n{NUMBERS[i]}\n12\n".encode(), f"List {i}")
    deleted = api.get("/lists", name="List 1").json()["response"][0]["data"]["sid"]
    api.delete(f"/lists/{deleted}")

    page.goto("/console/uploads")

    expect(page.locator("tbody th")).to_have_text(["List 2", "a list that is deleted", "List 0"])
    assert page.locator("tbody tr").first.locator("td.figure").all_inner_texts() == ["1", "0", "1", "2"]
    page.get_by_role("link", name="a list that is deleted").click()
    expect(page.get_by_role("heading", name="Upload to a list that is deleted")).to_be_visible()
    expect(page.get_by_role("link", name="To the list")).to_have_count(0)


def test_on_a_phone_a_row_of_a_report_is_read_whole_by_its_columns(
    api: Client, server: Server, new_page: Callable[..., Page]
) -> None:
    name = "A name that is far longer than a line of a phone has room for"
    page = new_page(server, viewport=PHONE)
    sign_in(page, api)
    page.goto(upload_of(api, server, f"first_name,last_name,number,tag\n{name},,12,vip,beyond\n".encode()))

    pairs = page.locator(".pair")

    expect(pairs).to_have_text([f"first_name {name}", "number 12", "tag vip", "\N{EN DASH} beyond"])
    assert [pair.evaluate("pair => pair.scrollWidth > pair.clientWidth") for pair in pairs.all()] == [False] * 4


def test_a_report_comes_in_pages(api: Client, server: Server, page: Page) -> None:
    bad = "\n".join(str(i) for i in range(10, 71))
    page.goto(upload_of(api, server, f"number\n{bad}\n".encode()))

    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Last").click()

    expect(page.locator("tbody td:first-child")).to_have_text([str(i) for i in range(52, 63)])


def test_a_read_only_key_sees_uploads_and_makes_none(
    connect: Callable[..., Client], server: Server, new_page: Callable[..., Page], enter: Enter
) -> None:
    owner = connect()
    path = upload_of(owner, server, f"number\n{NUMBERS[0]}\n12\n".encode())
    running = owner.upload(f"number\n{NUMBERS[1]}\n".encode()).json()["response"]["data"]["summary"]["upload_id"]
    reader = connect(owner.account, "--scope", "read")
    page = new_page(server)
    sign_in(page, reader)

    page.goto("/console/uploads")
    expect(page.get_by_role("link", name="New upload")).to_have_count(0)
    page.goto(f"/console/uploads/{running}")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.goto(path)
    with page.expect_download():
        page.get_by_role("link", name="Download the rows to be mended").click()
    page.goto("/console/uploads/new")
    expect(page.get_by_role("alert")).to_contain_text("may only read")

    http = enter(server, reader)
    file = {"file_name": ("contacts.csv", b"number\n", "text/csv")}
    assert http.post("/console/uploads", data={"list_name": "Friends"}, files=file).status_code == 403
    assert http.post(f"/console/uploads/{running}/cancel").status_code == 403
    assert owner.get(f"/csv-status/{running}").json()["response"]["data"]["status"] == "in-progress"


def test_another_accounts_upload_is_not_there(
    api: Client, server: Server, connect: Callable[..., Client], enter: Enter
) -> None:
    path = upload_of(api, server, b"number\n12\n")
    http = enter(server, connect())

    assert http.get(path).status_code == 404
    assert http.get(f"{path}/report.csv").status_code == 404
    assert http.post(f"{path}/cancel").status_code == 404
    assert "There is no upload yet." in http.get("/console/uploads").text


def test_the_report_is_the_apis(api: Client, server: Server, enter: Enter) -> None:
    path = upload_of(api, server, b"number,first_name\n12,=1+1\n")

    mine = enter(server, api).get(f"{path}/report.csv")
    apis = api.request("GET", f"/csv-status/{path.rpartition('/')[2]}/errors", headers={"Accept": "text/csv"})

    assert mine.content == apis.content
    assert mine.headers["content-disposition"] == apis.headers["content-disposition"]


# Any browser, any text


def test_without_scripts_the_form_is_a_form(api: Client, server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page(server, java_script_enabled=False)
    sign_in(page, api)
    page.goto("/console/uploads/new")
    file = page.get_by_label("CSV file")
    file.set_input_files({"name": "contacts.csv", "mimeType": "text/csv", "buffer": b"phone\n1\n"})
    page.get_by_label("To the list").fill("Friends")
    page.get_by_role("radio", name="Dynamic").check()
    page.get_by_label("takes what the file says").check()

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("file_name has no column 'number'")
    expect(page.get_by_label("To the list")).to_have_value("Friends")
    expect(page.get_by_role("radio", name="Dynamic")).to_be_checked()
    expect(page.get_by_label("takes what the file says")).to_be_checked()
    good = f"number,city\n{NUMBERS[0]},Pune\n".encode()
    file.set_input_files({"name": "contacts.csv", "mimeType": "text/csv", "buffer": good})
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Upload to Friends")).to_be_visible()
    work_off(server)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")


@pytest.mark.sqlite
def test_every_text_is_inert(server: Server, page: Page) -> None:
    for i, attack in enumerate(ATTACKS):
        quoted = '"' + attack.replace('"', '""') + '"'
        page.goto("/console/uploads/new")
        page.get_by_role("radio", name="Dynamic").check()
        choose(page, f"number,{quoted}\n{NUMBERS[i]},{quoted}\n{quoted},{quoted}\n".encode(), f"{attack}.csv")
        assert columns_of(page)[1] == (attack, "kept per member")
        assert rows_of(page)[1] == [attack, attack]
        name_list(page, f"{attack} {i}")
        press_upload(page)
        work_off(server)

        expect(page.get_by_role("status")).to_have_text("Done: 1 contact joined.")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Upload to {attack} {i}")
        expect(page.locator("tbody th")).to_have_text(attack[:64])
        assert page.title() == f"Upload to {attack} {i} · Dialbook"
    page.goto("/console/uploads")
    expect(page.locator("tbody th")).to_have_text([f"{attack} {i}" for i, attack in reversed(list(enumerate(ATTACKS)))])


@pytest.mark.sqlite
@pytest.mark.parametrize("name", [LONG, "n" * 255, RIGHT_TO_LEFT])
def test_every_page_fits_a_phone(name: str, api: Client, server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page(server, PHONE)
    sign_in(page, api)
    path = upload_of(api, server, f"number,first_name\n{NUMBERS[0]},A\n12,{name}\n".encode(), name)
    page.goto("/console/uploads/new")
    choose(page, f"number,{name},{name}2\n1,{name}\n".encode(), f"{name[:200]}.csv")
    name_list(page, name)

    for where in (None, "/console/uploads", path):
        if where:
            page.goto(where)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], where


@pytest.mark.sqlite
def test_the_type_that_was_chosen_outlasts_a_name_that_some_list_has(api: Client, page: Page) -> None:
    """As where one pauses in the middle of another list's name."""
    api.create_list("L3")
    page.goto("/console/uploads/new")
    page.get_by_role("radio", name="Dynamic").check()

    name_list(page, "L3")
    expect(page.get_by_text("It is there: a static list")).to_be_visible()
    name_list(page, "L3 extra")

    expect(page.get_by_role("radio", name="Dynamic")).to_be_checked()


def test_a_file_joins_a_list_of_either_type(api: Client, server: Server, enter: Enter) -> None:
    """Whatever the form says of its type, as it does where nobody waited until it was known."""
    made = [api.create_list(name, type=name)["sid"] for name in ("static", "dynamic")]
    http = enter(server, api)
    file = {"file_name": ("contacts.csv", f"number\n{NUMBERS[0]}\n".encode(), "text/csv")}

    answers = [
        http.post("/console/uploads", data={"list_name": name, "type": given}, files=file)
        for name, given in (("static", "dynamic"), ("dynamic", "static"))
    ]
    work_off(server)

    assert [answer.status_code for answer in answers] == [303, 303]
    assert [api.get(f"/lists/{sid}/contacts").json()["metadata"]["total"] for sid in made] == [1, 1]
