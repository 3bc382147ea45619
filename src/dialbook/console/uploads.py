"""The uploads of an account: all of them, and one while it is worked off, with its report at the end."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.page import is_part, redirect, render
from dialbook.console.paging import Pager, limit_asked, read_window
from dialbook.model.page import Page, Window
from dialbook.model.upload import Upload
from dialbook.server.changes import make_change
from dialbook.server.context import account_of, now_of, service_of, sid_of
from dialbook.store import uploads as store
from dialbook.store.database import Tx
from dialbook.store.lists import find_names

PATH = "/console/uploads"


async def list_uploads(request: Request) -> Response:
    """One page of the uploads, newest first."""
    window = read_window(request.query_params)
    page, names = await service_of(request).db.scan(_read_page, account_of(request).sid, window)
    pager = Pager(page, PATH, limit_asked(request.query_params, window))
    if pager.is_beyond:
        return redirect(request, pager.to(pager.last))
    return render(request, "uploads.html", pager=pager, names=names, calls=_list_calls(request, window))


async def show_upload(request: Request) -> Response:
    """How far an upload is; at its end, its report.

    A page that is shown asks for the part that moves, over and over. At the end it is given the rest of the page, which
    does not ask again.
    """
    db, account, sid = service_of(request).db, account_of(request).sid, sid_of(request, "upload_id")
    upload, names = await db.read(_read_upload, account, sid)
    if is_part(request) and upload.is_running:
        return render(request, "upload_progress.html", upload=upload)
    window = read_window(request.query_params)
    page = await db.scan(store.list_rejections, account, sid, window)
    pager = Pager(page, f"{PATH}/{sid}", limit_asked(request.query_params, window))
    if pager.is_beyond:
        return redirect(request, pager.to(pager.last))
    shown: dict[str, Any] = {"upload": upload, "name": names.get(upload.list_sid or ""), "pager": pager}
    if not is_part(request):
        return render(request, "upload.html", **shown, calls=_calls(request, upload, window))
    ended = render(request, "upload_ended.html", **shown)
    ended.headers.update({"HX-Retarget": "#upload", "HX-Reswap": "innerHTML"})
    return ended


async def cancel_upload(request: Request) -> Response:
    """End an upload where it stands."""
    sid = sid_of(request, "upload_id")
    await make_change(request, store.cancel_upload, account_of(request).sid, sid, now=now_of(request))
    return redirect(request, f"{PATH}/{sid}")


def _read_page(tx: Tx, account: str, window: Window) -> tuple[Page[Upload], Mapping[str, str]]:
    """One page of the uploads, and the names of their lists."""
    page = store.list_uploads(tx, account, window)
    return page, find_names(tx, account, [upload.list_sid for upload in page.items if upload.list_sid])


def _read_upload(tx: Tx, account: str, sid: str) -> tuple[Upload, Mapping[str, str]]:
    upload = store.get_upload(tx, account, sid)
    return upload, find_names(tx, account, [upload.list_sid] if upload.list_sid else [])


def _list_calls(request: Request, window: Window) -> list[Call]:
    query = {"offset": window.offset, "limit": window.limit}
    read = python_call("list_uploads", **query)
    return [Calls(request).get("Read this page", "/csv-status", f"page = {read}", query)]


def _calls(request: Request, upload: Upload, window: Window) -> list[Call]:
    calls, path = Calls(request), f"/csv-status/{upload.sid}"
    query = {"offset": window.offset, "limit": window.limit}
    read = f"upload = {python_call('get_upload', upload.sid)}"
    report = f"page = {python_call('list_upload_errors', upload.sid, **query)}"
    cancel = calls.send("Cancel it", "DELETE", path, python_call("cancel_upload", upload.sid))
    return [
        calls.get("See how far it is", path, read),
        calls.get("Read this page of its report", f"{path}/errors", report, query),
        *([cancel] if upload.is_running else []),
    ]
