"""Many callers on one event loop: each asks again as soon as it is answered, or as it is told to, if it is patient."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from socket import CMSG_SPACE, SOL_SOCKET, socket
from statistics import quantiles
from struct import Struct as Layout

import uvloop
from msgspec import Struct

CHUNK = 65536
SO_TIMESTAMPNS = 35  # of Linux; Python has no name for it
TIMESTAMP = Layout("@ll")  # struct timespec
PAUSE = 0.05  # seconds before a caller whom nobody let in tries again


class Answer(Struct, frozen=True, gc=False):
    """One answer: when it was read (monotonic clock), how long after its request it came, its head, a refusal's body.

    Its seconds are those until the kernel had it: to read it is the caller's work, not the server's.
    """

    at: float
    seconds: float
    status: int
    head: bytes
    body: bytes


class Course(Struct):
    """What happened to all of them, in the order in which it did."""

    answers: list[Answer]
    seconds: float
    broken: int = 0  # requests that were begun, and whose connection ended without an answer

    def with_status(self, *statuses: int) -> list[Answer]:
        """The answers that have one of these."""
        return [answer for answer in self.answers if answer.status in statuses]

    def rate(self, *statuses: int) -> float:
        """Such answers a second."""
        return len(self.with_status(*statuses)) / self.seconds


class Caller:
    """One connection."""

    def __init__(
        self, sock: socket, requests: Iterator[bytes], course: Course, ends: float, patience: Random | None
    ) -> None:
        self._sock, self._requests, self._course, self._ends, self._patience = sock, requests, course, ends, patience
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._began = 0  # nanoseconds, of the kernel's clock
        self.is_closed = self._loop.create_future()
        sock.setsockopt(SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._loop.add_reader(sock, self._read)
        self._ask()

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._sock.recvmsg(CHUNK, CMSG_SPACE(TIMESTAMP.size))
        except ConnectionError:
            data = b""
        if not data:
            self._close()
            return
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < _number(head, b"content-length"):
            return
        self._note(head, body, _arrival(ancillary) - self._began)
        if b"\r\nconnection: close" in head.lower():
            self._close()
            return
        pause = _number(head, b"retry-after") * self._patience.uniform(1, 2) if self._patience else 0
        left = self._ends - time.monotonic()
        wait, go_on = (max(0, left), self._close) if pause >= left else (pause, self._ask)
        self._loop.call_later(wait, go_on)

    def _note(self, head: bytes, body: bytes, nanoseconds: int) -> None:
        status = int(head[9:12])
        said = body if status >= 400 else b""
        self._course.answers.append(Answer(time.monotonic(), nanoseconds / 1e9, status, head, said))
        self._received, self._began = b"", 0

    def _close(self) -> None:
        if self.is_closed.done():
            return
        self._course.broken += bool(self._began)
        self._loop.remove_reader(self._sock)
        self.is_closed.set_result(None)

    def _ask(self) -> None:
        if self.is_closed.done():
            return
        self._began = time.time_ns()
        try:
            self._sock.sendall(next(self._requests))
        except ConnectionError:
            self._close()


def crowd(
    port: int, requests: Iterator[bytes], *, callers: int, seconds: float, patience: Random | None = None
) -> Course:
    """Have so many callers ask for so long; a caller whose connection is closed takes another.

    Args:
        port: of the server.
        requests: what they ask, in turn.
        callers: how many.
        seconds: how long.
        patience: of patient callers, who come one after the other in the first second, and wait before they ask again
            when they are told to (`Retry-After`): it says how much longer, up to twice as long.
    """
    return uvloop.run(_crowd(port, requests, callers, seconds, patience))


def p99(answers: Sequence[Answer]) -> float:
    """Seconds that one in a hundred took longer than."""
    return quantiles([answer.seconds for answer in answers], n=100)[-1] if len(answers) > 1 else float("nan")


def to_request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    head = {"Host": "127.0.0.1", **headers} | ({"Content-Length": str(len(body))} if body else {})
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _crowd(port: int, requests: Iterator[bytes], callers: int, seconds: float, patience: Random | None) -> Course:
    course = Course([], seconds)
    ends = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for place in range(callers):
            new_caller = partial(Caller, requests=requests, course=course, ends=ends, patience=patience)
            group.create_task(_call(port, new_caller, ends, after=place / callers if patience else 0))
    return course


async def _call(port: int, new_caller: Callable[[socket], Caller], ends: float, *, after: float) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(after)
    while time.monotonic() < ends:
        with socket() as sock, suppress(OSError):
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", port))
            await new_caller(sock).is_closed
            continue
        await asyncio.sleep(PAUSE)


def _arrival(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """When the kernel had the last of what was read, in nanoseconds; now, where it has only begun to note that."""
    noted = [TIMESTAMP.unpack(data) for _, kind, data in ancillary if kind == SO_TIMESTAMPNS]
    return noted[0][0] * 1_000_000_000 + noted[0][1] if noted else time.time_ns()


def _number(head: bytes, name: bytes) -> int:
    """What a header says; 0 if it is not there."""
    _, _, after = head.lower().partition(b"\r\n" + name + b":")
    return int(after.partition(b"\r\n")[0] or 0)
