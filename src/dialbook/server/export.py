"""A whole list in one response, read and sent in chunks.

Each chunk is read in a transaction of its own, and begins where the one before it ended: a caller that stalls, or
leaves, holds nothing open. What is sent has no announced length: a stream that breaks off lacks its end, so that no
caller takes a part for the whole (RFC 9112, section 8).
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.contact import Contact
from dialbook.model.page import Page, Window
from dialbook.server.context import account_of, header_of, service_of, sid_of
from dialbook.server.reply import stream
from dialbook.store.database import Tx
from dialbook.wire.export import Format, accepts_gzip

Finder: TypeAlias = Callable[[Tx, str, str, Window], Page[Contact]]  # of an account, a list in it, a part of that

CHUNK = 2000  # contacts
GZIP = 16 + zlib.MAX_WBITS  # says to zlib that it writes a gzip header


class Chunk(Struct, frozen=True):
    """A part of the text, and the window that the next part begins at, if there is one."""

    text: bytes
    following: Window | None


async def export_members(request: Request, find: Finder, window: Window, format_: Format) -> Response:
    """Send every contact of a list that is found from the window's beginning on.

    Raises:
        NotFound: the account has no such list.
    """
    list_sid = sid_of(request, "list_sid")

    async def read(window: Window) -> Chunk:
        return await service_of(request).db.scan(_read_chunk, find, account_of(request).sid, list_sid, window, format_)

    first = await read(Window(window.offset, CHUNK, window.after))
    chunks = _texts(format_.head, first, read)
    headers = {
        "Content-Disposition": f'attachment; filename="{list_sid}.{format_.extension}"',
        "Vary": "Accept, Accept-Encoding",
    }
    if accepts_gzip(header_of(request, b"accept-encoding")):
        return stream(request, _gzipped(chunks), format_.media_type, headers | {"Content-Encoding": "gzip"})
    return stream(request, chunks, format_.media_type, headers)


async def _texts(head: bytes, first: Chunk, read: Callable[[Window], Awaitable[Chunk]]) -> AsyncIterator[bytes]:
    yield head + first.text
    following = first.following
    while following:
        chunk = await read(following)
        yield chunk.text
        following = chunk.following


async def _gzipped(texts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(wbits=GZIP)
    async for text in texts:
        yield await asyncio.to_thread(compressor.compress, text)
    yield compressor.flush()


def _read_chunk(tx: Tx, find: Finder, account: str, list_sid: str, window: Window, format_: Format) -> Chunk:
    page = find(tx, account, list_sid, window)
    is_full = len(page.items) == CHUNK
    return Chunk(format_.write(page.items), Window(0, CHUNK, page.last) if is_full else None)
