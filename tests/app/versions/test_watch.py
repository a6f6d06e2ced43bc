"""Watching the version in service: weeks, limits, alerts that are told once, and the webhook."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from app.core import jobs
from app.core.db import reading, transaction
from app.core.errors import NotFound
from app.core.roles import Role
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.review.tables import ReviewTask
from app.submissions.tables import Photo, PredictionRecord, VerdictRecord
from app.taxa.tables import Taxon
from app.versions import rules as drift
from app.versions import watch
from app.versions.tables import WatchAlert
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user
from tests.reviewing import decide, send, taxon
from tests.webhook import Webhook

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)  # a Wednesday
MONDAY = date(2026, 7, 13)

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def version(service):
    with reading(service.sessions) as session:
        return session.scalars(select(ModelVersion).where(ModelVersion.active)).one()


def fill(service, version, at, count, confidence, scope=1.0, direction=0.0):
    """Predictions of a moment, on photos that are rows only."""
    with transaction(service.sessions) as session:
        seen = session.scalars(select(Photo.submission_id).limit(1)).one()
        first = len(session.scalars(select(Photo.id)).all())
        for number in range(first, first + count):
            photo = Photo(
                token=f"t{number}", submission_id=seen, position=number, sha256="0" * 64, format="JPEG",
                byte_size=1, width=1, height=1,
            )  # fmt: skip
            session.add(photo)
            session.flush()
            top = confidence + 0.0001 * (number - first)
            values = {TAXA[0]: top, TAXA[1]: 1 - top}
            sketch = [direction + 0.01 * (number - first)] * 6
            row = {"photo_id": photo.id, "model_version_id": version.id, "probabilities": values, "in_scope": scope}
            session.execute(insert(PredictionRecord).values(**row, sketch=sketch, created_at=at))


@pytest.fixture
def season(service, version, monkeypatch):
    """A reference, a week like it, and a week of other photos."""
    monkeypatch.setattr(watch, "REFERENCE", 61)
    monkeypatch.setattr(drift, "FEWEST", 50)
    send(service, encode(butterfly(1, (120, 90))), 1)
    with transaction(service.sessions) as session:
        for table in (PredictionRecord, VerdictRecord):
            session.execute(update(table).values(created_at=NOW - timedelta(weeks=3)))
    fill(service, version, NOW - timedelta(weeks=3), 60, 0.9)
    fill(service, version, NOW - timedelta(weeks=1), 60, 0.9)
    fill(service, version, NOW, 60, 0.6, scope=0.2, direction=5.0)


def look(service, version):
    with reading(service.sessions) as session:
        return watch.weeks(session, version, 0.5, NOW)


def test_weeks_say_what_was_seen_and_whether_it_moved(service, version, season):
    present, before, first = look(service, version)
    assert [week.begins for week in (present, before, first)] == [MONDAY - timedelta(weeks=n) for n in (0, 1, 3)]
    assert (present.photos, before.photos, first.photos) == (60, 60, 61)
    assert sum(first.outcomes.values()) == 1
    assert set(first.outcomes) == set(Outcome)
    assert present.confidence == pytest.approx(0.6, abs=0.01)
    assert (present.in_scope, before.in_scope) == (0, 1)
    assert before.drift_of_confidence < 0.1 < 1 < present.drift_of_confidence
    assert before.drift_of_embedding < 0.1 < 1 < present.drift_of_embedding
    assert first.drift_of_confidence is None  # it is the reference itself


@SQLITE
def test_agreement_is_that_of_experts_with_what_the_model_named(service, version):
    expert = make_user(service.sessions)
    numbers = [send(service, encode(butterfly(who, (120, 90))), who) for who in range(3)]
    with transaction(service.sessions) as session:
        first = session.scalars(select(Taxon).where(Taxon.scientific_name == TAXA[0])).one()
        for number, named in zip(numbers, (first.id, first.id, None), strict=True):
            session.get_one(ReviewTask, number).predicted_taxon_id = named
    for number, answer in zip(numbers, (TAXA[0], TAXA[1], TAXA[0]), strict=True):
        decide(service, expert, number, taxon(answer))
    with reading(service.sessions) as session:
        [week] = watch.weeks(session, version, 0.5)
    assert (week.decided, week.agreement) == (2, 0.5)


def test_limits_make_alerts_once_until_somebody_has_seen_them(service, version, season):
    service.settings.watch_least_photos = 50
    found = look(service, version)
    fresh = watch.note_alerts(service.sessions, version, found, service.settings)
    expected = {"drift_of_confidence", "drift_of_scope", "drift_of_embedding", "in_scope"}
    assert {(alert.week, alert.figure) for alert in fresh} == {(MONDAY, name) for name in expected}
    watch.mark_sent(service.sessions, fresh)
    assert watch.note_alerts(service.sessions, version, found, service.settings) == []
    admin = make_user(service.sessions, Role.ADMIN)
    with reading(service.sessions) as session:
        alerts = watch.open_alerts(session)
    assert {alert.figure for alert in alerts} == expected
    for alert in alerts:
        watch.mark_seen(service.sessions, alert.id, admin.id)
    with pytest.raises(NotFound):
        watch.mark_seen(service.sessions, 999, admin.id)
    with reading(service.sessions) as session:
        assert watch.open_alerts(session) == []
        assert {row.seen_by for row in session.scalars(select(WatchAlert))} == {admin.id}


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook(fails=True).running() as found:
        yield found


@SQLITE
def test_nothing_is_looked_at_on_the_first_day(service, version):
    send(service, encode(butterfly(1, (120, 90))), 1)
    assert not service.worker.watching.is_worthwhile()
    with transaction(service.sessions) as session:
        session.execute(update(PredictionRecord).values(created_at=NOW - timedelta(weeks=200)))
    assert service.worker.watching.is_worthwhile()


@SQLITE
def test_the_webhook_is_told_of_each_alert_once_and_again_where_it_was_away(service, version, hook, monkeypatch):
    service.settings.watch_webhook_url = hook.url
    with transaction(service.sessions) as session:
        session.add(WatchAlert(model_version_id=version.id, week=MONDAY, figure="agreement", value=0.5, limit=0.8))
        job = jobs.create(session, JobKind.WATCH, 0)
    service.worker.handle(job.id)
    with transaction(service.sessions) as session:
        again = session.get_one(Job, job.id)
        assert (again.status, again.attempts) == (JobStatus.QUEUED, 0)
        again.not_before = None
    hook.fails = False
    for _ in range(2):
        service.worker.handle(job.id)
        with transaction(service.sessions) as session:
            done = session.get_one(Job, job.id)
            assert done.status is JobStatus.DONE
            done.status = JobStatus.QUEUED
    [told] = hook.taken
    assert told["alerts"][0]["figure"] == "agreement"
    assert told["alerts"][0]["model"]["version"] == version.version
