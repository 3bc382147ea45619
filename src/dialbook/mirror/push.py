"""`push`: an account on a server becomes what a local book is."""

from dialbook.mirror.book import Book
from dialbook.mirror.progress import Progress
from dialbook.mirror.pull_lists import read_lists
from dialbook.mirror.push_contacts import ContactPush
from dialbook.mirror.push_lists import ListPush
from dialbook.mirror.report import Line, Report, compare
from dialbook.mirror.server import Server


async def push(client: Server, book: Book, progress: Progress) -> Report:
    """Make an account on a server equal to a local book: contacts by number, lists by name, members in their order.

    The server itself tells what is done already, so that it may be killed at any moment, and called again.

    Args:
        client: the server's account; what the book does not have is deleted there.
        book: the local one, which is only read.
        progress: who is told.

    Returns:
        What there is now on both sides.

    Raises:
        NotFound: there is no such local account.
        DialbookError: as every call, and as every read of a database.
    """
    account = await book.open(None)
    contacts = ContactPush(client, book, account.region, progress)
    await contacts.run()
    lists = ListPush(client, book, account.region, progress, contacts.sids)
    await lists.run()
    return Report(await _count(client, book), contacts.refused + lists.refused, dict(progress.changes))


async def _count(client: Server, book: Book) -> list[Line]:
    counts, here = await book.counts(), await book.lists()
    there = {found.name: found for found in await read_lists(client)}
    total = (await client.list_contacts(limit=1)).total
    members = [
        compare(f"members of {name}", there[name].contact_count if name in there else 0, found.contact_count)
        for name, found in here.items()
    ]
    return [compare("contacts", total, counts.contacts), compare("lists", len(there), counts.lists), *members]
