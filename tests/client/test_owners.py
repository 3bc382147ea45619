"""A client that is used on both sides of a fork, and in one event loop after another."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import dedent

import pytest

from tests.client.peer import ok

BODY = ok({"sid": "a"}).sent.partition(b"\r\n\r\n")[2]

FORK = """
    import os, sys
    from dialbook import Client

    client = Client(sys.argv[1])
    client.get_contact("first")
    if child := os.fork():
        os.waitpid(child, 0)
        client.get_contact("parent")
    else:
        with client:
            client.get_contact("child")
            client.get_contact("child")
"""

LOOPS = """
    import asyncio, sys
    from dialbook import AsyncClient

    client = AsyncClient(sys.argv[1])
    for name in ("first", "second", "third"):
        asyncio.run(client.get_contact(name))
    asyncio.run(client.aclose())
"""

FORK_IN_LOOP = """
    import asyncio, os, sys
    from dialbook import AsyncClient

    client = AsyncClient(sys.argv[1])
    asyncio.run(client.get_contact("first"))
    if child := os.fork():
        os.waitpid(child, 0)
        asyncio.run(client.get_contact("parent"))
    else:
        asyncio.run(client.get_contact("child"))
"""

CLOSED = """
    import os, sys
    from dialbook import Client

    with Client(sys.argv[1]) as client:
        client.get_contact("first")
    if child := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try:
        client.get_contact("child")
    except RuntimeError:
        os._exit(0)
    os._exit(1)
"""


@contextmanager
def keeping() -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """A server that keeps connections: its address, and what was asked for over which of them."""
    asked: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.path.rpartition("/")[2], self.client_address[1]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://key:secret@127.0.0.1:{server.server_port}/v2/accounts/acme", asked
        finally:
            server.shutdown()
            thread.join()


def run(script: str) -> list[tuple[str, int]]:
    """What a program asks for, and over which connection, counted as they first came."""
    with keeping() as (url, asked):
        subprocess.run([sys.executable, "-c", dedent(script), url], check=True, timeout=60)
    ports = list(dict.fromkeys(port for _, port in asked))
    return [(what, ports.index(port)) for what, port in asked]


@pytest.mark.skipif(sys.platform == "win32", reason="no forks there")
def test_a_fork_has_connections_of_its_own_and_leaves_those_of_its_parent_open() -> None:
    assert run(FORK) == [("first", 0), ("child", 1), ("child", 1), ("parent", 0)]


@pytest.mark.skipif(sys.platform == "win32", reason="no forks there")
def test_a_client_that_was_closed_before_a_fork_is_closed_after_it() -> None:
    assert run(CLOSED) == [("first", 0)]


def test_each_event_loop_has_connections_of_its_own() -> None:
    assert run(LOOPS) == [("first", 0), ("second", 1), ("third", 2)]


@pytest.mark.skipif(sys.platform == "win32", reason="no forks there")
def test_a_fork_between_event_loops_has_connections_of_its_own() -> None:
    assert run(FORK_IN_LOOP) == [("first", 0), ("child", 1), ("parent", 2)]
