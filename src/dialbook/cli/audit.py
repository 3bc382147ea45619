"""`dialbook audit`: who changed what, and whether the log of it is whole."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict

from dialbook.cli.database import opened, scan
from dialbook.cli.output import database_options, json_option, many, show, show_table
from dialbook.cli.remote import limit_options
from dialbook.model.audit import NOBODY, Entry, Head, read_runs
from dialbook.model.moment import utc_text
from dialbook.store.accounts import get_account
from dialbook.store.audit_log import (
    FIRST,
    LAST,
    Verified,
    Wanted,
    find_entries,
    has_log,
    list_actions,
    list_logs,
    verify_chain,
)
from dialbook.store.database import Database

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])
COLUMNS = ("NUMBER", "MOMENT", "VIA", "KEY", "ACTION", "DONE", "FAILED", "REFUSED", "REQUEST", "TOUCHED")


@click.group()
def audit() -> None:
    """Show and check the audit log: each change, each export of a whole list, and who was refused.

    It names contacts, lists and uploads by their sids, and keys by their ids; it holds no numbers and no names.
    """


@audit.command("query")
@click.argument("account_sid")
@click.option("--key", metavar="KEY", help="Only what was done with this API key.")
@click.option("--action", metavar="NAME", help="Only this, as create_contacts.")
@click.option("--sid", metavar="SID", help="Only what touched this contact, list, upload or key.")
@click.option("--since", type=MOMENT, metavar="WHEN", help="From a date in UTC (2027-01-31) or a time on.")
@click.option("--until", type=MOMENT, metavar="WHEN", help="Before a date in UTC or a time (2027-01-31T12:00:00Z).")
@limit_options
@database_options
@json_option
def query(
    account_sid: str,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    database: str | None,
    config: Path | None,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Show the entries of an account's log, newest first.

    An account that was deleted still has its log. That of - has who was refused for no account that there is. As JSON
    each entry has all the sids that it touched.

    \b
    Example:
      dialbook audit query acme --action delete_list --since 2027-01-31
    """
    wanted = Wanted(**conditions, since=_text(since) or FIRST, until=_text(until) or LAST)
    with opened(database, config) as db:
        _refuse_unknown(db, account_sid)
        found = scan(db, find_entries, account_sid, wanted, limit)
        if conditions["action"] and not found:
            known = ", ".join(scan(db, list_actions, account_sid))
            click.echo(f"No such entry. Actions that are in this log: {known or 'none'}.", err=True)
    if as_json:
        show([asdict(entry) | {"touched": list(read_runs(entry.touched))} for entry in found])
    else:
        show_table(COLUMNS, [_cells(entry) for entry in found])


@audit.command("verify")
@click.argument("account_sid", required=False)
@click.option("--head", metavar="NUMBER:HASH", help="A place that an earlier run printed: it has to be there.")
@database_options
@json_option
def verify(account_sid: str | None, head: str | None, database: str | None, config: Path | None, as_json: bool) -> None:
    """Go along the logs of all accounts, or of one, and see that each is as it was written.

    Ends with exit status 1 where one is not, and names the first place at which it is not. Who can write to the
    database can also write a whole new log: print the head now and then, keep it elsewhere, and give it with --head.
    One whose entry was pruned since proves nothing, and is refused.

    \b
    Example:
      dialbook audit verify acme
    """
    if head is not None and not account_sid:
        raise click.UsageError("Give the account whose --head it is.")
    kept = None if head is None else _read_head(head)
    with opened(database, config) as db:
        if account_sid:
            _refuse_unknown(db, account_sid)
        accounts = [account_sid] if account_sid else scan(db, list_logs)
        found = [scan(db, verify_chain, account, kept) for account in accounts]
    if as_json:
        show([asdict(each) | {"head": str(each.head)} for each in found])
    else:
        show_table(["ACCOUNT", "ENTRIES", "PRUNED", "HEAD", ""], [_verified_cells(each) for each in found])
    if any(each.broken for each in found):
        raise SystemExit(1)
    if kept and found[0].pruned > kept.number:
        raise click.ClickException(f"Entry {kept.number} was pruned: nothing is left to compare its hash with.")


def _refuse_unknown(db: Database, account: str) -> None:
    """A log is there of whoever did something; of whoever has none yet, the account has to be."""
    if account != NOBODY and not scan(db, has_log, account):
        scan(db, get_account, account)


def _cells(entry: Entry) -> list[object]:
    touched = list(read_runs(entry.touched))
    shown = " and ".join([*touched[:1], *([many(len(touched) - 1, "other")] if len(touched) > 1 else [])])
    return [
        entry.number,
        entry.moment,
        entry.via,
        entry.key,
        entry.action,
        entry.succeeded,
        entry.failed,
        entry.refusal,
        entry.request,
        shown,
    ]


def _verified_cells(found: Verified) -> list[object]:
    result = f"BROKEN: {found.broken}" if found.broken else "ok"
    return [found.account, found.entries, found.pruned, found.head, result]


def _text(moment: datetime | None) -> str | None:
    return utc_text(moment.replace(tzinfo=UTC)) if moment else None


def _read_head(text: str) -> Head:
    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise click.UsageError(f"--head is {text!r}; give what 'dialbook audit verify' printed as HEAD.")
    return Head(int(found[1]), found[2])
