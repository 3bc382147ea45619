"""What commands share: their options, their output for people and for programs, their refusals."""

import errno
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from rich.cells import cell_len, set_cell_size

from dialbook.model.credentials import mask_tokens
from dialbook.model.errors import DialbookError

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


class Refusing(click.Group):
    """A group whose commands end with one clear line, and exit status 1, when something is refused."""

    def invoke(self, ctx: click.Context) -> Any:
        if sys.stdin is None:  # the shell's <&-, which says no more than an empty file
            sys.stdin = io.TextIOWrapper(io.BytesIO())
        if sys.stdout is None:  # the shell's >&-, into which nothing can be said
            sys.stdout = io.TextIOWrapper(_Closed(), write_through=True)
        try:
            return super().invoke(ctx)
        except DialbookError as refusal:
            raise click.ClickException(mask_tokens(shown(refusal.description))) from None
        except UnicodeEncodeError as trouble:
            raise click.ClickException(_say_unreadable(trouble)) from None
        except UnicodeDecodeError as trouble:
            raise click.ClickException(f"Standard input is not {trouble.encoding} text.") from None
        except OSError as trouble:
            if trouble.errno == errno.EPIPE:  # who reads has enough, which click ends in silence
                raise
            raise click.ClickException(": ".join(filter(None, [trouble.filename, trouble.strerror]))) from None


class _Closed(io.RawIOBase):
    """Standard output that is closed: whoever writes to it hears so."""

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(errno.EBADF, "It is closed.", "Standard output")


def database_options(command: F) -> F:
    """`--database` and `--config`."""
    command = click.option(
        "--database", metavar="URL", help="Where the book is kept.  [default: sqlite:///dialbook.db]"
    )(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A TOML file with settings.  [default: dialbook.toml]",
    )(command)


def once(ctx: click.Context, _param: click.Parameter, given: Sequence[T]) -> T | None:
    """What an option is given, which would pass over the first of two: declare it as `multiple`, with this callback."""
    if len(given) > 1:
        ctx.close()  # of files, both are open by now
        raise click.BadParameter("It is given twice; give it once.")
    return given[0] if given else None


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def confirm(question: str) -> None:
    """Ask for leave.

    Raises:
        Abort: it is not given.
        ClickException: there is nobody to ask.
    """
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort as trouble:
        if isinstance(trouble.__context__, EOFError):
            click.echo(err=True)  # nobody has ended the line of the question
            raise click.ClickException("Nobody can be asked: standard input has ended. Give --yes.") from None
        raise


def show(value: object) -> None:
    """Print a value as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_fields(value: Mapping[str, object]) -> None:
    """Print one thing for people: a line for each field that is set."""
    set_ = {name: field for name, field in value.items() if field is not None}
    show_table(["FIELD", "VALUE"], [[name, field] for name, field in set_.items()])


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows for people."""
    # As wide as it is: a cell that is folded to the terminal's width can be neither copied nor searched for.
    cells = [list(map(shown, row)) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    head, *lines = (_line(row, widths) for row in (columns, *cells))
    click.echo("\n".join([click.style(head, bold=True) if _may_be_bold() else head, *lines]))


def many(count: int | None, noun: str) -> str:
    """A count and what is counted, as in `1 list` and `2 lists`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _may_be_bold() -> bool:
    """Whether nobody has said that his terminal knows no codes, or that he wants none (https://no-color.org)."""
    return os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(set_cell_size, cells, widths)).rstrip()


def _say_unreadable(trouble: UnicodeEncodeError) -> str:
    if trouble.encoding == "utf-8":
        return "An argument holds bytes that are not UTF-8 text."
    return f"Standard output is for {trouble.encoding} alone: set PYTHONIOENCODING=utf-8."


def shown(cell: object) -> str:
    """A cell on one line; what a terminal would obey stands as a question mark."""
    text = "" if cell is None else f"{cell:%Y-%m-%dT%H:%M:%SZ}" if isinstance(cell, datetime) else str(cell)
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)
