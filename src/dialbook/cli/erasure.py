"""`dialbook erase`: the person whom a number belongs to, removed."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

import click

from dialbook.cli.database import opened, scan, write
from dialbook.cli.output import confirm, database_options, json_option, many
from dialbook.cli.receipt import Receipt, completed, shown_at_once
from dialbook.cli.signals import ended_by_exceptions, put_off
from dialbook.cli.subject import choose, read_number, subject_options
from dialbook.model.audit import Author, Via
from dialbook.model.errors import DialbookError, Unavailable
from dialbook.model.moment import utc_text
from dialbook.settings import load_settings
from dialbook.store.database import Database
from dialbook.store.engines import not_wiped, wipe
from dialbook.store.erasure import REMEDY
from dialbook.store.erasure import erase as erase_subject
from dialbook.store.spool import Spool, open_spool
from dialbook.store.subject import find_subject
from dialbook.store.upload_queue import list_waiting

PATIENCE = 30.0  # seconds
PAUSE = 0.1  # seconds


@click.command()
@subject_options
@click.option("--no-rewrite", is_flag=True, help="Leave out writing a SQLite file anew, which takes the longest.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def erase(
    number: str,
    accounts: Sequence[str],
    everywhere: bool,
    no_rewrite: bool,
    yes: bool,
    database: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Remove the person whom NUMBER belongs to, for good: contact, memberships, rows of reports, answers that are kept.

    NUMBER is in E.164, or as it is dialled in the account's region; - reads it from standard input, where no list of
    processes and no shell keeps it. Nothing is removed from an account while one of its uploads is under way. Backups
    are not changed.

    On SQLite the file is written anew, so that no file of the book has a byte of it afterwards. Servers go on; changes
    wait meanwhile, and after five seconds are refused. To erase several, give --no-rewrite with all but the last.

    Lists whose name or tag has NUMBER are named and left. Fields of other contacts, and names of columns and of API
    keys, are not looked through. What was kept while the person had another number is found by that number alone: run
    the command again for each.

    What is printed is a receipt, before files are written anew, or with --json once the command ends, by Ctrl-C too.
    The audit log gets the same, with a proof in the place of the number: an HMAC with the secret that the receipt
    alone has. Exit status 1 when something could not be removed; what is done stays, and the command can be run again.

    \b
    Example:
      dialbook erase +919845012345 --account acme
    """
    given = read_number(number, everywhere=everywhere)
    settings, author = load_settings({"database": database}, config=config), Author(Via.COMMAND, datetime.now(UTC))
    spool = open_spool(settings.upload_folder, settings.database)
    receipt = _begin_receipt(settings.database, spool, author, rewrite=not no_rewrite)
    with ended_by_exceptions(), completed(receipt, as_json=as_json), opened(database, config) as db:
        wanted = choose(db, accounts, everywhere=everywhere)
        _refuse_in_vain(db, wanted, given)
        if not yes:
            confirm(f"Erase {given} from {_in_words(wanted)} for good?")
        with shown_at_once(receipt, as_json=as_json):
            _erase_each(db, wanted, given, author, receipt)
        if receipt.accounts:
            _clear_files(db, settings.database, spool, receipt, rewrite=not no_rewrite)


def _begin_receipt(url: str, spool: Spool, author: Author, *, rewrite: bool) -> Receipt:
    return Receipt(
        moment=utc_text(author.moment),
        secret=token_hex(32),
        upload_folder=str(spool.folder.absolute()),
        may_remain_in=not_wiped(url, rewritten=rewrite, done=False),
    )


def _refuse_in_vain(db: Database, accounts: Sequence[str], number: str) -> None:
    """Refuse what is no account or no number, and what no account would take, before anything is gone.

    Raises:
        NotFound: there is no such account.
        Invalid: it is no number.
        Unavailable: an upload is under way in each of the accounts.
    """
    unread = [scan(db, find_subject, account, number).unread for account in accounts]
    if unread and all(unread):
        raise Unavailable(" ".join(f"{each} {REMEDY}" for each in unread))


def _in_words(accounts: Sequence[str]) -> str:
    return f"account {accounts[0]}" if len(accounts) == 1 else many(len(accounts), "account")


def _erase_each(db: Database, accounts: Sequence[str], number: str, author: Author, receipt: Receipt) -> None:
    """Erase from each account that takes it; why another does not is a trouble."""
    for account in accounts:
        try:
            with put_off():  # what is asked for is done, whether or not somebody waits for it, and is to be told
                erased = write(db, erase_subject, account, number, author=author, secret=receipt.secret)
                receipt.accounts.append(erased)
        except DialbookError as trouble:
            receipt.troubles.append(f"Account {account}: {trouble.description}")


def _clear_files(db: Database, url: str, spool: Spool, receipt: Receipt, *, rewrite: bool) -> None:
    """Take what was erased out of the files of uploads and of the database; what cannot be done is a trouble."""
    receipt.troubles += _attempt(partial(_sweep, db, spool))
    click.echo(_searched(spool), err=True)
    unwiped = _attempt(partial(wipe, url, rewrite=rewrite))
    if not unwiped:
        click.echo("The database's files were cleared of what was removed.", err=True)
    receipt.troubles += unwiped
    receipt.may_remain_in = not_wiped(url, rewritten=rewrite, done=not unwiped)


def _sweep(db: Database, spool: Spool) -> None:
    """Remove the files of uploads that have ended, where nobody has done so yet.

    Raises:
        Unavailable: somebody goes on working on one, or one cannot be read.
    """
    end = time.monotonic() + PATIENCE
    unread: dict[str, OSError] = {}
    while spool.exists() and _sweep_once(db, spool, unread) - unread.keys():
        if time.monotonic() > end:
            raise Unavailable("A file is being uploaded, and the number may be in it: run the command again.")
        time.sleep(PAUSE)
    if unread:
        files = ", ".join(f"{sid} ({trouble.strerror})" for sid, trouble in unread.items())
        raise Unavailable(f"The number may be in files of uploads that are left, since they cannot be read: {files}.")


def _sweep_once(db: Database, spool: Spool, unread: dict[str, OSError]) -> set[str]:
    """The files that are left, of which no upload is known; those that cannot be read are added to `unread`."""
    idle = spool.lock_idle(scan(db, list_waiting), unread.__setitem__)
    waiting = scan(db, list_waiting)
    spool.sweep(idle, waiting)
    return set(spool.sids()) - waiting


def _attempt(step: Callable[[], None]) -> list[str]:
    """Why a step could not be done, if it could not."""
    try:
        step()
    except DialbookError as trouble:
        return [trouble.description]
    return []


def _searched(spool: Spool) -> str:
    """Where files of uploads were looked for; whether servers keep them there, only who reads it can tell."""
    folder = spool.folder.absolute()
    if spool.exists():
        return f"Files of uploads were looked for in {folder}."
    return (
        f"There is no {folder}, and so no file of an upload to look through. "
        "If servers have another upload_folder, run the command again with that."
    )
