"""All contacts of a server come into a local book, and those go that the server has no more."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise
from operator import itemgetter

from msgspec import structs

from dialbook.client.results import Page, Written
from dialbook.mirror.book import Book
from dialbook.mirror.harvest import Harvest
from dialbook.mirror.progress import Progress
from dialbook.mirror.record import Began, Last, Mark, Met, Moved, Record, Swept
from dialbook.mirror.server import Server
from dialbook.mirror.sweep import ROUNDS, Read, sweep

CHUNK = 1000  # contacts stored at once; a kill costs reading as many again
WITNESSES = 1000  # contacts of which it is kept when they were changed
OLDEST_FIRST, NEWEST_FIRST = "date_created", "date_updated:desc"

LEAVING = "Contacts left the server each time that all were read: nobody was removed here."
BACK = "The server went back to an earlier state meanwhile, or who was changed last has left it."


class ContactPull:
    """The part of a run that deals with contacts.

    Args:
        client: the server's account.
        book: the local one.
        record: what is kept of this run, and of the one before.
        region: in which national numbers are read.
        progress: who is told.
    """

    def __init__(self, client: Server, book: Book, record: Record, region: str, progress: Progress) -> None:
        self._client = client
        self._book = book
        self._record = record
        self._region = region
        self._progress = progress
        self._harvest = Harvest(region, {})
        self._known_until: datetime | None = None  # whoever was made later is in no list that is taken for settled
        self._known: set[str] = set()  # of those who wait to be stored, the sids of whom such a list can have
        self._seen: dict[str, datetime] = {}  # when those were changed that were changed last, all down to some moment
        self.newest: datetime | None = None  # the newest change that was met on the server
        self.doubts: list[str] = []
        self.total: int | None = None

    @property
    def refused(self) -> dict[str, str]:
        """Contacts that could not be stored, by their sids, and why."""
        return self._harvest.refused

    @property
    def witnesses(self) -> Mapping[str, datetime]:
        """When those were changed that were changed last: by them the next run knows the server again."""
        return dict(sorted(self._seen.items(), key=itemgetter(1), reverse=True)[:WITNESSES])

    async def run(self, last: Last | None, settled: Mapping[str, Mark]) -> None:
        """Make the contacts equal.

        Args:
            last: what the run before has left, when the book is still so: then what changed since is enough, unless the
                total says that somebody has left.
            settled: the state in which each list is settled, by the run before, or by this one before it was killed.
        """
        began = self._record.began()
        before = last or began
        self._know(settled, before.newest if before else None)
        if not (last and last.newest) or began or not await self._has_only_grown(last, last.newest):
            await self._replace()

    async def finish(self, settled: Mapping[str, Mark]) -> None:
        """Read what changed since, so that what is counted is what is there at the end.

        Args:
            settled: the state in which each list is settled by now.
        """
        if self.newest:
            self._know(settled, self.newest)
            newest = {sid: moment for sid, moment in self._seen.items() if moment == self.newest}
            is_told = await self._catch_up(self.newest)
            self._harvest.refuse_shared()
            if is_told and not _has_all(self._seen, newest):
                self.doubts.append(BACK)

    async def _has_only_grown(self, last: Last, since: datetime) -> bool:
        self._harvest = Harvest(self._region, last.refused)
        is_told = await self._catch_up(since)
        if not _goes_on(self._seen, last.witnesses, since):
            self._record.add(Moved())
            return False
        counts = await self._book.counts()
        return is_told and self.total == counts.contacts + len(self.refused)

    async def _replace(self) -> None:
        """Read all contacts, then delete the others; nobody is deleted while it is not known who is there."""
        for _ in range(ROUNDS):
            if await self._read_all() and self.total == len(self._harvest):
                self._harvest.refuse_shared()
                gone = await self._book.keep_contacts(self._harvest.numbers)
                self._progress.changes["contacts removed"] += gone
                return
            # Somebody who was met has left since.
            self._record.begin(await self._newest_change())
        self.doubts.append(LEAVING)

    async def _read_all(self) -> bool:
        """Go through all contacts, from where a run that was killed has left off, and then what changed meanwhile.

        Returns:
            Whether the server still has the newest changes that were met, where it tells.
        """
        self._harvest = Harvest(self._region, {})
        began = self._record.began() or self._record.begin(await self._newest_change())
        steps = self._record.steps()
        met = [step for step in steps if isinstance(step, Met)]
        for step in met:
            self._harvest.restore(step)
        if began.newest is None or not any(isinstance(step, Swept) for step in steps):
            await self._sweep(met[-1].behind if met else 0, began.newest)
        if began.newest is None:
            return True
        is_told = await self._catch_up(began.newest)
        return not is_told or _has_all(self._seen, self._changes_met(began.newest, began.sid))

    def _changes_met(self, newest: datetime, sid: str | None) -> dict[str, datetime]:
        """The newest change of when the pass began, and those that it has met since, by the sids of their contacts."""
        changes = {sid: newest} if sid else {}
        for step in self._record.steps():
            if isinstance(step, Met):
                changes |= step.late
        return changes

    async def _sweep(self, offset: int, began: datetime | None) -> None:
        late: dict[str, datetime] = {}
        async with aclosing(sweep(self._pages(OLDEST_FIRST), self._harvest, offset)) as parts:
            async for part in parts:
                self.total = part.total
                self._meet(part.items)
                late |= {sid: moment for sid, moment in _moments(part.items).items() if began and moment >= began}
                self._progress.watch("contacts", len(self._harvest), part.total)
                if self._harvest.waiting >= CHUNK:
                    self._record.add(structs.replace(await self._store(part.behind), late=late))
                    late = {}
                offset = part.behind
        self._record.add(structs.replace(await self._store(offset), late=late))
        self._record.add(Swept())

    async def _catch_up(self, since: datetime) -> bool:
        """Read what changed since then; return whether the server has told it, newest first, as it was asked to."""
        met: set[str] = set()
        moments: list[datetime | None] = []
        self._seen = {}
        async with aclosing(sweep(self._pages(NEWEST_FIRST), met)) as parts:
            async for part in parts:
                self.total = part.total
                fresh = [contact for contact in part.items if (contact.date_updated or since) >= since]
                self._meet([contact for contact in fresh if contact.sid not in met])
                moments += [contact.date_updated for contact in part.items if contact.sid not in met]
                met.update(contact.sid for contact in part.items)
                self._seen |= _moments(part.items)
                self._progress.watch("changed contacts", len(met), None)
                if len(fresh) < len(part.items):
                    break
        await self._store(0)
        self.newest = max(filter(None, moments), default=self.newest)
        return _is_descending(moments)

    def _know(self, settled: Mapping[str, Mark], newest: datetime | None) -> None:
        """Take those for known who can be in these lists: made by the newest change that was met before they were
        settled, or later, but by the date of a list, which moved when they joined.
        """
        dates = [newest, *(mark.updated for mark in settled.values())]
        self._known_until = max(filter(None, dates), default=None) if settled else None

    def _meet(self, contacts: Sequence[Written]) -> None:
        self._harvest.meet(contacts)
        if until := self._known_until:
            self._known |= {each.sid for each in contacts if (each.date_created or until) <= until}

    async def _store(self, behind: int) -> Met:
        """Store who was met; return what is to be noted of it: what is noted is done, whatever happens."""
        drafts, met = self._harvest.take(behind)
        await self._note_moves({number for sid, number in met.numbers.items() if sid in self._known})
        put = await self._book.put_contacts(drafts)
        self._progress.changes["contacts made"] += put.made
        self._progress.changes["contacts changed"] += put.changed
        return met

    async def _note_moves(self, numbers: set[str]) -> None:
        """Note, before they are stored, that some are new here of the numbers of those whom a settled list can have."""
        self._known.clear()
        if len(await self._book.find(list(numbers))) < len(numbers):
            self._record.add(Moved())

    async def _newest_change(self) -> Began:
        page = await self._client.list_contacts(limit=1, sort_by=NEWEST_FIRST)
        newest = page.items[0] if page.items else None
        self.newest = newest.date_updated if newest else None
        return Began(self.newest, newest.sid if newest else None)

    def _pages(self, order: str) -> Read[Written]:
        async def read(offset: int, limit: int) -> Page[Written]:
            return await self._client.contacts(offset, limit, sort_by=order)

        return read


def _moments(contacts: Sequence[Written]) -> dict[str, datetime]:
    """When each was changed, where the server says so, by sid."""
    return {each.sid: each.date_updated for each in contacts if each.date_updated}


def _has_all(now: Mapping[str, datetime], then: Mapping[str, datetime]) -> bool:
    """Whether all are still there, with the same change or a later one."""
    return all(sid in now and now[sid] >= moment for sid, moment in then.items())


def _goes_on(now: Mapping[str, datetime], then: Mapping[str, datetime], since: datetime) -> bool:
    """Whether the server is the one that the last run left, as it was then but for what came since.

    A backup that was brought back is not: it has lost what changed last, and new changes hide that. So somebody has to
    stand as he stood, and all who were changed after him have to stand so, too, or among those that are new.

    Args:
        now: when those were changed that were changed last, by sid.
        then: the same, at the end of the last run.
        since: the newest change that the last run has met; what is as new has been read by now.
    """
    same = [moment for sid, moment in then.items() if now.get(sid) == moment]
    if not same:
        return False
    is_read = {sid for sid, moment in now.items() if moment >= since or moment == then.get(sid)}
    return all(sid in is_read for sid, moment in then.items() if moment >= max(same))


def _is_descending(moments: Sequence[datetime | None]) -> bool:
    return None not in moments and all(first >= second for first, second in pairwise(moments) if first and second)
