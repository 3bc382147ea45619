"""The log of a process."""

import asyncio
import logging
import sys
import time
import traceback
from typing import Any

from msgspec import json

from dialbook.model.credentials import mask_tokens

log = logging.getLogger(__name__)

TIME = "%Y-%m-%dT%H:%M:%SZ"


class TextFormatter(logging.Formatter):
    """A line is text, whatever was said on several; no API token is in it, and no text of a bug, whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return "\\n".join(self.message_of(record).splitlines())

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the logging package's name
        """A bug that somebody logs with its traceback."""
        return describe(ei[1]) if ei[1] else ""

    def message_of(self, record: logging.LogRecord) -> str:
        """What is said, on as many lines as it was."""
        return mask_tokens(super().format(record))


class JsonFormatter(TextFormatter):
    """A line is a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The object: its time, level, logger and message."""
        line = {"time": self.formatTime(record, TIME), "level": record.levelname, "logger": record.name}
        return json.encode(line | {"message": self.message_of(record)}).decode()


def configure_logging(level: str, format_: str) -> None:
    """One line an event, on standard error, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", TIME)
    formatter = JsonFormatter() if format_ == "json" else text
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def log_bugs_of(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody has caught on an event loop, which would show a bug's text, and values that were handed over."""
    loop.set_exception_handler(lambda _, context: _say(context))


def _say(context: dict[str, Any]) -> None:
    bug = context.get("exception")
    log.error("nobody has caught: %s", describe(bug) if bug else context["message"])


def describe(bug: BaseException) -> str:
    """A bug by its type and place, without its message, which might hold personal data."""
    frames = traceback.extract_tb(bug.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
    return f"{type(bug).__qualname__} at {where}"
