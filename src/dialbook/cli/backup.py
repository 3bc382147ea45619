"""`dialbook backup` and `dialbook restore`: a copy of a SQLite file, taken while it is in use, and the way back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from dialbook.cli.output import database_options, json_option, many, show
from dialbook.cli.progress import new_progress
from dialbook.model.errors import Invalid
from dialbook.settings import load_settings
from dialbook.store.engines import POSTGRES, sqlite_path
from dialbook.store.spool import open_spool
from dialbook.store.sqlite_files import keep_temporary_files_beside


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@database_options
@json_option
def backup(target: Path, database: str | None, config: Path | None, as_json: bool) -> None:
    """Copy the SQLite file to TARGET, a new file, while servers go on.

    The copy is the book in one moment. It is read through, and all counters are counted, before it gets its name: what
    is called TARGET is whole and sound. Whether its audit log is as it was written, `dialbook audit verify` says of the
    book. Files of uploads under way are not in it. See docs/operate.md, for PostgreSQL too.

    \b
    Example:
      dialbook backup book-2027-01-31.db --database sqlite:///dialbook.db
    """
    path = _path_of(load_settings({"database": database}, config=config).database)
    keep_temporary_files_beside(path)
    from dialbook.store.sqlite_backup import back_up  # noqa: PLC0415  # only SQLite needs its driver

    started = time.monotonic()
    with _pages("copying") as on_pages:
        size = back_up(path, target, on_pages)
    seconds = time.monotonic() - started
    if as_json:
        show({"file": str(target), "bytes": size, "seconds": round(seconds, 3)})
    else:
        click.echo(f"{target} is a copy of {path}, and sound: {size:,} bytes in {seconds:.1f} s.")


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Let it take the place of a book that is there; its name is asked for.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def restore(source: Path, replace: bool, yes: bool, database: str | None, config: Path | None, as_json: bool) -> None:
    """Make a SQLite file of SOURCE, a copy that `dialbook backup` made.

    The copy is looked through as it was when it was made, and brought up to date; it stays as it is. What happened
    after it was made is not in it: contacts that were deleted since are back, and so are keys that were revoked.
    Uploads that were under way go on where their files are still there, and else end as failed.

    \b
    Example:
      dialbook restore book-2027-01-31.db --database sqlite:///dialbook.db
    """
    settings = load_settings({"database": database}, config=config)
    path = _path_of(settings.database)
    if replace and not yes and Path(path).exists():
        _ask_for_its_name(path)
    spool = open_spool(settings.upload_folder, settings.database)
    folder = spool.name if spool.exists() else ""
    keep_temporary_files_beside(path)
    from dialbook.store import sqlite_backup  # noqa: PLC0415  # only SQLite needs its driver

    started, now = time.monotonic(), datetime.now(UTC)
    with _pages("copying") as on_pages:
        ended = sqlite_backup.restore(source, path, folder, on_pages, now=now, replace=replace)
    seconds = time.monotonic() - started
    if as_json:
        show(
            {"database": path, "bytes": Path(path).stat().st_size, "seconds": round(seconds, 3), "uploads_ended": ended}
        )
        return
    click.echo(f"{path} is what {source} was, and sound: {Path(path).stat().st_size:,} bytes in {seconds:.1f} s.")
    if ended:
        click.echo(f"{many(ended, 'upload')} under way ended as failed: the files are not here.", err=True)


def _path_of(url: str) -> str:
    if url.startswith(POSTGRES):
        raise Invalid("PostgreSQL has pg_dump, pg_restore and pg_basebackup for that: docs/operate.md says how.")
    return sqlite_path(url)


def _ask_for_its_name(path: str) -> None:
    name = Path(path).name
    if click.prompt(f"All that is in {path} will be gone. Its name, to replace it", err=True) != name:
        raise Invalid(f"That is not {name}: nothing was replaced.")


@contextmanager
def _pages(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for pages, of which it is not known before how many there are."""
    with new_progress() as bars:
        task = bars.add_task(description, total=None)

        def on_pages(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        yield on_pages
