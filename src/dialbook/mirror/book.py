"""The local side: an account's book in a database. One method is one transaction, or one for each chunk."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Concatenate, ParamSpec, TypeVar

from msgspec import Struct

from dialbook.mirror import changes
from dialbook.mirror.changes import Put
from dialbook.model.account import Account
from dialbook.model.audit import Author, Head, Via
from dialbook.model.contact import Contact, ContactDraft
from dialbook.model.errors import NotFound
from dialbook.model.lists import ContactList, ListDraft
from dialbook.store import accounts, audit_log
from dialbook.store.accounts import AccountSummary
from dialbook.store.audit import recorded
from dialbook.store.database import Database, Tx
from dialbook.store.members import Joining

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

LEAVING = 500  # contacts in one transaction: each who goes takes several statements
JOINING = 5000


class Counts(Struct, frozen=True):
    """How much is in a book."""

    contacts: int
    lists: int


class Book:
    """One account's book.

    Args:
        db: the database.
        account: the account's sid.
        clock: tells the time that changes are made at.
    """

    def __init__(self, db: Database, account: str, clock: Callable[[], datetime]) -> None:
        self._db = db
        self.account = account
        self._clock = clock
        self.run: str | None = None  # the id that the audit log has of what is changed here

    async def open(self, region: str | None) -> Account:
        """The account; it is made, with a region, where there is none.

        Raises:
            NotFound: there is none, and no region is given to make it with.
            Invalid: the sid or the region is none.
        """
        try:
            return await self._db.scan(accounts.get_account, self.account)
        except NotFound:
            if region is None:
                raise
        return await self._write(accounts.create_account, self.account, region=region, now=self._clock())

    async def counts(self) -> Counts:
        """How much is in it now.

        Raises:
            NotFound: there is no such account.
        """
        summary = next(filter(self._is_mine, await self._db.scan(accounts.list_accounts)), None)
        if summary is None:
            raise NotFound(f"There is no account '{self.account}'.")
        return Counts(summary.contact_count or 0, summary.list_count or 0)

    async def checksum(self) -> str:
        """A digest of all contacts, lists and members."""
        return await self._scan(changes.checksum)

    async def head(self) -> Head:
        """Where its audit log ends now."""
        return await self._scan(audit_log.read_head)

    async def was_changed(self, since: Head, run: str) -> bool:
        """Whether anybody else than this run may have changed it since its audit log ended there."""
        return await self._scan(audit_log.was_changed, since, run)

    async def contacts(self) -> list[Contact]:
        """All contacts, by sid."""
        return await self._scan(changes.read_contacts)

    async def put_contacts(self, drafts: Sequence[ContactDraft]) -> Put:
        """Store contacts: those whose number is new are made, others get the fields of the draft."""
        return await self._change(changes.put_contacts, drafts, now=self._clock())

    async def keep_contacts(self, numbers: set[str]) -> int:
        """Delete all contacts but those with these numbers; return how many."""
        sids = [contact.sid for contact in await self.contacts() if contact.number not in numbers]
        for part in chunks(sids, LEAVING):
            await self._change(changes.delete_contacts, part, now=self._clock())
        return len(sids)

    async def lists(self) -> dict[str, ContactList]:
        """All lists, by name."""
        return {found.name: found for found in await self._scan(changes.read_lists)}

    async def put_list(self, draft: ListDraft, found: ContactList | None) -> ContactList:
        """Make a list what a draft says: a new one, or one that is found."""
        return await self._change(changes.put_list, draft, found, now=self._clock())

    async def delete_list(self, sid: str) -> None:
        """Delete a list; its contacts stay."""
        await self._change(changes.delete_list, sid, now=self._clock())

    async def members(self, list_sid: str) -> list[Contact]:
        """Who is in a list, in the order in which they joined."""
        return await self._scan(changes.read_members, list_sid)

    async def find(self, numbers: Sequence[str]) -> dict[str, Contact]:
        """The contacts that have these numbers, by number."""
        found: dict[str, Contact] = {}
        for part in chunks(numbers, JOINING):
            found |= await self._scan(changes.find_contacts, part)
        return found

    async def leave(self, list_sid: str, sids: Sequence[str]) -> None:
        """Take contacts out of a list."""
        for part in chunks(sids, LEAVING):
            await self._change(changes.leave, list_sid, part, now=self._clock())

    async def join(self, list_sid: str, joining: Sequence[Joining]) -> None:
        """Let contacts join a list, in this order; no limit holds, since they are in one elsewhere."""
        for part in chunks(joining, JOINING):
            await self._change(changes.join, list_sid, part, now=self._clock())

    async def set_variables(self, list_sid: str, members: Sequence[Joining]) -> None:
        """Change what a list keeps of some of its members."""
        for part in chunks(members, JOINING):
            await self._change(changes.set_variables, list_sid, part)

    def _is_mine(self, summary: AccountSummary) -> bool:
        return summary.account.sid == self.account

    async def _scan(self, fn: Callable[Concatenate[Tx, str, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._db.scan(fn, self.account, *args, **kwargs)

    async def _change(self, fn: Callable[Concatenate[Tx, str, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._write(fn, self.account, *args, **kwargs)

    async def _write(self, fn: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._db.write(recorded(fn, Author(Via.COMMAND, self._clock(), request=self.run)), *args, **kwargs)


def chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """The items, so many at a time."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
