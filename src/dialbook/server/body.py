"""Receiving a request's body, no more of it than is allowed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.types import Message

from dialbook.model.errors import RETRY_SOON, STOPPING, TooLarge, TooSlow, Unavailable, Unreadable, UnsupportedType
from dialbook.server.context import place_of, service_of
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
        TooSlow: it does not come within the deadlines.
        TooManyRequests, Unavailable: there are too many bodies already.
        DialbookError: what `parse` raises.
    """
    _check_type(request)
    body = await _receive(request, service_of(request).settings.body_limit)

    def take_in() -> R:
        note_content(request, body)
        return parse(body, *args, **kwargs)

    return take_in() if len(body) <= INLINE_BYTES else await asyncio.to_thread(take_in)


async def chunks_of(request: Request) -> AsyncIterator[bytes]:
    """A request's body, as it comes; the request's moment is the one at which all of it has.

    Raises:
        Unreadable: it ended early.
        TooSlow: it does not come within the deadlines.
        Unavailable: the server stops, and waits for it no longer.
    """
    is_more, place = True, place_of(request)
    while is_more:
        with place.lent():
            message = await _next_message(request)
        if "is_late" in request.scope:
            raise TooSlow("The body did not come in time.")
        if message["type"] == "http.disconnect":
            raise Unreadable("The body ended early.")
        is_more = message.get("more_body", False)
        request.scope["now"] = service_of(request).clock()
        yield message.get("body", b"")


async def _next_message(request: Request) -> Message:
    try:
        return await request.receive()
    except asyncio.CancelledError:
        raise Unavailable(STOPPING, headers=RETRY_SOON) from None


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in {"", "application/json"}:
        raise UnsupportedType(f"Content-Type '{given}' cannot be read; send application/json.")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedType(f"Content-Encoding '{encoding}' cannot be read; send the body as it is.")


async def _receive(request: Request, limit: int) -> bytes:
    body = bytearray()
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    place = place_of(request)
    async for chunk in chunks_of(request):
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        place.hold(len(chunk))
        body += chunk
    return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.")
