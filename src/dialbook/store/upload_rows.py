"""The rows of an upload: a chunk of them with the upload's progress and its report, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import json
from msgspec.structs import replace

from dialbook.model.audit import Author, Effect, Via
from dialbook.model.contact import TEXT_FIELDS, ContactChange, ContactDraft
from dialbook.model.errors import Invalid
from dialbook.model.lists import ListLimits
from dialbook.model.upload import Chunk, Status, Upload, UploadRow
from dialbook.store.audit import note
from dialbook.store.books import begin_change
from dialbook.store.contacts import insert_contacts, update_contacts
from dialbook.store.database import Tx
from dialbook.store.lists import LockedList, lock_list
from dialbook.store.members import Joining, join, set_variables
from dialbook.store.selection import one_of
from dialbook.store.upload_plan import Known, Plan, fill_in, plan_rows, read_variables
from dialbook.store.uploads import end_upload, get_upload


def write_chunk(tx: Tx, account: str, sid: str, chunk: Chunk, *, limits: ListLimits, now: datetime) -> Upload:
    """Store a chunk; nothing happens where the upload has ended, or does not stand where the chunk begins.

    Raises:
        NotFound: the upload, or its list, is not there any more.
        Invalid: with this chunk the file ends, and has not the rows that it was accepted with.
    """
    now = begin_change(tx, account, now=now)
    upload = get_upload(tx, account, sid)
    if not upload.is_running or upload.total != chunk.first:
        return upload
    if chunk.is_last:
        _refuse_other_end(upload, chunk)
    locked = _lock_list(tx, upload)
    rows = [row for row in chunk.rows if isinstance(row, UploadRow)]
    known = _known(tx, account, locked.sid, rows)
    met = _met(tx, upload, rows)
    plan = plan_rows(upload, chunk.rows, known, met, room=limits.of(locked.type) - locked.contact_count)
    author = Author(Via.JOB, now, upload.key)
    if not upload.dry_run:
        sids = _write(tx, account, locked, plan, known, now=now)
        touched = [sid, locked.sid, *(sids[row.number] for row in (*plan.joining, *plan.filled))]
        written = len(chunk.rows) - len(plan.rejected)
        note(tx, account, author, "write_chunk", Effect(touched, written, plan.failed))
    _note(tx, upload, plan, chunk)
    if chunk.is_last:
        end_upload(tx, account, sid, Status.COMPLETED, None, now=now)
    upload = get_upload(tx, account, sid)
    if chunk.is_last:
        note(tx, account, author, "end_upload", Effect([sid], upload.success, upload.failed))
    return upload


def _refuse_other_end(upload: Upload, chunk: Chunk) -> None:
    rows = chunk.first + len(chunk.rows)
    if upload.rows not in {None, rows}:  # the last of them may be a part of a row
        raise Invalid(f"Its file has {rows} rows, and had {upload.rows} when it was accepted: send it again.")


def _lock_list(tx: Tx, upload: Upload) -> LockedList:
    """The list as it is, or as it would be had a dry run written what it has met."""
    if upload.list_sid is None:
        return LockedList("", upload.list_type, upload.joined, 0, 0)
    locked = lock_list(tx, upload.account, upload.list_sid)
    if not upload.dry_run:
        return locked
    return replace(locked, contact_count=locked.contact_count + upload.joined)


def _known(tx: Tx, account: str, list_sid: str, rows: Sequence[UploadRow]) -> Mapping[str, Known]:
    """Those contacts that have one of the rows' numbers, by number."""
    source, params = one_of(tx.engine, "contacts AS c", "number NULLS FIRST", [row.number for row in rows])
    found = tx.all(
        f"""
        SELECT c.number, c.sid, (SELECT COALESCE(m.variables, '') FROM members AS m
                                 WHERE m.account = :account AND m.contact = c.sid AND m.list = :list)
        FROM {source}
        """,
        account=account,
        list=list_sid,
        **params,
    )
    return {number: Known(sid, variables) for number, sid, variables in found}


def _met(tx: Tx, upload: Upload, rows: Sequence[UploadRow]) -> set[str]:
    """Those of the rows' numbers that earlier chunks had, where the list alone does not tell."""
    if not upload.remembers_numbers:
        return set()
    numbers = [row.number for row in rows]
    source, params = one_of(tx.engine, "upload_numbers AS n", "number", numbers, "AND n.upload = :upload")
    found = tx.all(f"SELECT n.number FROM {source}", account=upload.account, upload=upload.sid, **params)
    return {row[0] for row in found}


def _write(
    tx: Tx, account: str, locked: LockedList, plan: Plan, known: Mapping[str, Known], *, now: datetime
) -> Mapping[str, str]:
    """Store what is planned; return the sids of the contacts that have the rows' numbers, by number."""
    drafts = [ContactDraft(row.number, *row.fields) for row in plan.new]
    sids = {contact.number: contact.sid for contact in insert_contacts(tx, account, drafts, now=now)}
    sids |= {number: contact.sid for number, contact in known.items()}
    join(tx, account, locked, [Joining(sids[row.number], row.variables) for row in plan.joining], now=now)
    update_contacts(tx, account, [_change(sids[row.number], row) for row in plan.filled], now=now)
    staying = [_merged(known[row.number], row.variables) for row in plan.filled if row.variables]
    set_variables(tx, account, locked.sid, [member for member in staying if member])
    return sids


def _merged(known: Known, variables: str) -> Joining | None:
    """A member with what a row gives filled in."""
    if known.variables is None:
        return None
    merged = fill_in(read_variables(known.variables), read_variables(variables))
    return Joining(known.sid, json.encode(merged).decode())


def _change(sid: str, row: UploadRow) -> ContactChange:
    """What a row fills in: the fields that it gives."""
    given = zip(TEXT_FIELDS, row.fields, strict=True)
    return ContactChange(sid, {name: value for name, value in given if value is not None})


def _note(tx: Tx, upload: Upload, plan: Plan, chunk: Chunk) -> None:
    """Move the upload's figures, and write down what was rejected."""
    tx.insert(
        "upload_reports",
        ("account", "upload", "position", "line", "number", "reason", "description", "cells"),
        (
            (
                upload.account,
                upload.sid,
                position,
                row.line,
                row.number,
                str(row.reason),
                row.description,
                json.encode(row.cells).decode(),
            )
            for position, row in enumerate(plan.rejected, upload.reported)
        ),
    )
    tx.run(
        """
        UPDATE uploads
        SET joined = joined + :joined, success = success + :success, duplicate = duplicate + :duplicates,
            failed = failed + :failed
        WHERE account = :account AND sid = :sid
        """,
        account=upload.account,
        sid=upload.sid,
        joined=len(plan.joining),
        success=len(chunk.rows) - len(plan.rejected),
        duplicates=plan.duplicates,
        failed=plan.failed,
    )
    if upload.remembers_numbers:
        numbers = {row.number for row in (*plan.joining, *plan.filled)}
        tx.insert("upload_numbers", ("account", "upload", "number"), ((upload.account, upload.sid, n) for n in numbers))
