"""Who is in a list of a server comes to be in the local one, in the same order, with what the list keeps of each."""

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct

from dialbook.client.results import Page, Written
from dialbook.mirror.book import Book
from dialbook.mirror.incoming import by_number, custom_text, read_contacts
from dialbook.mirror.order import align
from dialbook.mirror.progress import Progress
from dialbook.mirror.server import Server
from dialbook.mirror.sweep import Found, read_all
from dialbook.model import contact as model
from dialbook.model.contact import ContactDraft
from dialbook.model.errors import NotFound
from dialbook.model.lists import ContactList, ListType
from dialbook.store.members import Joining


class Wanted(Struct, frozen=True, gc=False):
    """A member to be: who it is, what the list keeps of it, and which custom field it shows."""

    joining: Joining
    shown: str | None


class MemberPull:
    """The part of a run that deals with who is in a list.

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

    async def run(self, met: Sequence[Written], here: ContactList) -> int:
        """Make the members of a list equal.

        Args:
            met: who is in the list on the server, in order.
            here: the local one.

        Returns:
            How many of them cannot be stored.
        """
        there = by_number(met, self._region)
        known = await self._find(there)
        is_dynamic = here.type == ListType.DYNAMIC
        wanted = {
            number: _joining(known[number], custom_text(member) if is_dynamic else known[number].custom_field)
            for number, member in there.items()
            if number in known
        }
        await self._settle(here.sid, wanted)
        return len(met) - len(wanted)

    async def _find(self, there: Mapping[str, Written]) -> dict[str, model.Contact]:
        """The local contact of each member; whoever was made since the contacts were read is read now."""
        known = await self._book.find(list(there))
        for number in there.keys() - known.keys():
            await self._pull_contact(there[number].sid)
        return known if len(known) == len(there) else await self._book.find(list(there))

    async def _pull_contact(self, sid: str) -> None:
        try:
            found = await self._client.contact(sid)
        except NotFound:
            return
        drafts = [each for each in read_contacts([found], self._region) if isinstance(each, ContactDraft)]
        self._progress.changes["contacts made"] += (await self._book.put_contacts(drafts)).made

    async def _settle(self, list_sid: str, wanted: Mapping[str, Wanted]) -> None:
        here = {member.number: member for member in await self._book.members(list_sid)}
        leaving, joining = align(list(here), list(wanted))
        await self._book.leave(list_sid, [here[number].sid for number in leaving])
        await self._book.join(list_sid, [wanted[number].joining for number in joining])
        staying = here.keys() - set(leaving)
        differing = [number for number in staying if here[number].custom_field != wanted[number].shown]
        await self._book.set_variables(list_sid, [wanted[number].joining for number in differing])
        self._progress.changes["members removed"] += len(leaving)
        self._progress.changes["members added"] += len(joining)


async def read_members(client: Server, list_sid: str, progress: Progress) -> Found[Written]:
    """Who is in a list of a server, in order."""

    async def read(offset: int, limit: int) -> Page[Written]:
        return await client.members(list_sid, offset, limit)

    return await read_all(read, partial(progress.watch, "members"))


def _joining(contact: model.Contact, shown: str | None) -> Wanted:
    """A local contact as a member with this custom field: the list keeps it where it is not the contact's own."""
    return Wanted(Joining(contact.sid, None if shown == contact.custom_field else shown), shown)
