"""All lists of a server come into a local book, each with its members in the order in which they joined."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from dialbook.client.results import ContactList, Page, Written
from dialbook.mirror.book import Book
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_members import MemberPull, read_members
from dialbook.mirror.record import Mark, Record, Settled
from dialbook.mirror.report import Refusal
from dialbook.mirror.server import Server
from dialbook.mirror.sweep import Found, read_all
from dialbook.model.bulk import Outcome, attempt
from dialbook.model.errors import DialbookError, Duplicate, NotFound
from dialbook.model.lists import ContactList as BookList
from dialbook.model.lists import ListDraft, ListType, list_name, list_type
from dialbook.model.text import optional_text

UNSETTLED = "Lists came or left each time that all were read: none was removed here."


class ListPull:
    """The part of a run that deals with lists.

    Args:
        client: the server's account.
        book: the local one.
        record: what is kept of this run.
        region: in which national numbers are read.
        progress: who is told.
    """

    def __init__(self, client: Server, book: Book, record: Record, region: str, progress: Progress) -> None:
        self._client = client
        self._book = book
        self._record = record
        self._progress = progress
        self._members = MemberPull(client, book, region, progress)
        self.marks: dict[str, Mark] = {}  # of all lists that are settled, by their sids on the server
        self.names: dict[str, str] = {}  # of the same lists
        self.counts: dict[str, int | None] = {}  # of their members on the server, as it was told last
        self.refused: list[Refusal] = []
        self.doubts: list[str] = []
        self.total = 0  # lists on the server
        self._latest: datetime | None = None  # change on the server that is known

    async def run(self, known: Mapping[str, Mark], newest: datetime | None) -> None:
        """Make the lists and their members equal.

        Args:
            known: in which state of a list on the server its members were settled before, by sid; whose state is the
                same now is not read again.
            newest: the newest change of a contact that is known.
        """
        there = await read_lists(self._client, self._progress)
        found, self.total = there.items, there.total
        self._latest = max(filter(None, [newest, *(each.date_updated for each in found)]), default=None)
        here = await self._book.lists()
        drafts = read_drafts(found, here)
        if there.is_whole:
            await self._keep({draft.name for draft in drafts if isinstance(draft, ListDraft)}, here)
        else:
            self.doubts.append(UNSETTLED)
        for done, (each, draft) in enumerate(zip(found, drafts, strict=True)):
            self._progress.watch("lists", done, len(found))
            if isinstance(draft, DialbookError):
                self.refused.append(Refusal(f"list {each.sid}", draft.description))
            else:
                made = await self._book.put_list(draft, here.get(draft.name))
                await self._follow(each, made, known.get(each.sid))

    async def _follow(self, found: ContactList, here: BookList, known: Mark | None) -> None:
        """Make the members equal, if they may differ; a list that has left the server since leaves the book."""
        if known and _is_settled(known, found, here):
            mark, count = known, known.count
        elif (met := await self._read_members(found.sid)) is not None:
            mark = await self._settle(found, here, met.items)
            count = mark.count if met.told is None else met.told
        else:
            await self._delete(here.sid)
            self.total -= 1
            return
        self.names[found.sid] = here.name
        self.marks[found.sid] = mark
        self.counts[found.sid] = count

    async def _read_members(self, list_sid: str) -> Found[Written] | None:
        """Who is in a list on the server; None when it is there no more."""
        try:
            return await read_members(self._client, list_sid, self._progress)
        except NotFound as refusal:
            _check_said(refusal)
            found = await self._look_again(list_sid)
            if found and found.contact_count != 0:
                raise
        return Found([], 0) if found else None

    async def _look_again(self, list_sid: str) -> ContactList | None:
        try:
            return await self._client.get_list(list_sid)
        except NotFound as refusal:
            _check_said(refusal)
            return None

    async def _settle(self, found: ContactList, here: BookList, met: Sequence[Written]) -> Mark:
        """Make the members equal to those that were met; return the state in which they are."""
        refused = await self._members.run(met, here)
        # In the second of the latest change there may be another one to come, which moves no date.
        updated = None if found.date_updated == self._latest else found.date_updated
        mark = Mark(updated, len(met) if found.contact_count is None else found.contact_count, refused)
        self._record.add(Settled(found.sid, mark))
        return mark

    async def _keep(self, names: set[str], here: Mapping[str, BookList]) -> None:
        """Delete all lists but those with these names."""
        for name in here.keys() - names:
            await self._delete(here[name].sid)

    async def _delete(self, sid: str) -> None:
        await self._book.delete_list(sid)
        self._progress.changes["lists removed"] += 1


async def read_lists(client: Server, progress: Progress) -> Found[ContactList]:
    """All lists of a server."""

    async def read(offset: int, limit: int) -> Page[ContactList]:
        return await client.list_lists(offset=offset, limit=limit)

    return await read_all(read, partial(progress.watch, "lists there"))


def read_drafts(lists: Sequence[ContactList], here: Mapping[str, BookList]) -> list[Outcome[ListDraft]]:
    """Lists of another server as what can be stored here, or why not.

    Args:
        lists: those of the server.
        here: the local ones, by name: a list whose type the server does not tell has that of the local one.
    """
    taken: set[str] = set()

    def read(found: ContactList) -> ListDraft:
        name = list_name(found.name)
        told = found.type or (here[name].type if name in here else None)
        draft = ListDraft(name, optional_text("tag", found.tag), list_type(told))
        if name in taken:
            raise Duplicate(f"Another list is named '{name}', too.")
        taken.add(name)
        return draft

    return attempt(read, lists)


def by_name(lists: Sequence[ContactList], here: Mapping[str, BookList]) -> dict[str, ContactList]:
    """Those that can be stored, by the names that they have here."""
    drafts = zip(lists, read_drafts(lists, here), strict=True)
    return {draft.name: found for found, draft in drafts if isinstance(draft, ListDraft)}


def _check_said(refusal: NotFound) -> None:
    """Raise a refusal that is a 404 of somebody before the server, as a proxy, who knows nothing of lists."""
    if refusal.code != NotFound.code:
        raise refusal


def _is_settled(known: Mark, found: ContactList, here: BookList) -> bool:
    # What a dynamic list keeps of its members changes without a trace in its date.
    return (
        here.type == ListType.STATIC
        and known.updated is not None
        and (known.updated, known.count) == (found.date_updated, found.contact_count)
        and here.contact_count + known.refused == known.count
    )
