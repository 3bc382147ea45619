"""All contacts of a local book come to a server, and those go there that the book does not have."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec import Raw

from dialbook.client import Contact as ThereContact
from dialbook.client.results import Ok, Outcome, Page, Written
from dialbook.mirror.book import Book, chunks
from dialbook.mirror.harvest import shared
from dialbook.mirror.incoming import FIELDS, is_same_custom, read_contacts
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_contacts import OLDEST_FIRST
from dialbook.mirror.server import Server
from dialbook.mirror.sweep import read_all
from dialbook.model.contact import TEXT_FIELDS, Contact, ContactDraft
from dialbook.model.errors import DialbookError, Duplicate, NotFound

CHUNK = 5000


class ContactPush:
    """The part of a run that deals with contacts.

    Args:
        client: the server's account.
        book: the local one.
        region: in which national numbers are read.
        progress: who is told.
    """

    def __init__(self, client: Server, book: Book, region: str, progress: Progress) -> None:
        self._client = client
        self._book = book
        self._region = region
        self._progress = progress
        self.sids: dict[str, str] = {}  # of the server's contacts, by their numbers
        self.refused: dict[str, str] = {}  # why, by what it is
        self.total = 0  # contacts on the server
        self.going: set[str] = set()  # the numbers of those that the book does not have
        self._new: list[Contact] = []
        self._changed: list[tuple[str, Contact]] = []

    async def look(self) -> None:
        """Read both sides; a contact whose number cannot be read here stays as it is on the server."""
        there = await self._read_there()
        here = await self._book.contacts()
        self.sids |= {number: sid for number, (sid, _) in there.items()}
        self.going = there.keys() - {contact.number for contact in here}
        self._new = [contact for contact in here if contact.number not in there]
        both = [(contact, *there[contact.number]) for contact in here if contact.number in there]
        self._changed = [(sid, contact) for contact, sid, draft in both if _differs(contact, draft)]

    async def run(self) -> None:
        """Make the contacts equal."""
        await self._create(self._new)
        await self._update(self._changed)
        await self._delete(self.going)

    async def _read_there(self) -> dict[str, tuple[str, ContactDraft]]:
        """The sid and the fields of each contact on the server, by number."""

        async def read(offset: int, limit: int) -> Page[Written]:
            return await self._client.contacts(offset, limit, sort_by=OLDEST_FIRST)

        met = await read_all(read, partial(self._progress.watch, "contacts there"))
        self.total = met.total
        return self._by_number(met.items)

    def _by_number(self, met: Sequence[Written]) -> dict[str, tuple[str, ContactDraft]]:
        """Of several with one number the one met last counts, as it does in a pull."""
        found: dict[str, tuple[str, ContactDraft]] = {}
        for contact, draft in zip(met, read_contacts(met, self._region), strict=True):
            if isinstance(draft, DialbookError):
                self._leave(contact.sid, draft.description)
                continue
            number = str(draft.number)
            if number in found:
                self._leave(found[number][0], shared(contact.sid, number))
            found[number] = contact.sid, draft
        return found

    def _leave(self, sid: str, reason: str) -> None:
        self._refuse(f"contact {sid}", f"It stays on the server: {reason}")

    async def _create(self, new: Sequence[Contact]) -> None:
        for part in chunks(new, CHUNK):
            outcomes = await self._client.create_contacts([_new(contact) for contact in part])
            for contact, outcome in zip(part, outcomes, strict=True):
                self._note(contact, outcome)
            self._progress.changes["contacts made"] += len(outcomes.values)
            self._progress.watch("contacts to make", self._progress.changes["contacts made"], len(new))

    def _note(self, contact: Contact, outcome: Outcome[ThereContact]) -> None:
        if isinstance(outcome, Ok):
            self.sids[contact.number] = outcome.value.sid
        elif isinstance(outcome, Duplicate) and outcome.existing:
            self._meet(contact, outcome.existing)
        else:
            self._refuse(f"contact {contact.number}", str(outcome))

    def _meet(self, contact: Contact, existing: ThereContact) -> None:
        """Take note of a contact on the server that has the number of one that was to be made.

        Somebody has made it since both sides were read, or no book can have it.
        """
        (draft,) = read_contacts([existing], self._region)
        if isinstance(draft, DialbookError):
            self._leave(existing.sid, draft.description)
            return
        self.sids[contact.number] = existing.sid
        if _differs(contact, draft):
            self._changed.append((existing.sid, contact))

    async def _update(self, changed: Sequence[tuple[str, Contact]]) -> None:
        for part in chunks(changed, CHUNK):
            changes: list[Any] = [{"sid": sid, **_fields(contact)} for sid, contact in part]
            outcomes = await self._client.update_contacts(changes)
            for place, refusal in outcomes.failures.items():
                self._refuse(f"contact {part[place][1].number}", refusal.description)
            self._progress.changes["contacts changed"] += len(outcomes.values)

    async def _delete(self, numbers: set[str]) -> None:
        for done, number in enumerate(sorted(numbers)):
            self._progress.watch("contacts to delete", done, len(numbers))
            try:
                await self._client.delete_contact(self.sids.pop(number))
            except NotFound:
                continue
            self._progress.changes["contacts removed"] += 1

    def _refuse(self, what: str, reason: str) -> None:
        self.refused[what] = reason


def _fields(contact: Contact) -> dict[str, Any]:
    """A local contact as a request writes it."""
    fields = {field: getattr(contact, field) for field in FIELDS}
    return {**fields, "custom_field": Raw(contact.custom_field) if contact.custom_field else None}


def _new(contact: Contact) -> Any:
    return {field: value for field, value in _fields(contact).items() if value is not None}


def _differs(contact: Contact, draft: ContactDraft) -> bool:
    if any(getattr(contact, field) != getattr(draft, field) for field in ("number", *TEXT_FIELDS)):
        return True
    return not is_same_custom(contact.custom_field, draft.custom_field)
