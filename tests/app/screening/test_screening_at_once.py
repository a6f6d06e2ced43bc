"""Screening in the web process: the same verdict as the worker's, in the submission's own transaction, or the worker's job."""

import threading

import pytest
from sqlalchemy import func, select, update

from app.core.db import transaction
from app.core.tables import Job
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.review.tables import ReviewTask
from app.screening import at_once as screening_at_once
from app.screening import screening
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import PredictionRecord, VerdictRecord
from app.versions.shadow import set_shadow
from app.versions.tables import ReplayVerdict
from ml.inference import Square
from tests.app.sending import files, row, submissions, submit
from tests.conftest import make_settings
from tests.factories import butterfly, encode, photo
from tests.versions import BELIEVES_THE_CLAIM, BELIEVES_THE_MODEL, make_version, put_into_service

LARGE = encode(butterfly(1, (3400, 2550)))


@pytest.fixture
def settings(tmp_path, database_url):
    """The default: the volunteer's page comes with the verdict."""
    return make_settings(tmp_path, database_url=database_url, screen_at_once_seconds=60)


def left_to_the_worker(service):
    """A service with the same data that screens nothing at once."""
    found = submissions(service)
    found._screening_seconds = 0
    return found


def jobs(service):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(Job))


def told(service, token):
    """All that a screening writes, without ids and moments."""
    kept = row(service, token)
    with service.sessions() as session:
        task = session.get(ReviewTask, kept.id)
        desk = task and (task.state, task.reason, task.position, task.quality, task.predicted_taxon_id)
    verdict = kept.verdict
    said = (verdict.outcome, verdict.reason, verdict.suggested, verdict.machine_accepted, verdict.policy)
    looked = [(made.square_origin, made.searched, made.square_changes) for p in kept.photos for made in p.predictions]
    return kept.status, kept.verification_status, said, looked, desk


@pytest.mark.parametrize("policy", [BELIEVES_THE_CLAIM, BELIEVES_THE_MODEL])
def test_the_verdict_is_the_workers(service, tmp_path, policy):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, **policy))
    submissions(service)._classifiers._checked = 0.0
    at_once = submit(service, photo(1), photo(2)).token
    assert jobs(service) == 0
    assert row(service, at_once).status in {SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED}

    left_to_the_worker(service)
    later = submit(service, photo(1), photo(2), key="another", idempotency_key="another").token
    assert row(service, later).status is SubmissionStatus.RECEIVED
    assert jobs(service) == 1
    service.work()
    assert told(service, at_once) == told(service, later)


def test_a_large_photo_is_answered_as_from_its_file(service):
    at_once = submit(service, LARGE).token
    left_to_the_worker(service)
    later = submit(service, LARGE, key="another", idempotency_key="another").token
    service.work()
    one, other = (row(service, token).photos[0].predictions[0] for token in (at_once, later))
    assert one.probabilities == pytest.approx(other.probabilities, abs=0.05)
    assert one.in_scope == pytest.approx(other.in_scope, abs=0.05)
    assert one.square == pytest.approx(other.square, abs=0.02)
    assert one.sketch == pytest.approx(other.sketch, abs=0.1)


@pytest.mark.parametrize(("side", "at_once"), [(0.5, True), (0.29, True), (0.1, False)])
def test_a_square_on_too_few_pixels_is_left_to_the_worker(service, side, at_once):
    """The copy is 1,700 pixels wide; a tenth of that is less than the network wants."""
    token = submit(service, photos=files(LARGE, square=Square(0.2, 0.2, side, side))).token
    assert (row(service, token).verdict is not None) is at_once
    assert jobs(service) == (0 if at_once else 1)
    service.work()
    assert row(service, token).photos[0].predictions[0].square == pytest.approx([0.2, 0.2, side, side])


def test_one_photo_that_is_left_leaves_all(service):
    sent = [*files(photo(1)), *files(LARGE, square=Square(0.2, 0.2, 0.05, 0.05))]
    token = submit(service, photos=sent).token
    assert row(service, token).verdict is None
    service.work()
    assert [len(each.predictions) for each in row(service, token).photos] == [1, 1]


def test_without_a_model_the_worker_waits_for_one(service):
    with transaction(service.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    submissions(service)._classifiers._served = None
    token = submit(service).token
    assert row(service, token).status is SubmissionStatus.RECEIVED
    assert jobs(service) == 1


def test_whoever_waits_too_long_for_the_model_has_a_worker_look(service):
    """Both threads of the model are busy until the submission is taken."""
    found = submissions(service)
    found._screening_seconds = 0.05
    line, free = found._classifiers.line, threading.Event()
    busy = line.begin([free.wait] * line._threads)
    token = submit(service).token
    free.set()
    assert [future.result() for future in busy]
    assert row(service, token).verdict is None
    assert jobs(service) == 1
    service.work()
    assert row(service, token).verdict is not None


def test_a_line_that_is_full_is_not_joined(service):
    found = submissions(service)
    line, free = found._classifiers.line, threading.Event()
    line._most = line._threads
    busy = line.begin([free.wait] * line._threads)
    token = submit(service).token
    free.set()
    assert [future.result() for future in busy]
    assert jobs(service) == 1
    assert row(service, token).verdict is None


def test_what_goes_wrong_with_the_verdict_costs_no_photo(service, monkeypatch, caplog):
    real = screening.record

    def half(session, *rest):
        real(session, *rest)
        raise RuntimeError("no more")

    monkeypatch.setattr(screening_at_once, "record", half)
    token = submit(service).token
    kept = row(service, token)
    assert (kept.status, kept.verdict, kept.photos[0].predictions) == (SubmissionStatus.RECEIVED, None, [])
    assert "is left to a worker" in caplog.text
    service.work()
    assert row(service, token).verdict is not None


def test_a_model_that_fails_costs_no_photo(service, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("the runtime is broken")

    monkeypatch.setattr(submissions(service)._classifiers.current().recogniser, "look", fails)
    token = submit(service).token
    assert "could not be looked at" in caplog.text
    assert (row(service, token).verdict, jobs(service)) == (None, 1)
    service.work()
    assert row(service, token).verdict is not None


def test_a_repeat_writes_nothing_again(service):
    first = submit(service)
    again = submit(service, idempotency_key="another key")
    assert (again.token, again.duplicate) == (first.token, True)
    with service.sessions() as session:
        assert session.scalar(select(func.count()).select_from(PredictionRecord)) == 1
        assert session.scalar(select(func.count()).select_from(VerdictRecord)) == 1


def test_a_shadow_looks_as_well(service, tmp_path):
    with transaction(service.sessions) as session:
        candidate = registry.import_version(session, make_version(tmp_path), service.settings).id
    set_shadow(service.sessions, candidate, None, on=True)
    token = submit(service).token
    assert row(service, token).verdict is not None
    assert jobs(service) == 1
    service.work()
    kept = row(service, token)
    assert [len(kept.verdicts), len(kept.photos[0].predictions)] == [1, 1]
    with service.sessions() as session:
        assert session.scalars(select(ReplayVerdict.submission_id)).all() == [kept.id]


def test_each_picture_is_let_go_of_before_the_next(service, monkeypatch):
    """Eight of them together would take 80 MB."""
    seen = []
    look = screening_at_once.ScreeningAtOnce.look

    def watched(self, prepared, square):
        after = look(self, prepared, square)
        seen.append((prepared.picture is None, after.picture is None))
        return after

    monkeypatch.setattr(screening_at_once.ScreeningAtOnce, "look", watched)
    submit(service, photo(1), photo(2))
    assert seen == [(False, True), (False, True)]
