"""Sending: photos on the disk, then row and job in one transaction, then the message. Or nothing at all."""

import errno
import hashlib
from datetime import date, timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from app.core.db import utcnow
from app.core.errors import InvalidSubmission, NotFound
from app.core.storage import LocalStorage
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.rules import ClaimKind
from app.submissions import photos
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, Submission, Volunteer
from ml.inference import Square
from tests.app.sending import KEY, TAXA, files, row, submissions, submit
from tests.factories import encode, photo, wall


def count(service, table):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(table))


def codes(error):
    return [(e.field, e.code) for e in error.value.errors]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_submission_is_kept_as_it_was_sent(service):
    token = submit(
        service,
        photo(1),
        photo(2),
        individual_count=3,
        event_date=date(2026, 7, 1),
        place="Behind the shed",
        latitude=52.1,
        longitude=5.2,
        note="On the bramble.",
        email="a@example.org",
        language="nl",
    ).token
    kept = row(service, token)
    assert kept.status is SubmissionStatus.RECEIVED
    assert kept.verification_status is VerificationStatus.PENDING
    assert (kept.individual_count, kept.event_date, kept.place) == (3, date(2026, 7, 1), "Behind the shed")
    assert (kept.latitude, kept.longitude, kept.coordinate_source) == (52.1, 5.2, Source.TYPED)
    assert kept.note == "On the bramble."
    assert (kept.volunteer.key, kept.volunteer.email, kept.volunteer.language) == (KEY, "a@example.org", "nl")
    assert [p.position for p in kept.photos] == [0, 1]
    assert [(p.width, p.height, p.format) for p in kept.photos] == [(400, 300, "JPEG")] * 2
    assert kept.claim.taxon.scientific_name == TAXA[0]
    assert [entry.event for entry in kept.log] == ["received"]


def test_the_original_and_its_copies_are_on_the_disk(service):
    submit(service, photo(1))
    storage = LocalStorage(service.settings.photo_dir)
    sha256 = hashlib.sha256(photo(1)).hexdigest()
    assert storage.get(photos.key_of(sha256, "original")) == photo(1)
    assert all(storage.exists(photos.key_of(sha256, variant)) for variant in ("display", "thumb"))


def test_one_job_waits_for_each_submission_and_was_sent(service):
    token = submit(service).token
    with service.sessions() as session:
        [job] = session.scalars(select(Job))
    assert (job.kind, job.subject_id, job.status) == (JobKind.SCREENING, row(service, token).id, JobStatus.QUEUED)
    assert job.sent_at is not None


@pytest.mark.parametrize(("kind", "verbatim"), [(ClaimKind.OTHER, "small heath"), (ClaimKind.UNKNOWN, "")])
def test_another_species_and_not_knowing_are_answers(service, kind, verbatim):
    claim = row(service, submit(service, claim_kind=kind, claim_verbatim=verbatim).token).claim
    assert (claim.kind, claim.taxon, claim.verbatim, claim.informed) == (kind, None, verbatim, False)


def test_the_square_that_was_drawn_is_kept(service):
    square = Square(0.1, 0.2, 0.3, 0.4)
    token = submit(service, photos=files(photo(1), square=square)).token
    assert row(service, token).photos[0].square == [0.1, 0.2, 0.3, 0.4]


def test_links_can_not_be_guessed(service):
    tokens = {submit(service, photo(n), idempotency_key=f"k{n}").token for n in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 24 for token in tokens)


def test_a_stranger_without_a_cookie_becomes_a_volunteer(lite):
    receipt = submit(lite, key=None)
    assert row(lite, receipt.token).volunteer.key == receipt.volunteer_key


@pytest.mark.parametrize("address", [{}, {"email": ""}])
def test_without_an_address_the_old_one_is_kept(lite, address):
    submit(lite, photo(1), idempotency_key="1", email="a@example.org")
    kept = row(lite, submit(lite, photo(2), idempotency_key="2", **address).token)
    assert kept.volunteer.email == "a@example.org"


def test_an_unknown_link_is_not_found(lite):
    with pytest.raises(NotFound), lite.sessions() as session:
        submissions(lite).get(session, "nothing")


# --- a photo that was seen before ------------------------------------------------------------------------------------


def test_a_photo_seen_before_is_said_to_be_so_whoever_sent_it(service):
    first = row(service, submit(service, photo(1), key="one").token)
    second = row(service, submit(service, photo(2), photo(1), key="another").token)
    assert [p.seen_before for p in first.photos] == [False]
    assert [p.seen_before for p in second.photos] == [False, True]


def test_the_same_photo_twice_in_one_submission_is_kept_twice(lite):
    kept = row(lite, submit(lite, photo(1), photo(1)).token)
    assert len({p.sha256 for p in kept.photos}) == 1
    assert len({p.token for p in kept.photos}) == 2


# --- all or nothing --------------------------------------------------------------------------------------------------


def test_when_photos_can_not_be_stored_there_is_no_row(service, monkeypatch):
    def full(self, key, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalStorage, "put", full)
    with pytest.raises(OSError, match="No space left"):
        submit(service)
    assert [count(service, table) for table in (Submission, Photo, Job, Volunteer)] == [0, 0, 0, 0]


def test_when_the_database_fails_after_storing_there_is_no_row(service):
    def fails(connection, cursor, statement, *_):
        if statement.startswith("INSERT INTO jobs"):
            raise OperationalError(statement, {}, Exception("the connection was lost"))

    engine = service.client.app.state.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", fails)
    with pytest.raises(OperationalError):
        submit(service)
    event.remove(engine, "before_cursor_execute", fails)
    assert [count(service, table) for table in (Submission, Photo, Job, Volunteer)] == [0, 0, 0, 0]
    assert submit(service).duplicate is False


def test_a_queue_that_is_down_does_not_stop_a_submission(service, monkeypatch):
    monkeypatch.setattr(submissions(service), "_send", lambda job_id: False)
    token = submit(service).token
    assert row(service, token).status is SubmissionStatus.RECEIVED
    with service.sessions() as session:
        assert session.scalars(select(Job)).one().sent_at is None


# --- mistakes --------------------------------------------------------------------------------------------------------

NEXT_WEEK = utcnow().date() + timedelta(days=7)
MISTAKES = [
    # values, field and code
    ({"photos": ()}, ("file", "photo_missing")),
    ({"individual_count": 0}, ("individual_count", "count_range")),
    ({"individual_count": 1000}, ("individual_count", "count_range")),
    ({"event_date": NEXT_WEEK}, ("event_date", "date_in_future")),
    ({"event_date": date(1899, 12, 31)}, ("event_date", "date_too_early")),
    ({"latitude": 52.0}, ("latitude", "coordinates_half")),
    ({"longitude": 5.0}, ("latitude", "coordinates_half")),
    ({"latitude": 90.1, "longitude": 5.0}, ("latitude", "coordinates_range")),
    ({"latitude": 52.0, "longitude": -180.5}, ("latitude", "coordinates_range")),
    ({"place": "x" * 301}, ("place", "text_too_long")),
    ({"note": "x" * 2001}, ("note", "text_too_long")),
    ({"claim_kind": ClaimKind.OTHER, "claim_verbatim": "x" * 201}, ("claim_text", "text_too_long")),
    ({"claimed_name": "Nemo nescitus"}, ("claim", "claim_unknown")),
]


@pytest.mark.parametrize(("values", "mistake"), MISTAKES)
def test_a_mistake_is_told_by_its_field_and_nothing_is_kept(lite, values, mistake):
    with pytest.raises(InvalidSubmission) as error:
        submit(lite, **values)
    assert codes(error) == [mistake]
    assert count(lite, Submission) == 0
    assert list(LocalStorage(lite.settings.photo_dir).keys()) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"words", "photo_unsupported"),
        (photo(1)[:900], "photo_undecodable"),
        (encode(wall().resize((7000, 7000)).convert("1"), "PNG"), "photo_too_large"),
    ],
    ids=["unsupported", "undecodable", "too large"],
)
def test_a_photo_that_can_not_be_read_is_named(lite, data, code):
    with pytest.raises(InvalidSubmission) as error:
        submit(lite, photo(2), data)
    assert codes(error) == [("file", code)]
    assert error.value.errors[0].filename == "1.jpg"


def test_too_many_photos_are_refused(lite):
    with pytest.raises(InvalidSubmission) as error:
        submit(lite, *(photo(n) for n in range(9)))
    assert codes(error) == [("file", "too_many_photos")]


def test_a_file_that_is_too_large_is_not_even_read(lite):
    sent = files(photo(1))[0]
    huge = type(sent)("huge.jpg", 41_000_000, lambda: pytest.fail("was read"))
    with pytest.raises(InvalidSubmission) as error:
        submit(lite, photos=[huge])
    assert codes(error) == [("file", "photo_too_many_bytes")]


def test_all_mistakes_are_told_at_once(lite):
    with pytest.raises(InvalidSubmission) as error:
        submit(lite, b"words", individual_count=0, latitude=100.0, longitude=0.0, event_date=NEXT_WEEK)
    assert sorted(field for field, _ in codes(error)) == ["event_date", "file", "individual_count", "latitude"]
