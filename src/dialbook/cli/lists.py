"""`dialbook lists`: the lists of an account, on any server."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from dialbook.cli.outcomes import remove_each
from dialbook.cli.output import confirm, show, show_fields, show_table
from dialbook.cli.remote import choice, connected, find_list, limit_options, remote_options

if TYPE_CHECKING:
    from dialbook.client import ContactList

COLUMNS = ("name", "contact_count", "type", "tag", "date_updated", "sid")


@click.group()
def lists() -> None:
    """Make, show, change and delete lists.

    A LIST is named by its name or its sid. The account is that of --profile, of DIALBOOK_URL, or of the profile in use.
    """


@lists.command("create")
@click.argument("name")
@click.option("--tag", metavar="TEXT", help="Its tag.")
@click.option("--type", "kind", type=click.Choice(["static", "dynamic"]), help="Its type.  [default: static]")
@remote_options
def create_list(name: str, tag: str | None, kind: str | None, profile: str | None, as_json: bool) -> None:
    """Make a list. The name must be free.

    \b
    Example:
      dialbook lists create Friends --tag private
    """
    new: Any = {"name": name, **{key: value for key, value in (("tag", tag), ("type", kind)) if value}}
    with connected(profile) as client:
        (outcome,) = client.create_lists([new])
        if isinstance(outcome, Exception):
            raise outcome
    _show_list(outcome.value, as_json=as_json)


@lists.command("list")
@click.option("--name", type=choice, metavar="TEXT", help="Only those whose name contains this.")
@click.option("--sort", metavar="FIELD[:desc]", help="Their order.  [default: date_created]")
@limit_options
@remote_options
def list_lists(name: str | None, sort: str | None, limit: int | None, profile: str | None, as_json: bool) -> None:
    """Show lists, oldest first.

    \b
    Example:
      dialbook lists list --sort name
    """
    query: Any = {"name": name, "sort_by": sort}
    with connected(profile) as client:
        found = list(client.iter_lists(limit=limit, **query))
    if as_json:
        show(found)
    else:
        show_table([name.upper() for name in COLUMNS], [[getattr(each, name) for name in COLUMNS] for each in found])


@lists.command("get")
@click.argument("list_", metavar="LIST")
@remote_options
def get_list(list_: str, profile: str | None, as_json: bool) -> None:
    """Show one list."""
    with connected(profile) as client:
        _show_list(client.get_list(find_list(client, list_)), as_json=as_json)


@lists.command("update")
@click.argument("list_", metavar="LIST")
@click.option("--name", metavar="TEXT", help="Its new name.")
@click.option("--tag", metavar="TEXT", help="Its new tag; an empty text clears it.")
@remote_options
def update_list(list_: str, name: str | None, tag: str | None, profile: str | None, as_json: bool) -> None:
    """Change the name or the tag of a list.

    \b
    Example:
      dialbook lists update Friends --tag vip
    """
    fields: Any = {key: value for key, value in (("name", name), ("tag", tag)) if value is not None}
    if not fields:
        raise click.UsageError("Give --name or --tag.")
    with connected(profile) as client:
        _show_list(client.update_list(find_list(client, list_), **fields), as_json=as_json)


@lists.command("delete")
@click.argument("lists_", metavar="LIST...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@remote_options
def delete_lists(lists_: Sequence[str], yes: bool, profile: str | None, as_json: bool) -> None:
    """Delete lists for good; their contacts stay in the address book."""
    with connected(profile) as client:
        sids = [find_list(client, each) for each in lists_]
        if not yes:
            confirm(f"Delete {', '.join(lists_)} for good?")
        names = dict(zip(sids, lists_, strict=True))
        remove_each(
            sids, client.delete_list, done="deleted", say=lambda sid: f"List {names[sid]} is deleted.", as_json=as_json
        )


def _show_list(found: "ContactList", *, as_json: bool) -> None:
    if as_json:
        show(found)
    else:
        show_fields(msgspec.structs.asdict(found))
