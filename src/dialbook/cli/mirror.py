"""`dialbook pull` and `dialbook push`: an account on a server and a local book become equal."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import click
from rich.progress import Progress as Bars
from rich.progress import TaskID

from dialbook.cli.output import confirm, database_options, json_option, many, once, show, show_table
from dialbook.cli.progress import new_progress
from dialbook.cli.remote import find_address
from dialbook.model.account import DEFAULT_REGION, check_account_sid, check_region
from dialbook.model.errors import Invalid, NotFound, Unavailable
from dialbook.settings import load_settings
from dialbook.store.engines import open_database
from dialbook.store.place import database_place

if TYPE_CHECKING:
    from dialbook.mirror.book import Book
    from dialbook.mirror.push import Outlook
    from dialbook.mirror.record import Record
    from dialbook.mirror.report import Report
    from dialbook.mirror.server import Server

ATTEMPTS, LONGEST_PAUSE = 6, 120.0  # of a request among thousands, which is worth some waiting
LIMITED = 2.0  # after a 429 that does not say how long: all pauses together come to a minute
SHOWN = 20  # refusals

T = TypeVar("T")


@click.command()
@click.option(
    "--from",
    "source",
    metavar="PROFILE|URL",
    required=True,
    multiple=True,
    callback=once,
    help="The account to be copied.",
)
@click.option("--account", metavar="SID", help="The local account.  [default: that of the URL]")
@click.option(
    "--region", default=DEFAULT_REGION, show_default=True, help="Country of national numbers, for a new account."
)
@click.option("--full", is_flag=True, help="Read everything, whatever the last run has left.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def pull(
    source: str,
    account: str | None,
    region: str,
    full: bool,
    yes: bool,
    database: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Copy an account's contacts and lists from a server into a local book.

    The local account becomes what the one on the server is: contacts by number, lists by name, members in their order.
    What the server does not have is removed. Killed at any moment, it goes on when it is run again; a second run reads
    what changed, where the server tells. Exit status 1 when the two sides differ at the end, or may.

    \b
    Example:
      dialbook pull --from local --database sqlite:///mirror.db
    """
    from dialbook.mirror import pull as mirror  # noqa: PLC0415  # the other commands start without the client

    url = find_address(source)
    region = check_region(region.upper())
    with _mirrored(url, account, load_settings({"database": database}, config=config).database, way="pull") as sides:
        if sides.record.is_new and not yes and (question := sides.run(_about_the_book(sides.book))):
            confirm(question)
        work = mirror.pull(sides.client, sides.book, sides.record, sides.progress, region=region, full=full)
        report = sides.run(work)
    _show_report(report, as_json=as_json)


@click.command()
@click.option(
    "--to",
    "target",
    metavar="PROFILE|URL",
    required=True,
    multiple=True,
    callback=once,
    help="The account that gets it.",
)
@click.option("--account", metavar="SID", help="The local account.  [default: that of the URL]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def push(target: str, account: str | None, yes: bool, database: str | None, config: Path | None, as_json: bool) -> None:
    """Copy a local book's contacts and lists to an account on a server.

    The account on the server becomes what the local one is; what the local one does not have is deleted there. Only
    what differs is sent. Killed at any moment, it goes on when it is run again. Exit status 1 when the two sides differ
    at the end.

    \b
    Example:
      dialbook push --to local --account acme
    """
    from dialbook.mirror.push import Push  # noqa: PLC0415  # the other commands start without the client

    url = find_address(target)
    with _mirrored(url, account, load_settings({"database": database}, config=config).database, way="push") as sides:
        mirror = Push(sides.client, sides.book, sides.progress)
        outlook = sides.run(mirror.look())
        if not yes and (question := _about_the_server(outlook, sides)):
            confirm(question)
        sides.record.agree(outlook.made)
        report = sides.run(mirror.run())
    _show_report(report, as_json=as_json)


class _Sides:
    """An account on a server and one in a database.

    Args:
        client: the server's.
        book: the local one.
        record: what is kept of runs between the two.
        runner: runs calls: between two of them Ctrl-C ends a question, as in other commands.
    """

    def __init__(self, client: "Server", book: "Book", record: "Record", runner: asyncio.Runner) -> None:
        from dialbook.mirror.progress import Progress  # noqa: PLC0415  # as above

        self.client = client
        self.book = book
        self.record = record
        self.progress = Progress(lambda *_: None)
        self._runner = runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do a part of the work, with bars; there are none meanwhile, which would write over what is typed."""
        with new_progress() as bars:
            self.progress.watch = _watch(bars)
            return self._runner.run(work)


@contextmanager
def _mirrored(url: str, account: str | None, database: str, *, way: Literal["pull", "push"]) -> Iterator[_Sides]:
    """An account on a server and one in a database, which a pull may make; no other mirror of that is at work."""
    from dialbook.mirror.book import Book  # noqa: PLC0415  # as above
    from dialbook.mirror.record import Record, alone  # noqa: PLC0415

    with _connected(url) as (client, runner):  # first, since it refuses a URL without telling what is in it
        there = urlsplit(url)
        here = check_account_sid(unquote(there.path.rstrip("/").rpartition("/")[2]) if account is None else account)
        name = f"{database_place(database)} {here}"
        state, book = _state_folder(), _hash(name)
        folder = state / _hash(f"{way} {there.hostname} {there.port} {there.path} {name}")
        with alone(state, book), Record(folder, book) as record:
            if way == "push":
                _refuse_unfinished(state, book)
            elif record.is_new:
                _knock(client, runner)
            with closing(open_database(database, create=way == "pull", unhurried=True)) as db:
                yield _Sides(client, Book(db, here, lambda: datetime.now(UTC)), record, runner)


def _refuse_unfinished(state: Path, book: str) -> None:
    """Fail where a pull into the book has not come to its end: who has not arrived yet would be deleted elsewhere."""
    from dialbook.mirror.record import unfinished  # noqa: PLC0415  # as above

    folder = unfinished(state, book)
    if folder:
        raise Unavailable(
            f"A pull into this book has not come to its end, so that it may lack much: run that first. "
            f"If it is never to end, remove {folder}, which holds what it has noted."
        )


@contextmanager
def _connected(url: str) -> Iterator[tuple["Server", asyncio.Runner]]:
    """A client, and what runs its calls: between two of them Ctrl-C ends a question, as in other commands."""
    from dialbook.client import Retries  # noqa: PLC0415  # as above
    from dialbook.mirror.server import Server  # noqa: PLC0415

    try:
        client = Server(url, retries=Retries(ATTEMPTS, longest=LONGEST_PAUSE, limited=LIMITED))
    except ValueError as error:
        raise Invalid(str(error)) from None
    with asyncio.Runner() as runner:
        try:
            yield client, runner
        finally:
            runner.run(client.aclose())


def _knock(client: "Server", runner: asyncio.Runner) -> None:
    """Fail where a pull cannot begin, before there is a database that it would leave behind."""
    with new_progress():
        runner.run(client.list_contacts(limit=1))


def _state_folder() -> Path:
    """Where mirrors keep what they need for their next run, each in a folder (XDG base directories)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "dialbook"


def _hash(about: str) -> str:
    return sha256(about.encode()).hexdigest()[:32]


async def _about_the_book(book: "Book") -> str | None:
    """What to ask before contacts may leave the local book; None where there is nobody in it."""
    try:
        counts = await book.counts()
    except NotFound:
        return None
    if not counts.contacts and not counts.lists:
        return None
    held = f"Account {book.account} holds {_contents(counts.contacts, counts.lists)}."
    return f"{held} Remove what the server does not have?"


def _about_the_server(outlook: "Outlook", sides: _Sides) -> str | None:
    """What to ask before contacts may leave the server: the first time, and whenever more would leave than stay."""
    if not outlook.contacts and not outlook.lists:
        return None
    if sides.record.has_agreed(outlook.made) and not outlook.is_large:
        return None
    held = f"The server holds {_contents(outlook.contacts, outlook.lists)}."
    going = _contents(outlook.contacts_going, outlook.lists_going)
    return f"{held} Delete there what account {sides.book.account} does not have: {going}?"


def _contents(contacts: int, lists: int) -> str:
    return f"{many(contacts, 'contact')} and {many(lists, 'list')}"


def _watch(bars: Bars) -> Callable[[str, int, int | None], None]:
    """A bar for each thing that is gone through."""
    tasks: dict[str, TaskID] = {}

    def watch(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=None)
        bars.update(tasks[what], completed=done, total=total)

    return watch


def _show_report(report: "Report", *, as_json: bool) -> None:
    """Print what there is on both sides, and what was changed; end with 1 when they may differ."""
    if as_json:
        show(report)
    else:
        rows = [[line.what, line.there, line.here, "equal" if line.equal else "DIFFERENT"] for line in report.counts]
        show_table(["", "THERE", "HERE", ""], rows)
        done = ", ".join(f"{count} {what}" for what, count in report.changes.items() if count)
        click.echo(f"Changed: {done or 'nothing'}.")
        for refusal in report.refused[:SHOWN]:
            click.echo(f"Refused: {refusal.what}: {refusal.reason}", err=True)
        if len(report.refused) > SHOWN:
            click.echo(f"Refused: {len(report.refused) - SHOWN} more; --json has all of them.", err=True)
        for doubt in report.doubts:
            click.echo(f"Run it again: {doubt}", err=True)
    if not report.is_equal:
        raise SystemExit(1)
