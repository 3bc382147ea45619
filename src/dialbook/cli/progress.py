"""What people read on standard error while they wait: progress bars, on a terminal, and what the client waits for."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dialbook.cli.output import shown


@contextmanager
def new_progress(*, hidden: bool = False) -> Iterator[Progress]:
    """Bars for several tasks, which vanish at the end; above them stands what the client waits for."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal, transient=True) as bars:
        _WAITS.bars = None if bars.disable else bars
        try:
            yield bars
        finally:
            _WAITS.bars = None


class _Waits(logging.Handler):
    """Lines of the client's log: all of them above bars, and those that matter where there are none."""

    bars: Progress | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        line = shown(record.getMessage())
        if self.bars:
            self.bars.console.print(line, highlight=False, markup=False)
        elif record.levelno >= logging.WARNING:
            click.echo(line, err=True)


_WAITS = _Waits()
_CLIENT = logging.getLogger("dialbook.client")
_CLIENT.setLevel(logging.INFO)
_CLIENT.addHandler(_WAITS)


@contextmanager
def progress(description: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """One bar; what it yields moves it on by so many. It is hidden where something else is shown meanwhile."""
    with new_progress(hidden=hidden) as bars:
        yield partial(bars.advance, bars.add_task(description, total=total))
