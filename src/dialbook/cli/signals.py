"""Signals that end a command, heard where it can still tell what it has done."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


@contextmanager
def ended_by_exceptions() -> Iterator[None]:
    """Have SIGHUP and SIGTERM end the block as Ctrl-C does: by an exception, here SystemExit, with a shell's status."""
    with _taken(lambda sign: sys.exit(128 + sign), signal.SIGHUP, signal.SIGTERM):
        yield


@contextmanager
def put_off() -> Iterator[None]:
    """Have what would end the block be heard once it is through, as it is for a change: that is made all the same."""
    heard: list[int] = []
    try:
        with _taken(heard.append, *ENDING):
            yield
    finally:
        for sign in heard[:1]:
            signal.raise_signal(sign)


@contextmanager
def _taken(take: Callable[[int], object], *signs: signal.Signals) -> Iterator[None]:
    """Have signals be taken in the block, but for those that are passed over, as SIGHUP is under nohup."""
    # No other thread hears of any.
    heard = signs if threading.current_thread() is threading.main_thread() else ()
    heeded = [sign for sign in heard if signal.getsignal(sign) is not signal.SIG_IGN]
    before = {sign: signal.signal(sign, lambda sign, _: take(sign)) for sign in heeded}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
