"""Whom a connection belongs to."""

import asyncio
import os
from contextlib import suppress


def owner() -> object:
    """This process."""
    return os.getpid()


def async_owner() -> object:
    """This process, and the event loop that runs in it."""
    with suppress(RuntimeError):  # of a library for event loops of its own
        return os.getpid(), asyncio.get_running_loop()
    return os.getpid()
