"""A whole list into a file: as the server sends it, and whole or not at all."""

import asyncio
import csv
import io
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dialbook import AsyncClient, Client, NoAnswer, NotFound, NotOffered
from dialbook.client.fields import Format
from dialbook.client.files import whole_file
from tests.client.conftest import fill, refuse_to_sleep
from tests.client.peer import Act, answer, contact, ok, peer
from tests.conftest import NUMBERS
from tests.conftest import Client as Caller

ROUNDS = 60  # of eight writers: enough to meet the moments at which a file is held by nobody
CUT = Act(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nnumber\n\r\n", "reset")


def export(target: Path) -> None:
    with peer(answer(200, "number\r\n", kind="text/csv")) as there, Client(there.url) as client:
        client.export_members("friends", target)


@pytest.mark.parametrize(("format_", "kind"), [("csv", "text/csv"), ("ndjson", "application/x-ndjson")])
def test_an_export_is_what_the_server_sends(
    client: Client, api: Caller, tmp_path: Path, format_: Format, kind: str
) -> None:
    list_sid, sids = fill(client, 5)
    client.update_contact(sids[0], first_name="Ünal, =Ash", custom_field={"a": [1]})
    sent = api.request("GET", f"/lists/{list_sid}/contacts", headers={"Accept": kind}).content

    client.export_members(list_sid, tmp_path / "friends", format=format_)
    in_memory = io.BytesIO()
    client.export_members(list_sid, in_memory, format=format_)

    assert (tmp_path / "friends").read_bytes() == in_memory.getvalue() == sent
    assert [path.name for path in tmp_path.iterdir()] == ["friends"]


def test_an_export_takes_the_place_of_an_older_one(client: Client, tmp_path: Path) -> None:
    list_sid, sids = fill(client, 2)
    client.export_members(list_sid, str(tmp_path / "friends.csv"))
    client.remove_member(list_sid, sids[0])

    client.export_members(list_sid, str(tmp_path / "friends.csv"))

    rows = csv.DictReader((tmp_path / "friends.csv").read_text().splitlines())
    assert [row["number"] for row in rows] == [NUMBERS[1]]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_an_export_over_a_file_can_be_read_by_whom_the_file_could(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "private.csv"
    target.touch()
    target.chmod(mode)

    export(target)

    assert target.read_bytes() == b"number\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_what_may_be_read_by_nobody_else_stays_so_whatever_was_there(tmp_path: Path) -> None:
    target = tmp_path / "profiles"
    target.touch(0o644)

    with whole_file(target, 0o600) as file:
        file.write(b"token")

    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_an_export_by_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    target = tmp_path / "private.csv"
    target.touch(0o600)
    os.chown(target, 1234, 4321)

    export(target)

    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 4321)


def test_who_writes_a_file_at_the_same_time_takes_nothing_from_the_other(tmp_path: Path) -> None:
    """Each looks for what killed processes have left, amid the files of all the others."""
    target = tmp_path / "friends.csv"

    def write(content: bytes) -> None:
        for _ in range(ROUNDS):
            with whole_file(target) as file:
                file.write(content)

    contents = [b"number\r\n" * n for n in range(1, 9)]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(write, contents))

    assert target.read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["friends.csv"]


def test_an_export_holds_who_is_selected(client: Client) -> None:
    list_sid, sids = fill(client, 3)
    client.update_contact(sids[1], tag="vip")

    file = io.BytesIO()
    client.export_members(list_sid, file, format="ndjson", tag="vip")

    assert [msgspec.json.decode(line)["sid"] for line in file.getvalue().splitlines()] == [sids[1]]


def test_a_server_that_would_not_select_is_not_asked_for_everybody(tmp_path: Path) -> None:
    target = tmp_path / "vip.csv"
    target.write_bytes(b"as it was")

    with peer(ok([contact(1)], offset=0, total=1)) as there, pytest.raises(NotOffered, match="nothing was written"):
        Client(there.url).export_members("friends", target, tag="vip")

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"vip.csv": b"as it was"}
    assert len(there.lines) == 1


@pytest.mark.parametrize("before", [None, b"as it was"])
def test_an_export_that_breaks_off_leaves_no_part_of_it(tmp_path: Path, before: bytes | None) -> None:
    target = tmp_path / "friends.csv"
    if before is not None:
        target.write_bytes(before)

    with peer(CUT) as there, Client(there.url, sleep=refuse_to_sleep) as client, pytest.raises(NoAnswer):
        client.export_members("friends", target)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
        {} if before is None else {"friends.csv": before}
    )


def test_an_export_of_no_list_writes_nothing(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        client.export_members("0" * 32, tmp_path / "friends.csv")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["f" * 216, "f" * 217, "f" * 255, "é" * 127])
def test_a_name_may_be_as_long_as_the_disk_takes(tmp_path: Path, name: str) -> None:
    export(tmp_path / name)

    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["friends.csv", "f" * 255])
def test_what_a_killed_process_has_left_of_a_file_is_removed(tmp_path: Path, name: str) -> None:
    with suppress(InterruptedError), whole_file(tmp_path / name):
        (part,) = tmp_path.iterdir()
        left = part.name
        raise InterruptedError
    (tmp_path / left).write_bytes(b"number")

    export(tmp_path / name)

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_format_that_there_is_not_is_refused(tmp_path: Path) -> None:
    unknown: Any = "json"
    with peer() as there, Client(there.url) as client, pytest.raises(ValueError, match="allowed are csv, ndjson"):
        client.export_members("friends", tmp_path / "friends.json", format=unknown)

    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_nothing_stays_open(client: Client, tmp_path: Path) -> None:
    list_sid, _ = fill(client, 2)

    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            client.export_members(list_sid, tmp_path / "nowhere" / "friends.csv")


def test_what_stands_before_the_first_byte_is_tried_again() -> None:
    pauses: list[float] = []
    with peer(answer(503, "busy"), answer(200, "number\r\n", kind="text/csv")) as there:
        file = io.BytesIO()
        Client(there.url, sleep=pauses.append).export_members("friends", file)

    assert file.getvalue() == b"number\r\n"
    assert len(pauses) == 1


@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_a_server_without_exports_is_read_page_by_page(client: Client, format_: Format) -> None:
    """What comes out is what Dialbook would have sent of the same contacts."""
    list_sid, sids = fill(client, 3)
    client.update_contact(sids[0], first_name="=1+1", custom_field={"a": [1]})
    pages = [msgspec.to_builtins(client.list_members(list_sid, offset=offset, limit=2)) for offset in (0, 2)]
    sent, rebuilt = io.BytesIO(), io.BytesIO()
    client.export_members(list_sid, sent, format=format_)
    script = [ok(page["items"], offset=page["offset"], total=page["total"]) for page in [pages[0], *pages]]

    with peer(*script) as there:
        Client(there.url).export_members(list_sid, rebuilt, format=format_)

    assert rebuilt.getvalue() == sent.getvalue()
    assert len(there.lines) == 3


def test_a_custom_field_that_is_read_page_by_page_is_written_to_the_last_digit() -> None:
    field = '{"iban":1234567890123456789.25,\n "a":"x"}'
    listed = ok([{"sid": "a", "custom_field": "FIELD"}], offset=0, limit=500, total=1)
    page = listed.sent.partition(b"\r\n\r\n")[2].replace(b'"FIELD"', field.encode())
    target = io.BytesIO()
    with peer(answer(200, page), answer(200, page)) as there, Client(there.url) as client:
        client.export_members("friends", target, format="ndjson")

    assert target.getvalue().count(b"\n") == 1
    assert b'"custom_field":{"iban":1234567890123456789.25,"a":"x"},' in target.getvalue()


def test_an_asynchronous_export(url: str, client: Client, tmp_path: Path) -> None:
    list_sid, _ = fill(client, 3)

    async def export() -> None:
        async with AsyncClient(url) as asynchronous:
            await asynchronous.export_members(list_sid, tmp_path / "async.csv")

    asyncio.run(export())
    client.export_members(list_sid, tmp_path / "sync.csv")

    assert (tmp_path / "async.csv").read_bytes() == (tmp_path / "sync.csv").read_bytes()


def test_contacts_that_no_page_says_much_of_are_exported_all_the_same() -> None:
    with peer(ok([contact(1)]), ok([contact(1)], total=1)) as there:
        file = io.BytesIO()
        Client(there.url).export_members("friends", file)

    assert file.getvalue().splitlines()[1] == f"{NUMBERS[1]},,,,,".encode()
