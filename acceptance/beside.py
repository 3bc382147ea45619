"""Doing something else while a check is at it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Have something done in a thread while the block runs.

    Args:
        work: is given an event, which tells it when that is enough.

    Raises:
        Exception: what `work` has raised, at the end of the block.
    """
    enough = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, enough)
        try:
            yield
        finally:
            enough.set()
    done.result()
