"""Around every exchange: its id, its moment, what all exchanges share, the answer to an error, its line in the log."""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.counts import OTHER
from dialbook.model.ids import new_request_id
from dialbook.server.context import Service
from dialbook.server.errors import ErrorAnswer
from dialbook.server.headers import RawHeader, common_headers
from dialbook.server.load import Place
from dialbook.server.refusals import REFUSALS, Refusals


class Exchange:
    """The outermost application; the line it logs holds no number, name, key or body."""

    def __init__(self, app: ASGIApp, service: Service, refusals: Refusals, answer_error: ErrorAnswer) -> None:
        self._app = app
        self._answer_error = answer_error
        self._service = service
        self.headers: Sequence[RawHeader] = common_headers(is_https=bool(service.settings.tls_certificate))
        self._refusals = refusals
        self._line = _json_line if service.settings.log_format == "json" else _line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope["app"] = self  # tells the router to raise what it refuses
        scope["request_id"] = new_request_id()
        scope["now"] = self._service.clock()
        scope["service"] = self._service
        place: Place = scope["place"]
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if "status" in message:
                if message["status"] == HTTPStatus.OK and scope["method"] == "GET":  # what changed something is told
                    await place.answer()
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *self.headers,
                    (b"x-request-id", scope["request_id"].encode()),
                ]
            await send(message)

        try:
            await place.enter()
            await self._app(scope, receive, send_and_note)
        except (Exception, asyncio.CancelledError) as error:
            # With the answer begun there is nothing left to say: the server cuts the connection.
            if status:
                raise
            response = self._answer_error(Request(scope, receive), error)
            await response(scope, receive, send_and_note)
        finally:
            place.leave()
            if status:
                self._end(scope, status, time.perf_counter() - started)

    def _end(self, scope: Scope, status: int, seconds: float) -> None:
        if status in REFUSALS:
            self._refusals.gather(Request(scope), status)
        if "is_probe" not in scope:
            self.note(scope, status, seconds)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Have an answer counted and logged.

        Args:
            scope: of the request, or its `request_id` alone, where it could not be read.
            status: of the answer.
            seconds: that it took.
        """
        if self._service.counts:
            self._service.counts.request(scope.get("operation", OTHER), status, seconds)
        if self._service.write_log:
            self._service.write_log(self._line(scope, status, seconds))


def _line(scope: Scope, status: int, seconds: float) -> str:
    account = scope["account"].sid if "account" in scope else "-"
    return f"{scope['request_id']} {account} {scope.get('operation', '-')} {status} {seconds * 1000:.1f} ms"


def _json_line(scope: Scope, status: int, seconds: float) -> str:
    """The same as members of a JSON object; none of these texts holds anything that would have to be escaped."""
    account = f'"{scope["account"].sid}"' if "account" in scope else "null"
    operation = f'"{scope["operation"]}"' if "operation" in scope else "null"
    request_id, ms = scope["request_id"], f"{seconds * 1000:.1f}"
    return f'"request_id":"{request_id}","account":{account},"operation":{operation},"status":{status},"ms":{ms}'
