"""Moments as text: UTC in whole seconds, fixed width, so that they sort alike on every engine."""

from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """`2026-01-05T09:00:00Z` (RFC 3339), of a moment that knows its time zone."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='seconds')[:19]}Z"


def day_text(moment: datetime) -> str:
    """`2026-01-05`, the day in UTC of a moment that knows its time zone."""
    return utc_text(moment)[:10]
