"""Uploads: their state, and their reports."""

from datetime import datetime

from msgspec import json

from dialbook.model.audit import Author, Effect, Via
from dialbook.model.bulk import single
from dialbook.model.errors import Duplicate, NotFound, PreconditionFailed, TooManyRequests
from dialbook.model.lists import ListDraft
from dialbook.model.moment import utc_text
from dialbook.model.page import Page, Window
from dialbook.model.upload import Rejection, Status, Upload, UploadDraft, UploadFile
from dialbook.store.audit import note, recorded, takes_entries
from dialbook.store.books import begin_change, lock_book
from dialbook.store.database import Row, Tx
from dialbook.store.lists import create_lists, find_list

QUEUED = 100  # uploads of an account that may wait to be worked off
CANCELLED = "It was cancelled."
NOT_IN_BACKUP = "The book was restored from a backup, which has no file of the upload: upload it again."

# The columns of an upload, in the order of its fields.
COLUMNS = (
    "u.account, u.sid, u.list, u.list_type, u.on_duplicate, u.dry_run, u.columns, u.row_count,"
    " u.status, u.reason, u.joined, u.success, u.duplicate, u.failed, u.created, u.ended, u.key"
)


def create_upload(tx: Tx, account: str, draft: UploadDraft, file: UploadFile, *, now: datetime) -> Upload:
    """Begin an upload of a file; its list is made, unless it is there or nothing is to be written.

    Raises:
        TooManyRequests: too many wait already.
        Duplicate: there is a list of this name, of the other type.
        PreconditionFailed: the name does not mean the list any more that it is to mean.
    """
    now = begin_change(tx, account, now=now)
    _check_queue(tx, account)
    list_sid = _find_list(tx, account, draft)
    if list_sid is None and not draft.dry_run:
        list_sid = single(create_lists(tx, account, [ListDraft(draft.list_name, type=draft.list_type)], now=now)).sid
    tx.run(
        """
        INSERT INTO uploads (account, sid, list, list_type, on_duplicate, dry_run, columns, row_count, status, created,
                             key)
        VALUES (:account, :sid, :list, :list_type, :on_duplicate, :dry_run, :columns, :rows, :status, :created,
                :key)
        """,
        account=account,
        sid=file.sid,
        list=list_sid,
        list_type=str(draft.list_type),
        on_duplicate=str(draft.on_duplicate),
        dry_run=int(draft.dry_run),
        columns=json.encode(file.columns).decode(),
        rows=file.rows,
        status=str(Status.IN_PROGRESS),
        created=utc_text(now),
        key=file.key,
    )
    tx.run(
        "INSERT INTO upload_queue (account, upload, folder) VALUES (:account, :sid, :folder)",
        account=account,
        sid=file.sid,
        folder=file.folder,
    )
    return get_upload(tx, account, file.sid)


def get_upload(tx: Tx, account: str, sid: str) -> Upload:
    """One upload.

    Raises:
        NotFound: the account has no such upload.
    """
    row = tx.one(
        f"SELECT {COLUMNS} FROM uploads AS u WHERE u.account = :account AND u.sid = :sid", account=account, sid=sid
    )
    if row is None:
        raise NotFound(f"There is no upload '{sid}'.")
    return _read(row)


def list_uploads(tx: Tx, account: str, window: Window) -> Page[Upload]:
    """One page of the account's uploads, newest first, and how many there are."""
    rows = tx.all(
        f"""
        SELECT {COLUMNS} FROM uploads AS u
        WHERE u.account = :account
        ORDER BY u.sid DESC
        LIMIT :limit OFFSET :offset
        """,
        account=account,
        limit=window.limit,
        offset=window.offset,
    )
    # Counted, not kept: they are forgotten after a while, so that there are never many.
    ((total,),) = tx.all("SELECT count(*) FROM uploads AS u WHERE u.account = :account", account=account)
    return Page([_read(row) for row in rows], window, total)


def list_rejections(tx: Tx, account: str, sid: str, window: Window) -> Page[Rejection]:
    """One page of an upload's report, in the order of the file, and how many rows it has in all.

    Raises:
        NotFound: the account has no such upload.
    """
    upload = get_upload(tx, account, sid)
    rows = tx.all(
        """
        SELECT r.line, r.number, r.reason, r.description, r.cells FROM upload_reports AS r
        WHERE r.account = :account AND r.upload = :sid AND r.position >= :offset
        ORDER BY r.position
        LIMIT :limit
        """,
        account=account,
        sid=sid,
        offset=window.offset,
        limit=window.limit,
    )
    found = [
        Rejection(line, number, reason, description, json.decode(cells))
        for line, number, reason, description, cells in rows
    ]
    return Page(found, window, upload.reported)


def cancel_upload(tx: Tx, account: str, sid: str, *, now: datetime) -> Upload:
    """End an upload where it stands, unless it has ended; what it wrote stays.

    Raises:
        NotFound: the account has no such upload.
    """
    return fail_upload(tx, account, sid, reason=CANCELLED, now=now)


def fail_upload(tx: Tx, account: str, sid: str, *, reason: str, now: datetime) -> Upload:
    """The same, for a reason."""
    lock_book(tx, account)
    if get_upload(tx, account, sid).is_running:
        end_upload(tx, account, sid, Status.FAILED, reason, now=now)
    return get_upload(tx, account, sid)


def fail_uploads_elsewhere(tx: Tx, folder: str, *, now: datetime) -> int:
    """End the uploads under way, of all accounts, whose files are in other folders; return how many.

    Where a log is damaged, which a copy has from its book, those of its account wait on: it takes no change.
    """
    queued = tx.all("SELECT q.account, q.upload FROM upload_queue AS q WHERE q.folder <> :folder", folder=folder)
    ending = [(account, sid) for account, sid in queued if takes_entries(tx, account)]
    for account, sid in ending:
        recorded(fail_upload, Author(Via.COMMAND, now))(tx, account, sid, reason=NOT_IN_BACKUP, now=now)
    return len(ending)


def end_upload(tx: Tx, account: str, sid: str, status: Status, reason: str | None, *, now: datetime) -> None:
    """Keep the upload as it is; nobody works on it any more."""
    tx.run(
        "UPDATE uploads SET status = :status, reason = :reason, ended = :ended WHERE account = :account AND sid = :sid",
        account=account,
        sid=sid,
        status=str(status),
        reason=reason,
        ended=utc_text(now),
    )
    tx.run("DELETE FROM upload_queue WHERE account = :account AND upload = :sid", account=account, sid=sid)
    tx.run("DELETE FROM upload_numbers WHERE account = :account AND upload = :sid", account=account, sid=sid)


def forget_upload(tx: Tx, account: str, *, before: datetime, now: datetime) -> int:
    """Delete an upload that ended before a moment, with its report, and note it; return how many, 0 or 1."""
    lock_book(tx, account)
    oldest = tx.one(
        "SELECT u.sid FROM uploads AS u WHERE u.account = :account AND u.ended < :moment ORDER BY u.sid LIMIT 1",
        account=account,
        moment=utc_text(before),
    )
    if oldest is None:
        return 0
    (sid,) = oldest
    tx.run("DELETE FROM upload_reports WHERE account = :account AND upload = :sid", account=account, sid=sid)
    tx.run("DELETE FROM uploads WHERE account = :account AND sid = :sid", account=account, sid=sid)
    note(tx, account, Author(Via.JOB, now), "forget_upload", Effect([sid], succeeded=1))
    return 1


def _read(row: Row) -> Upload:
    values = dict(zip(Upload.__struct_fields__, row, strict=True))
    return Upload(**values | {"dry_run": bool(values["dry_run"]), "columns": json.decode(values["columns"])})


def _check_queue(tx: Tx, account: str) -> None:
    ((waiting,),) = tx.all("SELECT count(*) FROM upload_queue AS q WHERE q.account = :account", account=account)
    if waiting >= QUEUED:
        description = f"{waiting} uploads wait to be worked off, which is all that may wait."
        raise TooManyRequests(description, headers={"Retry-After": "30"})


def renamed(name: str) -> PreconditionFailed:
    """The refusal of a list's name that has come to mean another one, or none."""
    return PreconditionFailed(
        f"The list that was named '{name}' has been renamed or deleted meanwhile; nothing was uploaded. Type the name "
        "of the one that is meant."
    )


def _find_list(tx: Tx, account: str, draft: UploadDraft) -> str | None:
    found = find_list(tx, account, draft.list_name)
    if draft.list_sid is not None and (found is None or found.sid != draft.list_sid):
        raise renamed(draft.list_name)
    if found and found.type != draft.list_type:
        raise Duplicate(f"A list named '{found.name}' exists, and is {found.type}; upload with type={found.type}.")
    return found.sid if found else None
