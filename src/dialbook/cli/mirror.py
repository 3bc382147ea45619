"""`dialbook pull` and `dialbook push`: an account on a server and a local book become equal."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

import click
from rich.progress import Progress as Bars
from rich.progress import TaskID

from dialbook.cli.output import database_options, json_option, many, once, show, show_table
from dialbook.cli.progress import new_progress
from dialbook.cli.remote import find_address
from dialbook.model.account import DEFAULT_REGION, check_account_sid, check_region
from dialbook.model.errors import Invalid, NotFound
from dialbook.settings import load_settings
from dialbook.store.engines import SQLITE, masked, open_database

if TYPE_CHECKING:
    from dialbook.mirror.book import Book
    from dialbook.mirror.progress import Progress
    from dialbook.mirror.record import Record
    from dialbook.mirror.report import Report
    from dialbook.mirror.server import Server

ATTEMPTS, LONGEST_PAUSE = 6, 120.0  # of a request among thousands, which is worth some waiting
SHOWN = 20  # refusals

Work = Callable[["Server", "Book", "Record", "Progress"], Coroutine[Any, Any, "Report"]]
Ask = Callable[["Server", "Book"], Coroutine[Any, Any, str | None]]


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
    what changed, where the server tells. Exit status 1 when the counts differ at the end.

    \b
    Example:
      dialbook pull --from local --database sqlite:///mirror.db
    """
    from dialbook.mirror import pull as mirror  # noqa: PLC0415  # the other commands start without the client

    url = find_address(source)
    region = check_region(region.upper())

    async def work(client: "Server", book: "Book", record: "Record", progress: "Progress") -> "Report":
        if full:
            record.forget()
        return await mirror.pull(client, book, record, progress, region=region, tells_joining=_tells(url))

    ask = None if yes else _about_the_book
    report = _run(work, ask, url, account, load_settings({"database": database}, config=config).database, way="pull")
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
    what differs is sent. Killed at any moment, it goes on when it is run again. Exit status 1 when the counts differ at
    the end.

    \b
    Example:
      dialbook push --to local --account acme
    """
    from dialbook.mirror import push as mirror  # noqa: PLC0415  # the other commands start without the client

    url = find_address(target)

    async def work(client: "Server", book: "Book", record: "Record", progress: "Progress") -> "Report":
        record.agree()
        return await mirror.push(client, book, progress)

    ask = None if yes else _about_the_server
    report = _run(work, ask, url, account, load_settings({"database": database}, config=config).database, way="push")
    _show_report(report, as_json=as_json)


def _run(
    work: Work, ask: Ask | None, url: str, account: str | None, database: str, *, way: Literal["pull", "push"]
) -> "Report":
    """Do the work between an account on a server and one in a database, which a pull may make."""
    from dialbook.mirror.book import Book  # noqa: PLC0415  # as above
    from dialbook.mirror.progress import Progress  # noqa: PLC0415
    from dialbook.mirror.record import Record  # noqa: PLC0415

    with _connected(url) as (client, runner):  # first, since it refuses a URL without telling what is in it
        there = urlsplit(url)
        here = account or unquote(there.path.rstrip("/").rpartition("/")[2])
        folder = _state_folder(f"{way} {there.hostname} {there.port} {there.path} {_whole(database)} {here}")
        with Record(folder) as record:
            if way == "pull" and record.is_new:
                _knock(client, runner, here)
            with closing(open_database(database, create=way == "pull", unhurried=True)) as db:
                book = Book(db, here, lambda: datetime.now(UTC))
                if ask and record.is_new:
                    _confirm(ask(client, book), runner)
                with new_progress() as bars:
                    return runner.run(work(client, book, record, Progress(_watch(bars))))


@contextmanager
def _connected(url: str) -> Iterator[tuple["Server", asyncio.Runner]]:
    """A client, and what runs its calls: between two of them Ctrl-C ends a question, as in other commands."""
    from dialbook.client import Retries  # noqa: PLC0415  # as above
    from dialbook.mirror.server import Server  # noqa: PLC0415

    try:
        client = Server(url, retries=Retries(ATTEMPTS, longest=LONGEST_PAUSE))
    except ValueError as error:
        raise Invalid(str(error)) from None
    with asyncio.Runner() as runner:
        try:
            yield client, runner
        finally:
            runner.run(client.aclose())


def _knock(client: "Server", runner: asyncio.Runner, here: str) -> None:
    """Fail where a pull cannot begin, before there is a database that it would leave behind."""
    check_account_sid(here)
    with new_progress():
        runner.run(client.list_contacts(limit=1))


def _confirm(finding: Coroutine[Any, Any, str | None], runner: asyncio.Runner) -> None:
    """Ask, where there is something to ask about; no bars meanwhile, which would write over what is typed."""
    with new_progress():
        question = runner.run(finding)
    if question:
        click.confirm(question, abort=True, err=True)


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


async def _about_the_book(_client: "Server", book: "Book") -> str | None:
    """What to ask before contacts may leave the local book; None where there is nobody in it."""
    try:
        counts = await book.counts()
    except NotFound:
        return None
    if not counts.contacts and not counts.lists:
        return None
    held = f"Account {book.account} holds {many(counts.contacts, 'contact')} and {many(counts.lists, 'list')}."
    return f"{held} Remove what the server does not have?"


async def _about_the_server(client: "Server", book: "Book") -> str | None:
    """What to ask before contacts may leave the server; None where there is nobody."""
    await book.counts()  # where there is no book, there is nothing to ask
    contacts, lists = await client.list_contacts(limit=1), await client.list_lists(limit=1)
    if not contacts.items and not lists.items:
        return None
    held = f"The server holds {many(contacts.total, 'contact')} and {many(lists.total, 'list')}."
    return f"{held} Delete there what account {book.account} does not have?"


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
