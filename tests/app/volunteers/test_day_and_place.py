"""What EXIF says of day and place, by form and by program; what is said to stay empty stays empty; whose day "today" is."""

from datetime import UTC, date, datetime

import pytest

from app.core import db
from app.core.errors import InvalidSubmission
from app.submissions.rules import Source
from tests.app.sending import TAXA, form, post, row, submit, token_of
from tests.factories import exif_photo
from tests.odd_exif import ODD


def by_form(service, seed, data):
    answer = post(service.client, data, event_date="", latitude="", longitude="", idempotency_key=f"form-{seed}")
    return token_of(answer)


def by_program(service, seed, data):
    files = {"file": ("a.jpg", data, "image/jpeg")}
    return service.client.post("/api/v1/submissions", data={"claim": TAXA[0]}, files=files).json()["token"]


@pytest.mark.parametrize("send", [by_form, by_program])
def test_odd_exif_is_read_the_same_way(lite, send):
    read, meant = {}, {}
    for seed, odd in enumerate(ODD):
        kept = row(lite, send(lite, seed, odd.photo(seed)))
        sources = kept.event_date_source, kept.coordinate_source
        place = None if kept.latitude is None else (kept.latitude, kept.longitude)
        read[odd.name] = kept.event_date, place, *sources
        expected = [Source.EXIF if value else Source.MISSING for value in (odd.day, odd.place)]
        meant[odd.name] = odd.day, odd.place, *expected
    assert read == meant


def test_what_is_said_to_be_missing_is_not_looked_for_in_the_photo(lite):
    token = submit(lite, exif_photo(1), event_date_source="missing", coordinate_source="missing").token
    kept = row(lite, token)
    assert (kept.event_date, kept.event_date_source) == (None, Source.MISSING)
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (None, None, Source.MISSING)
    again = submit(lite, exif_photo(1), idempotency_key="k2").token
    assert row(lite, again).event_date == date(2026, 7, 14)


def test_a_value_with_the_source_missing_is_a_value(lite):
    token = submit(
        lite,
        event_date=date(2026, 7, 1),
        event_date_source="missing",
        latitude=0,
        longitude=0,
        coordinate_source="missing",
    ).token
    kept = row(lite, token)
    assert (kept.event_date_source, kept.coordinate_source) == (Source.TYPED, Source.TYPED)


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2026, 7, 18, 22, 30, tzinfo=UTC), date(2026, 7, 19)),  # 00:30 in the Netherlands
        (datetime(2026, 7, 18, 20, 0, tzinfo=UTC), date(2026, 7, 19)),  # eight in the morning in New Zealand
        (datetime(2026, 7, 18, 10, 0, tzinfo=UTC), date(2026, 7, 19)),  # midnight on the Line Islands, UTC+14
    ],
)
def test_today_is_taken_wherever_it_is_today(lite, monkeypatch, now, today):
    monkeypatch.setattr(db, "utcnow", lambda: now)
    assert row(lite, submit(lite, event_date=today).token).event_date == today
    with pytest.raises(InvalidSubmission):
        submit(lite, idempotency_key="k2", event_date=date(2026, 7, 20))


def test_what_is_tomorrow_everywhere_is_not_taken(lite, monkeypatch):
    monkeypatch.setattr(db, "utcnow", lambda: datetime(2026, 7, 18, 9, 59, tzinfo=UTC))
    with pytest.raises(InvalidSubmission):
        submit(lite, event_date=date(2026, 7, 19))


def test_the_form_sets_no_day_limit_of_the_servers_own(lite):
    field = lite.client.get("/").text.split('id="event_date"')[1].split(">")[0]
    assert "max=" not in field
    assert form()["claim"] in lite.client.get("/").text
