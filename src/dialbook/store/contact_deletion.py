"""Deleting contacts: for good, and out of every list."""

from collections.abc import Sequence
from datetime import datetime

from dialbook.model.bulk import Outcome, accepted, attempt, single
from dialbook.model.contact import Contact, ContactRef
from dialbook.model.errors import NotFound
from dialbook.model.etag import ANY, ETags, is_expected, unexpected
from dialbook.store.books import begin_change, move_contact_count
from dialbook.store.contact_names import forget_names
from dialbook.store.contacts import find_by_number, find_by_sid, not_found
from dialbook.store.database import Tx
from dialbook.store.members import leave_all_lists
from dialbook.store.tallies import tally_contacts


def delete_contacts(
    tx: Tx, account: str, refs: Sequence[Outcome[ContactRef]], *, now: datetime
) -> list[Outcome[Contact]]:
    """Delete contacts, each on its own; one that is not there, or named before, becomes a NotFound.

    Returns:
        Each as it was.
    """
    now = begin_change(tx, account, now=now)
    wanted = accepted(refs)
    by_sid = find_by_sid(tx, account, [ref.sid for ref in wanted if ref.sid])
    by_number = find_by_number(tx, account, [ref.number for ref in wanted if ref.number and not ref.sid])
    going: dict[str, Contact] = {}

    def take(ref: ContactRef) -> Contact:
        contact = by_sid.get(ref.sid) if ref.sid else by_number.get(str(ref.number))
        if contact is None or contact.sid in going or ref.number not in (None, contact.number):
            raise _not_there(ref)
        if not is_expected(contact, ref.expected):
            raise unexpected()
        going[contact.sid] = contact
        return contact

    outcomes = attempt(take, refs)
    _delete(tx, account, list(going.values()), now=now)
    return outcomes


def delete_contact(tx: Tx, account: str, sid: str, *, now: datetime, expected: ETags = ANY) -> Contact:
    """Delete one contact, and return it as it was.

    Raises:
        NotFound: the account has no such contact.
        PreconditionFailed: it is in another state than expected.
    """
    return single(delete_contacts(tx, account, [ContactRef(sid, expected=expected)], now=now))


def _not_there(ref: ContactRef) -> NotFound:
    if ref.number is None:
        return not_found(str(ref.sid))
    if ref.sid is None:
        return NotFound(f"There is no contact with number '{ref.number}'.")
    return NotFound(f"There is no contact '{ref.sid}' with number '{ref.number}'.")


def _delete(tx: Tx, account: str, contacts: Sequence[Contact], *, now: datetime) -> None:
    if not contacts:
        return
    sids = [contact.sid for contact in contacts]
    leave_all_lists(tx, account, sids, now=now)
    forget_names(tx, account, sids)
    tx.run_each(
        "DELETE FROM contacts WHERE account = :account AND sid = :sid",
        ({"account": account, "sid": sid} for sid in sids),
    )
    move_contact_count(tx, account, -len(contacts))
    tally_contacts(tx, account, left=contacts, now=now)
