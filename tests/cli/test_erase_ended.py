"""`dialbook erase`: the receipt is printed however the command ends, and what is refused touches nothing."""

import hmac
import io
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import apsw
import msgspec
import psycopg
import pytest
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from tests.cli.test_erase import NUMBER, erase
from tests.conftest import Client, Server, run_cli
from tests.postgres import Postgres, ask
from tests.processes import HANG_SECONDS, HEARING, PROGRAM, environment
from tests.sqlite import beside

STATUSES = {signal.SIGINT: 1, signal.SIGHUP: 129, signal.SIGTERM: 143}
FULL = Path("/dev/full")
FOUND = "SELECT 1 FROM audit_entries AS e WHERE e.account = :account AND e.action = 'erase'"


@contextmanager
def started(url: str, *options: str, output: int | IO[str] = subprocess.PIPE) -> Iterator["subprocess.Popen[str]"]:
    """A process that erases from the account."""
    command = [*HEARING, str(PROGRAM), "erase", NUMBER, "--account", "acme", "--yes", "--database", url, *options]
    with subprocess.Popen(command, env=environment({}), stdout=output, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def erased(url: str, *options: str) -> Iterator[tuple["subprocess.Popen[str]", apsw.Connection]]:
    """A process that has erased, and cannot end before somebody does who reads an old state of the book."""
    run_cli("account", "create", "acme", "--database", url)
    with closing(beside(url)) as reader, closing(beside(url)) as book:
        reader.execute("BEGIN; SELECT account FROM accounts").fetchall()
        with started(url, *options) as process:
            while not book.execute(FOUND, {"account": "acme"}).fetchall():
                assert process.poll() is None
            yield process, reader


def is_proved(url: str, receipt: dict[str, Any]) -> bool:
    """Whether the audit log has the proof that the receipt's secret makes."""
    (entry,) = run_cli("audit", "query", "acme", "--action", "erase", "--database", url)
    proof = hmac.digest(receipt["secret"].encode(), NUMBER.encode(), "sha256").hex()
    touched: list[str] = entry["touched"]
    return touched == [f"hmac-sha256:{proof}"]


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("sign", STATUSES)
def test_a_program_gets_the_receipt_of_a_command_that_is_ended(sign: signal.Signals, database: str) -> None:
    with erased(database, "--json") as (process, _):
        process.send_signal(sign)
        output, errors = process.communicate(timeout=HANG_SECONDS)

    receipt = msgspec.json.decode(output)
    assert process.returncode == STATUSES[sign]
    assert receipt["troubles"] == ["The command was ended before all of it was done: run it again."]
    assert receipt["troubles"][0] in errors
    assert "the log beside the file (-wal)" in receipt["may_remain_in"]
    assert is_proved(database, receipt)


def test_a_person_has_the_receipt_before_files_are_written_anew(database: str) -> None:
    with erased(database) as (process, reader):
        assert process.stdout
        printed = next(line for line in process.stdout if line.startswith("Secret of the proof: "))
        reader.execute("COMMIT")
        _, errors = process.communicate(timeout=HANG_SECONDS)

    assert is_proved(database, {"secret": printed.split()[-1]})
    assert process.returncode == 0
    assert "files were cleared of what was removed" in errors


@pytest.mark.sqlite
def test_files_are_written_anew_where_the_receipt_cannot_be_printed(database: str) -> None:
    run_cli("account", "create", "acme", "--database", database)
    with FULL.open("w") as full, started(database, output=full) as process:
        _, errors = process.communicate(timeout=HANG_SECONDS)

    assert process.returncode == 1
    assert "files were cleared of what was removed" in errors
    assert "The receipt cannot be printed: No space left on device." in errors


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_command_that_is_ended_amid_the_change_tells_what_became_of_it(postgres: Postgres) -> None:
    url = postgres.create_book()
    run_cli("account", "create", "acme", "--database", url)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(url) as other:
        other.execute(b"SELECT 1 FROM books FOR UPDATE")
        with started(f"{url}?options=-c%20lock_timeout%3D60s", "--json") as process:
            while not ask(url, waiting):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            other.rollback()
            output, _ = process.communicate(timeout=HANG_SECONDS)

    assert process.returncode == 1
    assert is_proved(url, msgspec.json.decode(output))


# What is refused


class Answer(io.BytesIO):
    """A yes to a question, before which something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(b"y\n")
        self._happens = happens

    def read1(self, size: int | None = -1, /) -> bytes:
        if not self.tell():
            self._happens()
        return super().read1(size)


@pytest.fixture
def client(alone: Server, new_client: Callable[..., Client]) -> Client:
    return new_client(alone)


def upload(client: Client) -> str:
    """One that nobody works off."""
    accepted = client.upload(f"number\n{NUMBER}\n".encode()).json()
    return str(accepted["response"]["data"]["summary"]["upload_id"])


@pytest.mark.sqlite
def test_where_nothing_can_be_erased_nothing_is_asked_nor_written(alone: Server, client: Client) -> None:
    under_way = upload(client)
    with closing(beside(alone.database)) as book:
        before = book.pragma("data_version")
        refused = erase(alone, client, NUMBER)

        assert book.pragma("data_version") == before
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: Upload {under_way} of account '{client.account}' is under way, ")
    assert refused.stderr.endswith(" Wait for its end, or cancel it: nothing was erased there.\n")


@pytest.mark.sqlite
def test_nothing_is_written_where_an_upload_begins_while_the_question_stands(alone: Server, client: Client) -> None:
    seen: list[object] = []
    with closing(beside(alone.database)) as book:

        def happens() -> None:
            upload(client)
            seen.append(book.pragma("data_version"))

        command = ["erase", NUMBER, "--account", client.account, "--database", alone.database]
        refused = CliRunner().invoke(dialbook, command, input=Answer(happens))

        assert [book.pragma("data_version")] == seen
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "nothing was erased there" in refused.stderr


@pytest.mark.sqlite
def test_accounts_without_an_upload_are_erased_from(
    alone: Server, client: Client, new_client: Callable[..., Client]
) -> None:
    upload(client)
    another = new_client(alone)
    another.create_contacts({"number": NUMBER})

    result = erase(alone, client, NUMBER, "--account", another.account, "--yes")

    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:2]] == [[another.account, "1"]]
    assert f"Account {client.account}: Upload " in result.stderr
    assert another.get("/contacts").json()["metadata"]["total"] == 0
