"""`dialbook migrate` and `dialbook doctor`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from dialbook.cli.database import opened, scan
from dialbook.cli.output import database_options, json_option, show, show_table
from dialbook.settings import load_settings
from dialbook.store.accounts import list_accounts
from dialbook.store.audit_log import list_chains, verify_chain
from dialbook.store.database import Check, Database
from dialbook.store.doctor import recount
from dialbook.store.engines import migrate_database
from dialbook.store.seals import count_other_seals


@click.command()
@database_options
@json_option
def migrate(database: str | None, config: Path | None, as_json: bool) -> None:
    """Bring the database's schema up to date.

    A SQLite file is brought up to date whenever it is opened, and this command only says so. On PostgreSQL nothing else
    does it: a schema of another version is refused.
    """
    migrate_database(load_settings({"database": database}, config=config).database)
    with opened(database, config) as db:
        (schema,) = (check for check in db.check() if check.name == "schema")
    if as_json:
        show({"schema": schema.found, "ok": schema.ok})
    else:
        click.echo(f"The schema is up to date: {schema.found}.")


@click.command()
@database_options
@json_option
def doctor(database: str | None, config: Path | None, as_json: bool) -> None:
    """Check the database: its settings, its soundness, that every counter is right, and the audit log whole.

    Reads everything once, so it takes its time on a large book. Ends with exit status 1 when something is wrong.
    """
    secret = load_settings({}, config=config).token_secret
    with opened(database, config) as db:
        checks = [*db.check(), _seals(db, secret), *_recounts(db), *_chains(db)]
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


def _recounts(db: Database) -> list[Check]:
    accounts = [summary.account.sid for summary in scan(db, list_accounts)]
    return [check for account in accounts for check in scan(db, recount, account)]


def _chains(db: Database) -> list[Check]:
    found = [scan(db, verify_chain, account) for account in scan(db, list_chains)]
    return [
        Check(f"{each.account}: audit log", each.broken is None, each.broken or f"{each.entries} entries")
        for each in found
    ]
