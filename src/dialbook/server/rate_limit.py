"""How many requests an account may make (contract section 8)."""

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping

from msgspec import Struct

from dialbook.model.errors import TooManyRequests

WINDOW_SECONDS = 60


class Count(Struct, frozen=True):
    """What one has done in a moving window."""

    is_within: bool  # whether it was within the limit, and so was counted
    left: int
    wait: int  # whole seconds until the oldest leaves the window


class MovingWindow:
    """Counts what each one does: no 60 seconds hold more than `allowed`.

    Each worker counts for itself.

    Args:
        allowed: how often.
        clock: one that no change of the system's time moves.
        most: how many are remembered; of more, those who came first are forgotten.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic, most: int = sys.maxsize) -> None:
        self._allowed = allowed
        self._clock = clock
        self._most = most
        self._moments: dict[Hashable, deque[float]] = {}

    def count(self, who: Hashable) -> Count:
        """Count once more, unless the window is full."""
        now = self._clock()
        moments = self._moments[who] if who in self._moments else self._remember(who)
        while moments and moments[0] <= now - WINDOW_SECONDS:
            moments.popleft()
        is_within = len(moments) < self._allowed
        if is_within:
            moments.append(now)
        return Count(is_within, self._allowed - len(moments), math.ceil(moments[0] + WINDOW_SECONDS - now))

    def _remember(self, who: Hashable) -> deque[float]:
        if len(self._moments) >= self._most:
            del self._moments[next(iter(self._moments))]
        return self._moments.setdefault(who, deque())


class RateLimit:
    """No 60 seconds hold more than `allowed` requests of an account."""

    def __init__(self, allowed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._window = MovingWindow(allowed, clock)

    def admit(self, account: str) -> Mapping[str, str]:
        """Count one request; return the headers that say what is left.

        Raises:
            TooManyRequests: the window is full; nothing was counted, and the headers say when to come back.
        """
        count = self._window.count(account)
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
