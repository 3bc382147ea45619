"""`dialbook export-subject`: who is held, shown; and how a person is named, for `dialbook erase` too."""

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Raw
from msgspec.structs import asdict

from dialbook.cli.database import opened, scan, write
from dialbook.cli.output import database_options, show
from dialbook.model.audit import Author, Effect, Via
from dialbook.model.errors import DialbookError, Invalid
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
    audit log notes that it was asked for. Exit status 1 when an account's log cannot: nothing of that one is printed;
    and when an upload is under way, whose file may have the number, and is not looked through.

    \b
    Example:
      dialbook export-subject +919845012345 --all-accounts
    """
    given = read_number(number, everywhere=everywhere)
    author = Author(Via.COMMAND, datetime.now(UTC))
    with opened(database, config) as db:
        wanted = choose(db, accounts, everywhere=everywhere)
        found = {account: scan(db, find_subject, account, given) for account in wanted}
        held, troubles = _read_each(db, found, author)
    show(held)
    if not any(each.contact or each.report_rows or each.named_lists or each.answers for each in found.values()):
        click.echo("Nothing is found about that number there.", err=True)
    if troubles:
        raise click.ClickException(" ".join(troubles))


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


def _read_each(db: Database, found: Mapping[str, Subject], author: Author) -> tuple[list[dict[str, object]], list[str]]:
    """What each account holds that can note in its log that it is given; and why others do not, or not all."""
    held: list[dict[str, object]] = []
    troubles: list[str] = []
    for account, subject in found.items():
        sids = [subject.contact.sid] if subject.contact else []
        try:
            read = scan(db, _as_json, account, subject)
            write(db, note, account, author, "export_subject", Effect(sids, succeeded=1))
        except DialbookError as trouble:
            troubles.append(f"Account {account}: {trouble.description}")
        else:
            held.append(read)
        if subject.unread:
            troubles.append(f"{subject.unread} Ask again when it has ended.")
    return held, troubles


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
