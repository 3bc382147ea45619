"""Answers of one turn leave together; whoever is gone by then takes nobody's with him."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

import pytest
import uvloop

from dialbook.server.outbox import OneWrite, Turn

AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closed by a reset


class Answering(asyncio.Protocol):
    """A server's end of a connection."""

    def __init__(self, turn: Turn, when_lost: Callable[[], None]) -> None:
        self._turn = turn
        self._when_lost = when_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.out = OneWrite(cast(asyncio.Transport, transport), self._turn, lambda: None)

    def connection_lost(self, _: Exception | None) -> None:
        self._when_lost()


def test_an_answer_to_whoever_has_just_left_takes_nobody_elses() -> None:
    """One connection is reset in the turn in which both are answered."""
    turn = Turn()

    async def read_of_the_other() -> bytes:
        loop = asyncio.get_running_loop()
        ends: list[Answering] = []

        def answer_both() -> None:
            for end in ends[:2]:
                end.out.write(b"answer")
            ends.clear()

        def new_end() -> Answering:
            ends.append(Answering(turn, answer_both))
            return ends[-1]

        server = await loop.create_server(new_end, "127.0.0.1", 0)
        leaving, staying = socket.socket(), socket.socket()
        async with server:
            with staying, leaving:
                for sock in (leaving, staying):
                    sock.setblocking(False)
                    await loop.sock_connect(sock, server.sockets[0].getsockname())
                while len(ends) < 2:
                    await asyncio.sleep(0)
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                leaving.close()
                return await asyncio.wait_for(loop.sock_recv(staying, 100), 10)

    assert uvloop.run(read_of_the_other()) == b"answer"


def test_what_goes_wrong_at_the_end_of_a_turn_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turn = Turn()
    done: list[str] = []

    def fail() -> None:
        raise ValueError("+919845012345")

    async def two_turns() -> None:
        turn.at_end(fail)
        turn.at_end(lambda: done.append("first"))
        await asyncio.sleep(0)
        turn.at_end(lambda: done.append("second"))
        await asyncio.sleep(0)

    uvloop.run(two_turns())

    assert done == ["first", "second"]
    assert "ValueError" in caplog.text
    assert "+919845012345" not in caplog.text
