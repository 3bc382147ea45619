"""What anybody may have: who takes it slowly keeps no place from requests, and one address has half of what is sent."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from dialbook.server.context import place_of

PIECE = 64 * 1024  # bytes of a file that wait for its client at the same time


class Files(StaticFiles):
    """Serves files out of a folder, or a package."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _begin(Request(scope))
        await super().__call__(scope, receive, send)


def file(request: Request, content: bytes, media_type: str) -> Response:
    """A file that was made.

    Raises:
        TooManyRequests, Unavailable: too many are being sent.
    """
    _begin(request)
    return StreamingResponse(_pieces(content), media_type=media_type, headers={"Content-Length": str(len(content))})


def _begin(request: Request) -> None:
    place_of(request).begin_file()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
