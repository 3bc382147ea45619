"""All lists of a local book come to a server, each with its members in the order in which they joined."""

from collections.abc import Mapping
from typing import Any

from dialbook.client.results import ContactList
from dialbook.mirror.book import Book
from dialbook.mirror.incoming import by_number
from dialbook.mirror.order import align
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_lists import read_lists
from dialbook.mirror.pull_members import read_members
from dialbook.mirror.report import Refusal
from dialbook.mirror.server import Server
from dialbook.model.errors import Duplicate, NotFound
from dialbook.model.lists import ContactList as BookList


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
        self.refused: list[Refusal] = []

    async def run(self) -> None:
        """Make the lists and their members equal. What a dynamic list keeps of its members has no way to a server."""
        here = await self._book.lists()
        there = {str(found.name): found for found in await read_lists(self._client)}
        for name in there.keys() - here.keys():
            await self._client.delete_list(there[name].sid)
            self._progress.changes["lists removed"] += 1
        for done, wanted in enumerate(here.values()):
            self._progress.watch("lists", done, len(here))
            sid = await self._put(wanted, there.get(wanted.name))
            await self._settle(sid, wanted)

    async def _put(self, wanted: BookList, found: ContactList | None) -> str:
        """The sid of the list on the server, which is made or changed where it has to be."""
        if found and found.type not in {None, wanted.type}:
            await self._client.delete_list(found.sid)
            found = None
        if found is None:
            new: Any = {"name": wanted.name, "tag": wanted.tag, "type": wanted.type}
            (made,) = (await self._client.create_lists([new])).raise_for_failures()
            return made.sid
        if (found.tag or None) != wanted.tag:
            await self._client.update_list(found.sid, tag=wanted.tag)
        return found.sid

    async def _settle(self, list_sid: str, wanted: BookList) -> None:
        met = await read_members(self._client, list_sid, self._progress)
        there = by_number(met, self._region)
        here = [member.number for member in await self._book.members(wanted.sid) if member.number in self._sids]
        leaving, joining = align(list(there), here)
        for number in leaving:
            await self._remove(list_sid, there[number].sid)
        outcomes = await self._client.add_members(list_sid, [self._sids[number] for number in joining])
        for place, refusal in outcomes.failures.items():
            if not isinstance(refusal, Duplicate):
                self.refused.append(Refusal(f"member {joining[place]} of {wanted.name}", refusal.description))
        self._progress.changes["members removed"] += len(leaving)
        self._progress.changes["members added"] += len(outcomes.values)

    async def _remove(self, list_sid: str, sid: str) -> None:
        try:
            await self._client.remove_member(list_sid, sid)
        except NotFound:
            return
