"""Candidates asked about the season and about live photos: much is told, and nothing of what stands is changed."""

import json

import pytest
from sqlalchemy import func, select

from app.core.db import reading, transaction
from app.core.errors import Conflict
from app.core.tables import Job, JobStatus
from app.predictions import registry
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, PredictionRecord, Submission
from app.taxa.tables import Taxon, TaxonPolicy
from app.versions import candidates, comparisons, replays
from app.versions.promotion import Promotion
from app.versions.replays import FlipFilter, Replays
from app.versions.rules import Part
from app.versions.shadow import set_shadow
from app.versions.tables import CandidatePrediction, PhotoPart
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user
from tests.reviewing import decide, send, taxon
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version, put_into_service

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def expert(service):
    return make_user(service.sessions)


@pytest.fixture
def register(service, tmp_path):
    def add(number, **policy):
        with transaction(service.sessions) as session:
            folder = make_version(tmp_path, number, **policy)
            return registry.import_version(session, folder, service.settings).id

    return add


@pytest.fixture
def start(service):
    use_cases = Replays(service.sessions, service.worker.dispatcher.send)

    def run(version_id, **options):
        number = use_cases.start(version_id, None, **options)
        service.work()
        with reading(service.sessions) as session:
            return replays.summary(session, number)

    return run


def picture(seed):
    return encode(butterfly(seed, (120, 90)), quality=60)


def standing(service):
    """Everything that a replay might change and must not."""
    with reading(service.sessions) as session:
        rows = session.scalars(select(Submission).order_by(Submission.id))
        return [(row.status, row.verification_status, len(row.verdicts), len(row.log)) for row in rows]


def test_a_replay_tells_what_would_be_different_and_changes_nothing(service, expert, register, start, tmp_path):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, "5.0.0", **BELIEVES_THE_CLAIM))
    decide(service, expert, send(service, picture(0), 0), taxon(TAXA[0]))
    with transaction(service.sessions) as session:
        claimed = session.scalars(select(Taxon).where(Taxon.scientific_name == TAXA[0])).one()
        session.add(TaxonPolicy(taxon_id=claimed.id, machine_acceptance=True))
    accepted, also = (send(service, picture(who), who) for who in (1, 2))
    before = standing(service)
    assert [status for status, *_ in before[1:]] == [SubmissionStatus.AUTO_ACCEPTED] * 2

    found = start(register("6.0.0", **NEVER_IN_SCOPE))
    assert (found.submissions, found.done, found.failed) == (3, 3, 0)
    assert found.flips == {(Outcome.AGREE, Outcome.OUT_OF_SCOPE): 3}
    assert (found.queue_before, found.queue_after) == (0, 2)  # one was decided by a person, and stays so
    assert (found.accepted_before, found.accepted_after) == (2, 0)
    assert found.disputed == 2
    with reading(service.sessions) as session:
        disputed = replays.flipped(session, found.replay.id, filter=FlipFilter(disputed=True))
        assert [row.submission_id for row in disputed] == [accepted, also]
        assert len(replays.flipped(session, found.replay.id, after=accepted)) == 1
    assert standing(service) == before


@SQLITE
def test_chunks_are_jobs_of_their_own_and_one_that_is_run_twice_counts_once(service, register, start, monkeypatch):
    monkeypatch.setattr(replays, "CHUNK", 2)
    for who in range(3):
        send(service, picture(who), who)
    found = start(register("6.0.0"))
    assert (found.done, found.flips) == (3, {})
    with transaction(service.sessions) as session:
        chunks = session.scalars(select(Job).where(Job.kind == "replay")).all()
        assert [job.status for job in chunks] == [JobStatus.DONE] * 2
        chunks[0].status = JobStatus.QUEUED
        job_id = chunks[0].id
    service.worker.handle(job_id)
    with reading(service.sessions) as session:
        assert replays.summary(session, found.replay.id).done == 3
        assert session.scalar(select(func.count()).select_from(CandidatePrediction)) == 3


@SQLITE
def test_what_serves_is_not_replayed_against_itself(service, start):
    with reading(service.sessions) as session:
        serving = session.scalars(select(ModelVersion.id).where(ModelVersion.active)).one()
    with pytest.raises(Conflict, match="other than the one in service"):
        start(serving)


@SQLITE
def test_a_shadow_looks_at_live_photos_and_nobody_is_shown_it(service, register):
    version, other = register("6.0.0", **NEVER_IN_SCOPE), register("7.0.0")
    set_shadow(service.sessions, version, None, on=True)
    seen = send(service, picture(1), 1)
    with reading(service.sessions) as session:
        photo = session.scalars(select(Photo).where(Photo.submission_id == seen)).one()
        assert [row.model_version_id for row in photo.predictions] != [version]
        assert len(photo.predictions) == 1
        assert set(candidates.opinions(session, version, [photo.id])) == {photo.id}
        assert [row.model_version_id for row in session.get_one(Submission, seen).verdicts] != [version]
    set_shadow(service.sessions, other, None, on=True)
    with reading(service.sessions) as session:
        shadows = list(session.scalars(select(ModelVersion.id).where(ModelVersion.shadow)))
    assert shadows == [other]
    set_shadow(service.sessions, other, None, on=False)
    send(service, picture(2), 2)
    with reading(service.sessions) as session:
        assert session.scalar(select(func.count()).select_from(CandidatePrediction)) == 1


@SQLITE
def test_a_shadow_that_can_not_look_disturbs_nobody(service, register):
    version = register("6.0.0")
    set_shadow(service.sessions, version, None, on=True)
    with reading(service.sessions) as session:
        folder = registry.folder_of(session.get_one(ModelVersion, version), service.settings)
    (folder / "model.tflite").write_bytes(b"no network")
    seen = send(service, picture(1), 1)
    with reading(service.sessions) as session:
        assert session.get_one(Submission, seen).verdict is not None
        assert session.scalars(select(Job.status)).all() == [JobStatus.DONE]


def test_versions_are_compared_on_the_photos_that_measure_and_the_gate_believes_that(service, expert, register):
    """The new one names every photo right; the other only those of one species."""
    version = register("6.0.0")
    numbers = [send(service, picture(who), who) for who in range(6)]
    for who, number in enumerate(numbers):
        decide(service, expert, number, taxon(TAXA[who % 2]))
    with transaction(service.sessions) as session:
        serving = session.scalars(select(ModelVersion).where(ModelVersion.active)).one()
        for who, photo in enumerate(session.scalars(select(Photo).order_by(Photo.id))):
            right, always = ({name: float(name == each) for name in TAXA} for each in (TAXA[who % 2], TAXA[0]))
            session.scalars(
                select(PredictionRecord).where(PredictionRecord.photo_id == photo.id)
            ).one().probabilities = always
            session.add(
                CandidatePrediction(model_version_id=version, photo_id=photo.id, probabilities=right, in_scope=1.0)
            )
            part = Part.TRAIN if who == 5 else Part.TEST
            session.add(PhotoPart(sha256=photo.sha256, part=part, volunteer_id=photo.submission.volunteer_id))
    with reading(service.sessions) as session:
        found = comparisons.compare(session, session.get_one(ModelVersion, version), serving)
    assert found is not None
    assert (found.overall.photos, found.unanswered) == (5, 0)
    assert found.overall.accuracy == 1.0
    assert found.overall.other_accuracy == pytest.approx(0.6)
    assert found.per_species[TAXA[0]].difference == 0
    assert found.per_species[TAXA[1]].difference == 1
    assert [row.photo.submission_id if row.photo else None for row in found.differing] == [numbers[1], numbers[3]]
    assert found.overall.low <= 0.4 <= found.overall.high

    service.settings.gate_least_photos = 5
    service.settings.gate_max_milliseconds = 10_000
    difference = Promotion(service.sessions, service.settings).gate(version).report.difference
    assert difference is not None
    assert (difference.paired, difference.photos, json.dumps(difference.value)) == (True, 5, "0.4")
