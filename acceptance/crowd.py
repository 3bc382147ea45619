"""Many callers on one event loop: each asks again as soon as it is answered, or as it is told to, if it is patient."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from statistics import quantiles
from typing import cast

import uvloop
from msgspec import Struct

PAUSE = 0.05  # seconds before a caller whom nobody let in tries again


class Answer(Struct, frozen=True, gc=False):
    """One answer: when it came (monotonic clock), after how many seconds, its head, and its body if it is a refusal."""

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


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], course: Course, ends: float, patience: Random | None) -> None:
        self._requests, self._course, self._ends, self._patience = requests, course, ends, patience
        self._received = b""
        self._began = 0.0
        self.is_closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < _number(head, b"content-length"):
            return
        now = time.monotonic()
        status = int(head[9:12])
        self._course.answers.append(Answer(now, now - self._began, status, head, body if status >= 400 else b""))
        self._received, self._began = b"", 0.0
        if b"\r\nconnection: close" in head.lower():
            self._transport.close()
            return
        pause = _number(head, b"retry-after") * self._patience.uniform(1, 2) if self._patience else 0
        is_over = now + pause >= self._ends
        wait, go_on = (max(0, self._ends - now), self._transport.close) if is_over else (pause, self._ask)
        asyncio.get_running_loop().call_later(wait, go_on)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._course.broken += bool(self._began)
        self.is_closed.set_result(None)

    def _ask(self) -> None:
        if not self._transport.is_closing():
            self._began = time.monotonic()
            self._transport.write(next(self._requests))


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
            new_caller = partial(Caller, requests, course, ends, patience)
            group.create_task(_call(port, new_caller, ends, after=place / callers if patience else 0))
    return course


async def _call(port: int, new_caller: Callable[[], Caller], ends: float, *, after: float) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(after)
    while time.monotonic() < ends:
        with suppress(OSError):
            _, caller = await loop.create_connection(new_caller, "127.0.0.1", port)
            await caller.is_closed
            continue
        await asyncio.sleep(PAUSE)


def _number(head: bytes, name: bytes) -> int:
    """What a header says; 0 if it is not there."""
    _, _, after = head.lower().partition(b"\r\n" + name + b":")
    return int(after.partition(b"\r\n")[0] or 0)
