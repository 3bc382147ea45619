"""Uploads in the console: what a file says before anything is sent, the sending, the work, the report."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dialbook.model.errors import Invalid
from dialbook.model.lists import ListType
from dialbook.model.upload import EXTRA_COLUMNS
from dialbook.wire.csv_rows import Record, read_layout
from tests.conftest import NUMBERS, Client, Server, turns, work_off
from tests.console.conftest import PHONE, Enter, sign_in

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


@pytest.fixture(autouse=True)
def _no_files_of_others(server: Server) -> None:
    """Work off what another test has left."""
    work_off(server)


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


# Before anything is sent


@pytest.mark.sqlite
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-be", "UTF-16")],
)
def test_a_file_in_any_form_is_shown_and_not_sent(encoding: str, shown: str, delimiter: str, page: Page) -> None:
    rows = [["Number", "First Name", "tag"], [NUMBERS[0], "José", '"a, b;\tc"'], [NUMBERS[1], "李", ""]]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding == "utf-16-be" else ""
    page.goto("/console/uploads/new")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    choose(page, (mark + text).encode(encoding))

    assert columns_of(page) == [("Number", "number"), ("First Name", "first_name"), ("tag", "tag")]
    assert rows_of(page) == [[NUMBERS[0], "José", "a, b;\tc"], [NUMBERS[1], "李", ""]]
    separated = {",": "commas", ";": "semicolons", "\t": "tabs"}[delimiter]
    expect(page.locator("[data-summary]")).to_contain_text(f"{shown} · separated by {separated}")
    expect(problems(page)).to_have_count(0)
    assert [url for url in asked if "/console/static/" not in url] == []


@pytest.mark.sqlite
@pytest.mark.parametrize("first", ["sep=;", '"SEP=;"', "\n\nsep=; "])
def test_a_line_that_names_the_delimiter_is_no_row(first: str, page: Page) -> None:
    page.goto("/console/uploads/new")

    choose(page, f'{first}\r\nnumber;"first\r\nname";a,b,c\r\n{NUMBERS[0]};Asha;x\r\n'.encode())

    assert [becomes for _, becomes in columns_of(page)] == ["number", "first_name", "not allowed in a static list"]
    assert rows_of(page) == [[NUMBERS[0], "Asha", "x"]]


HEADERS = [
    ["number"],
    ["Number", "FIRST-NAME", "last   name", "Company_Name", "email", "TAG"],
    [" number ", "\N{ZERO WIDTH NO-BREAK SPACE}email", "", " "],
    ["phone", "email"],
    ["number", "", "email"],
    ["number", "first name", "first_name"],
    ["number", "Number"],
    ["number", "city"],
    ["number", "'=city", "'city"],
    ["number", *"abcde"],
    ["number", *"abcdef"],
    ["number", "error_line", "Error Reason", "error-description"],
    ["e-mail", "number"],
]


@pytest.mark.sqlite
@pytest.mark.parametrize("list_type", ListType)
def test_columns_are_understood_as_the_server_does(list_type: ListType, page: Page) -> None:
    page.goto("/console/uploads/new")
    page.get_by_role("radio", name=list_type).check()

    for i, header in enumerate(HEADERS):
        choose(page, (";".join(header) + "\n" + NUMBERS[0] + "\n").encode(), f"{i}.csv")
        shown = columns_of(page)
        is_refused = problems(page).count() > 0

        try:
            layout = read_layout(Record(1, header, 0), list_type)
        except Invalid:
            assert is_refused, header
        else:
            kept = {column for column, _ in layout.variables}
            assert not is_refused, header
            assert [name for name, _ in shown] == list(layout.columns)
            assert {name for name, becomes in shown if becomes == "kept per member"} == kept
            assert shown[layout.number][1] == "number"


@pytest.mark.sqlite
def test_what_a_column_becomes_goes_by_the_lists_type(api: Client, page: Page) -> None:
    api.create_list("Kept", type="dynamic")
    names = [f"c{i}" for i in range(EXTRA_COLUMNS + 1)]
    page.goto("/console/uploads/new")

    choose(page, f"phone,{','.join(names)}\n".encode())

    expect(problems(page).nth(0)).to_contain_text("No column is named “number”")
    expect(problems(page).nth(1)).to_have_text(
        "Not allowed in a static list: “phone”, “c0”, “c1”, “c2”, “c3”, “c4”, “c5”."
    )
    choose(page, f"number,{','.join(names)}\n".encode(), "six.csv")
    name_list(page, "Kept")
    expect(page.get_by_text("It is there: a dynamic list with 0 contacts")).to_be_visible()
    expect(page.get_by_role("radio", name="Static")).to_have_count(0)
    expect(problems(page)).to_have_text("A dynamic list keeps up to 5 columns; too many: “c5”.")
    assert columns_of(page)[1] == ("c0", "kept per member")
    name_list(page, "Kept by nobody")
    page.get_by_role("radio", name="Static").check()
    assert columns_of(page)[1] == ("c0", "not allowed in a static list")


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("file", "said"),
    [
        (gzip.compress(b"number\n", mtime=0), "packed; the server will read it"),
        (b"PK\x03\x04rest", "This is an Excel workbook"),
        ("number,first_name\n1,José\n".encode("latin-1"), "This is not in UTF-8."),
        (b"number\n\0\n", "This is no text."),
        (b"\n\n", "It is empty"),
    ],
)
def test_what_cannot_be_shown_is_explained(file: bytes, said: str, page: Page) -> None:
    page.goto("/console/uploads/new")

    choose(page, file)

    expect(page.locator("[data-problems]")).to_contain_text(said)
    expect(page.locator("[data-sheet]")).to_be_hidden()


@pytest.mark.sqlite
def test_a_file_is_dropped_and_only_its_start_is_looked_at(page: Page) -> None:
    """A character, and a row, are cut where the start ends."""
    text = "number,first_name\n" + "".join(f"{number},{'é' * 10_000}\n" for number in NUMBERS[:40])
    page.goto("/console/uploads/new")
    dropped = page.evaluate_handle(
        "(text) => { const all = new DataTransfer(); all.items.add(new File([text], 'big.csv')); return all; }", text
    )

    page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})

    expect(page.locator("[data-summary]")).to_contain_text("big.csv · 800.6 kB")
    expect(problems(page)).to_have_count(0)
    assert [row[0] for row in rows_of(page)] == NUMBERS[:8]


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

    for done, _ in enumerate(turns(server, chunk=1), 1):
        if done > 3:
            break
        expect(page.get_by_role("progressbar")).to_have_attribute("value", str(25 * done))
        expect(page.get_by_text(f"{done} of 4")).to_be_visible()
        assert cancel.evaluate("button => button.isConnected")  # so that no press is lost
        expect(page.get_by_text("As a request")).to_be_focused()
    work_off(server)

    expect(page.get_by_role("status")).to_have_text("Done: 4 contacts joined.")
    expect(page.get_by_text("As a request")).to_be_focused()
    expect(page.locator("[hx-trigger]")).to_have_count(0)  # nothing asks again
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


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


# What is refused


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
def test_a_session_that_ends_meanwhile_leads_to_the_sign_in(page: Page) -> None:
    page.goto("/console/uploads/new")
    choose(page, b"number\n1\n")
    name_list(page, "Friends")
    page.context.clear_cookies()

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


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
