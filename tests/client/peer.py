"""A server that misbehaves as a test tells it to: one answer for each request, whatever is asked."""

import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

ACCOUNT = "/v2/accounts/acme"


@dataclass(frozen=True)
class Act:
    """What is sent to a caller, and what becomes of the connection then."""

    sent: bytes
    then: str = "close"  # or "reset", or "stall"
    piece: int = 1 << 20  # bytes that are sent at once
    knows_keys: bool = False  # whether a request's Idempotency-Key is sent back


@dataclass
class Peer:
    """A running server: its address, and the requests that came."""

    host: str
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://key:secret@{self.host}{ACCOUNT}"

    @property
    def lines(self) -> list[str]:
        """Method and target of each request, without the account."""
        firsts = [request.partition(b" HTTP/")[0].decode() for request in self.requests]
        return [first.replace(ACCOUNT, "") for first in firsts]

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Key of each request, where it has one."""
        return [_key(request) for request in self.requests]


def _key(request: bytes) -> str | None:
    found = re.search(rb"(?mi)^Idempotency-Key: (\S+)\r$", request.partition(b"\r\n\r\n")[0] + b"\r\n")
    return found[1].decode() if found else None


def answer(status: int, body: bytes | str, *headers: str, kind: str = "application/json") -> Act:
    """An answer as HTTP has it."""
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}", f"Content-Length: {len(content)}", "Connection: close"]
    return Act("\r\n".join([*head, *headers, "", ""]).encode() + content)


def knowing_keys(act: Act) -> Act:
    """The same from a server that knows what an Idempotency-Key is for."""
    return replace(act, knows_keys=True)


def ok(data: Any, **metadata: int) -> Act:
    """A success: one object, or a page of them where there is metadata or `data` is a list."""
    items = [_item(each) for each in data] if isinstance(data, list) else _item(data)
    envelope = {"request_id": "a" * 32, "method": "GET", "http_code": 200, "response": items}
    return answer(200, json.dumps(envelope | ({"metadata": metadata} if metadata else {})))


def refusal(status: int, code: int, *headers: str, description: str = "Not today.") -> Act:
    """A refusal in the API's own shape."""
    error = {"code": code, "message": "Refused", "description": description}
    item = {"code": status, "error_data": error, "status": "failure", "data": None}
    return answer(status, json.dumps({"request_id": "b" * 32, "http_code": status, "response": item}), *headers)


def contact(n: int, **fields: Any) -> dict[str, Any]:
    return {"sid": f"{n:032x}", "number": f"+9198450{n:05}", **fields}


@contextmanager
def peer(*script: Act) -> Iterator[Peer]:
    """Serve the script, an act for each connection, until the caller is done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Peer(f"127.0.0.1:{listener.getsockname()[1]}")
        done = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, script, running, done))
        thread.start()
        try:
            yield running
        finally:
            done.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, script: tuple[Act, ...], running: Peer, done: threading.Event) -> None:
    for act in script:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            running.requests.append(_receive(connection))
            sent = _with_key(act.sent, running.keys[-1]) if act.knows_keys else act.sent
            for start in range(0, len(sent), act.piece):
                connection.sendall(sent[start : start + act.piece])
            if act.then == "stall":
                done.wait()
            if act.then == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Who comes after the end of the script finds nobody.
    listener.close()


def _with_key(sent: bytes, key: str | None) -> bytes:
    """An answer with this header beside its others."""
    return sent.replace(b"\r\n", f"\r\nIdempotency-Key: {key}\r\n".encode(), 1)


def _receive(connection: socket.socket) -> bytes:
    """Read a request to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    announced = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(announced[0].partition(b":")[2]) if announced else 0
    while len(body) < length:
        body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    if piece := connection.recv(65536):
        return piece
    raise ConnectionError("The caller has gone in the middle of a request.")


def _item(data: Any) -> dict[str, Any]:
    return {"code": 200, "error_data": None, "status": "success", "data": data}
