"""`dialbook migrate` and `dialbook doctor`."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from dialbook.cli.database import opened, scan
from dialbook.cli.output import database_options, json_option, show, show_table, shown
from dialbook.model.errors import DialbookError
from dialbook.settings import load_settings
from dialbook.store.accounts import list_accounts
from dialbook.store.audit_log import list_logs, verify_chain
from dialbook.store.database import Check, Database
from dialbook.store.doctor import recount
from dialbook.store.engines import masked, migrate_database
from dialbook.store.seals import count_other_seals


@click.command()
@database_options
@json_option
def migrate(database: str | None, config: Path | None, as_json: bool) -> None:
    """Bring the database's schema up to date.

    A SQLite file is brought up to date whenever it is opened, and this command only says so. On PostgreSQL nothing else
    does it: a schema of another version is refused. Where there is no book, one is made, and that is said.
    """
    url = load_settings({"database": database}, config=config).database
    done = migrate_database(url)
    schema, place = f"{done.version} of {done.version}", masked(url)
    if as_json:
        show({"database": place, "schema": schema, "ok": True, "made": done.is_new})
        return
    click.echo(f"The schema of {shown(place)} is up to date: {schema}.")
    if done.is_new:
        click.echo("The book was made just now: there was none.")


@click.command()
@database_options
@json_option
def doctor(database: str | None, config: Path | None, as_json: bool) -> None:
    """Check the database: its settings, tables and soundness, that every counter is right, and the audit log whole.

    Reads everything once, so it takes its time on a large book. Ends with exit status 1 when something is wrong.
    """
    secret = load_settings({}, config=config).token_secret
    with opened(database, config) as db:
        checks = [
            *_tried("database", db.check),
            *_tried("token secret", lambda: [_seals(db, secret)]),
            *_tried("accounts", lambda: _recounts(db)),
            *_tried("audit log", lambda: _chains(db)),
        ]
    if as_json:
        show(checks)
    else:
        show_table(
            ["CHECK", "", "FOUND"], [[check.name, "ok" if check.ok else "WRONG", check.found] for check in checks]
        )
    if not all(check.ok for check in checks):
        raise SystemExit(1)


def _seals(db: Database, secret: str) -> Check:
    count = scan(db, count_other_seals, secret, now=datetime.now(UTC))
    return Check("token secret", not count, f"{count} live keys whose hash is sealed with another, or with none")


def _tried(name: str, look: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """What a look finds; that it cannot be finished is what it finds of a damaged file."""
    try:
        return look()
    except DialbookError as trouble:
        return [Check(name, False, trouble.description)]


def _recounts(db: Database) -> list[Check]:
    accounts = [summary.account.sid for summary in scan(db, list_accounts)]
    return [
        check for account in accounts for check in _tried(f"{account}: counters", partial(scan, db, recount, account))
    ]


def _chains(db: Database) -> list[Check]:
    accounts = scan(db, list_logs)
    return [check for each in accounts for check in _tried(f"{each}: audit log", partial(_chain, db, each))]


def _chain(db: Database, account: str) -> list[Check]:
    found = scan(db, verify_chain, account)
    return [Check(f"{account}: audit log", found.broken is None, found.broken or f"{found.entries} entries")]
