"""`dialbook uploads`: CSV files that servers work off."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from dialbook.cli.output import show, show_fields, show_table
from dialbook.cli.progress import new_progress
from dialbook.cli.remote import connected, find_list_name, limit_options, remote_options, sid
from dialbook.model.errors import Invalid, TooLarge
from dialbook.model.upload import Status

if TYPE_CHECKING:
    from dialbook.client import Client, Upload

WATCH = "Wait for its end; exit status 1 when it failed, or a row did. A duplicate is no failure."
COLUMNS = ("date_created", "status", "rows", "success", "duplicate", "failed", "dry_run", "list_sid", "upload_id")


@click.group()
def uploads() -> None:
    """Send CSV files whose contacts are to join a list, and follow them.

    The account is that of --profile, of DIALBOOK_URL, or of the profile in use.
    """


@uploads.command("create")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--list", "list_", required=True, metavar="LIST", help="The list, by name or sid; it is made when the name is new."
)
@click.option("--type", "kind", type=click.Choice(["static", "dynamic"]), help="The type of a list that is made.")
@click.option(
    "--on-duplicate",
    type=click.Choice(["skip", "update"]),
    help="Whether to fill in what the rows give of contacts that are known.  [default: skip]",
)
@click.option("--dry-run", is_flag=True, help="Report, and write nothing.")
@click.option("--watch", is_flag=True, help=WATCH)
@remote_options
def create_upload(
    file: Any, list_: str, kind: str | None, watch: bool, profile: str | None, as_json: bool, **choices: Any
) -> None:
    """Send a CSV file; - for standard input.

    --on-duplicate and --dry-run are extensions of Dialbook's: to another server nothing is sent with them.

    \b
    Example:
      dialbook uploads create contacts.csv --list Friends --watch
    """
    given: Any = {name: value for name, value in {"type": kind, **choices}.items() if value}
    with connected(profile) as client:
        list_name = find_list_name(client, list_)
        with _naming(getattr(file, "name", "-")):
            accepted = client.upload_csv(file, list_name, **given)
        with _told_when_left(accepted.upload_id, profile):
            found = _wait(client, accepted.upload_id) if watch else client.get_upload(accepted.upload_id)
    _show_upload(found, as_json=as_json)
    if watch and (found.status == Status.FAILED or found.stats.failed):
        raise SystemExit(1)


@uploads.command("get")
@click.argument("upload", type=sid)
@click.option("--watch", is_flag=True, help=WATCH)
@remote_options
def get_upload(upload: str, watch: bool, profile: str | None, as_json: bool) -> None:
    """Show how far an upload is."""
    with connected(profile) as client:
        found = _wait(client, upload) if watch else client.get_upload(upload)
    _show_upload(found, as_json=as_json)
    if watch and (found.status == Status.FAILED or found.stats.failed):
        raise SystemExit(1)


@uploads.command("list")
@limit_options
@remote_options
def list_uploads(limit: int | None, profile: str | None, as_json: bool) -> None:
    """Show uploads, newest first. An extension of Dialbook's."""
    with connected(profile) as client:
        found = list(client.iter_uploads(limit=limit))
    if as_json:
        show(found)
    else:
        show_table([name.upper() for name in COLUMNS], [[_fields(each)[name] for name in COLUMNS] for each in found])


@uploads.command("errors")
@click.argument("upload", type=sid)
@limit_options
@remote_options
def list_upload_errors(upload: str, limit: int | None, profile: str | None, as_json: bool) -> None:
    """Show the rows that did not get into the list. An extension of Dialbook's."""
    with connected(profile) as client:
        rows = list(client.iter_upload_errors(upload, limit=limit))
    if as_json:
        show(rows)
    else:
        show_table(
            ["LINE", "NUMBER", "REASON", "DESCRIPTION"],
            [[row.line, row.number, row.reason, row.description] for row in rows],
        )


@uploads.command("cancel")
@click.argument("upload", type=sid)
@remote_options
def cancel_upload(upload: str, profile: str | None, as_json: bool) -> None:
    """End an upload where it stands; what it has written stays. An extension of Dialbook's."""
    with connected(profile) as client:
        found = client.cancel_upload(upload)
    _show_upload(found, as_json=as_json)


@contextmanager
def _naming(file: str) -> Iterator[None]:
    """Say what is wrong with a file of the file, not of the form's field that it was sent in."""
    try:
        yield
    except (Invalid, TooLarge) as refusal:
        raise type(refusal)(refusal.description.replace("file_name", file, 1)) from None


@contextmanager
def _told_when_left(upload_id: str, profile: str | None) -> Iterator[None]:
    """Say what an upload is called that nobody waits for any more, by Ctrl-C or because of trouble: it has begun."""
    try:
        yield
    except BaseException:
        named = f" --profile {shlex.quote(profile)}" if profile else ""
        click.echo(f"Upload {upload_id} goes on; dialbook uploads get {upload_id} --watch{named} follows it.", err=True)
        raise


def _wait(client: "Client", upload_id: str) -> "Upload":
    with new_progress() as bars:
        task = bars.add_task("rows", total=None)
        return client.wait_for_upload(upload_id, lambda upload: bars.update(task, completed=upload.stats.total))


def _show_upload(found: "Upload", *, as_json: bool) -> None:
    if as_json:
        show(found)
    else:
        show_fields(_fields(found))


def _fields(found: "Upload") -> dict[str, object]:
    stats = found.stats
    return {
        "upload_id": found.upload_id,
        "list_sid": found.list_sid,
        "status": found.status,
        "reason": found.reason,
        "dry_run": found.dry_run,
        "date_created": found.date_created,
        "date_ended": found.date_ended,
        "rows": stats.total,
        "success": stats.success,
        "duplicate": stats.duplicate,
        "failed": stats.failed,
    }
