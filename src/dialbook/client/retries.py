"""When a request is sent again, and how long after."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import uniform

from msgspec import Struct

from dialbook.client.errors import NoAnswer
from dialbook.model.errors import DialbookError

_MOMENT_DIGITS = 10  # of seconds: as a pause 31 years, as a moment the year 2001
_GATEWAY = {502, 504}  # said by what stands before a server that it cannot reach


class Retries(Struct, frozen=True):
    """How often a request is sent, and how long the pauses between may be, in seconds.

    Pauses double, and vary by chance, so that many callers do not come back at once. One that the server asks for is
    kept; where it is longer than `longest`, the request is given up at once. `limited` is the first pause in place of
    `first` after a 429 that asks for none: rate limits count by the minute.
    """

    attempts: int = 4
    first: float = 0.5
    longest: float = 60.0
    limited: float | None = None

    def pause(self, error: DialbookError, attempt: int, *, is_safe: bool) -> float | None:
        """How long to wait before the next attempt; `None` when there is to be none.

        Args:
            error: how the last attempt ended.
            attempt: which one that was, counted from 1.
            is_safe: whether the request can be done twice without harm.
        """
        if attempt >= self.attempts or not _may_repeat(error, is_safe=is_safe):
            return None
        asked = _asked(error.headers)
        chance = uniform(0, 1)  # noqa: S311  # it guards nothing
        if asked is None:
            first = self.limited if self.limited and error.status == 429 else self.first
            return min(first * 2.0 ** (attempt - 1), self.longest) * (1 + chance) / 2
        return asked + self.first * chance if asked <= self.longest else None


def _may_repeat(error: DialbookError, *, is_safe: bool) -> bool:
    """Whether it is known that nothing was done, or does not matter.

    A 503 may come when it is too late: only `Retry-After` says that the request can be made again.
    """
    if isinstance(error, NoAnswer):
        return is_safe or not error.may_be_done
    if error.status == 503:
        return is_safe or "retry-after" in error.headers
    return error.status == 429 or (is_safe and error.status in _GATEWAY)


def _asked(headers: Mapping[str, str]) -> float | None:
    """How many seconds the server asks to wait: by `Retry-After`, else by when its rate limit begins anew."""
    given = headers.get("retry-after") or headers.get("x-ratelimit-reset") or ""
    if given.isdecimal() and len(given) < _MOMENT_DIGITS:
        return float(given)
    until, now = _moment(given), _moment(headers.get("date", ""))
    # By the server's own clock, which need not agree with ours.
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _moment(given: str) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(int(given), UTC) if given.isdecimal() else parsedate_to_datetime(given)
    except (ValueError, OverflowError, OSError):  # no moment, or none of the years 1 to 9999
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
