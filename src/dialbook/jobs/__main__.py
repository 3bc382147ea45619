"""The process: it works off what is queued, until its standard input ends."""

import asyncio
import signal
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from dialbook.jobs.runner import Runner
from dialbook.log import configure_logging
from dialbook.model.lists import ListLimits
from dialbook.settings import Settings, load_settings
from dialbook.store.engines import open_database
from dialbook.store.spool import Spool


async def work(settings: Settings, ended: asyncio.Event) -> None:
    """Work until told to stop."""
    with closing(open_database(settings.database)) as db:
        runner = Runner(
            db,
            Spool(Path(settings.upload_folder)),
            limits=ListLimits(settings.static_list_limit, settings.dynamic_list_limit),
            file_limit=settings.upload_limit,
            report_days=settings.report_days,
            clock=lambda: datetime.now(UTC),
        )
        await runner.run(ended)


async def main() -> None:
    """Read the settings from the environment, and work."""
    # Ctrl-C at a terminal reaches this process as well, and is the server's to understand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = load_settings({})
    configure_logging(settings.log_level)
    ended = asyncio.Event()
    waiting = asyncio.create_task(_wait_for_end(ended))
    await work(settings, ended)
    await waiting


async def _wait_for_end(ended: asyncio.Event) -> None:
    """Whoever started this process holds the other end of its standard input, and writes nothing."""
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    loop.remove_reader(sys.stdin.fileno())


asyncio.run(main())
