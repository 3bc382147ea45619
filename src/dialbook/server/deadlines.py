"""How long a client may take: to say what it wants, to send it, to take the answer (docs/decisions/0026).

No request has a timer. Once a second all connections are looked at, and what each waits for is compared with what it
waited for a second before; so a second that the event loop is late in is nobody's fault.
"""

import asyncio
from enum import Enum, auto
from typing import Protocol

from dialbook.settings import Settings

TICK = 1.0  # seconds between two looks


class Stage(Enum):
    """What a connection waits for."""

    REQUEST = auto()  # the beginning of one
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()  # that the client takes it
    US = auto()


class Connection(Protocol):
    """What has to be known of a connection."""

    @property
    def message(self) -> object:
        """The request that came last, or is coming; None before the first."""

    @property
    def stage(self) -> Stage:
        """What is waited for."""

    @property
    def moved(self) -> int:
        """Bytes of bodies that were received, and of answers that were taken."""

    def give_up(self) -> None:
        """Wait no longer."""


class Deadlines:
    """Looks after the connections of a process.

    Args:
        settings: have the deadlines.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: dict[Connection, _Waiting] = {}

    def add(self, connection: Connection) -> None:
        """Look after a connection from now on."""
        self._waiting[connection] = _Waiting(connection)

    def discard(self, connection: Connection) -> None:
        """Look after it no longer."""
        self._waiting.pop(connection, None)

    async def keep(self) -> None:
        """Look at all of them once a second, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            for connection, waiting in [*self._waiting.items()]:
                waiting.look()
                if waiting.is_too_long(self._settings):
                    connection.give_up()
                    self._waiting[connection] = _Waiting(connection)


class _Waiting:
    """For how many seconds a connection has waited for the same."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._message, self._stage = connection.message, connection.stage
        self._of_message = self._in_stage = self._without_a_byte = 0
        self._moved = self._moved_before = connection.moved

    def look(self) -> None:
        """Another second has gone by."""
        message, stage, moved = self._connection.message, self._connection.stage, self._connection.moved
        self._of_message = self._of_message + 1 if message is self._message else 0
        if message is not self._message or stage is not self._stage:
            self._message, self._stage = message, stage
            self._in_stage = self._without_a_byte = 0
            self._moved_before = moved
        else:
            self._in_stage += 1
            self._without_a_byte = 0 if moved > self._moved else self._without_a_byte + 1
        self._moved = moved

    def is_too_long(self, settings: Settings) -> bool:
        """Whether that is longer than it may be."""
        match self._stage:
            case Stage.HEAD:
                return self._in_stage >= settings.head_seconds
            case Stage.REQUEST:
                most = settings.head_seconds if self._message is None else settings.idle_seconds
                return self._in_stage >= most
            case Stage.BODY:
                return self._of_message >= settings.body_seconds or self._is_slow(settings)
            case Stage.ANSWER:
                return self._is_slow(settings)
            case Stage.US:
                return False

    def _is_slow(self, settings: Settings) -> bool:
        if self._in_stage < settings.idle_seconds:
            return False
        least = settings.least_speed * self._in_stage
        return self._without_a_byte >= settings.idle_seconds or self._moved - self._moved_before < least
