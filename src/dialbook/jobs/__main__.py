"""The process: it works off what is queued, until its standard input ends."""

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import NoReturn

from dialbook.jobs.forgetting import forget_now_and_then, retention_of
from dialbook.jobs.runner import Runner
from dialbook.log import configure_logging, describe, log_bugs_of
from dialbook.model.errors import DialbookError
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.parent import on_parents_end
from dialbook.settings import Settings, load_settings
from dialbook.shared import shared
from dialbook.store.engines import open_database
from dialbook.store.spool import open_spool

log = logging.getLogger("dialbook.jobs")

NICENESS = 10
GARBAGE = 100_000  # new objects before the collector looks for circles


def clock() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


async def work(settings: Settings, ended: asyncio.Event) -> None:
    """Work until told to stop."""
    with closing(open_database(settings.database)) as db:
        lists = ListLimits(settings.static_list_limit, settings.dynamic_list_limit)
        limits = UploadLimits(lists, settings.upload_limit)
        spool = open_spool(settings.upload_folder, settings.database)
        count_rows = shared().new_counts().rows if settings.metrics_port else lambda _: None
        forgetting = asyncio.create_task(forget_now_and_then(db, retention_of(settings), clock))
        await Runner(db, spool, limits, clock, count_rows).run(ended)
        forgetting.cancel()


async def main() -> None:
    """Read the settings from the environment, and work."""
    # Whoever asks for a page goes first.
    os.nice(NICENESS)
    # Rows hold no circles: looking for some takes a fifth of reading them.
    gc.freeze()
    gc.set_threshold(GARBAGE)
    # Ctrl-C at a terminal, and its hanging up, reach this process as well, and are the server's to understand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settings = load_settings({})
    configure_logging(settings.log_level, settings.log_format)
    log_bugs_of(asyncio.get_running_loop())
    ended = asyncio.Event()
    on_parents_end(sys.stdin.fileno(), ended.set)
    try:
        await work(settings, ended)
    except DialbookError as trouble:
        _end(str(trouble))
    except Exception as bug:  # noqa: BLE001  # whose text might hold personal data
        _end(describe(bug))


def _end(why: str) -> NoReturn:
    log.error("Uploads are not worked off: %s", why)
    sys.exit(1)


asyncio.run(main())
