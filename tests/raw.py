"""Requests as bytes on a socket, for those that no client would send."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

from tests.conftest import Client, Server
from tests.processes import Running

PATIENCE = 60.0  # seconds after which a test has failed


class Answer(Struct, frozen=True):
    """What came back before the connection was closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """What the envelope says of the refusal."""
        error: dict[str, Any] = json.loads(self.body)["response"]["error_data"]
        return error


@contextmanager
def connected(
    server: Server | Running, receive_buffer: int = 0, *, source: str = "127.0.0.1"
) -> Iterator[socket.socket]:
    """A connection to a server, from an address of this machine."""
    address = urlsplit(server.url)
    with socket.socket() as sock:
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.bind((source, 0))
        sock.connect((address.hostname, address.port))
        yield sock


def head(client: Client, method: str, path: str, *headers: str) -> bytes:
    """The head of a request with credentials; `path` is below the account."""
    credentials = base64.b64encode(f"{client.key}:{client.token}".encode()).decode()
    lines = [
        f"{method} /v2/accounts/{client.account}{path} HTTP/1.1",
        "Host: dialbook",
        f"Authorization: Basic {credentials}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def begin(server: Server, open_: ExitStack, client: Client, path: str, *headers: str) -> socket.socket:
    """Begin a POST that may be made, of which the body is waited for."""
    sock = open_.enter_context(connected(server))
    sock.sendall(head(client, "POST", path, *headers, "Expect: 100-continue", "Connection: close"))
    assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
    return sock


def read_to_end(sock: socket.socket) -> bytes:
    """All that comes before the server closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while part := sock.recv(2**16):
            received += part
    return received


def drip(sock: socket.socket, part: bytes, *, seconds: float = 0.1, times: int = 600) -> bytes:
    """Send `part` now and then until the server closes the connection, which it has to do before so many times.

    Returns:
        What it has said.
    """
    sock.settimeout(seconds)
    received = b""
    with suppress(ConnectionResetError, BrokenPipeError):
        for _ in range(times):
            try:
                said = sock.recv(2**16)
            except TimeoutError:
                sock.sendall(part)
                continue
            if not said:
                return received
            received += said
        pytest.fail("The server reads on and on.")
    return received


def sip(sock: socket.socket, size: int, *, seconds: float = 0.05, times: int) -> bytes:
    """Read so many bytes now and then."""
    never = threading.Event()
    received = b""
    for _ in range(times):
        received += sock.recv(size)
        never.wait(seconds)
    return received


def read_answer(received: bytes) -> Answer:
    """The one answer in what came; its body may be cut."""
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)
