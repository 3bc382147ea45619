"""`dialbook uploads`: what people do with them every day, on both engines."""

import json
from pathlib import Path

import pytest

from dialbook.client import Client
from dialbook.settings import Settings
from tests.cli.conftest import Dial, read
from tests.client.conftest import address, fill
from tests.client.peer import peer, refusal
from tests.conftest import NUMBERS, Server, serving, work_off
from tests.conftest import Client as Caller


def test_an_upload_is_sent_and_followed(dial: Dial, server: Server, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f"number\n{NUMBERS[0]}\nnobody\n")
    sent = read(dial("uploads", "create", str(tmp_path / "rows.csv"), "--list", "New", "--json"))
    work_off(server)

    found = read(dial("uploads", "get", sent["upload_id"], "--json"))
    errors = read(dial("uploads", "errors", sent["upload_id"], "--json"))
    table = dial("uploads", "errors", sent["upload_id"], "--all").stdout.splitlines()

    assert (sent["status"], found["status"], found["stats"]["success"]) == ("in-progress", "completed", 1)
    assert [(row["line"], row["reason"]) for row in errors] == [(3, "number_invalid")]
    assert table[1].split()[:3] == ["3", "nobody", "number_invalid"]


@pytest.mark.sqlite
def test_an_upload_joins_the_list_that_has_the_sid(dial: Dial, client: Client) -> None:
    friends, _ = fill(client, 0)

    sent = read(dial("uploads", "create", "-", "--list", friends, "--json", input=f"number\n{NUMBERS[0]}\n"))
    nowhere = dial("uploads", "create", "-", "--list", "0" * 32, input=f"number\n{NUMBERS[0]}\n")

    assert sent["list_sid"] == friends
    assert (nowhere.exit_code, nowhere.stderr) == (1, f"Error: There is no list '{'0' * 32}'.\n")
    assert [each.name for each in client.iter_lists()] == ["Friends"]


def test_a_file_that_is_refused_is_named(dial: Dial, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"number,note\n+919845000001,x\n")
    other = tmp_path / "rows.db"
    other.write_bytes(b"\x80" * 100)

    columns = dial("uploads", "create", str(file), "--list", "Friends")
    no_text = dial("uploads", "create", str(other), "--list", "Friends")

    assert columns.stderr.startswith(f"Error: {file} has columns that a static list cannot keep: 'note'")
    assert no_text.stderr.startswith(f"Error: {other} is not in UTF-8. ")


def test_a_file_that_is_too_large_is_named(dial: Dial, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f"number\n{NUMBERS[0]}\n")
    with peer(refusal(413, 1007, description="file_name is larger than 60000000 bytes.")) as there:
        result = dial("uploads", "create", str(file), "--list", "Friends", DIALBOOK_URL=there.url)

    assert (result.exit_code, result.stderr) == (1, f"Error: {file} is larger than 60000000 bytes.\n")


def test_as_much_of_a_report_is_shown_as_is_asked_for(dial: Dial, server: Server) -> None:
    rows = "".join(f"none{n}\n" for n in range(501))  # more than come at once
    sent = read(dial("uploads", "create", "-", "--list", "New", "--json", input=f"number\n{rows}"))
    work_off(server)

    def lines(*options: str) -> list[int]:
        return [row["line"] for row in read(dial("uploads", "errors", sent["upload_id"], "--json", *options))]

    assert lines("--limit", "2") == [2, 3]
    assert lines("--all") == list(range(2, 503))
    assert lines("--limit", "600") == list(range(2, 503))


@pytest.mark.sqlite
def test_all_of_a_report_comes_from_a_server_with_small_pages(dial: Dial, server: Server, api: Caller) -> None:
    rows = "".join(f"none{n}\n" for n in range(101))
    sent = read(dial("uploads", "create", "-", "--list", "New", "--json", input=f"number\n{rows}"))
    work_off(server)

    with serving(Settings(database=server.database, page_limit=100)) as other:
        shown = read(dial("uploads", "errors", sent["upload_id"], "--all", "--json", DIALBOOK_URL=address(other, api)))

    assert [row["line"] for row in shown] == list(range(2, 103))


@pytest.mark.parametrize(("last", "status"), [(NUMBERS[1], 0), (NUMBERS[0], 0), ("nobody", 1)])
def test_who_waits_for_an_upload_learns_whether_a_row_failed(
    last: str, status: int, dial: Dial, server: Server
) -> None:
    sent = read(dial("uploads", "create", "-", "--list", "New", "--json", input=f"number\n{NUMBERS[0]}\n{last}\n"))
    work_off(server)

    watched = dial("uploads", "get", sent["upload_id"], "--watch", "--json")

    assert (json.loads(watched.stdout)["status"], watched.exit_code) == ("completed", status)


def test_uploads_are_listed(dial: Dial, server: Server) -> None:
    arguments = ["uploads", "create", "-", "--list", "New", "--dry-run", "--json"]
    sent = [read(dial(*arguments, input=f"number\n{NUMBERS[0]}\n"))["upload_id"] for _ in range(2)]
    work_off(server)

    found = read(dial("uploads", "list", "--json"))
    head, *rows = dial("uploads", "list", "--limit", "1").stdout.splitlines()

    assert [each["upload_id"] for each in found] == sorted(sent, reverse=True)
    assert "ROWS" in head.split()
    assert [row.split()[-1] for row in rows] == [max(sent)]


@pytest.mark.sqlite
def test_rows_that_are_filled_in_are_not_shown_as_joined(dial: Dial, client: Client, server: Server) -> None:
    fill(client, 1)
    file = f"number,tag\n{NUMBERS[0]},vip\n"
    sent = dial("uploads", "create", "-", "--list", "Friends", "--on-duplicate", "update", "--json", input=file)
    work_off(server)

    shown = dict(line.split(maxsplit=1) for line in dial("uploads", "get", read(sent)["upload_id"]).stdout.splitlines())
    head = dial("uploads", "list").stdout.splitlines()[0].split()

    assert (shown["rows"], shown["success"], "joined" in shown) == ("1", "1", False)
    assert ("SUCCESS" in head, "JOINED" in head) == (True, False)


def test_an_upload_that_is_cancelled_has_failed(dial: Dial) -> None:
    sent = read(dial("uploads", "create", "-", "--list", "New", "--json", input=f"number\n{NUMBERS[0]}\n"))

    assert read(dial("uploads", "cancel", sent["upload_id"], "--json"))["status"] == "failed"
    assert dial("uploads", "get", sent["upload_id"], "--watch").exit_code == 1
