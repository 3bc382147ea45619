"""Servers that say by /readyz that they are about to stop, and go on for a while before they do."""

import signal
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from socket import socket
from threading import Thread, Timer
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

from dialbook.shared import Shared


class Drain:
    """How a server is stopped.

    Args:
        shared: where all its processes see that it is stopping.
        seconds: for how long it goes on.
    """

    def __init__(self, shared: Shared, seconds: int) -> None:
        self._shared = shared
        self._seconds = seconds
        self._is_stopping = False

    def stop(self, sign: int, now: Callable[[], object]) -> None:
        """Call `now` after a while; at once when there is no while, for Ctrl-C, and for who asks a second time."""
        waits = sign == signal.SIGTERM and self._seconds > 0 and not self._is_stopping
        self._is_stopping = True
        with suppress(OSError):  # somebody who tidies up may have taken the folder; the server has to stop all the same
            self._shared.begin_stopping()
        if not waits:
            now()
            return
        timer = Timer(self._seconds, now)
        timer.daemon = True
        timer.start()


class DrainingServer(uvicorn.Server):
    """A server of one process."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._drain.stop(sig, lambda: super(DrainingServer, self).handle_exit(sig, frame))


class DrainingWorkers(Multiprocess):
    """A server of several; those that are replaced by others do not make it one that is stopping."""

    def __init__(self, config: uvicorn.Config, drain: Drain, *, sockets: list[socket]) -> None:
        hanging_up = signal.getsignal(signal.SIGHUP)
        super().__init__(config, sockets)
        if hanging_up is signal.SIG_IGN:  # as nohup has it, also for those that we start
            signal.signal(signal.SIGHUP, hanging_up)
        self._drain = drain
        self._told: SimpleQueue[int] = SimpleQueue()
        # The main thread may be replacing workers for minutes, and would read what uvicorn gathers only afterwards. Its
        # handlers cannot do it themselves: what they interrupt may hold a lock that stopping takes.
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda sign, _: self._told.put(sign))
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while sign := self._told.get():
            self._drain.stop(sign, self.handle_term if sign == signal.SIGTERM else self.handle_int)
