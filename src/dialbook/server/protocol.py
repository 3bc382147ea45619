"""HTTP/1.1 on a connection, an answer in one write, with our own words for what is no HTTP."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dialbook.model.errors import Unreadable
from dialbook.model.ids import new_request_id
from dialbook.server.outbox import OneWrite
from dialbook.wire.envelope import refusal, to_bytes

UNKNOWN_METHOD = "UNKNOWN"
GOODBYE_SECONDS = 1


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, whose one answer of its own wears the envelope too."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, OneWrite(transport, self.app_state["turn"])))

    def shutdown(self) -> None:
        """Let go of the connection: at once when nothing is under way, else after that."""
        super().shutdown()
        # Over TLS a goodbye is waited for, and who keeps a connection for later may say none.
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the parser's words are not ours
        answer = refusal(Unreadable("The request is not valid HTTP."))
        body = to_bytes(answer, new_request_id(), UNKNOWN_METHOD)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/json\r\n"
            "cache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
