"""What replays and the shadow found, and what a version gets wrong on photos that experts decided on."""

import pytest
from sqlalchemy import select, update

from app.core.db import reading, transaction
from app.core.errors import Conflict, NotFound
from app.core.tables import Job, JobStatus
from app.predictions import registry
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.submissions.tables import Photo
from app.versions import comparisons, replays
from app.versions.replays import FlipFilter, Replays
from app.versions.rules import Part
from app.versions.shadow import set_shadow
from app.versions.tables import CandidatePrediction, PhotoPart, Replay, ReplayChunk
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user
from tests.reviewing import decide, send, taxon
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version, put_into_service

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def register(service, tmp_path):
    def add(number, **policy):
        with transaction(service.sessions) as session:
            folder = make_version(tmp_path, number, **policy)
            return registry.import_version(session, folder, service.settings).id

    return add


def picture(seed):
    return encode(butterfly(seed, (120, 90)), quality=60)


def live(service, version_id):
    with reading(service.sessions) as session:
        rows = replays.page(session, version_id, live=True)
        return [replays.summary(session, row.id) for row in rows]


def test_a_shadow_keeps_what_it_would_have_said_and_begins_anew_when_another_version_serves(
    service, register, tmp_path
):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, "5.0.0", **BELIEVES_THE_CLAIM))
    version = register("6.0.0", **NEVER_IN_SCOPE)
    send(service, picture(1), 1)  # before it stood there
    set_shadow(service.sessions, version, None, on=True)
    seen = send(service, picture(2), 2)
    [found] = live(service, version)
    assert (found.replay.against.version, found.submissions, found.done) == ("5.0.0", 1, 1)
    assert found.flips == {(Outcome.AGREE, Outcome.OUT_OF_SCOPE): 1}
    assert (found.queue_before, found.queue_after) == (0, 1)
    with reading(service.sessions) as session:
        [row] = replays.flipped(session, found.replay.id)
        assert row.submission_id == seen
        filter = FlipFilter(before=Outcome.AGREE, after=Outcome.OUT_OF_SCOPE)
        assert replays.flipped(session, found.replay.id, filter=filter) == [row]
        assert replays.flipped(session, found.replay.id, filter=FlipFilter(before=Outcome.UNCERTAIN)) == []

    put_into_service(service.sessions, service.settings, make_version(tmp_path, "5.1.0", **BELIEVES_THE_CLAIM))
    service.worker.classifiers._checked = 0.0
    send(service, picture(3), 3)
    newest, former = live(service, version)
    assert [each.replay.against.version for each in (newest, former)] == ["5.1.0", "5.0.0"]
    assert (newest.done, former.done) == (1, 1)


@SQLITE
def test_whoever_takes_one_version_out_of_the_shadow_leaves_another_there(service, register):
    one, other = register("6.0.0"), register("7.0.0")
    set_shadow(service.sessions, one, None, on=True)
    set_shadow(service.sessions, one, None, on=True)
    set_shadow(service.sessions, other, None, on=False)
    with reading(service.sessions) as session:
        assert list(session.scalars(select(ModelVersion.id).where(ModelVersion.shadow))) == [one]
        assert len(session.scalars(select(Replay)).all()) == 1


def test_failed_parts_are_tried_again(service, register):
    use_cases = Replays(service.sessions, service.worker.dispatcher.send)
    send(service, picture(1), 1)
    number = use_cases.start(register("6.0.0"), None)
    with transaction(service.sessions) as session:
        jobs = select(ReplayChunk.job_id)
        session.execute(update(Job).where(Job.id.in_(jobs)).values(status=JobStatus.FAILED, attempts=5))
        found = replays.summary(session, number)
        assert (found.waiting, found.failed, found.done) == (0, 1, 0)
    use_cases.retry(number, None)
    service.work()
    with reading(service.sessions) as session:
        found = replays.summary(session, number)
    assert (found.waiting, found.failed, found.done) == (0, 0, 1)
    with pytest.raises(Conflict, match="No part"):
        use_cases.retry(number, None)
    with pytest.raises(NotFound):
        use_cases.retry(999, None)


def test_the_worst_mistakes_are_those_of_which_it_was_most_certain(service, register):
    """On photos that measure only; one that it never looked at is counted, not shown."""
    expert, version = make_user(service.sessions), register("6.0.0")
    numbers = [send(service, picture(who), who) for who in range(5)]
    for number in numbers:
        decide(service, expert, number, taxon(TAXA[0]))
    certainties = {0: 0.6, 1: 0.1, 2: 0.9, 4: 0.99}  # of the other species; the fourth photo it has not seen
    with transaction(service.sessions) as session:
        for who, photo in enumerate(session.scalars(select(Photo).order_by(Photo.id))):
            part = Part.TRAIN if who == 4 else Part.TEST
            session.add(PhotoPart(sha256=photo.sha256, part=part, volunteer_id=photo.submission.volunteer_id))
            if who in certainties:
                values = {TAXA[0]: 1 - certainties[who], TAXA[1]: certainties[who]}
                session.add(
                    CandidatePrediction(model_version_id=version, photo_id=photo.id, probabilities=values, in_scope=1.0)
                )
    with reading(service.sessions) as session:
        found = comparisons.mistakes(session, session.get_one(ModelVersion, version))
        assert [(each.submission_id, each.named, each.probability) for each in found.worst] == [
            (numbers[2], TAXA[1], 0.9),
            (numbers[0], TAXA[1], 0.6),
        ]
        assert (found.wrong, found.looked_at, found.unanswered) == (2, 3, 1)
        assert len(comparisons.mistakes(session, session.get_one(ModelVersion, version), most=1).worst) == 1
