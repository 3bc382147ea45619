"""How many requests an account may make (contract section 8)."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dialbook.model.errors import TooManyRequests
from dialbook.server.window import WINDOW_SECONDS, SlidingWindow


class RateLimit:
    """No 60 seconds hold more than `allowed` requests of an account, whichever worker they come to.

    Args:
        allowed: how many.
        folder: what the workers share.
        clock: one that they have in common, and that no change of the system's time moves.
    """

    def __init__(self, allowed: int, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._window = SlidingWindow("requests", allowed, folder, clock=clock)

    def admit(self, account: str) -> Mapping[str, str]:
        """Count one request; return the headers that say what is left.

        While nothing can be counted, nobody is refused, and nothing is said of what is left.

        Raises:
            TooManyRequests: the window is full; nothing was counted, and the headers say when to come back.
        """
        count = self._window.count(account)
        if count is None:
            return {}
        headers = {
            "X-RateLimit-Limit": str(self._allowed),
            "X-RateLimit-Remaining": str(count.left),
            "X-RateLimit-Reset": str(count.wait),
            # The same, as draft-ietf-httpapi-ratelimit-headers has it.
            "RateLimit-Policy": f'"default";q={self._allowed};w={WINDOW_SECONDS}',
            "RateLimit": f'"default";r={count.left};t={count.wait}',
        }
        if count.is_within:
            return headers
        description = f"Account '{account}' made {self._allowed} requests in a minute, which is all that it may make."
        raise TooManyRequests(description, headers={"Retry-After": str(count.wait), **headers})
