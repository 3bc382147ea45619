"""Turning an answer into a response: the only place that makes one of the API's."""

from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dialbook.model.errors import NO_HEADERS
from dialbook.server.headers import NO_STORE, RawHeader
from dialbook.server.meanwhile import sent_while_open
from dialbook.store.idempotency import KeptAnswer
from dialbook.wire.envelope import Answer, to_bytes
from dialbook.wire.etag import etag_header


def _raw(headers: Mapping[str, str]) -> list[RawHeader]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


JSON = _raw({"Content-Type": "application/json", **NO_STORE})


class Reply(Response):
    """A response that is always JSON, and so need not look which headers it was given."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        self.raw_headers = [(b"content-length", b"%d" % len(self.body)), *JSON, *_raw(headers or NO_HEADERS)]


def reply(request: Request, answer: Answer, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    """The answer in its envelope, as JSON."""
    # To HEAD the same is said of a body, but for the body (RFC 9110, section 9.3.2).
    body = to_bytes(answer, request.scope["request_id"], "GET" if request.method == "HEAD" else request.method)
    all_headers = {**answer.headers, **headers, **request.scope.get("rate_headers", NO_HEADERS)}
    return Reply(body, answer.http_code, all_headers)


def reply_kept(request: Request, key: str, kept: KeptAnswer, *, is_repeated: bool) -> Response:
    """An answer that is kept, with the key that it is kept for: by that a caller sees that keys are understood here."""
    told = {"Idempotency-Key": key, **({"Idempotent-Replayed": "true"} if is_repeated else NO_HEADERS)}
    return Reply(kept.body, kept.status, {**kept.headers, **told, **request.scope.get("rate_headers", NO_HEADERS)})


def not_modified(request: Request, etag: str) -> Response:
    """The answer, without a body, that the caller has seen what it asks for."""
    all_headers = {**NO_STORE, **etag_header(etag), **request.scope.get("rate_headers", NO_HEADERS)}
    return Response(status_code=304, headers=all_headers)


def stream(request: Request, body: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    """An answer of no known length, without an envelope; it lacks its end where its key is closed before that.

    To HEAD it has no body, which is not even begun.
    """
    all_headers = {**NO_STORE, **headers, **request.scope.get("rate_headers", NO_HEADERS)}
    parts = _nothing() if request.method == "HEAD" else sent_while_open(request, body)
    return StreamingResponse(parts, 200, all_headers, media_type)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
