"""`dialbook contacts`: the address book of an account, on any server."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click
import msgspec
from msgspec import UNSET, Raw

from dialbook.cli.outcomes import remove_each, send_each
from dialbook.cli.output import confirm, many, once, show, show_fields, show_table
from dialbook.cli.records import read_contacts
from dialbook.cli.remote import choice, connected, find_list, limit_options, remote_options, sid
from dialbook.model.contact import TEXT_FIELDS
from dialbook.model.errors import Invalid
from dialbook.wire.body import NOT_JSON

if TYPE_CHECKING:
    from dialbook.client import Contact

F = TypeVar("F", bound=Callable[..., Any])

COLUMNS = ("number", *TEXT_FIELDS, "date_updated", "sid")


def field_options(command: F) -> F:
    """An option for each field of a contact."""
    custom = click.option("--custom-field", metavar="JSON", help="The custom field, a JSON object.")(command)
    for field in reversed(TEXT_FIELDS):
        name = field.replace("_", " ").replace("email", "e-mail address")
        custom = click.option(f"--{field.replace('_', '-')}", metavar="TEXT", help=f"The {name}.")(custom)
    return click.option("--number", metavar="TEXT", help="The number, in E.164 or as it is dialled.")(custom)


def from_option(what: str) -> Callable[[F], F]:
    """`--from`."""
    return click.option(
        "--from",
        "file",
        type=click.File("rb"),
        multiple=True,
        callback=once,
        metavar="FILE",
        help=f"{what} in CSV or JSON; - for standard input.",
    )


@click.group()
def contacts() -> None:
    """Make, show, change and delete contacts.

    The account is that of --profile, of DIALBOOK_URL, or of the profile in use: on Dialbook, or on the public service.
    """


@contacts.command("create")
@from_option("The contacts,")
@field_options
@remote_options
def create_contacts(file: BinaryIO | None, profile: str | None, as_json: bool, **fields: str | None) -> None:
    """Make one contact, or all of a file.

    A file is CSV whose first line names its columns, a JSON array, or a JSON object on each line. A contact whose
    number is there already stays as it is. Exit status 1 when anything else was refused.

    \b
    Example:
      dialbook contacts create --from contacts.csv
    """
    given = _given(fields)
    if (file is None) == (not given):
        raise click.UsageError("Give --from, or the fields of one contact.")
    new: list[Any] = read_contacts(file) if file else [given]
    numbers = [each.get("number") for each in new]
    with connected(profile) as client:
        send_each(numbers, new, client.create_contacts, what="contacts", done="made", as_json=as_json)


@contacts.command("list")
@click.option("--name", type=choice, metavar="TEXT", help="Only those whose first, last or full name contains this.")
@click.option("--list", "lists", multiple=True, metavar="LIST", help="Only those in this list; repeatable.")
@click.option("--sort", metavar="FIELD[:desc]", help="Their order.  [default: date_created]")
@limit_options
@remote_options
def list_contacts(
    name: str | None,
    lists: Sequence[str],
    sort: str | None,
    limit: int | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Show contacts, oldest first.

    \b
    Example:
      dialbook contacts list --name asha --sort date_updated:desc
    """
    with connected(profile) as client:
        query: Any = {"name": name, "sort_by": sort}
        if lists:
            query["list_sids"] = [find_list(client, each) for each in lists]
        found = list(client.iter_contacts(limit=limit, **query))
    show_contacts(found, as_json=as_json)


@contacts.command("get")
@click.argument("contact", type=sid)
@remote_options
def get_contact(contact: str, profile: str | None, as_json: bool) -> None:
    """Show one contact, by its sid."""
    with connected(profile) as client:
        show_contact(client.get_contact(contact), as_json=as_json)


@contacts.command("update")
@click.argument("contact", type=sid, required=False)
@from_option("Changes, each with the contact's sid,")
@field_options
@remote_options
def update_contacts(
    contact: str | None, file: BinaryIO | None, profile: str | None, as_json: bool, **fields: str | None
) -> None:
    """Change one contact, by its sid, or all of a file.

    What is not given stays; an empty text clears a field. An empty cell of a CSV file is not given: to clear a field of
    many, give null in JSON. From a file of a dynamic list's members, take out the custom field before: it is what the
    list keeps, and would take the place of the contact's own.

    \b
    Example:
      dialbook contacts update 018f3c5e9b7d7c4a8e21d30f6b5a9c47 --tag vip
    """
    given = _given(fields)
    if (contact is None) == (file is None) or bool(given) == bool(file):
        raise click.UsageError("Give a contact and the fields to change, or --from.")
    with connected(profile) as client:
        if contact:
            show_contact(client.update_contact(contact, **given), as_json=as_json)
            return
        changes: list[Any] = read_contacts(file) if file else []
        sids = [each.get("sid") for each in changes]
        send_each(sids, changes, client.update_contacts, what="contacts", done="changed", as_json=as_json)


@contacts.command("delete")
@click.argument("contacts", metavar="[CONTACT]...", type=sid, nargs=-1)
@from_option("Contacts, each with a sid or a number,")
@click.option("--yes", is_flag=True, help="Do not ask.")
@remote_options
def delete_contacts(
    contacts: Sequence[str], file: BinaryIO | None, yes: bool, profile: str | None, as_json: bool
) -> None:
    """Delete contacts for good, by their sids, or all of a file.

    They leave every list, too. Whoever stands in the file with both a sid and a number is deleted if these are of one
    contact. Another server than Dialbook refuses a file. Exit status 1 when somebody was refused.

    \b
    Example:
      dialbook contacts delete --from gone.csv --yes
    """
    if bool(contacts) == bool(file):
        raise click.UsageError("Give contacts, or --from.")
    if file and not yes and file is sys.stdin.buffer:
        raise click.UsageError("Nobody can be asked where --from is standard input; give --yes.")
    records: list[Any] = read_contacts(file) if file else []
    if not yes:
        confirm(f"Delete {many(len(contacts or records), 'contact')} for good?")
    with connected(profile) as client:
        if contacts:
            remove_each(contacts, client.delete_contact, done="deleted", say=_say_deleted, as_json=as_json)
            return
        asked = [record.get("number", record.get("sid")) for record in records]
        send_each(asked, records, client.delete_contacts, what="contacts", done="deleted", as_json=as_json)


def _say_deleted(contact: str) -> str:
    return f"Contact {contact} is deleted."


def show_contacts(found: Sequence["Contact"], *, as_json: bool) -> None:
    """Print contacts."""
    if as_json:
        show(found)
    else:
        show_table([name.upper() for name in COLUMNS], [[getattr(each, name) for name in COLUMNS] for each in found])


def show_contact(found: "Contact", *, as_json: bool) -> None:
    """Print one contact."""
    if as_json:
        show(found)
    else:
        written = msgspec.json.encode(found.custom_field).decode()
        fields = {name: field for name, field in msgspec.structs.asdict(found).items() if field is not UNSET}
        show_fields({**fields, "custom_field": None if written == "null" else written})


def _given(fields: dict[str, str | None]) -> dict[str, Any]:
    """The fields that stand on the command line."""
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if given.get("custom_field"):
        try:
            msgspec.json.decode(given["custom_field"])
        except NOT_JSON:
            raise Invalid("--custom-field is no JSON.") from None
        given["custom_field"] = Raw(given["custom_field"])  # as it is written
    return given
