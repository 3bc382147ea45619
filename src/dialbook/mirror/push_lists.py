"""All lists of a local book come to a server, each with its members in the order in which they joined."""

from collections.abc import Mapping
from typing import Any

from dialbook.client import Interrupted
from dialbook.client.results import ContactList, Written
from dialbook.mirror.book import Book
from dialbook.mirror.incoming import by_number, custom_text, is_same_custom
from dialbook.mirror.order import align, part
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_lists import by_name, read_drafts, read_lists
from dialbook.mirror.pull_members import read_members
from dialbook.mirror.server import Server
from dialbook.model.bulk import single
from dialbook.model.contact import Contact
from dialbook.model.errors import DialbookError, Duplicate, Forbidden, Invalid, Missing, NotFound
from dialbook.model.lists import ContactList as BookList
from dialbook.model.lists import ListType

# What a push leaves as it is.
OTHER_TYPE = "It is dynamic on the server, and what it keeps of its members would be lost. Delete it there first."
OTHER_ORDER = "Its order stays: who leaves to join again loses what a dynamic list keeps of him."
OTHER_VALUES = "What the list keeps of it differs, and has no way to the server."

REFUSALS = (Duplicate, Forbidden, Invalid, Missing, NotFound)  # of one list, which say nothing of the others


class ListPush:
    """The part of a run that deals with lists.

    Args:
        client: the server's account.
        book: the local one.
        region: in which national numbers are read.
        progress: who is told.
        sids: those of the server's contacts, by their numbers.
    """

    def __init__(self, client: Server, book: Book, region: str, progress: Progress, sids: Mapping[str, str]) -> None:
        self._client = client
        self._book = book
        self._region = region
        self._progress = progress
        self._sids = sids
        self.refused: dict[str, str] = {}  # why, by what it is
        self._here: Mapping[str, BookList] = {}
        self._there: Mapping[str, ContactList] = {}
        self.total = 0  # lists on the server

    @property
    def going(self) -> set[str]:
        """The names of those that the book does not have."""
        return self._there.keys() - self._here.keys()

    async def look(self) -> None:
        """Read both sides; a list that the book cannot have stays as it is on the server."""
        self._here = await self._book.lists()
        met = await read_lists(self._client, self._progress)
        self.total = met.total
        self._there = by_name(met.items, self._here)
        for found, draft in zip(met.items, read_drafts(met.items, self._here), strict=True):
            if isinstance(draft, DialbookError):
                self._refuse(f"list {found.sid}", f"It stays on the server: {draft.description}")

    async def run(self) -> None:
        """Make the lists and their members equal. What a dynamic list keeps of its members has no way to a server."""
        for name in self.going:
            await self._delete(self._there[name].sid)
        for done, wanted in enumerate(self._here.values()):
            self._progress.watch("lists", done, len(self._here))
            try:
                await self._settle(await self._put(wanted, self._there.get(wanted.name)), wanted)
            except DialbookError as trouble:
                refusal = trouble.__cause__ if isinstance(trouble, Interrupted) else trouble
                if not isinstance(refusal, REFUSALS):
                    raise
                self._refuse(f"list {wanted.name}", refusal.description)

    async def _delete(self, sid: str) -> None:
        try:
            await self._client.delete_list(sid)
        except NotFound:
            return
        self._progress.changes["lists removed"] += 1

    async def _put(self, wanted: BookList, found: ContactList | None) -> str:
        """The sid of the list on the server, which is made or changed where it has to be.

        Raises:
            DialbookError: it must not be, or the server refuses it.
        """
        if found and found.type not in {None, wanted.type}:
            if found.type == ListType.DYNAMIC and found.contact_count != 0:
                raise Duplicate(OTHER_TYPE)
            await self._delete(found.sid)
            found = None
        if found is None:
            new: Any = {"name": wanted.name, "tag": wanted.tag, "type": wanted.type}
            return single(await self._client.create_lists([new])).value.sid
        if (found.tag or None) != wanted.tag:
            await self._client.update_list(found.sid, tag=wanted.tag)
        return found.sid

    async def _settle(self, list_sid: str, wanted: BookList) -> None:
        met = (await read_members(self._client, list_sid, self._progress)).items
        there = by_number(met, self._region)
        here = {member.number: member for member in await self._book.members(wanted.sid) if member.number in self._sids}
        is_dynamic = wanted.type == ListType.DYNAMIC
        leaving, joining = (part if is_dynamic else align)(list(there), list(here))
        for number in leaving:
            await self._remove(list_sid, there[number].sid)
        outcomes = await self._client.add_members(list_sid, [self._sids[number] for number in joining])
        for place, refusal in outcomes.failures.items():
            if not isinstance(refusal, Duplicate):
                self._refuse(f"member {joining[place]} of {wanted.name}", refusal.description)
        self._progress.changes["members removed"] += len(leaving)
        self._progress.changes["members added"] += len(outcomes.values)
        if is_dynamic:
            stays = {number: member for number, member in there.items() if number in here}
            if [*stays, *joining] != list(here):
                self._refuse(f"order of {wanted.name}", OTHER_ORDER)
            await self._name_values(wanted, here, stays)

    async def _name_values(self, wanted: BookList, here: Mapping[str, Contact], there: Mapping[str, Written]) -> None:
        """Name the members of whom a dynamic list keeps something else here than on the server, which stays so."""
        joined = await self._book.find([number for number in here if number not in there])
        for number, member in here.items():
            if number in there:
                shown = custom_text(there[number])
            else:
                shown = joined[number].custom_field if number in joined else None
            if not is_same_custom(shown, member.custom_field):
                self._refuse(f"member {number} of {wanted.name}", OTHER_VALUES)

    async def _remove(self, list_sid: str, sid: str) -> None:
        try:
            await self._client.remove_member(list_sid, sid)
        except NotFound:
            return

    def _refuse(self, what: str, reason: str) -> None:
        self.refused.setdefault(what, reason)  # who cannot join keeps nothing there that may differ
