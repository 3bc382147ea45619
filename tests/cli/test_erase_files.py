"""`dialbook erase`: what is left of the person in the files of a book, and in PostgreSQL's tables."""

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import msgspec
import pytest

from dialbook.store import sqlite_wipe
from tests.cli.test_erase import NAME, NUMBER, OTHERS, TRACES, fill, run
from tests.conftest import Client, run_cli
from tests.disks import fill_up, mounted
from tests.postgres import Postgres, ask
from tests.processes import HANG_SECONDS, PROGRAM, environment, started
from tests.sqlite import beside, path_of


def traces(folder: Path) -> list[tuple[str, str]]:
    """Where something of the person is left: the file, and what it is."""
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return [(name, trace) for name, content in files.items() for trace in TRACES if trace.encode() in content]


@contextmanager
def served(database: str, folder: Path) -> Iterator[Client]:
    """A server of its own process, with another that works off uploads beside it, and many contacts in its book."""
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = (key["api_key"], key["api_token"])
    with (
        started("serve", "--port", "0", "--database", database, folder=folder) as server,
        httpx2.Client(base_url=server.url, auth=auth, timeout=HANG_SECONDS) as http,
    ):
        yield Client(http, "acme", *auth)


def crowd(client: Client, numbers: list[str]) -> None:
    """Others on the same pages, who come and change so that pages are cut, filled and put together again."""
    made = client.create_contacts(*({"number": each, "first_name": f"A{each[-4:]}{'x' * 40}"} for each in numbers))
    for part in (made[::2], made[1::2]):
        changes = [{"sid": each["sid"], "last_name": last_name(each["number"])} for each in part]
        client.put("/contacts", {"contacts": changes})
    for each in made[::20]:
        client.delete(f"/contacts/{each['sid']}")


def last_name(number: str) -> str:
    """Nobody else's, and of another length than many."""
    return f"B{number[-4:]}{'y' * (int(number) * 7 % 90)}"


def ended(client: Client) -> None:
    """Wait until the process beside the server has worked off all uploads."""
    while any(item["data"]["status"] == "in-progress" for item in client.get("/csv-status").json()["response"]):
        pass


def test_no_byte_is_left_in_any_file_while_a_server_runs_nor_after_it(database: str, tmp_path: Path) -> None:
    with served(database, tmp_path) as client:
        crowd(client, OTHERS[:1000])
        fill(client, lambda: ended(client))
        crowd(client, OTHERS[1000:2000])
        assert {trace for _, trace in traces(tmp_path)} == set(TRACES)

        receipt = run_cli("erase", NUMBER, "--account", "acme", "--yes", "--database", database)

        assert receipt["troubles"] == []
        assert traces(tmp_path) == []
        crowd(client, OTHERS[2000:])
        assert traces(tmp_path) == []
    assert traces(tmp_path) == []
    with closing(beside(database)) as connection:
        connection.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
    assert traces(tmp_path) == []


def test_what_pages_keep_of_rows_that_moved_goes_too(database: str, tmp_path: Path) -> None:
    """A page that is cut in two may keep a copy of what moves to the other one, which no deletion overwrites."""
    numbers = random.Random(0).sample(OTHERS, len(OTHERS))
    with served(database, tmp_path) as client:
        for i in range(0, len(numbers), 300):
            crowd(client, numbers[i : i + 300])
    path = path_of(database)
    before = path.read_bytes()
    # The index by last names has one row of each account and name.
    moved, *_ = [number for number in numbers if before.count(f"acme{last_name(number)[:5]}".encode()) > 1]

    def is_left(*options: str) -> bool:
        run_cli("erase", moved, "--account", "acme", "--yes", "--database", database, *options)
        return last_name(moved)[:5].encode() in path.read_bytes()

    assert is_left("--no-rewrite")
    assert not is_left()


def test_it_waits_until_nobody_reads_an_old_state(database: str, tmp_path: Path) -> None:
    path = path_of(database)
    with served(database, tmp_path) as client, closing(beside(path)) as reader:
        client.create_contacts({"number": NUMBER, "first_name": NAME})
        reader.execute("BEGIN; SELECT account FROM accounts").fetchall()
        command = [str(PROGRAM), "erase", NUMBER, "--account", "acme", "--yes", "--json", "--database", database]
        with subprocess.Popen(command, cwd=tmp_path, env=environment({}), stdout=subprocess.PIPE) as process:
            while client.get("/contacts").json()["metadata"]["total"]:
                pass
            assert traces(tmp_path) != []
            assert process.poll() is None

            reader.execute("COMMIT")

            output, _ = process.communicate(timeout=HANG_SECONDS)
        assert (process.returncode, msgspec.json.decode(output)["troubles"]) == (0, [])
        assert traces(tmp_path) == []


def test_whoever_goes_on_reading_an_old_state_is_a_trouble(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_wipe, "PATIENCE", 0.0)
    run_cli("account", "create", "acme", "--database", database)
    command = ["erase", NUMBER, "--account", "acme", "--yes", "--database", database]
    with closing(beside(database)) as reader:
        reader.execute("BEGIN; SELECT account FROM accounts").fetchall()

        waiting = run(*command)
        reader.execute("COMMIT")
        again = run(*command)

    assert waiting.exit_code == 1
    assert "somebody reads an old state of the book" in waiting.stderr
    assert again.exit_code == 0
    assert ["the log beside the file (-wal)" in each.stderr for each in (waiting, again)] == [True, False]


def test_without_room_to_write_the_file_anew_the_log_is_emptied_and_what_may_remain_is_said(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 32_000_000) as disk:
        database = f"sqlite:///{disk}/book.db"
        with served(database, tmp_path) as client:
            client.create_contacts({"number": NUMBER, "first_name": NAME})
            crowd(client, OTHERS)
            with closing(beside(f"{disk}/book.db")) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            (disk / "room").write_bytes(b"1" * 500_000)  # enough for the change, and not for all pages
            fill_up(disk)
            (disk / "room").unlink()

            result = run("erase", NUMBER, "--account", "acme", "--yes", "--database", database)

            log = (disk / "book.db-wal").read_bytes()

    assert (result.exit_code, log) == (1, b"")
    assert "cannot be written anew (database or disk is full)" in result.stderr
    assert "the log beside the file (-wal)" in result.stderr


def test_what_sqlite_writes_meanwhile_is_beside_the_book(databases: Callable[[str], str], tmp_path: Path) -> None:
    database = databases("sqlite")
    run_cli("account", "create", "acme", "--database", database)
    with closing(beside(database)) as connection:
        connection.execute("CREATE TABLE ballast AS SELECT zeroblob(80000000)")  # more than the cache takes
    command = [str(PROGRAM), "erase", NUMBER, "--account", "acme", "--yes", "--database", database]
    with mounted(tmp_path / "temporary", 1_000_000) as small:
        variables = environment({"TMPDIR": str(small)})
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_postgres_is_vacuumed(postgres: Postgres) -> None:
    url = postgres.create_book()
    run_cli("account", "create", "acme", "--database", url)

    run_cli("erase", NUMBER, "--account", "acme", "--yes", "--database", url)

    assert ask(url, "SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NULL") == []


def test_postgres_keeps_no_value_in_its_statistics(postgres: Postgres, tmp_path: Path) -> None:
    def known() -> set[str]:
        kept = ask(url, "SELECT attname, concat_ws(' ', histogram_bounds, most_common_vals) FROM pg_stats")
        return {column for column, values in kept if any(trace in values for trace in TRACES)}

    url = postgres.create_book()
    with served(url, tmp_path) as client:
        client.create_contacts(*({"number": each, "first_name": f"A{each}"} for each in OTHERS[:50]))
        client.create_contacts({"number": NUMBER, "first_name": NAME})
        ask(url, "ANALYZE")
        assert known() >= {"number", "first_name", "search_key"}

        run_cli("erase", NUMBER, "--account", "acme", "--yes", "--database", url)

        assert known() == set()
    ((vacuumed,),) = ask(url, "SELECT last_vacuum FROM pg_stat_all_tables WHERE relname = 'pg_statistic'")
    assert vacuumed is not None


def test_tables_that_the_role_may_not_vacuum_are_a_trouble(postgres: Postgres) -> None:
    url = postgres.create_book()
    run_cli("account", "create", "acme", "--database", url)
    role = f"other_{url.rpartition('/')[2]}"
    ask(url, f"CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")

    result = run("erase", NUMBER, "--account", "acme", "--yes", "--database", url.replace("//dialbook:", f"//{role}:"))

    assert result.exit_code == 1
    assert "Error: Not all that was deleted could be vacuumed: " in result.stderr
    assert "contacts" in result.stderr
