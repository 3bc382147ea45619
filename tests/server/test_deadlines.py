"""Whoever is slow is let go: with an answer where a request's head was read, else without."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.gate import gated
from tests.raw import PATIENCE, connected, drip, head, read_answer, read_to_end, sip
from tests.sqlite import beside

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(PATIENCE)]  # the engine makes no difference here

ITEM = b'{"contacts": [{"number": "%s"}]}' % NUMBERS[0].encode()


@pytest.fixture(scope="module")
def hasty(new_database: Callable[[], str]) -> Iterator[Server]:
    settings = Settings(database=new_database(), head_seconds=1, idle_seconds=1, body_seconds=4, least_speed=1024)
    with serving(settings) as server:
        yield server


@pytest.fixture(scope="module")
def client(hasty: Server, connect: Callable[..., Client]) -> Client:
    return connect("slow", to=hasty)


BEGINNINGS = [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\nX-a: "]


def test_who_does_not_finish_a_head_is_let_go(hasty: Server) -> None:
    with ExitStack() as all_:
        socks = [all_.enter_context(connected(hasty)) for _ in BEGINNINGS]
        for sock, beginning in zip(socks, BEGINNINGS, strict=True):
            sock.sendall(beginning)

        assert [read_to_end(sock) for sock in socks] == [b""] * len(BEGINNINGS)


@pytest.mark.parametrize(("begin", "part"), [(b"", b"\r\n"), (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n")])
def test_who_sends_a_head_drop_by_drop_is_let_go(begin: bytes, part: bytes, hasty: Server) -> None:
    with connected(hasty) as sock:
        sock.sendall(begin)

        assert drip(sock, part) == b""


def test_who_was_answered_has_no_more_time_than_others(hasty: Server) -> None:
    with ExitStack() as all_:
        socks = [all_.enter_context(connected(hasty)) for _ in BEGINNINGS]
        for sock, beginning in zip(socks, BEGINNINGS, strict=True):
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + beginning)

        answers = [read_answer(read_to_end(sock)) for sock in socks]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b'{"status":"ok"}')] * len(BEGINNINGS)


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("part", [b"", b"1\r\n \r\n"])
def test_who_does_not_finish_a_body_is_answered_and_let_go(
    part: bytes, framing: str, hasty: Server, client: Client
) -> None:
    with connected(hasty) as sock:
        sock.sendall(head(client, "POST", "/contacts", framing))

        answer = read_answer(drip(sock, part) if part else read_to_end(sock))

    assert (answer.status, answer.error["code"]) == (408, 1007)
    assert answer.error["description"] == "The body did not come in time."
    assert answer.headers["connection"] == "close"


def test_an_upload_has_to_come_in_time_too(hasty: Server, client: Client) -> None:
    kind = "Content-Type: multipart/form-data; boundary=form"
    with connected(hasty) as sock:
        sock.sendall(head(client, "POST", "/contacts/csv-upload", kind, "Content-Length: 100000") + b"--form\r\n")

        answer = read_answer(read_to_end(sock))

    assert (answer.status, answer.error["code"]) == (408, 1007)


def test_a_form_of_the_console_has_to_come_in_time_too(hasty: Server) -> None:
    with connected(hasty) as sock:
        sock.sendall(b"POST /console/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nkey=")

        assert read_answer(read_to_end(sock)).status == 408


def test_a_body_that_comes_fast_enough_for_long_enough_is_not_awaited_for_ever(hasty: Server, client: Client) -> None:
    with connected(hasty) as sock:
        sock.sendall(head(client, "POST", "/contacts", "Content-Length: 10000000"))

        answer = read_answer(drip(sock, b" " * 8192))

    assert (answer.status, answer.error["code"]) == (408, 1007)


def test_a_body_that_is_slow_but_fast_enough_is_read(hasty: Server, client: Client) -> None:
    """It takes longer than a pause may, and less than a body may."""
    parts = [b" " * 800] * 14
    with connected(hasty) as sock:
        sock.sendall(
            head(client, "POST", "/contacts", f"Content-Length: {800 * len(parts) + len(ITEM)}", "Connection: close")
        )
        sock.settimeout(0.1)
        for part in parts:
            sock.sendall(part)
            with pytest.raises(TimeoutError):
                sock.recv(1)
        sock.settimeout(PATIENCE)
        sock.sendall(ITEM)

        assert read_answer(read_to_end(sock)).status == 200


def test_who_was_refused_may_not_send_the_body_for_ever(hasty: Server) -> None:
    with connected(hasty) as sock:
        sock.sendall(b"POST /v2/accounts/slow/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")

        assert read_answer(drip(sock, b" ")).status == 401


def test_who_cannot_be_answered_is_let_go_all_the_same(new_database: Callable[[], str]) -> None:
    """The application is busy with something else, and does not ask for the body."""
    with gated(Settings(database=new_database(), idle_seconds=1)) as (server, _), connected(server) as sock:
        sock.sendall(b"POST /console/sign-in HTTP/1.1\r\nHost: x\r\nWait: yes\r\nContent-Length: 100\r\n\r\nkey=")

        assert read_to_end(sock) == b""


def test_who_does_not_take_the_answer_is_let_go(hasty: Server, client: Client) -> None:
    client.create_contacts(*({"number": number, "custom_field": {"x": "y" * 8000}} for number in NUMBERS[1:1001]))
    with connected(hasty, receive_buffer=4096) as sock:
        sock.sendall(head(client, "GET", "/contacts?limit=1000"))

        assert is_reset(sock)


def test_who_takes_the_answer_slowly_but_fast_enough_gets_all_of_it(hasty: Server, client: Client) -> None:
    """For longer than a pause may last; what the system has taken of the answer has not been taken by the client."""
    client.create_contacts(*({"number": number, "custom_field": {"x": "y" * 8000}} for number in NUMBERS[1001:2000]))
    with connected(hasty) as sock:
        sock.sendall(head(client, "GET", "/contacts?limit=1000", "Connection: close"))
        begun = sip(sock, 20_000, times=100)

        answer = read_answer(begun + read_to_end(sock))

    assert len(answer.body) == int(answer.headers["content-length"])


def is_reset(sock: socket.socket) -> bool:
    """Whether the server closes the connection, which is seen without reading by sending what is never taken."""
    try:
        for _ in range(600):
            sock.sendall(b"\r\n")
            select.select([], [], [sock], 0.1)
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


def test_what_the_server_takes_long_for_is_nobodys_fault(hasty: Server, client: Client) -> None:
    lock = beside(hasty.database)
    lock.execute("BEGIN IMMEDIATE")
    with connected(hasty) as sock:
        body = ITEM.replace(NUMBERS[0].encode(), NUMBERS[2000].encode())
        sock.sendall(head(client, "POST", "/contacts", f"Content-Length: {len(body)}", "Connection: close") + body)
        with connected(hasty) as idle:  # which is let go
            read_to_end(idle)
        lock.execute("ROLLBACK")

        assert read_answer(read_to_end(sock)).status == 200


def test_others_are_answered_meanwhile(hasty: Server, client: Client) -> None:
    """Many who send nothing, or half of something, are in nobody's way."""
    halves = [b"", b"GET / HTTP/1.1\r\n", head(client, "POST", "/contacts", "Content-Length: 9") + b"{"]
    with ExitStack() as crowd:
        socks = [crowd.enter_context(connected(hasty)) for _ in range(60)]
        for i, sock in enumerate(socks):
            sock.sendall(halves[i % 3])

        statuses = {client.get("/contacts", limit=1).status_code for _ in range(50)}

        assert statuses == {200}
        assert [read_to_end(sock)[:12] for sock in socks] == [b"", b"", b"HTTP/1.1 408"] * 20
