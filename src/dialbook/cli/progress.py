"""Progress bars: on standard error, for people, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def new_progress(*, hidden: bool = False) -> Progress:
    """Bars for several tasks; they vanish at the end."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=hidden or not console.is_terminal, transient=True)


@contextmanager
def progress(description: str, total: int | None, *, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """One bar; what it yields moves it on by so many. It is hidden where something else is shown meanwhile."""
    with new_progress(hidden=hidden) as bars:
        yield partial(bars.advance, bars.add_task(description, total=total))
