"""`dialbook members`: who is in a list, on any server."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from dialbook.cli.contacts import from_option, show_contacts
from dialbook.cli.exports import FORMATS, NewFile, export
from dialbook.cli.outcomes import remove_each, send_each, told_when_interrupted
from dialbook.cli.progress import progress
from dialbook.cli.records import read_contacts
from dialbook.cli.remote import choice, connected, find_list, limit_options, profile_option, remote_options, sid
from dialbook.model.errors import DialbookError, Duplicate, Invalid

if TYPE_CHECKING:
    from dialbook.client import Client


@click.group()
def members() -> None:
    """Show and export who is in a list; let contacts join and leave.

    A LIST is named by its name or its sid. The account is that of --profile, of DIALBOOK_URL, or of the profile in use.
    """


@members.command("list")
@click.argument("list_", metavar="LIST")
@click.option("--number", type=choice, metavar="TEXT", help="Only who has this number.")
@click.option("--name", type=choice, metavar="TEXT", help="Only those whose first, last or full name contains this.")
@click.option("--tag", type=choice, metavar="TEXT", help="Only those with this tag.")
@click.option("--sort", metavar="FIELD[:desc]", help="Their order.  [default: as they joined]")
@limit_options
@remote_options
def list_members(
    list_: str,
    sort: str | None,
    limit: int | None,
    profile: str | None,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Show who is in a list, in the order in which they joined.

    --number, --name, --tag and --sort are extensions of Dialbook's: another server passes over them. The custom field
    that a member of a dynamic list is shown with is what the list keeps, not the contact's own.

    \b
    Example:
      dialbook members list Friends --tag vip
    """
    query: Any = {"sort_by": sort, **filters}
    with connected(profile) as client:
        found = list(client.iter_members(find_list(client, list_), limit=limit, **query))
    show_contacts(found, as_json=as_json)


@members.command("add")
@click.argument("list_", metavar="LIST")
@click.argument("contacts", metavar="[CONTACT]...", type=sid, nargs=-1)
@from_option("Contacts, each with a number or a sid,")
@remote_options
def add_members(list_: str, contacts: Sequence[str], file: BinaryIO | None, profile: str | None, as_json: bool) -> None:
    """Let contacts join a list, by their sids, or all of a file.

    Whoever stands in the file with a number that no contact has, is made; of who has a sid there, that counts alone.
    Exit status 1 when somebody was refused; who is in the list already was not.

    \b
    Example:
      dialbook members add Friends --from contacts.csv
    """
    if bool(contacts) == bool(file):
        raise click.UsageError("Give contacts, or --from.")
    records = read_contacts(file) if file else [{"sid": sid} for sid in contacts]
    asked = [record.get("sid") or record.get("number") for record in records]
    with connected(profile) as client:
        join = partial(client.add_members, find_list(client, list_))
        sids = _sids(client, records, as_json=as_json)
        send_each(asked, sids, join, what="members", done="joined", as_json=as_json)


@members.command("remove")
@click.argument("list_", metavar="LIST")
@click.argument("contacts", metavar="[CONTACT]...", type=sid, nargs=-1)
@from_option("Contacts, each with a sid,")
@remote_options
def remove_members(
    list_: str, contacts: Sequence[str], file: BinaryIO | None, profile: str | None, as_json: bool
) -> None:
    """Take contacts out of a list, by their sids, or all of a file; they stay in the address book.

    Another server than Dialbook refuses a file. Exit status 1 when somebody was refused.
    """
    if bool(contacts) == bool(file):
        raise click.UsageError("Give contacts, or --from.")
    leaving = _sids_in(file) if file else []
    with connected(profile) as client:
        list_sid = find_list(client, list_)
        if contacts:
            remove = partial(client.remove_member, list_sid)
            remove_each(contacts, remove, done="left", say=_say_left, as_json=as_json)
            return
        leave = partial(client.remove_members, list_sid)
        send_each(leaving, leaving, leave, what="members", done="left", as_json=as_json)


def _say_left(contact: str) -> str:
    return f"Contact {contact} has left the list."


@members.command("export")
@click.argument("list_", metavar="LIST")
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="What to write.  [default: by the file's ending, else csv]",
)
@click.option(
    "-o",
    "--output",
    type=NewFile(dir_okay=False, path_type=Path, allow_dash=True),
    default="-",
    metavar="FILE",
    help="Where to; the file is there when it is whole.  [default: standard output]",
)
@click.option("--number", type=choice, metavar="TEXT", help="Only who has this number.")
@click.option("--name", type=choice, metavar="TEXT", help="Only those whose first, last or full name contains this.")
@click.option("--tag", type=choice, metavar="TEXT", help="Only those with this tag.")
@profile_option
def export_members(list_: str, format_: str | None, output: Path, profile: str | None, **filters: str | None) -> None:
    """Write a whole list into a file: CSV, a line of JSON for each contact, or a JSON array.

    A CSV has the columns of an upload; the others have all fields, sids and custom fields too.

    An interrupted export leaves nothing under the file's name, and an older file as it was: run it again. The custom
    field of a dynamic list's members is what the list keeps, not the contact's own.

    --number, --name and --tag are extensions of Dialbook's: where another server does not select, nothing is written.

    \b
    Example:
      dialbook members export Friends -o friends.csv
    """
    query: Any = {name: value for name, value in filters.items() if value is not None}
    with connected(profile) as client:
        list_sid = find_list(client, list_)
        total = None if query else client.get_list(list_sid).contact_count
        with progress("contacts", total, hidden=str(output) == "-" and sys.stdout.isatty()) as advance:
            export(client, list_sid, output, format_, advance, **query)


def _sids_in(file: BinaryIO) -> list[str]:
    """The sids in a file of contacts.

    Raises:
        Invalid: it has none.
    """
    records = read_contacts(file)
    if records and not any(record.get("sid") for record in records):
        raise Invalid("The file has no sids; 'dialbook members list --json' and an export as NDJSON have them.")
    return [record.get("sid") or "" for record in records]


def _sids(client: "Client", records: Sequence[dict[str, Any]], *, as_json: bool) -> list[str | DialbookError]:
    """The sid of each contact; those that only a number is known of are found by it, or made, or refused."""
    new: list[Any] = [record for record in records if not record.get("sid")]
    numbers = [record.get("number") for record in new]
    with told_when_interrupted(numbers, new, done="made", as_json=as_json):
        made = iter(client.create_contacts(new))
    return [record.get("sid") or _sid_of(next(made)) for record in records]


def _sid_of(outcome: Any) -> str | DialbookError:
    if isinstance(outcome, Duplicate) and outcome.existing:
        return str(outcome.existing.sid)
    return outcome if isinstance(outcome, DialbookError) else str(outcome.value.sid)
