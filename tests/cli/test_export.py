"""`dialbook members export`: in three forms, whole or not there, whenever it is killed."""

import csv
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from dialbook.client import Client
from tests.cli.conftest import Dial
from tests.client.conftest import fill
from tests.client.peer import Act, ok, peer
from tests.conftest import NUMBERS
from tests.processes import HANG_SECONDS, PROGRAM, environment

ROWS = b"".join(b"%x\r\n%b\r\n" % (len(row), row) for row in [b"+919845000001,Asha,,,,\r\n" * 5000] * 3)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nnumber\n\r\n"
SID = "0" * 32


@pytest.fixture
def sids(url: str) -> list[str]:
    with Client(url) as client:
        return fill(client, 3)[1]


@pytest.mark.parametrize("by_ending", [True, False])
@pytest.mark.parametrize("format_", ["csv", "ndjson", "json"])
def test_a_list_is_written_in_each_form(
    format_: str, by_ending: bool, dial: Dial, sids: list[str], tmp_path: Path
) -> None:
    target = tmp_path / (f"friends.{format_}" if by_ending else "friends")

    result = dial("members", "export", "Friends", "-o", str(target), *([] if by_ending else ["--format", format_]))
    printed = dial("members", "export", "Friends", "--format", format_)

    assert (result.exit_code, result.output) == (0, "")
    assert printed.stdout_bytes == target.read_bytes()
    text = target.read_text()
    if format_ == "csv":
        found = list(csv.DictReader(text.splitlines()))
    else:
        found = json.loads(text) if format_ == "json" else [json.loads(line) for line in text.splitlines()]
    assert [each["number"] for each in found] == NUMBERS[: len(sids)]


@pytest.mark.sqlite
@pytest.mark.parametrize(("name", "first"), [("FRIENDS.JSON", b"["), ("friends.jsonl", b"{"), ("friends.txt", b"n")])
def test_the_ending_says_what_is_written(name: str, first: bytes, dial: Dial, sids: list[str], tmp_path: Path) -> None:
    dial("members", "export", "Friends", "-o", str(tmp_path / name))

    assert sids
    assert (tmp_path / name).read_bytes()[:1] == first


@pytest.mark.parametrize(("format_", "empty"), [("json", []), ("ndjson", None)])
def test_an_empty_selection_is_an_empty_file(format_: str, empty: object, dial: Dial, sids: list[str]) -> None:
    assert sids
    printed = dial("members", "export", "Friends", "--format", format_, "--tag", "nobody").stdout

    assert (json.loads(printed) if printed else None) == empty


@pytest.mark.parametrize(("sent", "written"), [(HEAD, 0), (HEAD + ROWS[:200_000], 100_000), (HEAD + ROWS, 300_000)])
def test_an_export_that_is_killed_leaves_nothing_under_its_name_and_nothing_at_all_once_it_is_repeated(
    sent: bytes, written: int, dial: Dial, sids: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "friends.csv"
    with peer(ok({"sid": SID, "contact_count": 2}), Act(sent, "stall")) as there:
        arguments = ["members", "export", SID, "-o", str(target)]
        with subprocess.Popen([PROGRAM, *arguments], env=environment({"DIALBOOK_URL": there.url})) as process:
            while not is_written(tmp_path, written) and process.poll() is None:
                pass
            process.send_signal(signal.SIGKILL)
            assert process.wait(HANG_SECONDS) == -signal.SIGKILL
    left = list(tmp_path.iterdir())

    assert dial("members", "export", "Friends", "-o", str(target)).exit_code == 0

    assert [path.name.startswith(".friends.csv.") for path in left] == [True]
    assert list(tmp_path.iterdir()) == [target]
    assert len(target.read_text().splitlines()) == len(sids) + 1


def is_written(folder: Path, size: int) -> bool:
    """Whether there is a part of a file, of so many bytes at least."""
    return any(part.stat().st_size >= size for part in folder.glob(".*.part"))


def test_a_pipe_is_written_into_and_stays_one(dial: Dial, sids: list[str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        result = dial("members", "export", "Friends", "-o", str(pipe))
        if not pipe.is_fifo():
            reader.kill()
        printed, _ = reader.communicate(timeout=HANG_SECONDS)

    assert result.exit_code == 0, result.output
    assert pipe.is_fifo()
    assert len(printed.splitlines()) == len(sids) + 1


def test_a_link_stays_one_and_what_it_leads_to_is_written(dial: Dial, sids: list[str], tmp_path: Path) -> None:
    target, link = tmp_path / "folder/friends.csv", tmp_path / "friends.csv"
    target.parent.mkdir()
    link.symlink_to(target)

    for _ in range(2):
        assert dial("members", "export", "Friends", "-o", str(link)).exit_code == 0
        assert link.readlink() == target
        assert len(target.read_text().splitlines()) == len(sids) + 1
        target.write_text("older")


@pytest.mark.parametrize("output", ["nowhere/friends.csv", "/proc/friends.csv"])
def test_where_nothing_can_be_written_is_one_line(output: str, dial: Dial, sids: list[str]) -> None:
    assert sids
    result = dial("members", "export", "Friends", "-o", output)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert ".part" not in result.stderr
