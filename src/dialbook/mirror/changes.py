"""What a mirror asks of a database, each in one transaction: put together of the storage functions."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from dialbook.model.audit import Effect
from dialbook.model.bulk import Outcome, accepted, single
from dialbook.model.contact import Contact, ContactChange, ContactDraft, ContactRef
from dialbook.model.errors import Duplicate
from dialbook.model.lists import ContactList, ListChange, ListDraft, ListLimits
from dialbook.model.page import Sort, Window
from dialbook.store import contact_deletion, contacts, copy, lists, members
from dialbook.store.books import lock_book
from dialbook.store.copy import CONTACTS, TABLES
from dialbook.store.database import Row, Tx
from dialbook.store.members import Joining

CHUNK = 5000
CREATED = Sort("date_created")
UNBOUNDED = ListLimits(static=2**62, dynamic=2**62)

_BY_NAME = {table.name: table for table in TABLES}


class Put(Effect, frozen=True):
    """How many contacts were made and how many changed."""

    made: int = 0
    changed: int = 0


def checksum(tx: Tx, account: str) -> str:
    """A digest of all contacts, lists and members."""
    return " ".join(copy.checksum(tx, _BY_NAME[name], account) for name in ("contacts", "lists", "members"))


def read_contacts(tx: Tx, account: str) -> list[Contact]:
    """All contacts, by sid."""
    fields = len(Contact.__struct_fields__)
    return [Contact(*row[:fields]) for row in _contact_rows(tx, account)]


def find_contacts(tx: Tx, account: str, numbers: Sequence[str]) -> dict[str, Contact]:
    """The contacts that have these numbers, by number."""
    return contacts.find_by_number(tx, account, numbers)


def put_contacts(tx: Tx, account: str, drafts: Sequence[ContactDraft], *, now: datetime) -> Put:
    """Make the contacts whose number is new; give the others the fields of the draft."""
    outcomes = contacts.create_contacts(tx, account, drafts, now=now)
    differing = [_difference(draft, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]
    wanted = [change for change in differing if change]
    contacts.update_contacts(tx, account, wanted, now=now)
    made = [contact.sid for contact in accepted(outcomes)]
    sids = [*made, *(change.sid for change in wanted)]
    return Put(sids, len(sids), made=len(made), changed=len(wanted))


def delete_contacts(tx: Tx, account: str, sids: Sequence[str], *, now: datetime) -> list[Contact]:
    """Delete contacts, out of every list too; return them."""
    refs = [ContactRef(sid) for sid in sids]
    return [single([outcome]) for outcome in contact_deletion.delete_contacts(tx, account, refs, now=now)]


def read_lists(tx: Tx, account: str) -> list[ContactList]:
    """All lists, oldest first."""
    found: list[ContactList] = []
    while len(page := lists.list_lists(tx, account, Window(len(found), CHUNK), CREATED).items):
        found += page
    return found


def put_list(tx: Tx, account: str, draft: ListDraft, found: ContactList | None, *, now: datetime) -> ContactList:
    """Make a list what a draft says: a new one, or one that is found, unless that is of another type and has to go."""
    if found and found.type == draft.type:
        return lists.update_list(tx, account, ListChange(found.sid, {"tag": draft.tag}), now=now)
    if found:
        lists.delete_list(tx, account, found.sid, now=now)
    return single(lists.create_lists(tx, account, [draft], now=now))


def delete_list(tx: Tx, account: str, sid: str, *, now: datetime) -> ContactList:
    """Delete a list and return it; its contacts stay."""
    return lists.delete_list(tx, account, sid, now=now)


def read_members(tx: Tx, account: str, list_sid: str) -> list[Contact]:
    """Who is in a list, in the order in which they joined, each with what the list keeps of it."""
    found: list[Contact] = []
    window = Window(0, CHUNK)
    while (page := members.list_members(tx, account, list_sid, window)).items:
        found += page.items
        window = Window(0, CHUNK, page.last)
    return found


def leave(tx: Tx, account: str, list_sid: str, sids: Sequence[str], *, now: datetime) -> list[Contact]:
    """Take contacts out of a list, and return them."""
    return [single([outcome]) for outcome in members.remove_members(tx, account, list_sid, sids, now=now)]


def join(tx: Tx, account: str, list_sid: str, joining: Sequence[Joining], *, now: datetime) -> list[Outcome[Contact]]:
    """Let contacts join a list, in this order, with what the list keeps of each; what becomes of each."""
    sids = [each.contact_sid for each in joining]
    outcomes = members.add_members(tx, account, list_sid, sids, limits=UNBOUNDED, now=now)
    members.set_variables(tx, account, list_sid, [each for each in joining if each.variables])
    return outcomes


def set_variables(tx: Tx, account: str, list_sid: str, changed: Sequence[Joining]) -> Effect:
    """Change what a list keeps of some of its members.

    Raises:
        NotFound: the account has no such list.
    """
    lock_book(tx, account)
    lists.lock_list(tx, account, list_sid)
    members.set_variables(tx, account, list_sid, changed)
    return Effect([list_sid, *(each.contact_sid for each in changed)], len(changed))


def _difference(draft: ContactDraft, outcome: Outcome[Contact]) -> ContactChange | None:
    """What to change in the contact that has the draft's number already, if anything."""
    if not isinstance(outcome, Duplicate):
        return None
    wanted = msgspec.structs.asdict(draft)
    if all(getattr(outcome.existing, field) == value for field, value in wanted.items()):
        return None
    return ContactChange(outcome.existing.sid, wanted)


def _contact_rows(tx: Tx, account: str) -> Iterator[Row]:
    after = None
    while rows := copy.read_rows(tx, CONTACTS, account, after):
        yield from rows
        after = CONTACTS.key_of(rows[-1])
