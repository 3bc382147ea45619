"""A head may have so many bytes and headers, and says once and clearly what it is about; else nothing is done."""

import re
from collections.abc import Callable

import pytest

from dialbook.server.pipeline import WAITING
from dialbook.settings import Settings
from tests.conftest import Client, Server
from tests.gate import gated
from tests.raw import connected, drip, head, read_answer, read_to_end

pytestmark = pytest.mark.sqlite  # the engine makes no difference here

URL, HEADERS, BYTES = 8 * 1024, 100, 32 * 1024
FIRST = [b"Host: x", b"Connection: close"]
FIRST_BYTES = len(b"Hostx" + b"Connectionclose")


def request_line(size: int) -> bytes:
    """With a URL of so many bytes."""
    return b"GET /" + b"a" * (size - 1) + b" HTTP/1.1"


def with_headers(count: int) -> bytes:
    return lines(b"GET / HTTP/1.1", *FIRST, *[b"X-%d: y" % i for i in range(count - len(FIRST))])


def with_bytes(size: int, headers: int = 1) -> bytes:
    """With so many bytes of names and values, in so many headers besides the first."""
    each, rest = divmod(size - FIRST_BYTES, headers)
    values = [b"v" * (each - 2 + (i < rest)) for i in range(headers)]
    return lines(b"GET / HTTP/1.1", *FIRST, *[b"%02d: %s" % (i, value) for i, value in enumerate(values)])


def lines(*parts: bytes) -> bytes:
    return b"\r\n".join([*parts, b"", b""])


def ask(server: Server, *parts: bytes) -> bytes:
    """Send parts, each when the one before it has left; return all that comes back."""
    with connected(server) as sock:
        for part in parts:
            sock.sendall(part)
        return read_to_end(sock)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize(
    ("make", "limit", "status"),
    [
        (lambda size: lines(request_line(size), *FIRST), URL, 414),
        (with_headers, HEADERS, 431),
        (with_bytes, BYTES, 431),
        (lambda size: with_bytes(size, 90), BYTES, 431),
    ],
    ids=["URL", "headers", "bytes of one header", "bytes of many headers"],
)
def test_a_head_may_be_so_large_and_no_larger(
    make: Callable[[int], bytes], limit: int, status: int, pieces: int, server: Server
) -> None:
    for size, expected in ((limit - 1, {303, 404}), (limit, {303, 404}), (limit + 1, {status})):
        request = make(size)
        third = len(request) // pieces + 1
        answer = read_answer(ask(server, *(request[i : i + third] for i in range(0, len(request), third))))
        assert answer.status in expected
    assert answer.error["code"] == 1002
    assert answer.headers["connection"] == "close"


def test_the_envelope_says_which_method_it_was(server: Server) -> None:
    answer = read_answer(ask(server, lines(request_line(URL + 1).replace(b"GET", b"PUT"), *FIRST)))

    assert b'"method":"PUT","http_code":414,' in answer.body


@pytest.mark.parametrize(
    ("begin", "more", "status"),
    [
        (b"GET /", b"a" * 4096, 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ", b"a" * 4096, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-a: ", b"a" * 2_000_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n" * 512, 431),
        (b"", b"\r\n" * 2048, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-a: b\r\n" * 512, None),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-a:", b"a" * 4096, None),
    ],
    ids=["URL", "header", "header at once", "headers", "blank lines", "trailers", "trailer"],
)
def test_what_never_ends_is_not_read_for_ever(begin: bytes, more: bytes, status: int | None, server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(begin)

        received = drip(sock, more, seconds=0.01, times=100)

    if status:
        answer = read_answer(received)
        assert (answer.status, answer.error["code"]) == (status, 1002)


@pytest.mark.parametrize(
    "request_",
    [
        lines(b"GET / HTTP/1.1"),
        lines(b"GET / HTTP/1.1", b"Host: x", b"Host: x"),
        lines(b"GET / HTTP/1.0", b"Host: x", b"Host: y"),
        lines(b"POST / HTTP/1.1", b"Host: x", b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        lines(b"POST / HTTP/1.1", b"Host: x", b"Transfer-Encoding: chunked", b"Content-Length: 3") + b"0\r\n\r\n",
        lines(b"POST / HTTP/1.1", b"Host: x", b"Content-Length: 3", b"Content-Length: 5") + b"abcde",
        lines(b"POST / HTTP/1.1", b"Host: x", b"Content-Length: -3"),
        lines(b"POST / HTTP/1.1", b"Host: x", b"Content-Length: 3, 3") + b"abc",
        lines(b"GET / HTTP/1.1", b"Host: x", b"X-a : b"),
        lines(b"GET / HTTP/1.1", b"Host: x", b"X-a: b\0"),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(request_: bytes, server: Server) -> None:
    """What one understands so and another otherwise can smuggle a request past the one before the other."""
    answer = read_answer(ask(server, request_ + b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"))

    assert (answer.status, answer.error["code"]) == (400, 1007)


def test_old_clients_need_not_name_a_host(server: Server) -> None:
    assert read_answer(ask(server, lines(b"GET /healthz HTTP/1.0"))).status == 200


def test_a_refusal_comes_behind_the_answer_to_the_request_before(server: Server) -> None:
    received = ask(server, lines(b"GET /healthz HTTP/1.1", b"Host: x") + b"GET / HTTP/1.1\r\n\r\n")

    assert [answer[:3] for answer in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


JSON = "Content-Type: application/json"
UPGRADE = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"]
LISTS = [b'{"lists":[{"name":"%s"}]}' % name for name in (b"One", b"Two")]


def test_the_refusal_of_a_body_comes_behind_the_answer_to_the_request_before(
    new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    with gated(Settings(database=new_database())) as (server, gate), connected(server) as sock:
        client = connect(to=server)
        sock.sendall(head(client, "GET", "/contacts", "Wait: yes"))
        gate.waiting.acquire()
        sock.sendall(head(client, "POST", "/contacts", "Transfer-Encoding: chunked") + b"no length of a chunk\r\n")
        gate.open()
        received = read_to_end(sock)

    assert [answer[:3] for answer in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


@pytest.mark.parametrize("together", [True, False])
def test_a_wish_for_another_protocol_is_not_heard(together: bool, api: Client, server: Server) -> None:
    """As of a client that speaks HTTP/2, too; what it sends is its body still (RFC 9110, section 7.8)."""
    parts = [
        part
        for body in LISTS
        for part in (head(api, "POST", "/lists", f"Content-Length: {len(body)}", JSON, *UPGRADE), body)
    ]
    parts.append(head(api, "GET", "/lists", "Connection: close"))

    with connected(server) as sock:
        for part in [b"".join(parts)] if together else parts:
            sock.sendall(part)
        *made, listed = read_to_end(sock).split(b"HTTP/1.1 ")[1:]

    assert [answer[:3] for answer in (*made, listed)] == [b"200"] * 3
    assert b'"One"' in listed
    assert b'"Two"' in listed


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "x"])
def test_what_comes_after_a_wish_for_another_protocol_is_no_request(protocol: str, api: Client, server: Server) -> None:
    smuggled = head(api, "POST", "/lists", f"Content-Length: {len(LISTS[0])}", JSON) + LISTS[0]
    upgrade = ["Connection: Upgrade", f"Upgrade: {protocol}", f"Content-Length: {len(smuggled)}"]
    with connected(server) as sock:
        sock.sendall(head(api, "POST", "/lists", JSON, *upgrade))
        sock.sendall(smuggled)
        sock.sendall(head(api, "GET", "/lists", "Connection: close"))
        refused, listed = read_to_end(sock).split(b"HTTP/1.1 ")[1:]

    assert refused.startswith(b"400")
    assert b"not valid JSON" in refused
    assert b'"total":0' in listed


def test_many_wishes_for_another_protocol_in_one_piece_are_many_requests(server: Server) -> None:
    wish = b"GET /healthz HTTP/1.1\r\nHost:\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n"
    with connected(server) as sock:
        sock.sendall(wish * WAITING + b"GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")

        assert read_to_end(sock).count(b"HTTP/1.1 200 OK") == WAITING + 1


@pytest.mark.parametrize(
    "codings", [["Transfer-Encoding: gzip, chunked"], ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]]
)
def test_a_body_that_is_coded_by_more_than_chunks_is_refused(codings: list[str], api: Client, server: Server) -> None:
    asked = head(api, "POST", "/lists", JSON, *codings)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(LISTS[0]), LISTS[0])
    with connected(server) as sock:
        sock.sendall(asked + chunked)
        answer = read_to_end(sock)

    assert answer.startswith(b"HTTP/1.1 400")
    assert re.search(rb"x-request-id: ([0-9a-f]{32})\r\n.*\"request_id\":\"\1\"", answer, re.DOTALL)
    assert b"The only Transfer-Encoding that is understood is chunked." in answer
