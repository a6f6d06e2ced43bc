"""Which day it can be for whoever sends something."""

from datetime import date, timedelta

from app.core.db import utcnow

# The clocks of the first place on earth to see a new day.
_EARLIEST_CLOCKS = timedelta(hours=14)


def latest_day() -> date:
    """The day that it is where the day begins first: the latest that can be today for anybody."""
    return (utcnow() + _EARLIEST_CLOCKS).date()
