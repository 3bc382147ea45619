"""`pull`: a local book becomes what an account on a server is."""

from collections.abc import Mapping
from functools import partial

from dialbook.mirror.book import Book
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_contacts import ContactPull
from dialbook.mirror.pull_lists import ListPull
from dialbook.mirror.record import Last, Mark, Moved, Opened, Record, Settled
from dialbook.mirror.report import Line, Refusal, Report, compare
from dialbook.mirror.server import Server
from dialbook.model.ids import new_request_id

CHANGED = "The book was changed by somebody else meanwhile."


async def pull(client: Server, book: Book, record: Record, progress: Progress, *, region: str, full: bool) -> Report:
    """Make a local book equal to an account on a server: contacts by number, lists by name, members in their order.

    It may be killed at any moment, and goes on from there when it is called again. It reads everything when the book
    was changed by somebody else meanwhile, or the server is not the one that was read before.

    Args:
        client: the server's account, which is only read.
        book: the local one.
        record: what is kept of the run before, and of this one.
        progress: who is told.
        region: in which an account that is made reads national numbers.
        full: whether to read everything, whatever runs have left.

    Returns:
        What there is now on both sides.

    Raises:
        DialbookError: as every call, and as every change of a database.
    """
    account = await book.open(region)
    opened = await _open(book, record, full=full)
    last = record.last() if opened.is_trusted else None
    settled = partial(_known_marks, last, record)
    contacts = ContactPull(client, book, record, account.region, progress)
    await contacts.run(last, settled())
    lists = ListPull(client, book, record, account.region, progress)
    await lists.run(settled() if client.tells_joining else {}, contacts.newest)
    await contacts.finish(settled())
    counts = await _count(book, contacts, lists)
    refused = [Refusal(f"contact {sid}", reason) for sid, reason in contacts.refused.items()] + lists.refused
    checksum = await book.checksum()
    # Asked for behind the checksum: of what that is of, nothing is passed over.
    changed = [CHANGED] if await book.was_changed(opened.head, opened.run) else []
    doubts = [*contacts.doubts, *lists.doubts, *changed]
    if not doubts and counts[0].there in {None, counts[0].here + len(contacts.refused)}:
        # Somebody's number may have moved after his lists were read.
        kept = settled()
        marks = {sid: mark for sid, mark in lists.marks.items() if sid in kept}
        record.finish(Last(contacts.newest, checksum, marks, contacts.refused, contacts.witnesses))
    else:
        record.forget()  # what was noted is not what is in the book
    return Report(counts, refused, dict(progress.changes), doubts)


async def _open(book: Book, record: Record, *, full: bool) -> Opened:
    """Go on with a run that was killed, if nobody else has changed the book since it began; else begin one."""
    opened = record.opened()
    if full or opened is None or await book.was_changed(opened.head, opened.run):
        # Read before the checksum: what comes between the two is found at the end.
        head, last = await book.head(), record.last()
        is_trusted = not full and last is not None and last.checksum == await book.checksum()
        opened = record.open(new_request_id(), head, is_trusted=is_trusted)
    book.run = opened.run
    return opened


def _known_marks(last: Last | None, record: Record) -> Mapping[str, Mark]:
    """The state in which each list is settled, by this run or the one before."""
    known = dict(last.lists) if last else {}
    for step in record.steps():
        if isinstance(step, Moved):
            known.clear()
        elif isinstance(step, Settled):
            known[step.sid] = step.mark
    return known


async def _count(book: Book, contacts: ContactPull, lists: ListPull) -> list[Line]:
    counts, here = await book.counts(), await book.lists()
    members = [
        compare(f"members of {name}", lists.counts[sid], here[name].contact_count if name in here else 0)
        for sid, name in lists.names.items()
    ]
    totals = [compare("contacts", contacts.total, counts.contacts), compare("lists", lists.total, counts.lists)]
    return [*totals, *members]
