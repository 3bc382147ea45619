"""What is said of the rows that did not get into the list, and of all uploads."""

from collections.abc import Callable

import pytest

from tests.conftest import CHUNK, NUMBERS, Client, Server, work_off
from tests.server.uploads.sending import (
    cells_of,
    csv_report_of,
    members_of,
    refusal_of,
    report_of,
    status_of,
    to_csv,
    upload,
    upload_of,
)


def test_a_report_is_mended_and_uploaded(api: Client, server: Server) -> None:
    file = to_csv(["Number", "First Name", "tag"], ["bad", "'=1+1", "-x"], [NUMBERS[0], "Good", ""], ["", "Nobody", ""])
    answer = upload(api, server, file)

    report = csv_report_of(api, answer)

    rows = cells_of(report)
    assert rows[0] == ["Number", "First Name", "tag", "error_line", "error_reason", "error_description"]
    assert [row[:5] for row in rows[1:]] == [
        ["bad", "'=1+1", "'-x", "2", "number_invalid"],
        ["", "Nobody", "", "4", "number_missing"],
    ]
    mended = upload(api, server, report.replace("bad", NUMBERS[1]).replace("\r\n,", f"\r\n{NUMBERS[2]},").encode())
    assert status_of(api, mended)["stats"] == {"duplicate": 0, "total": 2, "success": 2, "failed": 0}
    assert [(each["first_name"], each["tag"]) for each in members_of(api, mended)] == [
        ("Good", None),
        ("=1+1", "-x"),
        ("Nobody", None),
    ]


def test_a_report_has_each_row_as_it_stands_in_the_file(api: Client, server: Server) -> None:
    rows = [["", "a"], ["12", "b"], ["9.19845E+11", "c"], [NUMBERS[0], "x" * 256], [NUMBERS[1], "d"], [NUMBERS[1], "e"]]
    answer = upload(api, server, to_csv(["number", "tag"], *rows))

    _, *found = cells_of(csv_report_of(api, answer))

    refused = [row for place, row in enumerate(rows) if place != 4]
    assert [row[:2] for row in found] == refused


@pytest.mark.parametrize(("tag", "read"), [("\t", None), ("'\t", "'"), (" =1", "=1"), ("=1", "=1"), ("-\t", "-")])
def test_what_an_export_has_made_of_blanks_is_read_without_an_apostrophe(
    tag: str, read: str | None, api: Client, server: Server
) -> None:
    """Blanks around a text are no part of it in a file."""
    (contact,) = api.create_contacts({"number": NUMBERS[0], "tag": tag})
    made = api.create_list("Texts")["sid"]
    api.add_members(made, contact["sid"])
    file = api.request("GET", f"/lists/{made}/contacts", headers={"Accept": "text/csv"}).content
    api.delete(f"/contacts/{contact['sid']}")

    again = upload(api, server, file)

    assert [each["tag"] for each in members_of(api, again)] == [read]


def test_a_row_with_too_many_cells_is_refused_until_it_is_mended(api: Client, server: Server) -> None:
    answer = upload(api, server, f"number,company_name,first_name\n{NUMBERS[0]},Acme, Inc,Bob\n".encode())
    report = csv_report_of(api, answer)

    again = upload(api, server, report.encode())
    mended = upload(api, server, csv_report_of(api, again).replace("Acme,Inc", '"Acme, Inc"').encode())

    assert report_of(api, again) == report_of(api, answer)
    assert csv_report_of(api, again) == report
    assert [(each["company_name"], each["first_name"]) for each in members_of(api, mended)] == [("Acme, Inc", "Bob")]


@pytest.mark.sqlite
def test_a_row_that_was_mended_into_too_many_cells_keeps_them(api: Client, server: Server) -> None:
    report = csv_report_of(api, upload(api, server, b"number,company_name\nbad,Acme\n"))

    again = upload(api, server, report.replace("bad,Acme", f"{NUMBERS[0]},Acme, Inc").encode())

    _, row = cells_of(csv_report_of(api, again))
    assert row[:5] == [NUMBERS[0], "Acme", "Inc", "2", "too_many_cells"]


@pytest.mark.sqlite
def test_a_row_with_too_many_cells_keeps_its_own_where_a_report_was_moved_to_the_front(
    api: Client, server: Server
) -> None:
    header = "error_line,error_reason,error_description,number,tag"

    again = upload(api, server, f"{header}\n2,number_invalid,No number,{NUMBERS[0]},vip,gold\n".encode())

    _, row = cells_of(csv_report_of(api, again))
    assert row[:5] == [NUMBERS[0], "vip", "gold", "2", "too_many_cells"]


@pytest.mark.sqlite
@pytest.mark.parametrize("filled", ["", ",", ", ,"])
def test_rows_with_too_many_cells_keep_them_however_long_a_spreadsheet_makes_them(
    filled: str, api: Client, server: Server
) -> None:
    report = csv_report_of(api, upload(api, server, f"number,tag\n{NUMBERS[0]},a,b,c\nbad,d\n".encode()))

    again = upload(api, server, "".join(f"{line}{filled}\n" for line in report.splitlines()).encode())

    assert csv_report_of(api, again) == report


@pytest.mark.parametrize("tail", [",", ",  ,"])
def test_the_report_of_a_file_with_commas_at_the_end_of_its_lines_is_mended_and_uploaded(
    tail: str, api: Client, server: Server
) -> None:
    """Spreadsheets write such, of a sheet with empty columns beside its own."""
    answer = upload(api, server, f"number,tag{tail}\nbad,vip{tail}\n".encode())
    report = csv_report_of(api, answer)

    mended = upload(api, server, report.replace("bad", NUMBERS[0]).encode())

    assert {len(row) for row in cells_of(report)} == {5}
    assert status_of(api, mended)["stats"] == {"duplicate": 0, "total": 1, "success": 1, "failed": 0}
    assert [(each["number"], each["tag"]) for each in members_of(api, mended)] == [(NUMBERS[0], "vip")]


def test_a_row_that_ends_early_is_filled_up(api: Client, server: Server) -> None:
    answer = upload(api, server, f"number,tag,first_name\nbad,vip\n{NUMBERS[0]}\n".encode())

    _, row = cells_of(csv_report_of(api, answer))

    assert row[:5] == ["bad", "vip", "", "2", "number_invalid"]
    assert [(each["number"], each["tag"]) for each in members_of(api, answer)] == [(NUMBERS[0], None)]


def test_a_formula_for_a_column_is_written_and_read_as_one(api: Client, server: Server) -> None:
    answer = upload(api, server, to_csv(["number", "@handle"], ["bad", "x"]), type="dynamic")
    report = csv_report_of(api, answer)

    mended = upload(api, server, report.replace("bad", NUMBERS[0]).encode(), type="dynamic")

    assert report.startswith("\ufeffnumber,'@handle,error_line")
    assert members_of(api, mended)[0]["custom_field"] == {"@handle": "x"}


def test_a_report_comes_in_pages(api: Client, server: Server) -> None:
    answer = upload(api, server, to_csv(["number"], *[[f"bad{i}"] for i in range(CHUNK + 500)]))
    path = f"/csv-status/{upload_of(answer)}/errors"

    page = api.get(path, offset=CHUNK - 1, limit=3).json()
    past = api.get(path, offset=10**6).json()
    whole = csv_report_of(api, answer, offset=10)

    assert page["metadata"] == {"count": 3, "offset": CHUNK - 1, "limit": 3, "total": CHUNK + 500}
    assert [item["data"]["number"] for item in page["response"]] == [f"bad{i}" for i in range(CHUNK - 1, CHUNK + 2)]
    assert past["response"] == []
    assert len(whole.splitlines()) == 1 + CHUNK + 490


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_upload_is_not_found(method: str, api: Client, connect: Callable[..., Client]) -> None:
    theirs = upload_of(connect().upload(b"number\n"))

    for sid in ("0" * 32, theirs):
        assert refusal_of(api.request(method, f"/csv-status/{sid}"), 404) == f"There is no upload '{sid}'."
    assert api.get(f"/csv-status/{theirs}/errors").status_code == 404
    assert api.request("GET", f"/csv-status/{theirs}/errors", headers={"Accept": "text/csv"}).status_code == 404


# All uploads


def test_uploads_are_listed_newest_first(api: Client, server: Server, connect: Callable[..., Client]) -> None:
    connect().upload(to_csv(["number"], [NUMBERS[0]]))
    sids = [upload_of(api.upload(to_csv(["number"], [NUMBERS[0]]), dry_run="true")) for _ in range(3)]
    work_off(server)
    sids.append(upload_of(api.upload(to_csv(["number"], [NUMBERS[1]]))))

    pages = [api.get("/csv-status", limit=2, offset=offset).json() for offset in (0, 2, 4)]
    found = [item["data"] for page in pages for item in page["response"]]

    assert [page["metadata"]["total"] for page in pages] == [4, 4, 4]
    assert [each["upload_id"] for each in found] == sorted(sids, reverse=True)
    assert [(each["status"], each["dry_run"]) for each in found] == [("in-progress", False)] + [("completed", True)] * 3
    assert [each["date_ended"] is None for each in found] == [True, False, False, False]
    assert found[0] == api.get(f"/csv-status/{sids[-1]}").json()["response"]["data"]
