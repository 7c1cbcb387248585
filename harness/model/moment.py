"""A moment in a document: always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def _in_utc(time: datetime) -> datetime:
    """A moment in UTC; one without a time zone is taken as UTC. Raises ValueError."""
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:  # an hour before the first year, or after the last
        raise ValueError("it is outside of the years 1 to 9999 in UTC") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]
