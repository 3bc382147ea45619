"""/v2/accounts/{account_sid}/contacts/csv-upload and /csv-status"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from msgspec import json
from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.errors import DialbookError, OutcomeUnknown
from dialbook.model.ids import new_sids
from dialbook.model.lists import list_name
from dialbook.model.page import Page, Window
from dialbook.model.upload import Rejection, Upload, UploadDraft, UploadFile
from dialbook.server.changes import author_of, change_and_reply, note_export
from dialbook.server.context import account_of, expected_by, header_of, now_of, place_of, service_of, sid_of, window_of
from dialbook.server.form import Expected, receive_form
from dialbook.server.idempotency import idempotency_key, note_content
from dialbook.server.look import look_through
from dialbook.server.reply import reply, stream
from dialbook.store import uploads as store
from dialbook.store.lists import find_list
from dialbook.store.spool import Received
from dialbook.wire import envelope
from dialbook.wire import uploads as wire
from dialbook.wire.envelope import Answer
from dialbook.wire.export import CSV_TYPE, wanted_format

TakeFields: TypeAlias = Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]]

REPORT_CHUNK = 1000  # rows


async def upload_csv(request: Request) -> Response:
    """Receive a file, look through it, and leave it to be worked off; a file that cannot be is refused as a whole."""
    async with receiving_upload(request, partial(_with_type, request)) as (draft, file):
        return await change_and_reply(
            request, _write_accepted, store.create_upload, account_of(request).sid, draft, file, now=now_of(request)
        )


async def _with_type(request: Request, sent: Mapping[str, str]) -> Mapping[str, str]:
    """The fields; where no type is among them, with that of the list, if it is there."""
    if "list_name" not in sent or sent.get("type"):
        return sent
    found = await service_of(request).db.read(find_list, account_of(request).sid, list_name(sent["list_name"]))
    return {**sent, "type": found.type} if found else sent


@asynccontextmanager
async def receiving_upload(
    request: Request, take_fields: TakeFields, fields: Sequence[str] = wire.FIELDS
) -> AsyncIterator[tuple[UploadDraft, UploadFile]]:
    """Receive a file and look through it; in the block the upload is to be written, without which the file goes.

    Args:
        request: whose body is the form.
        take_fields: is given the form's fields as they were sent, also when something in them is refused then, and
            gives those that count.
        fields: what the form may have besides its file.

    Yields:
        What is to be written: what the caller wants, and the file.

    Raises:
        DialbookError: the form or the file is refused (contract section 7).
    """
    place_of(request).begin_stream()
    service, now = service_of(request), now_of(request)
    limit = service.settings.upload_limit
    announced = request.headers.get("content-length", "")
    size = min(limit, int(announced)) if announced.isdecimal() else limit
    (sid,) = new_sids(now, 1)
    with service.spool.receiving(sid, size) as file:
        sent = await _receive(request, file, Expected(wire.FILE, fields, limit))
        draft = wire.read_draft(await take_fields(sent))
        await asyncio.to_thread(file.sync)
        async with service.looking:
            most = service.list_limits.of(draft.list_type)
            seen = await look_through(file.path, draft.list_type, limit=limit, most=most)
        known = UploadFile(sid, file.folder, seen.columns, seen.rows, author_of(request).key)
        # From here on the database may know of the file. Whoever works off the queue removes what nobody waits for.
        file.is_kept = True
        try:
            yield draft, known
        except DialbookError as refusal:
            file.is_kept = isinstance(refusal, OutcomeUnknown)
            raise
        file.confirm()


async def get_upload(request: Request) -> Response:
    """How far an upload is."""
    upload = await service_of(request).db.read(store.get_upload, account_of(request).sid, sid_of(request, "upload_id"))
    return reply(request, _write_status(upload))


async def list_uploads(request: Request) -> Response:
    """One page of the account's uploads."""
    page = await service_of(request).db.scan(store.list_uploads, account_of(request).sid, window_of(request))
    return reply(request, envelope.page(page, wire.write_status))


async def cancel_upload(request: Request) -> Response:
    """End an upload where it stands; one that has ended stays as it is."""
    expected_by(request)  # which has no tags to compare, but a mistake should show
    return await change_and_reply(
        request,
        _write_status,
        store.cancel_upload,
        account_of(request).sid,
        sid_of(request, "upload_id"),
        now=now_of(request),
    )


async def list_upload_errors(request: Request) -> Response:
    """One page of an upload's report; as CSV, all of it."""
    window = window_of(request)
    format_ = wanted_format(header_of(request, b"accept"))
    if format_ is not None and format_.media_type == CSV_TYPE:
        request.scope["operation"] = export_report.__name__
        return await export_report(request, window.offset)
    page = await service_of(request).db.scan(
        store.list_rejections, account_of(request).sid, sid_of(request, "upload_id"), window
    )
    return reply(request, envelope.page(page, wire.write_rejection))


async def export_report(request: Request, offset: int = 0) -> Response:
    """Send an upload's report as CSV, from its row `offset` on: to be mended and uploaded.

    Raises:
        NotFound: the account has no such upload.
        TooManyRequests, Unavailable: there are too many uploads and exports under way.
        Unavailable: it cannot be noted now in the audit log.
    """
    place_of(request).begin_stream()
    sid = sid_of(request, "upload_id")
    upload = await service_of(request).db.read(store.get_upload, account_of(request).sid, sid)
    await note_export(request, "export_report", sid)
    headers = {"Content-Disposition": f'attachment; filename="{sid}-errors.csv"', "Vary": "Accept"}
    return stream(request, _report(request, upload, offset), CSV_TYPE, headers)


async def _receive(request: Request, file: Received, expected: Expected) -> dict[str, str]:
    """Receive the form; of one that has a key, what it brings is hashed on its way, in the threads that write it."""
    if idempotency_key(request) is None:
        return await receive_form(request, expected, file.write)
    content = sha256()

    def hash_and_write(part: bytes) -> None:
        content.update(part)
        file.write(part)

    fields = await receive_form(request, expected, hash_and_write)
    note_content(request, json.encode([sorted(fields.items()), content.hexdigest()]))
    return fields


def _write_accepted(upload: Upload) -> Answer:
    return envelope.accepted(wire.write_accepted(upload))


def _write_status(upload: Upload) -> Answer:
    return envelope.one(wire.write_status(upload))


async def _report(request: Request, upload: Upload, offset: int) -> AsyncIterator[bytes]:
    db = service_of(request).db
    yield wire.report_head(upload.columns)
    while True:
        page: Page[Rejection] = await db.scan(
            store.list_rejections, upload.account, upload.sid, Window(offset, REPORT_CHUNK)
        )
        yield wire.report_rows(upload.columns, page.items)
        if len(page.items) < REPORT_CHUNK:
            return
        offset += REPORT_CHUNK
