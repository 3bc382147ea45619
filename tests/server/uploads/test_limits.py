"""How much an upload may have."""

import gzip
from collections.abc import Callable

import pytest

from dialbook.wire.csv_lines import RECORD_LIMIT
from tests.conftest import NUMBERS, Client, Server, work_off
from tests.server.uploads.sending import (
    cells_of,
    csv_report_of,
    members_of,
    refusal_of,
    report_of,
    status_of,
    to_csv,
    upload,
)


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
    kept = [row[0] for row in cells_of(csv_report_of(api, answer)) if "list_full" in row]
    assert kept == NUMBERS[limit : limit + over]
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


def test_a_file_may_unpack_to_so_many_characters(connect: Callable[..., Client], small: Server) -> None:
    api = connect(to=small)
    limit = small.settings.upload_limit
    head = b"number\n" + NUMBERS[0].encode()
    cut = [head + b"\n" * (length - len(head)) for length in (limit - 1, limit, limit + 1)]

    answers = [api.upload(gzip.compress(file)) for file in cut]

    assert [answer.status_code for answer in answers] == [202, 202, 413]
    assert refusal_of(answers[2], 413) == f"file_name is larger than {limit} characters."
    work_off(small)


def test_blank_lines_before_the_header_are_no_record(api: Client, server: Server) -> None:
    for blank, status in ((70_000, 202), (1_000_001, 400)):
        answer = api.upload(b"\n" * blank + b"number\n" + NUMBERS[0].encode())

        assert answer.status_code == status, answer.text
    assert refusal_of(answer, 400) == "file_name has more than 1000000 blank lines."
    work_off(server)


def test_a_record_may_have_so_many_characters(api: Client, server: Server) -> None:
    for over, status in ((-1, 202), (0, 202), (1, 413)):
        cell = "x" * (RECORD_LIMIT + over - len(NUMBERS[0]) - len(",\r\n"))

        answer = api.upload(to_csv(["number", "first_name"], [NUMBERS[0], cell]))

        assert answer.status_code == status, answer.text
    said = "file_name: the record that begins on line 2 has more than 65536 characters."
    assert refusal_of(answer, 413) == said
    work_off(server)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("", 1),
        ("\nsep=;\n", 3),
        (f'number,first_name\n{NUMBERS[0]},Asha\n\n{NUMBERS[1]},"two\nlines"\n', 6),
        (f"sep=;\n\nnumber;first_name\n{NUMBERS[0]};Asha\n", 5),
    ],
)
def test_a_quote_that_is_not_closed_is_told_by_where_its_record_begins(before: str, line: int, api: Client) -> None:
    answer = api.upload(f'{before}"'.encode() + to_csv(["number"], *[[number] for number in NUMBERS[:5_000]]))

    assert refusal_of(answer, 413) == (
        f"file_name: the record that begins on line {line} has more than 65536 characters; a quote may not be closed."
    )


def test_a_file_without_rows_is_an_upload_of_none(api: Client, server: Server) -> None:
    answer = upload(api, server, b"number\n")

    found = status_of(api, answer)
    assert (found["status"], found["stats"]["total"]) == ("completed", 0)
    assert members_of(api, answer) == []
