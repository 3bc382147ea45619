"""Around every exchange: its id, its moment, its line in the log, and an answer even when a bug strikes."""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.model.ids import new_request_id
from dialbook.server.errors import unexpected

log = logging.getLogger("dialbook.request")


class Exchange:
    """Middleware; the line it logs holds no number, name, key or body."""

    def __init__(self, app: ASGIApp, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope["request_id"] = new_request_id()
        scope["now"] = self._clock()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            # With the answer begun there is nothing left to say: the server cuts the connection.
            if status:
                raise
            response = unexpected(Request(scope, receive), error)
            await response(scope, receive, send_and_note)
        _log(scope, status, time.perf_counter() - started)


def _log(scope: Scope, status: int, seconds: float) -> None:
    account = scope["account"].sid if "account" in scope else "-"
    operation = scope.get("operation", "-")
    log.info("%s %s %s %d %.1f ms", scope["request_id"], account, operation, status, seconds * 1000)
