"""HEAD on an export: its headers, for which nobody is read."""

from collections.abc import Callable, Iterator

import apsw
import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.server.uploads.sending import upload, upload_of

pytestmark = pytest.mark.sqlite  # whose statements can be watched


@pytest.fixture
def watched(new_database: Callable[[], str]) -> Iterator[tuple[Server, list[str]]]:
    """A server, and the statements that it gives to SQLite."""
    statements: list[str] = []

    def watch(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: statements.append(event["sql"]))

    apsw.connection_hooks.append(watch)
    with serving(Settings(database=new_database())) as server:
        yield server, statements
    apsw.connection_hooks.remove(watch)


def headers_of(answer: httpx2.Response) -> dict[str, str]:
    """Those that do not differ from answer to answer, nor say how the body comes."""
    others = ("date", "x-request-id", "transfer-encoding")
    return {name: value for name, value in answer.headers.items() if name not in others}


@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson"])
def test_of_a_list(media_type: str, watched: tuple[Server, list[str]], connect: Callable[..., Client]) -> None:
    server, statements = watched
    client = connect(to=server)
    made = client.create_list()["sid"]
    client.add_members(made, *(contact["sid"] for contact in client.create_contacts({"number": NUMBERS[0]})))
    headers = {"Accept": media_type, "Accept-Encoding": "gzip"}
    got = client.request("GET", f"/lists/{made}/contacts", headers=headers)
    statements.clear()

    asked = client.request("HEAD", f"/lists/{made}/contacts?tag=vip", headers=headers)
    unknown = client.request("HEAD", "/lists/none/contacts", headers=headers)

    assert (asked.status_code, unknown.status_code, asked.content) == (200, 404, b"")
    assert headers_of(asked) == headers_of(got)
    assert statements
    assert not any("members" in statement for statement in statements)


def test_of_a_report(watched: tuple[Server, list[str]], connect: Callable[..., Client]) -> None:
    server, statements = watched
    client = connect(to=server)
    answer = upload(client, server, b"number\nnone\n")
    path = f"/csv-status/{upload_of(answer)}/errors"
    statements.clear()

    asked = client.request("HEAD", path, headers={"Accept": "text/csv"})
    unknown = client.request("HEAD", "/csv-status/none/errors", headers={"Accept": "text/csv"})

    assert (asked.status_code, unknown.status_code, asked.content) == (200, 404, b"")
    assert statements
    assert not any("upload_reports" in statement for statement in statements)
