"""`dialbook export-subject`: who is held, shown; and how a person is named, for `dialbook erase` too."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Raw
from msgspec.structs import asdict

from dialbook.cli.database import opened, scan, write
from dialbook.cli.output import database_options, show
from dialbook.model.audit import Author, Effect, Via
from dialbook.model.errors import Invalid
from dialbook.store.accounts import list_account_sids
from dialbook.store.audit import note
from dialbook.store.audit_log import Wanted, find_entries
from dialbook.store.database import Database, Tx
from dialbook.store.idempotency import Answered, find_answer
from dialbook.store.subject import Subject, find_subject
from dialbook.wire.contacts import write_contact
from dialbook.wire.envelope import items_of

AUDITED = ("number", "moment", "via", "key", "action", "request")

F = TypeVar("F", bound=Callable[..., Any])


def subject_options(command: F) -> F:
    """NUMBER, `--account` and `--all-accounts`."""
    everywhere = click.option("--all-accounts", "everywhere", is_flag=True, help="In all accounts.")
    account = click.option("--account", "accounts", multiple=True, metavar="SID", help="In this account; repeatable.")
    return click.argument("number")(account(everywhere(command)))


@click.command("export-subject")
@subject_options
@database_options
def export_subject(
    number: str, accounts: Sequence[str], everywhere: bool, database: str | None, config: Path | None
) -> None:
    """Print all that is held about the person whom NUMBER belongs to, as JSON.

    NUMBER is read, and looked for, as by erase. Of an answer that is kept only what is about the person is printed. The
    audit log notes that it was asked for.

    \b
    Example:
      dialbook export-subject +919845012345 --all-accounts
    """
    given = read_number(number, everywhere=everywhere)
    author = Author(Via.COMMAND, datetime.now(UTC))
    with opened(database, config) as db:
        wanted = choose(db, accounts, everywhere=everywhere)
        found = [scan(db, find_subject, account, given) for account in wanted]
        held = [scan(db, _as_json, account, subject) for account, subject in zip(wanted, found, strict=True)]
        for account, subject in zip(wanted, found, strict=True):
            sids = [subject.contact.sid] if subject.contact else []
            write(db, note, account, author, "export_subject", Effect(sids, succeeded=1))
    show(held)
    if not any(each.contact or each.report_rows or each.named_lists or each.answers for each in found):
        click.echo("Nothing is found about that number there.", err=True)


def read_number(given: str, *, everywhere: bool) -> str:
    """The number that is given, or that standard input has where it is `-`.

    Raises:
        Invalid: it is as it is dialled in one region, and meant for all.
    """
    number = sys.stdin.readline().strip() if given == "-" else given
    if everywhere and not number.startswith("+"):
        raise Invalid("For all accounts give NUMBER with + and the code of its country: each may have another region.")
    return number


def choose(db: Database, accounts: Sequence[str], *, everywhere: bool) -> list[str]:
    """The accounts that are named, each once, or all.

    Raises:
        UsageError: neither is asked for, or both are.
    """
    if bool(accounts) == everywhere:
        raise click.UsageError("Give --account, or --all-accounts.")
    return scan(db, list_account_sids) if everywhere else list(dict.fromkeys(accounts))


def _as_json(tx: Tx, account: str, held: Subject) -> dict[str, object]:
    """All that an account holds about somebody, what its audit log has of the contact too."""
    contact = held.contact
    entries = find_entries(tx, account, Wanted(sid=contact.sid)) if contact else []
    return {
        "account_sid": account,
        "number": held.number,
        "contact": write_contact(contact) if contact else None,
        "lists": [asdict(each) | {"variables": Raw(each.variables or "{}")} for each in held.memberships],
        "upload_reports": held.report_rows,
        "named_lists": held.named_lists,
        "answers": [_as_items(tx, account, each, held.is_about) for each in held.answers],
        # Whom else an entry touched is not about this person.
        "audit": [{name: getattr(entry, name) for name in AUDITED} for entry in entries],
    }


def _as_items(tx: Tx, account: str, given: Answered, is_about: Callable[[str], bool]) -> dict[str, object]:
    """What a kept answer says of somebody; the items of others, which a bulk has, are left out."""
    kept = find_answer(tx, account, given.key)
    items = items_of(kept.body) if kept else []
    return asdict(given) | {"items": [item for item in items if is_about(bytes(item).decode())]}
