"""`dialbook pull` and `dialbook push`: an account on a server and a local book become equal."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import click
from rich.progress import Progress as Bars
from rich.progress import TaskID

from dialbook.cli.output import database_options, json_option, many, show, show_table
from dialbook.cli.progress import new_progress
from dialbook.cli.remote import find_address
from dialbook.model.account import DEFAULT_REGION
from dialbook.model.errors import Invalid, NotFound
from dialbook.settings import load_settings
from dialbook.store.database import Database
from dialbook.store.engines import SQLITE, masked, open_database

if TYPE_CHECKING:
    from dialbook.client import AsyncClient
    from dialbook.mirror.book import Book
    from dialbook.mirror.progress import Progress
    from dialbook.mirror.record import Record
    from dialbook.mirror.report import Report

ATTEMPTS, LONGEST_PAUSE = 6, 120.0  # of a request among thousands, which is worth some waiting
SHOWN = 20  # refusals

Work = Callable[["AsyncClient", "Book", "Record", "Progress"], Awaitable["Report"]]


@click.command()
@click.option("--from", "source", metavar="PROFILE|URL", required=True, help="The account to be copied.")
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
    what changed, where the server tells. Exit status 1 when the counts differ at the end.

    \b
    Example:
      dialbook pull --from local --database sqlite:///mirror.db
    """
    from dialbook.mirror import pull as mirror  # noqa: PLC0415  # the other commands start without the client

    url = find_address(source)

    async def work(client: "AsyncClient", book: "Book", record: "Record", progress: "Progress") -> "Report":
        if record.is_new and not yes:
            await _ask_to_replace_book(book)
        if full:
            record.forget()
        return await mirror.pull(client, book, record, progress, region=region.upper(), tells_joining=_tells(url))

    report = _run(work, url, account, load_settings({"database": database}, config=config).database, way="pull")
    _show_report(report, as_json=as_json)


@click.command()
@click.option("--to", "target", metavar="PROFILE|URL", required=True, help="The account that gets it.")
@click.option("--account", metavar="SID", help="The local account.  [default: that of the URL]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def push(target: str, account: str | None, yes: bool, database: str | None, config: Path | None, as_json: bool) -> None:
    """Copy a local book's contacts and lists to an account on a server.

    The account on the server becomes what the local one is; what the local one does not have is deleted there. Only
    what differs is sent. Killed at any moment, it goes on when it is run again. Exit status 1 when the counts differ at
    the end.

    \b
    Example:
      dialbook push --to local --account acme
    """
    from dialbook.mirror import push as mirror  # noqa: PLC0415  # the other commands start without the client

    url = find_address(target)

    async def work(client: "AsyncClient", book: "Book", record: "Record", progress: "Progress") -> "Report":
        if record.is_new and not yes:
            await _ask_to_replace_account(client, book)
        record.agree()
        return await mirror.push(client, book, progress)

    report = _run(work, url, account, load_settings({"database": database}, config=config).database, way="push")
    _show_report(report, as_json=as_json)


def _run(work: Work, url: str, account: str | None, database: str, *, way: Literal["pull", "push"]) -> "Report":
    """Do the work between an account on a server and one in a database, which a pull may make."""
    from dialbook.client import AsyncClient, Retries  # noqa: PLC0415  # as above
    from dialbook.mirror.book import Book  # noqa: PLC0415
    from dialbook.mirror.progress import Progress  # noqa: PLC0415
    from dialbook.mirror.record import Record  # noqa: PLC0415

    there = urlsplit(url)
    here = account or unquote(there.path.rstrip("/").rpartition("/")[2])
    folder = _state_folder(f"{way} {there.hostname} {there.port} {there.path} {_whole(database)} {here}")

    try:
        client = AsyncClient(url, retries=Retries(ATTEMPTS, longest=LONGEST_PAUSE))
    except ValueError as error:
        raise Invalid(str(error)) from None

    async def go(db: Database, record: Record, bars: Bars) -> "Report":
        async with client:
            book = Book(db, here, lambda: datetime.now(UTC))
            return await work(client, book, record, Progress(_watch(bars)))

    with (
        closing(open_database(database, create=way == "pull", unhurried=True)) as db,
        Record(folder) as record,
        new_progress() as bars,
    ):
        return asyncio.run(go(db, record, bars))


def _state_folder(about: str) -> Path:
    """Where a mirror between these two keeps what it needs for its next run (XDG base directories)."""
    folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "dialbook" / sha256(about.encode()).hexdigest()[:32]


def _whole(database: str) -> str:
    """A database's URL that names the same one in every folder, without a password."""
    path = database.removeprefix(SQLITE)
    return masked(database) if path == database else f"{SQLITE}{Path(path).resolve()}"


def _tells(url: str) -> bool:
    """Whether the server moves a list's date when contacts join and leave: of the public service it is not known."""
    from dialbook.client.address import HOSTS  # noqa: PLC0415  # as above

    return urlsplit(url).hostname not in HOSTS.values()


async def _ask_to_replace_book(book: "Book") -> None:
    try:
        counts = await book.counts()
    except NotFound:
        return
    if counts.contacts or counts.lists:
        question = f"Account {book.account} holds {many(counts.contacts, 'contact')} and {many(counts.lists, 'list')}."
        click.confirm(f"{question} Remove what the server does not have?", abort=True, err=True)


async def _ask_to_replace_account(client: "AsyncClient", book: "Book") -> None:
    await book.counts()  # where there is no book, there is nothing to ask
    contacts, lists = await client.list_contacts(limit=1), await client.list_lists(limit=1)
    if contacts.items or lists.items:
        question = f"The server holds {many(contacts.total, 'contact')} and {many(lists.total, 'list')}."
        click.confirm(f"{question} Delete there what account {book.account} does not have?", abort=True, err=True)


def _watch(bars: Bars) -> Callable[[str, int, int | None], None]:
    """A bar for each thing that is gone through."""
    tasks: dict[str, TaskID] = {}

    def watch(what: str, done: int, total: int | None) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=None)
        bars.update(tasks[what], completed=done, total=total)

    return watch


def _show_report(report: "Report", *, as_json: bool) -> None:
    """Print what there is on both sides, and what was changed; end with 1 when the counts differ."""
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
    if not report.is_equal:
        raise SystemExit(1)
