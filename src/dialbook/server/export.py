"""A whole list in one response, read and sent in chunks.

Each chunk is read in a transaction of its own, and begins where the one before it ended: a caller that stalls, or
leaves, holds nothing open. While one is written, the next is read. What is sent has no announced length: a stream that
breaks off lacks its end, so that no caller takes a part for the whole (RFC 9112, section 8). In HTTP/1.0, in which
nginx asks, there is no other way to tell.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.page import Window
from dialbook.server.changes import note_export
from dialbook.server.context import account_of, header_of, place_of, service_of, sid_of
from dialbook.server.reply import stream
from dialbook.store.contacts import ContactFilter
from dialbook.store.lists import get_version
from dialbook.store.member_search import Walk, begin_walk, walk_members
from dialbook.wire.export import Format, accepts_gzip

CHUNK = 2000  # contacts
GZIP = 16 + zlib.MAX_WBITS  # says to zlib that it writes a gzip header


async def export_members(request: Request, window: Window, filter_: ContactFilter, format_: Format) -> Response:
    """Send every contact of a list that the filter lets through, from the window's beginning on.

    Raises:
        NotFound: the account has no such list.
        TooManyRequests, Unavailable: there are too many uploads and exports under way.
        Unavailable: it cannot be noted now in the audit log.
    """
    place_of(request).begin_stream()
    db, account, list_sid = service_of(request).db, account_of(request).sid, sid_of(request, "list_sid")

    async def read(window: Window) -> Walk:
        walk = await db.scan(walk_members, account, list_sid, window, format_.fields, filter_)
        if walk.following is None:
            # The end of a list that is deleted meanwhile is not its end.
            await db.scan(get_version, account, list_sid)
        return walk

    async def begin() -> Walk:
        beginning = Window(window.offset, CHUNK, window.after)
        return await read(await db.scan(begin_walk, account, list_sid, beginning, filter_))

    if request.method == "HEAD":
        await db.read(get_version, account, list_sid)
        first = None
    else:
        first = await begin()
    chunks = _texts(format_, first, read)
    await note_export(request, "export_members", list_sid)
    headers = {
        "Content-Disposition": f'attachment; filename="{list_sid}.{format_.extension}"',
        "Vary": "Accept, Accept-Encoding",
    }
    if accepts_gzip(header_of(request, b"accept-encoding")):
        return stream(request, _gzipped(chunks), format_.media_type, headers | {"Content-Encoding": "gzip"})
    return stream(request, chunks, format_.media_type, headers)


async def _texts(
    format_: Format, first: Walk | None, read: Callable[[Window], Awaitable[Walk]]
) -> AsyncIterator[bytes]:
    yield format_.head
    part = first
    while part:
        following = asyncio.ensure_future(read(part.following)) if part.following else None
        try:
            yield await asyncio.to_thread(format_.write, part.rows)
            part = await following if following else None
        finally:
            if following:
                following.cancel()


async def _gzipped(texts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = zlib.compressobj(wbits=GZIP)
    async for text in texts:
        yield await asyncio.to_thread(compressor.compress, text)
    yield compressor.flush()
