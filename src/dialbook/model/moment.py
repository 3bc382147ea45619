"""Moments as text: UTC, fixed width, so that they sort alike on every engine."""

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)


def utc_text(moment: datetime) -> str:
    """`2026-01-05T09:00:00Z` (RFC 3339), of a moment that knows its time zone."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='seconds')[:19]}Z"


def exact_text(moment: datetime) -> str:
    """`2026-01-05T09:00:00.000000Z`, to the microsecond."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def day_text(moment: datetime) -> str:
    """`2026-01-05`, the day in UTC of a moment that knows its time zone."""
    return utc_text(moment)[:10]
