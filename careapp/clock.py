"""The only reader of the clock; called by `api` and by jobs, never below them."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, aware and in UTC."""
    return datetime.now(UTC)
