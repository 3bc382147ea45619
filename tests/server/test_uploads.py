"""CSV uploads: every row of every form of file is accounted for, once; what cannot be read is refused as a whole."""

import asyncio
import csv
import gzip
import io
import json
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialbook.jobs.runner import OPEN_FILES, Runner
from dialbook.model.errors import Unavailable
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.settings import Settings
from dialbook.store.engines import open_database
from dialbook.store.spool import RESERVE, Spool
from dialbook.store.uploads import QUEUED
from dialbook.wire.csv_lines import RECORD_LIMIT
from tests.conftest import CHUNK, NUMBERS, Client, Server, read_rows, serving, turns, work_off
from tests.disks import mounted

FIELDS = ("first_name", "last_name", "company_name", "email", "tag")


def to_csv(*rows: list[str], delimiter: str = ",", line_end: str = "\r\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode()


def status_of(client: Client, answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = client.get(f"/csv-status/{upload_of(answer)}").json()["response"]["data"]
    return data


def upload_of(answer: httpx2.Response) -> str:
    return str(answer.json()["response"]["data"]["summary"]["upload_id"])


def report_of(client: Client, answer: httpx2.Response, **params: Any) -> list[dict[str, Any]]:
    page = client.get(f"/csv-status/{upload_of(answer)}/errors", **params).json()
    return [item["data"] for item in page["response"]]


def upload(client: Client, server: Server, file: bytes, *, chunk: int = CHUNK, **fields: str) -> httpx2.Response:
    """Upload a file, and have it worked off."""
    answer = client.upload(file, **fields)
    assert answer.status_code == 202, answer.text
    work_off(server, chunk)
    return answer


def members_of(client: Client, answer: httpx2.Response, **params: Any) -> list[dict[str, Any]]:
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    page = client.get(f"/lists/{list_sid}/contacts", limit=5000, **params).json()
    return [item["data"] for item in page["response"]]


def refusal_of(answer: httpx2.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["response"]["error_data"]["description"])


def files_in(server: Server) -> list[str]:
    folder = Path(server.settings.upload_folder)
    return [path.name for path in folder.glob("*/*") if path.name != "folder-name"]


def folder_of(server: Server) -> Path:
    """Where the server keeps the uploads of its book."""
    (folder,) = Path(server.settings.upload_folder).iterdir()
    return folder


@pytest.fixture(autouse=True)
def _no_files_of_others(server: Server) -> None:
    """Work off what another test has left."""
    work_off(server)


@pytest.fixture(scope="module")
def small(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server with low limits."""
    limits = Settings(database=new_database(), static_list_limit=10, dynamic_list_limit=20, upload_limit=4096)
    with serving(limits) as server:
        yield server


# What becomes of rows


def test_each_row_is_accounted_for(api: Client, server: Server) -> None:
    (known,) = api.create_contacts({"number": NUMBERS[2], "first_name": "Known"})
    file = to_csv(
        ["number", "first_name", "tag"],
        [NUMBERS[0], "Asha", "vip"],
        [NUMBERS[0], "Second", ""],
        [NUMBERS[1].removeprefix("+91"), "National", ""],
        [NUMBERS[2], "Not filled in", ""],
        ["", "Nobody", ""],
        ["12", "Short", ""],
        ["9.19845E+11", "Rounded", ""],
        [NUMBERS[3], "x" * 256, ""],
        [NUMBERS[4], "Wide", "", "more"],
    )

    answer = upload(api, server, file)

    assert status_of(api, answer)["status"] == "completed"
    assert status_of(api, answer)["stats"] == {"duplicate": 1, "total": 9, "success": 3, "failed": 5}
    assert [tuple(row.values()) for row in report_of(api, answer)] == [
        (3, NUMBERS[0], "duplicate", f"{NUMBERS[0]} is in the list already, or in an earlier row."),
        (6, None, "number_missing", "The row has no number."),
        (7, "12", "number_invalid", "number '12' is not a phone number of any country's plan."),
        (
            8,
            "9.19845E+11",
            "number_rounded",
            "'9.19845E+11' was a number until a spreadsheet rounded it; format the column as text.",
        ),
        (9, NUMBERS[3], "value_invalid", "first_name has 256 characters; at most 255 are allowed."),
        (10, NUMBERS[4], "too_many_cells", "The row has 4 cells; the first line names 3 columns."),
    ]
    members = members_of(api, answer)
    assert [(each["number"], each["first_name"], each["tag"]) for each in members] == [
        (NUMBERS[0], "Asha", "vip"),
        (NUMBERS[1], "National", None),
        (NUMBERS[2], "Known", None),
    ]
    assert members[2]["sid"] == known["sid"]
    assert api.get("/contacts").json()["metadata"]["total"] == 3


CELLS = st.sampled_from(["", "Asha", " Asha ", "\u00a0Iyer", 'a "b"', "a,b;c\td", "two\nlines", "'=1", "José", "数"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"number": st.sampled_from([*NUMBERS[:4], NUMBERS[4][3:], "", "0", "9,2E+11"])}
        | dict.fromkeys(FIELDS[:3], CELLS)
    ),
    max_size=12,
)


@dataclass(frozen=True)
class Form:
    """One of the ways in which a program may write a table."""

    columns: list[str]
    encoding: str
    delimiter: str
    line_end: str
    quoting: Any
    spell: Callable[[str], str]
    declare: str
    pack: Callable[[bytes], bytes]

    def write(self, rows: list[dict[str, str]]) -> bytes:
        text = io.StringIO(newline="")
        if self.declare:
            text.write(self.declare.format(self.delimiter) + self.line_end)
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.line_end, quoting=self.quoting)
        writer.writerow([self.spell(column) for column in self.columns])
        for row in rows:
            writer.writerow([row[column] for column in self.columns])
            text.write(self.line_end)  # a blank line
        mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(self.encoding, b"")
        return self.pack(mark + text.getvalue().encode(self.encoding))


FORMS = st.builds(
    Form,
    columns=st.permutations(["number", "first_name", "last_name", "company_name"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    spell=st.sampled_from(
        [
            str.lower,
            str.upper,
            lambda name: f" {name.title().replace('_', ' ')}\u00a0",
            lambda name: name.replace("_", "\n"),
        ]
    ),
    declare=st.sampled_from(["", "sep={}", '"sep={}"']),
    pack=st.sampled_from([bytes, gzip.compress]),
)


@given(rows=ROWS, form=FORMS)
@settings(max_examples=60, deadline=None)
def test_any_table_in_any_form_gives_what_its_rows_say(
    rows: list[dict[str, str]], form: Form, connect: Callable[..., Client], server: Server
) -> None:
    client = connect()

    answer = upload(client, server, form.write(rows), chunk=3)

    stats, members = expected(rows)
    assert status_of(client, answer)["stats"] == stats
    shown = members_of(client, answer)
    assert [{field: each[field] for field in form.columns} for each in shown] == members
    assert len(report_of(client, answer)) == stats["duplicate"] + stats["failed"]
    client.http.close()


def expected(rows: list[dict[str, str]]) -> tuple[dict[str, int], list[dict[str, str | None]]]:
    """The figures, and the contacts in the list, in the plainest words."""
    stats = {"duplicate": 0, "total": 0, "success": 0, "failed": 0}
    members: dict[str, dict[str, str | None]] = {}
    for row in rows:
        if not any(value.strip() for value in row.values()):
            continue
        stats["total"] += 1
        number = row["number"] if row["number"].startswith("+") else f"+91{row['number']}"
        if number not in NUMBERS:
            stats["failed"] += 1
        elif number in members:
            stats["duplicate"] += 1
        else:
            stats["success"] += 1
            values = {field: value.strip().removeprefix("'") or None for field, value in row.items()}
            members[number] = values | {"number": number}
    return stats, list(members.values())


def test_a_chunk_more_or_less_makes_no_difference(api: Client, server: Server) -> None:
    for size in (CHUNK - 1, CHUNK, CHUNK + 1):
        rows = [[number] for number in NUMBERS[:size]]

        answer = upload(api, server, to_csv(["number"], *rows, [NUMBERS[0]]), list_name=f"List of {size}")

        assert status_of(api, answer)["stats"] == {"duplicate": 1, "total": size + 1, "success": size, "failed": 0}
        assert [each["number"] for each in members_of(api, answer)] == NUMBERS[:size]


def test_a_second_upload_appends_to_the_list(api: Client, server: Server) -> None:
    first = upload(api, server, to_csv(["number"], [NUMBERS[0]]))
    second = upload(api, server, to_csv(["number"], [NUMBERS[1]], [NUMBERS[0]]))

    assert [each["number"] for each in members_of(api, first)] == NUMBERS[:2]
    assert status_of(api, second)["stats"] == {"duplicate": 1, "total": 2, "success": 1, "failed": 0}


def test_stats_are_live_and_never_go_back(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], *[[number] for number in NUMBERS[: 2 * CHUNK]], ["bad"]))
    seen = [status_of(api, answer)]

    seen += [status_of(api, answer) for _ in turns(server)]

    totals = [each["stats"]["total"] for each in seen]
    assert totals == sorted(totals)
    assert {0, CHUNK, 2 * CHUNK} <= set(totals)
    assert [each["status"] for each in seen[:-1]] == ["in-progress"] * (len(seen) - 1)
    assert seen[-1]["status"] == "completed"
    for each in seen:
        stats = each["stats"]
        assert stats["total"] == stats["success"] + stats["duplicate"] + stats["failed"]


def test_accounts_take_turns(connect: Callable[..., Client], server: Server) -> None:
    busy, other = connect(), connect()
    big = to_csv(["number"], *[[number] for number in NUMBERS[: 3 * CHUNK]])
    for name in ("One", "Two", "Three"):
        busy.upload(big, list_name=name)
    small = other.upload(to_csv(["number"], [NUMBERS[0]]))

    for i, _ in enumerate(turns(server)):
        if status_of(other, small)["status"] == "completed":
            assert i <= 1
            break
    else:
        pytest.fail("it was not worked off")
    work_off(server)


def test_more_uploads_are_under_way_than_files_are_kept_open(connect: Callable[..., Client], server: Server) -> None:
    clients = [connect() for _ in range(OPEN_FILES + 2)]
    answers = [client.upload(to_csv(["number"], *[[number] for number in NUMBERS[:2]])) for client in clients]

    work_off(server, chunk=1)

    found = [status_of(client, answer) for client, answer in zip(clients, answers, strict=True)]
    assert {(each["status"], each["stats"]["success"]) for each in found} == {("completed", 2)}


def test_so_many_may_wait_and_no_more(api: Client, server: Server) -> None:
    answers = [api.upload(b"number\n", list_name=f"List {i % 2}") for i in range(QUEUED)]

    past_limit = api.upload(b"number\n")
    work_off(server)

    assert {answer.status_code for answer in answers} == {202}
    assert refusal_of(past_limit, 429) == "100 uploads wait to be worked off, which is all that may wait."
    assert past_limit.headers["retry-after"] == "30"
    assert files_in(server) == []
    assert api.upload(b"number\n").status_code == 202


# The report


def test_a_report_is_mended_and_uploaded(api: Client, server: Server) -> None:
    file = to_csv(["Number", "First Name", "tag"], ["bad", "'=1+1", "-x"], [NUMBERS[0], "Good", ""], ["", "Nobody", ""])
    answer = upload(api, server, file)
    path = f"/csv-status/{upload_of(answer)}/errors"

    report = api.request("GET", path, headers={"Accept": "text/csv"}).text

    rows = list(csv.reader(io.StringIO(report.removeprefix("\ufeff"), newline="")))
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

    report = api.request("GET", f"/csv-status/{upload_of(answer)}/errors", headers={"Accept": "text/csv"}).text

    _, *found = csv.reader(io.StringIO(report.removeprefix("\ufeff"), newline=""))
    refused = [row for place, row in enumerate(rows) if place != 4]
    assert [[row[0].removeprefix("'"), row[1]] for row in found] == refused


def test_what_a_file_declares_wins_over_what_its_first_line_looks_like(api: Client, server: Server) -> None:
    answer = upload(api, server, f"sep=;\nnumber,first,last;number\nx,y,z;{NUMBERS[0]}\n".encode(), type="dynamic")

    (member,) = members_of(api, answer)
    assert (member["number"], member["custom_field"]) == (NUMBERS[0], {"number,first,last": "x,y,z"})


def test_a_row_with_too_many_cells_is_refused_until_it_is_mended(api: Client, server: Server) -> None:
    answer = upload(api, server, f"number,company_name,first_name\n{NUMBERS[0]},Acme, Inc,Bob\n".encode())
    path = f"/csv-status/{upload_of(answer)}/errors"
    report = api.request("GET", path, headers={"Accept": "text/csv"}).text

    again = upload(api, server, report.encode())
    mended = upload(api, server, report.replace("Acme,Inc", '"Acme, Inc"').encode())

    assert [(row["number"], row["reason"]) for row in report_of(api, again)] == [(NUMBERS[0], "too_many_cells")]
    assert [(each["company_name"], each["first_name"]) for each in members_of(api, mended)] == [("Acme, Inc", "Bob")]


def test_a_row_that_ends_early_is_filled_up(api: Client, server: Server) -> None:
    answer = upload(api, server, f"number,tag,first_name\nbad,vip\n{NUMBERS[0]}\n".encode())
    path = f"/csv-status/{upload_of(answer)}/errors"

    report = api.request("GET", path, headers={"Accept": "text/csv"}).text

    (_, row) = csv.reader(io.StringIO(report.removeprefix("\ufeff"), newline=""))
    assert row[:5] == ["bad", "vip", "", "2", "number_invalid"]
    assert [(each["number"], each["tag"]) for each in members_of(api, answer)] == [(NUMBERS[0], None)]


def test_what_spreadsheets_and_data_frames_make_of_a_number_is_undone(api: Client, server: Server) -> None:
    digits = NUMBERS[0].removeprefix("+")
    for made in (f"{digits}.0", f"+{digits}.0", f"'{digits}", f"'{NUMBERS[0]}", f"{digits[2:]}.0"):
        answer = upload(api, server, to_csv(["number"], [made]), list_name=made)
        assert [each["number"] for each in members_of(api, answer)] == NUMBERS[:1]


def test_a_formula_for_a_column_is_written_and_read_as_one(api: Client, server: Server) -> None:
    answer = upload(api, server, to_csv(["number", "@handle"], ["bad", "x"]), type="dynamic")
    path = f"/csv-status/{upload_of(answer)}/errors"
    report = api.request("GET", path, headers={"Accept": "text/csv"}).text

    mended = upload(api, server, report.replace("bad", NUMBERS[0]).encode(), type="dynamic")

    assert report.startswith("\ufeffnumber,'@handle,error_line")
    assert members_of(api, mended)[0]["custom_field"] == {"@handle": "x"}


def test_a_report_comes_in_pages(api: Client, server: Server) -> None:
    answer = upload(api, server, to_csv(["number"], *[[f"bad{i}"] for i in range(CHUNK + 500)]))
    path = f"/csv-status/{upload_of(answer)}/errors"

    page = api.get(path, offset=CHUNK - 1, limit=3).json()
    past = api.get(path, offset=10**6).json()
    whole = api.request("GET", path, headers={"Accept": "text/csv"}, params={"offset": 10}).text

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


# Dynamic lists


def test_a_dynamic_list_shows_what_it_keeps_of_its_members(api: Client, server: Server) -> None:
    (known,) = api.create_contacts({"number": NUMBERS[1], "custom_field": {"plan": "gold"}})
    file = to_csv(["number", "City", "due", "first_name"], [NUMBERS[0], "Kochi", "5", "A"], [NUMBERS[1], "", "", ""])

    answer = upload(api, server, file, type="dynamic")

    shown = members_of(api, answer)
    assert [each["custom_field"] for each in shown] == [{"City": "Kochi", "due": "5"}, {"plan": "gold"}]
    assert [each["custom_field"] for each in members_of(api, answer, sort_by="number")] == [
        {"City": "Kochi", "due": "5"},
        {"plan": "gold"},
    ]
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    lines = api.request(
        "GET", f"/lists/{list_sid}/contacts", headers={"Accept": "application/x-ndjson"}
    ).text.splitlines()
    assert [json.loads(line) for line in lines] == shown
    assert api.get(f"/contacts/{shown[0]['sid']}").json()["response"]["data"]["custom_field"] is None
    assert api.get(f"/contacts/{known['sid']}").json()["response"]["data"]["custom_field"] == {"plan": "gold"}
    assert api.get(f"/lists/{list_sid}").json()["response"]["data"]["type"] == "dynamic"


def test_a_dynamic_list_keeps_five_columns(api: Client, server: Server) -> None:
    extra = [f"c{i}" for i in range(6)]

    answer = upload(api, server, to_csv(["number", *extra[:5]], [NUMBERS[0], *"abcde"]), type="dynamic")
    refused = api.upload(to_csv(["number", *extra], [NUMBERS[0], *"abcdef"]), "Six", type="dynamic")

    long = upload(api, server, to_csv(["number", "city"], [NUMBERS[0], "x" * 256]), list_name="Long", type="dynamic")

    assert members_of(api, answer)[0]["custom_field"] == dict(zip(extra, "abcde", strict=False))
    (too_long,) = report_of(api, long)
    assert too_long["description"] == "city has 256 characters; at most 255 are allowed."
    assert "6 columns of its own, 'c0', 'c1', 'c2', 'c3', 'c4' and 1 more" in refusal_of(refused)


# Choices


def test_an_update_fills_in_what_the_row_gives(api: Client, server: Server) -> None:
    api.create_contacts(
        {"number": NUMBERS[0], "first_name": "Old", "tag": "kept"}, {"number": NUMBERS[1], "first_name": "Old"}
    )
    members = to_csv(["number", "city", "due"], [NUMBERS[0], "Kochi", "5"], [NUMBERS[3], "", ""])
    before = upload(api, server, members, type="dynamic")
    file = to_csv(
        ["number", "first_name", "tag", "city"],
        [NUMBERS[0], "New", "", "Pune"],
        [NUMBERS[0], "Again", "", "Goa"],
        [NUMBERS[1], "New", "", ""],
        [NUMBERS[2], "First", "", ""],
        [NUMBERS[3], "", "", "Goa"],
    )

    answer = upload(api, server, file, type="dynamic", on_duplicate="update")

    assert status_of(api, answer)["stats"] == {"duplicate": 1, "total": 5, "success": 4, "failed": 0}
    assert [
        (each["number"], each["first_name"], each["tag"], each["custom_field"]) for each in members_of(api, before)
    ] == [
        (NUMBERS[0], "New", "kept", {"city": "Pune", "due": "5"}),
        (NUMBERS[3], None, None, {"city": "Goa"}),
        (NUMBERS[1], "New", None, None),
        (NUMBERS[2], "First", None, None),
    ]


def test_a_duplicate_is_found_across_chunks_also_when_it_would_be_filled_in(api: Client, server: Server) -> None:
    firsts = [[number, "First"] for number in NUMBERS[: CHUNK + 10]]
    file = to_csv(["number", "first_name"], *firsts, [NUMBERS[0], "Second"])

    answer = upload(api, server, file, on_duplicate="update")

    stats = {"duplicate": 1, "total": CHUNK + 11, "success": CHUNK + 10, "failed": 0}
    assert status_of(api, answer)["stats"] == stats
    assert members_of(api, answer)[0]["first_name"] == "First"
    noted = "SELECT n.number FROM upload_numbers AS n WHERE n.account = :account"
    assert read_rows(server.database, noted, account=api.account) == []  # at its end nobody needs them


@pytest.mark.parametrize("on_duplicate", ["skip", "update"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_dry_run_reports_the_same_and_writes_nothing(
    on_duplicate: str, is_there: bool, connect: Callable[..., Client], small: Server
) -> None:
    api = connect(to=small)
    api.create_contacts({"number": NUMBERS[0], "first_name": "Old"})
    if is_there:
        upload(api, small, to_csv(["number"], *[[number] for number in NUMBERS[1:6]]))
    file = to_csv(["number", "first_name"], *[[n, "New"] for n in (NUMBERS[0], *NUMBERS[4:11], NUMBERS[8], "bad")])
    before = api.get("/contacts").json()["response"], api.get("/lists").json()["response"]

    dry = upload(api, small, file, dry_run="true", on_duplicate=on_duplicate)

    assert (api.get("/contacts").json()["response"], api.get("/lists").json()["response"]) == before
    dry_status, dry_report = status_of(api, dry), report_of(api, dry)
    real = upload(api, small, file, on_duplicate=on_duplicate)
    assert dry_status["stats"] == status_of(api, real)["stats"]
    assert dry_report == report_of(api, real)
    assert (dry_status["list_sid"] is None) is not is_there


def test_a_cancelled_upload_stays_where_it_is(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], *[[number] for number in NUMBERS[: 3 * CHUNK]]))
    next(turns(server))

    cancelled = api.delete(f"/csv-status/{upload_of(answer)}").json()["response"]["data"]
    work_off(server)

    assert cancelled["status"] == "failed"
    assert cancelled["reason"] == "It was cancelled."
    assert status_of(api, answer) == cancelled
    assert cancelled["stats"]["total"] == CHUNK
    assert len(members_of(api, answer)) == CHUNK
    assert files_in(server) == []
    assert api.delete(f"/csv-status/{upload_of(answer)}").json()["response"]["data"] == cancelled


def test_an_upload_whose_list_is_deleted_fails(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    api.delete(f"/lists/{list_sid}")

    work_off(server)

    found = status_of(api, answer)
    assert (found["status"], found["reason"]) == ("failed", f"There is no list '{list_sid}'.")
    assert api.get("/contacts").json()["metadata"]["total"] == 0
    assert files_in(server) == []


def test_an_upload_whose_file_is_gone_says_so(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    (folder_of(server) / f"{upload_of(answer)}.upload").unlink()

    work_off(server)

    assert status_of(api, answer)["reason"] == "Its file is gone."


# Limits


@pytest.mark.parametrize(("list_type", "limit"), [("static", 10), ("dynamic", 20)])
def test_a_file_may_have_as_many_rows_as_a_list(
    list_type: str, limit: int, connect: Callable[..., Client], small: Server
) -> None:
    for rows in (limit - 1, limit):
        api = connect(to=small)
        answer = upload(api, small, to_csv(["number"], *[[number] for number in NUMBERS[:rows]]), type=list_type)
        assert len(members_of(api, answer)) == rows

    refused = connect(to=small).upload(to_csv(["number"], *[[n] for n in NUMBERS[: limit + 1]]), type=list_type)

    assert refusal_of(refused) == (
        f"file_name has more rows than a {list_type} list may have contacts, {limit}. Cut it into several."
    )


@pytest.mark.parametrize(("list_type", "limit"), [("static", 10), ("dynamic", 20)])
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_list_takes_what_it_may_hold(
    list_type: str, limit: int, over: int, connect: Callable[..., Client], small: Server
) -> None:
    api = connect(to=small)
    upload(api, small, to_csv(["number"], *[[number] for number in NUMBERS[:4]]), type=list_type)

    rows = [[number] for number in NUMBERS[2 : limit + over]]
    answer = upload(api, small, to_csv(["number"], *rows), type=list_type)

    full = [row for row in report_of(api, answer) if row["reason"] == "list_full"]
    assert [row["number"] for row in full] == NUMBERS[limit : limit + over]
    assert {row["description"] for row in full} <= {"The list holds no more contacts."}
    report = api.request("GET", f"/csv-status/{upload_of(answer)}/errors", headers={"Accept": "text/csv"}).text
    kept = [line.split(",")[0] for line in report.splitlines() if "list_full" in line]
    assert kept == [f"'{number}" for number in NUMBERS[limit : limit + over]]
    assert status_of(api, answer)["stats"]["duplicate"] == 2
    assert len(members_of(api, answer)) == min(limit, limit + over)


def test_a_file_may_have_so_many_bytes(connect: Callable[..., Client], small: Server) -> None:
    api = connect(to=small)
    limit = small.settings.upload_limit
    head = b"number\n" + NUMBERS[0].encode()
    cut = [head + b"\n" * (length - len(head)) for length in (limit - 1, limit, limit + 1)]

    answers = [api.upload(file) for file in cut]

    assert [answer.status_code for answer in answers] == [202, 202, 413]
    assert refusal_of(answers[2], 413) == f"file_name is larger than {limit} bytes."
    work_off(small)


def test_a_record_may_have_so_many_characters(api: Client, server: Server) -> None:
    for over, status in ((-1, 202), (0, 202), (1, 413)):
        cell = "x" * (RECORD_LIMIT + over - len(NUMBERS[0]) - len(",\r\n"))

        answer = api.upload(to_csv(["number", "first_name"], [NUMBERS[0], cell]))

        assert answer.status_code == status, answer.text
    assert "the record after line 1 has more than 65536 characters" in refusal_of(answer, 413)
    work_off(server)


def test_a_file_without_rows_is_an_upload_of_none(api: Client, server: Server) -> None:
    answer = upload(api, server, b"number\n")

    found = status_of(api, answer)
    assert (found["status"], found["stats"]["total"]) == ("completed", 0)
    assert members_of(api, answer) == []


# Files that are refused as a whole


@pytest.mark.parametrize(
    ("file", "description"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty"),
        (b",,\n , \n", "is empty"),
        (b"name,tag\n", "no column 'number'; its first line names 'name', 'tag'"),
        (b"number,number\n", "has the column 'number' twice"),
        (b"number,Number \n", "has the column 'Number' twice"),
        (b"sep=;\n", "is empty"),
        (b"sep=|\nnumber|tag\n", "no column 'number'; its first line names 'sep=|'"),
        (b"number,,tag\n", "no name for its column 2"),
        (b"number,city,age\n", "columns that a static list cannot keep: 'city', 'age'. Allowed are number, first_name"),
        (b'number\n"+91984', "is no CSV"),
        (b'number\n"a"b\n', "is no CSV"),
        (b"number\n\xff\xfe\xff\n", "is not in UTF-8"),
        (b"number\n+91984\x00\n", "NUL on line 2"),
        ("number\n".encode("utf-16-le"), "NUL on line 1"),
        (b"PK\x03\x04\x14\x00", "is an Excel workbook"),
        (b"number\n" + b"\n" * 1_100_000, "more than 1000000 blank lines"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not in UTF-8"),
        (gzip.compress(b"number\n" + NUMBERS[0].encode(), mtime=0)[:-9], "gzip that is damaged or not whole"),
        (b"\x1f\x8bnothing", "gzip that is damaged or not whole"),
        (b"number," + b",".join(b"c%d" % i for i in range(9000)), "'c0', 'c1', 'c2', 'c3', 'c4' and 8995 more"),
    ],
)
def test_what_is_no_such_file_is_refused_and_leaves_nothing(
    file: bytes, description: str, api: Client, server: Server
) -> None:
    answer = api.upload(file)

    assert description in refusal_of(answer)
    assert api.get("/lists").json()["metadata"]["total"] == 0
    assert files_in(server) == []


@pytest.mark.parametrize(
    "file",
    [
        gzip.compress(b"number\n" + b"\n" * 5_000_000),
        gzip.compress(b"number\n" + b"x" * 5_000_000),
    ],
)
def test_what_unpacks_to_too_much_is_refused(file: bytes, connect: Callable[..., Client], small: Server) -> None:
    assert len(file) < small.settings.upload_limit * 2

    answer = connect(to=small).upload(file)

    assert answer.status_code == 413, answer.text
    assert files_in(small) == []


@pytest.mark.parametrize(
    ("fields", "status", "description"),
    [
        ({"list_name": " "}, 400, "Name is mandatory"),
        ({"list_name": "x" * 256}, 400, "name has 256 characters"),
        ({"type": "fixed"}, 400, "type is 'fixed'; allowed are static, dynamic."),
        ({"on_duplicate": "merge"}, 400, "on_duplicate is 'merge'; allowed are skip, update."),
        ({"dry_run": "perhaps"}, 400, "dry_run is 'perhaps'; allowed are true and false."),
        ({"list_name": "x" * 5000}, 413, "list_name has more than 4096 bytes."),
    ],
)
def test_a_wrong_field_is_named(
    fields: dict[str, str], status: int, description: str, api: Client, server: Server
) -> None:
    answer = api.upload(b"number\n", **fields)

    assert description in refusal_of(answer, status)
    assert files_in(server) == []


FORM = {"Content-Type": "multipart/form-data; boundary=form"}
PART = b'--form\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = PART % (b"file_name", b"number\n")
NAME = PART % (b"list_name", b"Friends")


@pytest.mark.parametrize(
    ("headers", "body", "status", "description"),
    [
        (FORM, NAME + FILE, 400, "The form ended early."),
        (FORM, b"", 400, "The form ended early."),
        (FORM, b"nothing of the kind", 400, "The body is not a form"),
        (FORM, NAME + b"--form--\r\n", 400, "file_name is mandatory"),
        (FORM, FILE + b"--form--\r\n", 400, "list_name is mandatory"),
        (FORM, NAME + NAME + FILE + b"--form--\r\n", 400, "has the part 'list_name' twice"),
        (FORM, NAME + FILE + FILE + b"--form--\r\n", 400, "has the part 'file_name' twice"),
        (FORM, (PART % (b"dryrun", b"true")) + b"--form--\r\n", 400, "a part 'dryrun'; allowed are list_name, type"),
        (FORM, b"--form\r\n" + b"X: y\r\n" * 50 + b"\r\n", 400, "The body is not a form"),
        (FORM, PART % (b"list_name", b"\xff") + FILE + b"--form--\r\n", 400, "not in UTF-8"),
        ({"Content-Type": "multipart/form-data"}, NAME, 400, "no boundary"),
        ({"Content-Type": "application/json"}, b"{}", 415, "send multipart/form-data"),
        ({**FORM, "Content-Encoding": "gzip"}, NAME, 415, "send the form as it is"),
    ],
)
def test_a_body_that_is_no_such_form_is_refused(
    headers: dict[str, str], body: bytes, status: int, description: str, api: Client, server: Server
) -> None:
    answer = api.request("POST", "/contacts/csv-upload", headers=headers, content=body)

    assert description in refusal_of(answer, status)
    assert files_in(server) == []


def test_an_upload_is_not_a_contact(api: Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = api.request(method, "/contacts/csv-upload")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


# The file


def test_a_client_that_leaves_leaves_no_file(api: Client, server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    assert isinstance(api.http.auth, httpx2.BasicAuth)
    signed = next(api.http.auth.auth_flow(api.http.build_request("GET", "/"))).headers["authorization"]
    head = (
        f"POST /v2/accounts/{api.account}/contacts/csv-upload HTTP/1.1\r\nHost: x\r\nAuthorization: {signed}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 1000000\r\n\r\n"
    ).encode()
    with closing(socket.create_connection((host, int(port)))) as caller:
        caller.sendall(head + NAME + FILE[:-2] + b"1" * 600_000)
        while not files_in(server):
            pass

    while files_in(server):
        pass
    assert api.get("/lists").json()["metadata"]["total"] == 0


def test_a_file_is_its_owners_alone_and_goes_with_the_end(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    folder = folder_of(server)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / f"{upload_of(answer)}.upload")]
    work_off(server)

    assert modes == [0o700, 0o600]
    assert files_in(server) == []


def test_a_file_that_nobody_waits_for_is_removed(api: Client, server: Server) -> None:
    api.upload(b"number\n")
    (folder_of(server) / f"{'0' * 32}.upload").write_bytes(b"number\n")

    work_off(server)

    assert files_in(server) == []


def test_what_is_no_upload_is_left_alone(api: Client, server: Server) -> None:
    """Somebody may have given a folder that other things are in."""
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    folder = folder_of(server)
    (folder / "book.db").write_bytes(b"precious")
    (folder / "lost+found").mkdir()
    (folder / f"{'1' * 32}.upload").mkdir()

    work_off(server)

    assert status_of(api, answer)["status"] == "completed"
    assert sorted(files_in(server)) == [f"{'1' * 32}.upload", "book.db", "lost+found"]
    (folder / "book.db").unlink()
    (folder / "lost+found").rmdir()
    (folder / f"{'1' * 32}.upload").rmdir()


def test_books_that_share_a_folder_leave_each_others_files_alone(
    server: Server, new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    folder = str(Path(server.settings.upload_folder).parent / "shared")
    with (
        serving(Settings(database=new_database(), upload_folder=folder)) as one,
        serving(Settings(database=new_database(), upload_folder=folder)) as other,
    ):
        api, theirs = connect(to=one), connect(to=other)
        answer, their_answer = api.upload(b"number\n"), theirs.upload(to_csv(["number"], [NUMBERS[0]]))

        work_off(one)
        work_off(other)

        assert status_of(api, answer)["status"] == "completed"
        assert status_of(theirs, their_answer)["stats"]["success"] == 1


def test_a_file_that_cannot_be_read_keeps_no_others_waiting(connect: Callable[..., Client], server: Server) -> None:
    one, other = connect(), connect()
    broken = one.upload(to_csv(["number"], [NUMBERS[0]]))
    path = folder_of(server) / f"{upload_of(broken)}.upload"
    path.unlink()
    path.mkdir()
    answer = other.upload(to_csv(["number"], [NUMBERS[0]]))

    work_off(server)

    assert status_of(other, answer)["status"] == "completed"
    assert status_of(one, broken)["status"] == "in-progress"
    path.rmdir()
    work_off(server)
    assert status_of(one, broken)["reason"] == "Its file is gone."


class Surprised(Spool):
    """A folder into which a file comes at the moment at which somebody looks through it."""

    def __init__(self, folder: Path, receive: Callable[[], object]) -> None:
        super().__init__(folder)
        self._receive = receive

    def sids(self) -> Sequence[str]:
        self._receive()
        return super().sids()


def test_a_file_that_comes_while_others_are_swept_away_stays(api: Client, server: Server) -> None:
    upload(api, server, to_csv(["number"], [NUMBERS[0]]))
    answers: list[httpx2.Response] = []
    spool = Surprised(folder_of(server), lambda: answers.append(api.upload(to_csv(["number"], [NUMBERS[1]]))))
    limits = UploadLimits(ListLimits(), 10_000)
    with (
        closing(open_database(server.database)) as db,
        asyncio.Runner() as loop,
        closing(Runner(db, spool, limits, lambda: datetime.now(UTC))) as runner,
    ):
        loop.run(runner.turn())

    work_off(server)

    assert status_of(api, answers[0])["stats"]["success"] == 1


# A full disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Room for a file, and for what an upload leaves free."""
    with mounted(tmp_path / "disk", RESERVE + 3_000_000) as folder:
        yield folder


@pytest.mark.sqlite
def test_an_upload_that_has_no_room_is_refused_before_it_is_kept(
    disk: Path, new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    folder = disk / "uploads"
    with serving(Settings(database=new_database(), upload_limit=2_000_000, upload_folder=str(folder))) as server:
        api = connect(to=server)
        assert api.upload(to_csv(["number"], [NUMBERS[0]])).status_code == 202
        work_off(server)
        (disk / "ballast").write_bytes(b"\0" * 3_000_000)

        refused = api.upload(to_csv(["number"], [NUMBERS[1]]))

        assert refusal_of(refused, 503) == "The server's disk has no room for the upload."
        assert refused.headers["retry-after"]
        assert files_in(server) == []
        (disk / "ballast").unlink()
        assert api.upload(to_csv(["number"], [NUMBERS[1]])).status_code == 202


@pytest.mark.sqlite
def test_a_disk_that_fills_up_meanwhile_keeps_nothing(
    disk: Path, new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    folder = disk / "uploads"
    with serving(Settings(database=new_database(), upload_limit=2_000_000, upload_folder=str(folder))) as server:
        api = connect(to=server)
        body = NAME + FILE[:-2] + b"\n" * 1_500_000 + b"\r\n--form--\r\n"

        def send() -> Iterator[bytes]:
            yield body[:700_000]
            while not files_in(server):
                pass
            _fill(disk / "ballast")
            yield body[700_000:]

        answer = api.request("POST", "/contacts/csv-upload", headers=FORM, content=send())

        assert refusal_of(answer, 503) == "The server's disk has no room for the upload."
        assert files_in(server) == []
        assert api.get("/lists").json()["metadata"]["total"] == 0


@pytest.mark.sqlite
def test_an_upload_waits_while_the_database_has_no_room(tmp_path: Path, connect: Callable[..., Client]) -> None:
    with (
        mounted(tmp_path / "disk", 4 * 2**20) as disk,
        serving(Settings(database=f"sqlite:///{disk}/book.db")) as server,
    ):
        api = connect(to=server)
        answer = api.upload(to_csv(["number"], *[[number] for number in NUMBERS[: 2 * CHUNK]]))
        next(turns(server))
        _fill(disk / "ballast")

        with pytest.raises(Unavailable):
            work_off(server)
        waiting = status_of(api, answer)
        (disk / "ballast").unlink()
        work_off(server)

        assert waiting["status"] == "in-progress"
        assert status_of(api, answer)["stats"]["success"] == 2 * CHUNK
        assert [each["number"] for each in members_of(api, answer)] == NUMBERS[: 2 * CHUNK]


def _fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(b"\0" * 4096)
