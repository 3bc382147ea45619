"""What a server that stops waits for no longer is told so, and whether it may have been done."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, serving
from tests.raw import PATIENCE, begin, connected, head, read_answer, read_to_end
from tests.server.uploads.sending import FILE, FORM, NAME
from tests.sqlite import beside

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(PATIENCE)]

ITEM = b'{"contacts": [{"number": "%s"}]}' % NUMBERS[0].encode()
BEGUN = {
    "/contacts": ("application/json", ITEM[:-2], 0),
    "/contacts/csv-upload": (FORM["Content-Type"], NAME + FILE, 1),
}


@pytest.mark.parametrize("path", BEGUN)
def test_who_has_not_sent_all_may_come_again(
    path: str, new_database: Callable[[], str], connect: Callable[..., Client], open_: ExitStack, tmp_path: Path
) -> None:
    type_, begun, files = BEGUN[path]
    settings = Settings(database=new_database(), upload_folder=str(tmp_path))
    with serving(settings, grace=0) as server:
        sock = begin(server, open_, connect(to=server), path, f"Content-Type: {type_}", "Content-Length: 1000000")
        sock.sendall(begun)
        while len(list(tmp_path.rglob("*.upload"))) < files:
            pass

    answer = read_answer(read_to_end(sock))
    assert (answer.status, answer.headers["retry-after"], answer.headers["connection"]) == (503, "1", "close")
    assert (answer.error["code"], answer.error["description"]) == (1004, "The server is stopping.")
    assert list(tmp_path.rglob("*.upload")) == []


HELD = "SELECT c.number FROM contacts AS c WHERE c.account = :account"
UNKNOWN = "The server is stopping. Whether the change was made is unknown: look before you ask for it again."


@pytest.mark.parametrize(
    ("headers", "description", "retry_after"),
    [([], UNKNOWN, None), (["Idempotency-Key: once"], "The server is stopping.", "1")],
    ids=["without a key", "with one"],
)
def test_who_has_sent_a_change_may_come_again_by_its_key(
    headers: list[str],
    description: str,
    retry_after: str | None,
    new_database: Callable[[], str],
    connect: Callable[..., Client],
    open_: ExitStack,
) -> None:
    book = new_database()
    with ThreadPoolExecutor(1) as pool, serving(Settings(database=book), grace=0) as server:
        client, lock = connect(to=server), beside(book)
        lock.execute("BEGIN IMMEDIATE")
        sock = open_.enter_context(connected(server))
        sock.sendall(head(client, "POST", "/contacts", *headers, f"Content-Length: {len(ITEM)}") + ITEM)
        client.get("/contacts")  # once it is answered, what came before is under way
        answered = pool.submit(read_then, lock.close, sock)

    answer = read_answer(answered.result())
    assert (answer.status, answer.error["description"]) == (503, description)
    assert answer.headers.get("retry-after") == retry_after
    with closing(beside(book)) as connection:  # the database was waited for after that: else it would have given up
        assert connection.execute(HELD, {"account": client.account}).fetchall() == [(NUMBERS[0],)]


def read_then(then: Callable[[], object], sock: socket.socket) -> bytes:
    """What comes until the connection is closed; after that something else is done."""
    try:
        return read_to_end(sock)
    finally:
        then()
