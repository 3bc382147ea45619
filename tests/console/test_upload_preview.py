"""What a file says before anything is sent."""

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dialbook.model.errors import Invalid
from dialbook.model.lists import ListType
from dialbook.model.upload import EXTRA_COLUMNS
from dialbook.wire.csv_rows import Record, read_layout
from tests.conftest import NUMBERS, Client
from tests.console.upload_page import DROPPED, choose, columns_of, drop, name_list, problems, rows_of

HOLD_FIRST_READ = """() => {
    const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = function () {
        Blob.prototype.arrayBuffer = read;
        return new Promise((go) => { window.letGo = async () => { go(read.call(this)); await read.call(this); }; });
    };
}"""


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
        "Not allowed in a static list: “phone”, “c0”, “c1”, “c2”, “c3” and 2 more."
    )
    choose(page, f"number,{','.join(names)}\n".encode(), "six.csv")
    name_list(page, "Kept")
    expect(page.get_by_text("It is there: a dynamic list with 0 contacts")).to_be_visible()
    expect(page.get_by_role("radio", name="Static")).to_have_count(0)
    expect(problems(page)).to_have_text("A dynamic list keeps up to 5 columns; too many: “c5”.")
    assert columns_of(page)[1] == ("c0", "kept per member")
    name_list(page, "Kept by nobody")
    page.get_by_role("radio", name="Static").check()
    expect(problems(page)).to_contain_text("Not allowed in a static list")
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
def test_a_file_that_cannot_be_read_is_not_shown_as_the_one_before(page: Page, tmp_path: Path) -> None:
    """As a folder that is dropped cannot; no driver drops one."""
    file, choice = tmp_path / "contacts.csv", page.get_by_label("CSV file")
    file.write_text("number\n")
    page.goto("/console/uploads/new")
    choice.set_input_files(file)
    expect(page.locator("[data-columns]")).to_have_text("numbernumber")

    file.unlink()
    choice.dispatch_event("change")

    expect(problems(page)).to_have_text("It cannot be read.")
    expect(page.locator("[data-sheet]")).to_be_hidden()


@pytest.mark.sqlite
def test_of_two_files_the_one_that_was_chosen_last_is_shown(page: Page) -> None:
    """Also where the first is read last."""
    page.goto("/console/uploads/new")
    page.evaluate(HOLD_FIRST_READ)

    page.get_by_label("CSV file").set_input_files({"name": "first.csv", "mimeType": "text/csv", "buffer": b"phone\n"})
    choose(page, b"number\n", "second.csv")
    page.evaluate("letGo()")
    page.get_by_role("radio", name="Dynamic").check()

    expect(page.locator("[data-summary]")).to_contain_text("second.csv")
    assert columns_of(page) == [("number", "number")]


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


@pytest.mark.sqlite
def test_of_two_files_that_are_dropped_none_is_taken(page: Page) -> None:
    page.goto("/console/uploads/new")

    drop(page, "a.csv", "b.csv")
    expect(page.get_by_role("alert")).to_have_text("One file at a time.")
    expect(page.locator("[data-summary]")).to_be_hidden()
    drop(page, "a.csv")

    expect(page.locator("[data-summary]")).to_contain_text("a.csv")
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.sqlite
def test_a_file_that_is_dropped_beside_leaves_the_page(page: Page) -> None:
    page.goto("/console/uploads/new")
    drop_beside = """(dataTransfer) => ["dragover", "drop"].map((type) => {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        document.querySelector("h1").dispatchEvent(event);
        return event.defaultPrevented;
    })"""

    assert page.evaluate(drop_beside, page.evaluate_handle(DROPPED, ["a.csv"])) == [True, True]


@pytest.mark.sqlite
def test_that_a_list_is_missing_is_said_of_one_that_is_named(page: Page) -> None:
    page.goto("/console/uploads/new")
    missing = page.get_by_text("There is no such list; it will be made")

    expect(page.get_by_role("group", name="Its type, if it is made")).to_be_visible()
    expect(missing).to_have_count(0)
    name_list(page, "Friends")
    expect(missing).to_be_visible()
