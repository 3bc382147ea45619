"""Moments as text: UTC in whole seconds, fixed width, so that they sort alike on every engine."""

from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """`2026-01-05T09:00:00Z` (RFC 3339). A moment without a zone is a bug, and raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
