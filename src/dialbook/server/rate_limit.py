"""How many requests an account may make (contract section 8)."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping

from dialbook.model.errors import TooManyRequests

WINDOW_SECONDS = 60


class RateLimit:
    """A moving window for each account: no 60 seconds hold more than `allowed` of its requests.

    Each worker counts for itself. The clock is one that no change of the system's time moves.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._clock = clock
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, account: str) -> Mapping[str, str]:
        """Count one request; return the headers that say what is left.

        Raises:
            TooManyRequests: the window is full; nothing was counted, and the headers say when to come back.
        """
        now = self._clock()
        admitted = self._admitted[account]
        while admitted and admitted[0] <= now - WINDOW_SECONDS:
            admitted.popleft()
        if len(admitted) >= self._allowed:
            wait = _seconds(admitted[0], now)
            description = (
                f"Account '{account}' made {self._allowed} requests in a minute, which is all that it may make."
            )
            raise TooManyRequests(description, headers={"Retry-After": wait, **self._headers(0, wait)})
        admitted.append(now)
        return self._headers(self._allowed - len(admitted), _seconds(admitted[0], now))

    def _headers(self, remaining: int, reset: str) -> Mapping[str, str]:
        return {
            "X-RateLimit-Limit": str(self._allowed),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": reset,
        }


def _seconds(oldest: float, now: float) -> str:
    """Whole seconds until the oldest request leaves the window."""
    return str(math.ceil(oldest + WINDOW_SECONDS - now))
