"""Whoever started this process: it ends when they do."""

import asyncio
from collections.abc import Callable


def on_parents_end(pipe: int, leave: Callable[[], object]) -> None:
    """Call `leave` once, on the running event loop, when the parent has ended, in whatever way, or closes the pipe.

    Args:
        pipe: its other end is held by the parent alone, and nothing is written into it; the system closes that end
            with the process.
        leave: has this process come to its end.
    """
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(pipe)
        leave()

    loop.add_reader(pipe, end)
