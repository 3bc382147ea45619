"""What becomes of the rows of an upload: each is accounted for, once, in whatever form the file is."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialbook.jobs.runner import OPEN_FILES
from dialbook.store.uploads import QUEUED
from tests.conftest import CHUNK, NUMBERS, Client, Server, turns, work_off
from tests.server.uploads.sending import (
    FIELDS,
    files_in,
    members_of,
    refusal_of,
    report_of,
    status_of,
    to_csv,
    upload,
)


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


CELLS = st.sampled_from(["", "Asha", " Asha ", "\u00a0Iyer", 'a "b"', "a,b;c\td", "two\nlines", "'=1", "J-José", "数"])
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
@settings(max_examples=60)
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


@pytest.mark.sqlite
def test_so_many_may_wait_and_no_more(api: Client, server: Server) -> None:
    answers = [api.upload(b"number\n", list_name=f"List {i % 2}") for i in range(QUEUED)]

    past_limit = api.upload(b"number\n")
    work_off(server)

    assert {answer.status_code for answer in answers} == {202}
    assert refusal_of(past_limit, 429) == "100 uploads wait to be worked off, which is all that may wait."
    assert past_limit.headers["retry-after"] == "30"
    assert files_in(server) == []
    assert api.upload(b"number\n").status_code == 202


def test_what_a_file_declares_wins_over_what_its_first_line_looks_like(api: Client, server: Server) -> None:
    answer = upload(api, server, f"sep=;\nnumber,first,last;number\nx,y,z;{NUMBERS[0]}\n".encode(), type="dynamic")

    (member,) = members_of(api, answer)
    assert (member["number"], member["custom_field"]) == (NUMBERS[0], {"number,first,last": "x,y,z"})


def test_what_spreadsheets_and_data_frames_make_of_a_number_is_undone(api: Client, server: Server) -> None:
    digits = NUMBERS[0].removeprefix("+")
    for made in (f"{digits}.0", f"+{digits}.0", f"'{digits}", f"'{NUMBERS[0]}", f"{digits[2:]}.0"):
        answer = upload(api, server, to_csv(["number"], [made]), list_name=made)
        assert [each["number"] for each in members_of(api, answer)] == NUMBERS[:1]


@pytest.mark.sqlite
@pytest.mark.parametrize("decimals", [".0", ".00", ".000000"])
def test_decimals_of_a_number_are_no_digits_of_another(decimals: str, api: Client, server: Server) -> None:
    numbers = ["+62812345678", "+493012345678", "+4930123456"]  # with zeros behind them they are others'

    answer = upload(api, server, to_csv(["number"], *[[f"{number}{decimals}"] for number in numbers]))

    assert [each["number"] for each in members_of(api, answer)] == numbers


@pytest.mark.sqlite
def test_dots_between_the_digits_of_a_number_do_not_count(api: Client, server: Server) -> None:
    cells = ["98450.00000", "98450.00002", "080.4567.8901", "080.4567.8900"]

    answer = upload(api, server, to_csv(["number"], *[[cell] for cell in cells]))

    numbers = ["+919845000000", "+919845000002", "+918045678901", "+918045678900"]
    assert [each["number"] for each in members_of(api, answer)] == numbers
