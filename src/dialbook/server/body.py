"""Receiving a request's body, no more of it than is allowed."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import ClientDisconnect, Request

from dialbook.model.errors import TooLarge, Unreadable, UnsupportedType
from dialbook.server.context import service_of
from dialbook.server.idempotency import note_content

P = ParamSpec("P")
R = TypeVar("R")

INLINE_BYTES = 32 * 1024  # a larger body is parsed beside the event loop, which others are waiting for


async def read_body(
    request: Request, parse: Callable[Concatenate[bytes, P], R], /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Receive a JSON body and parse it.

    Raises:
        UnsupportedType: it is of another type, or compressed.
        TooLarge: it is longer than the setting `body_limit`.
        DialbookError: what `parse` raises.
    """
    _check_type(request)
    body = await _receive(request, service_of(request).settings.body_limit)

    def take_in() -> R:
        note_content(request, body)
        return parse(body, *args, **kwargs)

    return take_in() if len(body) <= INLINE_BYTES else await asyncio.to_thread(take_in)


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in {"", "application/json"}:
        raise UnsupportedType(f"Content-Type '{given}' cannot be read; send application/json.")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedType(f"Content-Encoding '{encoding}' cannot be read; send the body as it is.")


async def _receive(request: Request, limit: int) -> bytes:
    chunks, length = [], 0
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length > limit:
                raise _too_large(limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise Unreadable("The body ended early.") from None
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.")
