"""Progress bars: on standard error, for people, on a terminal only."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dialbook.cli.output import shown


@contextmanager
def new_progress(*, hidden: bool = False) -> Iterator[Progress]:
    """Bars for several tasks, which vanish at the end; above them stands what the client waits for."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal, transient=True) as bars:
        handler = _Above(bars)
        client = logging.getLogger("dialbook.client")
        client.setLevel(logging.INFO)
        client.addHandler(handler)
        try:
            yield bars
        finally:
            client.removeHandler(handler)


class _Above(logging.Handler):
    """Lines of a log above bars."""

    def __init__(self, bars: Progress) -> None:
        super().__init__()
        self._bars = bars

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line; where there are no bars, nobody is there to read it."""
        if not self._bars.disable:
            self._bars.console.print(shown(record.getMessage()), highlight=False, markup=False)


@contextmanager
def progress(description: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """One bar; what it yields moves it on by so many. It is hidden where something else is shown meanwhile."""
    with new_progress(hidden=hidden) as bars:
        yield partial(bars.advance, bars.add_task(description, total=total))
