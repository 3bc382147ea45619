"""`push`: an account on a server becomes what a local book is."""

from msgspec import Struct

from dialbook.mirror.book import Book
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_lists import by_name, read_lists
from dialbook.mirror.push_contacts import ContactPush
from dialbook.mirror.push_lists import ListPush
from dialbook.mirror.report import Line, Refusal, Report, compare
from dialbook.mirror.server import Server


class Outlook(Struct, frozen=True):
    """What there is on a server, and how much of it a push would delete."""

    made: str  # when the local account was made
    contacts: int
    lists: int
    contacts_going: int
    lists_going: int

    @property
    def is_large(self) -> bool:
        """Whether more would be deleted than stays."""
        return self.contacts_going * 2 > self.contacts or self.lists_going * 2 > self.lists


class Push:
    """Makes an account on a server equal to a local book: contacts by number, lists by name, members in their order.

    The server itself tells what is done already, so that it may be killed at any moment, and made anew.

    Args:
        client: the server's account; what the book does not have is deleted there.
        book: the local one, which is only read.
        progress: who is told.
    """

    def __init__(self, client: Server, book: Book, progress: Progress) -> None:
        self._client = client
        self._book = book
        self._progress = progress

    async def look(self) -> Outlook:
        """Read both sides.

        Raises:
            NotFound: there is no such local account.
            DialbookError: as every call, and as every read of a database.
        """
        account = await self._book.open(None)
        self._contacts = ContactPush(self._client, self._book, account.region, self._progress)
        self._lists = ListPush(self._client, self._book, account.region, self._progress, self._contacts.sids)
        await self._contacts.look()
        await self._lists.look()
        return Outlook(
            made=account.created,
            contacts=self._contacts.total,
            lists=self._lists.total,
            contacts_going=len(self._contacts.going),
            lists_going=len(self._lists.going),
        )

    async def run(self) -> Report:
        """Change the server, which was looked at before; return what there is now on both sides.

        Raises:
            DialbookError: as every call, and as every read of a database.
        """
        await self._contacts.run()
        await self._lists.run()
        refused = [Refusal(*each) for part in (self._contacts, self._lists) for each in part.refused.items()]
        return Report(await self._count(), refused, dict(self._progress.changes))

    async def _count(self) -> list[Line]:
        counts, here = await self._book.counts(), await self._book.lists()
        met = await read_lists(self._client, self._progress)
        there = by_name(met.items, here)
        total = (await self._client.list_contacts(limit=1)).total
        members = [
            compare(f"members of {name}", there[name].contact_count if name in there else 0, found.contact_count)
            for name, found in here.items()
        ]
        return [compare("contacts", total, counts.contacts), compare("lists", met.total, counts.lists), *members]
