"""/healthz and /readyz: who watches a server is told the truth, also when the database says nothing any more."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import Client, Server, serving
from tests.postgres import ask as ask_postgres
from tests.sqlite import beside, path_of

OK = {"status": "ok"}


def ask(server: Server, path: str) -> tuple[int, Any]:
    """Without credentials."""
    answer = httpx2.get(server.url + path, timeout=60)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def not_ready(*reasons: str) -> tuple[int, Any]:
    return 503, {"status": "not ready", "reasons": [*reasons]}


def test_a_server_that_can_be_used_says_so(server: Server) -> None:
    assert ask(server, "/healthz") == ask(server, "/readyz") == (200, OK)


def test_a_probe_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    with serving(Settings(database=server.database, upload_folder=str(folder))) as running:
        assert ask(running, "/readyz") == (200, OK)

    assert not folder.exists()


def test_another_schema_is_not_ready_until_it_is_right(new_database: Callable[[], str]) -> None:
    with serving(Settings(database=new_database())) as running:
        with _another_schema(running.database):
            status, content = ask(running, "/readyz")
            assert (status, ask(running, "/healthz")) == (503, (200, OK))
            (reason,) = content["reasons"]
            assert "schema" in reason
        assert ask(running, "/readyz") == (200, OK)


@pytest.mark.sqlite
def test_a_database_that_is_gone_is_not_ready(database: str) -> None:
    path = path_of(database)
    with serving(Settings(database=database)) as running:
        path.rename(path.with_name("elsewhere.db"))

        assert ask(running, "/readyz") == not_ready("The database cannot be used now (unable to open database file).")
        assert ask(running, "/healthz") == (200, OK)

        path.with_name("elsewhere.db").rename(path)
        assert ask(running, "/readyz") == (200, OK)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.sqlite
def test_a_database_that_was_gone_for_a_while_is_read_again(database: str, new_client: Callable[..., Client]) -> None:
    path = path_of(database)
    with serving(Settings(database=database)) as running:
        client = new_client(running)
        (made,) = client.create_contacts({"number": "+14155550100", "first_name": "Asha"})
        path.rename(path.with_name("elsewhere.db"))
        left = {each.name for each in path.parent.iterdir()}

        refused = client.get("/contacts", name="Asha")

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert {each.name for each in path.parent.iterdir()} == left >= {f"{path.name}-wal"}

        path.with_name("elsewhere.db").rename(path)
        (found,) = client.get("/contacts", name="Asha").json()["response"]
        assert found["data"]["sid"] == made["sid"]


def test_a_folder_for_uploads_that_cannot_be_written_is_not_ready(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serving(Settings(database=server.database, upload_folder=str(tmp_path / "file" / "uploads"))) as running:
        found = ask(running, "/readyz")

    assert found == not_ready("The server's folder for uploads cannot be used (Not a directory).")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_can_be_read_and_nothing_else(path: str, server: Server) -> None:
    assert httpx2.head(server.url + path).status_code == 200
    assert httpx2.post(server.url + path).status_code == 405


@contextmanager
def _another_schema(database: str) -> Iterator[None]:
    if database.startswith("sqlite"):
        with closing(beside(database)) as connection:
            version = connection.pragma("user_version")
            assert isinstance(version, int)
            connection.pragma("user_version", version - 1)
            yield
            connection.pragma("user_version", version)
    else:
        ask_postgres(database, "INSERT INTO schema_steps VALUES (99, 'of tomorrow')")
        yield
        ask_postgres(database, "DELETE FROM schema_steps WHERE version = 99")
