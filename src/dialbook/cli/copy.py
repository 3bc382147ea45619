"""`dialbook copy`: a book moves from one database to another."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import click
from msgspec import Struct
from rich.progress import Progress

from dialbook.cli.database import scan, write
from dialbook.cli.output import json_option, many, show, show_table
from dialbook.cli.progress import new_progress
from dialbook.model.errors import Invalid
from dialbook.settings import load_settings
from dialbook.store import copy as store
from dialbook.store.copy import Table
from dialbook.store.database import Database, Tx
from dialbook.store.engines import open_database
from dialbook.store.spool import Spool, open_spool

REMEDY = "give an empty one. Nothing was written."


class Copied(Struct, frozen=True):
    """What became of one table of one account."""

    account: str
    table: str
    rows: int
    equal: bool


@click.command()
@click.option("--from", "source", metavar="URL", required=True, help="The database that has the book.")
@click.option(
    "--to", "target", metavar="URL", required=True, help="The database that gets it, empty or copied in part."
)
@json_option
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy all accounts, with their keys, contacts and lists, to another database.

    The book is copied as it is when the command begins; what is changed later is not. Stop its server first, if
    nothing may be missed, and before that let its uploads come to their end: their files are not copied, and where some
    are under way it is said which folder has to move. The target is empty, or holds what an interrupted copy of the
    same book left: run again, the command goes on from there; a target that holds anything else is refused before
    anything is written. At the end all rows are counted and compared by checksum; exit status 1 means that they differ.

    \b
    Example:
      dialbook copy --from sqlite:///dialbook.db --to sqlite:///copy.db
    """
    if source == target:
        raise Invalid("A database cannot be copied to itself.")
    folder = load_settings({}).upload_folder
    with (
        closing(open_database(source, create=False, unhurried=True)) as from_,
        closing(open_database(target, unhurried=True)) as to,
        new_progress() as bar,
    ):
        there = scan(to, store.list_parts)
        # One read transaction for everything: the source is seen as it is now, whoever changes it meanwhile.
        copied = scan(from_, _copy_book, to, there, bar)
    if as_json:
        show(copied)
    else:
        show_table(
            ["ACCOUNT", "TABLE", "ROWS", ""],
            [[each.account, each.table, each.rows, "equal" if each.equal else "DIFFERENT"] for each in copied],
        )
    if waiting := sum(each.rows for each in copied if each.table == "upload_queue"):
        _say_where_files_are(waiting, open_spool(folder, source), open_spool(folder, target))
    if not all(each.equal for each in copied):
        raise click.ClickException("The copy differs from its source: begin anew, with an empty target.")


def _copy_book(tx: Tx, to: Database, there: Sequence[tuple[str, Table]], bar: Progress) -> list[Copied]:
    # To ask for these takes two statements. Before the second the source's event loop may still be the one that runs,
    # where the target could not be waited for.
    parts = store.list_parts(tx)
    if others := {account for account, _ in {*there} - {*parts}}:
        raise Invalid(f"The target has accounts that the source has not, as '{min(others)}': {REMEDY}")
    total = sum(store.count_rows(tx, table, account) for account, table in parts)
    for account, table in parts:
        _refuse_another(tx, to, table, account)
    task = bar.add_task("copying", total=total)
    for account, table in parts:
        _copy_table(tx, to, table, account, partial(bar.advance, task))
    task = bar.add_task("comparing", total=total)
    return [_compare(tx, to, table, account, partial(bar.advance, task)) for account, table in parts]


def _refuse_another(tx: Tx, to: Database, table: Table, account: str) -> None:
    """Refuse a target whose rows are not the first of the source's, which no interrupted copy has left."""
    count = scan(to, store.count_rows, table, account)
    if store.checksum(tx, table, account, count) != scan(to, store.checksum, table, account, count):
        raise Invalid(f"The target's {table.name} of account '{account}' are not the source's: {REMEDY}")


def _copy_table(tx: Tx, to: Database, table: Table, account: str, advance: Callable[[int], None]) -> None:
    advance(scan(to, store.count_rows, table, account))
    after = scan(to, store.last_key, table, account)
    while rows := store.read_rows(tx, table, account, after):
        write(to, store.write_rows, table, rows)
        advance(len(rows))
        after = table.key_of(rows[-1])


def _compare(tx: Tx, to: Database, table: Table, account: str, advance: Callable[[int], None]) -> Copied:
    count = store.count_rows(tx, table, account)
    same = count == scan(to, store.count_rows, table, account) and (
        store.checksum(tx, table, account) == scan(to, store.checksum, table, account)
    )
    advance(count)
    return Copied(account, table.name, count, same)


def _say_where_files_are(waiting: int, here: Spool, there: Spool) -> None:
    source, target = here.folder.absolute(), there.folder.absolute()
    first = (
        f"move {target} away, which is there from before, and then" if target.exists() else f"make {target.parent}, and"
    )
    click.echo(
        f"{many(waiting, 'upload')} under way, with files in {source}. While no server runs, {first} move that folder "
        f"to {target}, and a server of the copy goes on; or cancel there what is under way.",
        err=True,
    )
