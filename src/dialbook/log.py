"""The log of a process."""

import logging
import sys
import time
import traceback


def configure_logging(level: str) -> None:
    """One line an event, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def describe(bug: BaseException) -> str:
    """A bug by its type and place, without its message, which might hold personal data."""
    frames = traceback.extract_tb(bug.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
    return f"{type(bug).__qualname__} at {where}"
