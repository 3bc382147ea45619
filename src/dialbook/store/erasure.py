"""Removing a person from an account's book."""

import hmac
from collections.abc import Sequence

from msgspec import Struct

from dialbook.model.audit import Author, Effect
from dialbook.model.errors import Unavailable
from dialbook.store.audit import note
from dialbook.store.books import lock_book
from dialbook.store.contact_deletion import delete_contact
from dialbook.store.database import Tx
from dialbook.store.idempotency import delete_answers
from dialbook.store.subject import Subject, find_subject

ERASED = "It was erased."  # stands in an upload's report where a row did
REMEDY = "Wait for its end, or cancel it: nothing was erased there."  # of an upload under way


class Erased(Struct, frozen=True):
    """How much was removed from an account, the audit log's entry that says so, and what is left to its owner."""

    account_sid: str
    contacts: int
    memberships: int
    report_rows: int
    answers: int  # to requests that had an Idempotency-Key
    entry: str  # its number and hash
    proof: str
    named_lists: Sequence[str]  # the sids of those whose name or tag has the number


def erase(tx: Tx, account: str, given: str, *, author: Author, secret: str) -> Erased:
    """Remove the person whom a number belongs to: contact, memberships, rows in reports of uploads, answers kept.

    Args:
        account: whose book.
        given: the number, in E.164 or as it is dialled in the account's region.
        author: who does it.
        secret: the key of the proof, an HMAC of the number, that is all that the audit log keeps of it: whoever does
            not have the secret cannot tell whose number it was, not even by trying all numbers.

    Raises:
        NotFound: there is no such account.
        Invalid: it is no number.
        Unavailable: an upload of the account is under way, whose file may have the number in it.
    """
    lock_book(tx, account)
    found = find_subject(tx, account, given)
    if found.unread:
        raise Unavailable(f"{found.unread} {REMEDY}")
    if found.contact:
        delete_contact(tx, account, found.contact.sid, now=author.moment)
    _clear_report_rows(tx, account, found)
    delete_answers(tx, account, [each.key for each in found.answers])
    proof = f"hmac-sha256:{hmac.digest(secret.encode(), found.number.encode(), 'sha256').hex()}"
    sids = [found.contact.sid] if found.contact else []
    removed = len(sids), len(found.memberships), len(found.report_rows), len(found.answers)
    head = note(tx, account, author, "erase", Effect([*sids, proof], succeeded=sum(removed)))
    return Erased(account, *removed, str(head), proof, [each.list_sid for each in found.named_lists])


def _clear_report_rows(tx: Tx, account: str, found: Subject) -> None:
    """Leave of a row in a report that there was one, which the upload counts."""
    tx.run_each(
        """
        UPDATE upload_reports SET number = NULL, description = :description, cells = '[]'
        WHERE account = :account AND upload = :upload AND position = :position
        """,
        (
            {"account": account, "upload": row.upload, "position": row.position, "description": ERASED}
            for row in found.report_rows
        ),
    )
