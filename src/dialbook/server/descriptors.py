"""Whether the process may open more files: without, libuv closes connections as they come, and tells nobody."""

import asyncio
import logging
import socket

SECONDS = 1.0  # between two looks
SAID_SECONDS = 60.0  # after it was said

log = logging.getLogger(__name__)


async def watch() -> None:
    """Look until cancelled, and say so in the log when it may not."""
    while True:
        try:
            socket.socket().close()
        except OSError as trouble:
            log.warning("connections are closed as they come: %s (ulimit -n, or LimitNOFILE=)", trouble.strerror)
            await asyncio.sleep(SAID_SECONDS)
        await asyncio.sleep(SECONDS)
