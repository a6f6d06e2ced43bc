"""Withdrawing deletes photos, place and note, and keeps the log."""

import hashlib

from sqlalchemy import update

from app.core import jobs
from app.core.db import transaction
from app.core.storage import LocalStorage
from app.core.tables import Job
from app.submissions import photos
from app.submissions.rules import Source, SubmissionStatus
from ml.inference import Square
from tests.app.sending import files, row, submissions, submit
from tests.app.volunteers.test_submitting_twice import at_the_same_moment
from tests.factories import exif_photo, photo


def stored(service):
    return {key.split("/")[-1].removesuffix(".jpg") for key in LocalStorage(service.settings.photo_dir).keys("")}


def withdrawn(service, *pictures, **values):
    token = submit(service, *pictures, **values).token
    submissions(service).withdraw(token)
    return row(service, token)


def test_the_files_are_gone(service):
    withdrawn(service, photo(1), photo(2))
    assert stored(service) == set()


def test_place_note_square_and_file_name_are_gone(service):
    kept = withdrawn(
        service,
        photos=files(exif_photo(1), square=Square(0, 0, 1, 1)),
        place="My garden",
        latitude=52.0,
        longitude=5.0,
        note="Left of the door",
    )
    assert (kept.place, kept.note, kept.latitude, kept.longitude) == ("", "", None, None)
    assert kept.coordinate_source is Source.MISSING
    [photo_row] = kept.photos
    assert (photo_row.filename, photo_row.square, photo_row.taken_at) == ("", None, None)
    assert photo_row.removed_at is not None


def test_the_log_stays_and_tells_it(service):
    kept = withdrawn(service)
    assert kept.status is SubmissionStatus.WITHDRAWN
    assert kept.withdrawn_at is not None
    assert [(e.event, e.actor) for e in kept.log] == [("received", "volunteer"), ("withdrawn", "volunteer")]


def test_predictions_and_verdict_stay_with_the_record(service):
    token = submit(service).token
    service.work()
    submissions(service).withdraw(token)
    kept = row(service, token)
    assert len(kept.verdicts) == 1
    assert len(kept.photos[0].predictions) == 1


def test_files_that_another_submission_shows_stay(service):
    kept = submit(service, photo(1), key="one").token
    withdrawn(service, photo(1), photo(2), key="another")
    assert stored(service) == {hashlib.sha256(photo(1)).hexdigest()}
    submissions(service).withdraw(kept)
    assert stored(service) == set()


def test_withdrawing_again_changes_nothing(service):
    token = withdrawn(service).token
    submissions(service).withdraw(token)
    assert [e.event for e in row(service, token).log] == ["received", "withdrawn"]


def test_withdrawing_twice_at_the_same_moment_is_once(service):
    token = submit(service).token
    results = at_the_same_moment(*[lambda: submissions(service).withdraw(token)] * 4)
    assert results == [None] * 4
    assert [e.event for e in row(service, token).log] == ["received", "withdrawn"]


def test_files_that_can_not_be_removed_now_are_removed_by_the_worker(service, monkeypatch):
    token = submit(service, photo(1)).token
    with monkeypatch.context() as broken:

        def away(self, key):
            raise OSError("the folder is not mounted")

        broken.setattr(LocalStorage, "delete", away)
        submissions(service).withdraw(token)
    assert row(service, token).status is SubmissionStatus.WITHDRAWN
    assert stored(service) == {hashlib.sha256(photo(1)).hexdigest()}
    with transaction(service.sessions) as session:
        session.execute(update(Job).values(sent_at=None))
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    assert stored(service) == set()


def test_a_file_that_is_gone_already_is_no_error(lite):
    token = submit(lite, photo(1)).token
    photos.discard(LocalStorage(lite.settings.photo_dir), hashlib.sha256(photo(1)).hexdigest())
    submissions(lite).withdraw(token)
    assert row(lite, token).status is SubmissionStatus.WITHDRAWN


def test_the_same_photo_sent_again_is_new(lite):
    withdrawn(lite, photo(1), idempotency_key="k1")
    again = row(lite, submit(lite, photo(1), idempotency_key="k2").token)
    assert again.status is SubmissionStatus.RECEIVED
    assert hashlib.sha256(photo(1)).hexdigest() in stored(lite)
