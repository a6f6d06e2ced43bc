"""When the night's run is due, by the clock alone."""

from datetime import datetime
from types import SimpleNamespace

import pytest

from app.versions.schedule import Schedule


class Started:
    """Runs that remember the occasion."""

    def __init__(self):
        self.occasions = []

    def start(self, request, user_id, trigger, occasion):
        self.occasions.append(occasion)


@pytest.mark.parametrize(
    ("retrain_at", "now", "occasion"),
    [
        ("02:30", "2026-07-14T02:29", None),
        ("02:30", "2026-07-14T02:30", "nightly:2026-07-14"),
        ("02:30", "2026-07-14T08:29", "nightly:2026-07-14"),  # the worker was away
        ("02:30", "2026-07-14T08:30", None),
        ("23:30", "2026-07-14T23:29", None),
        ("23:30", "2026-07-14T23:45", "nightly:2026-07-14"),
        ("23:30", "2026-07-15T00:10", "nightly:2026-07-14"),  # it came back after midnight
        ("23:30", "2026-08-01T05:29", "nightly:2026-07-31"),
        ("23:30", "2026-07-15T05:30", None),
        ("18:00", "2026-07-15T00:00", None),
        ("00:00", "2026-07-15T00:00", "nightly:2026-07-15"),
    ],
)
def test_the_run_of_a_night_is_due_for_six_hours_also_past_midnight(lite, retrain_at, now, occasion):
    started = Started()
    settings = SimpleNamespace(retrain_at=retrain_at, retrain_after_photos=0)
    Schedule(lite.sessions, settings, started).look(datetime.fromisoformat(f"{now}+00:00"))
    assert started.occasions == ([occasion] if occasion else [])
