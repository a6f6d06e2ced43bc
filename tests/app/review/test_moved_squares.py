"""A square is drawn, moved or taken away after the verdict: another prediction and verdict, and nothing of before is lost."""

from dataclasses import astuple

import pytest
from sqlalchemy import select

from app.core.db import reading, transaction
from app.core.errors import Conflict, NotFound
from app.core.tables import Job, JobStatus
from app.predictions.rules import Outcome, SquareOrigin
from app.predictions.tables import ModelVersion
from app.review import judging
from app.review.decisions import Decisions
from app.review.desk import Desk
from app.review.questions import Questions
from app.review.rules import ReviewReason, Stale, TaskState
from app.review.squares import Squares
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.taxa.tables import Taxon, TaxonPolicy
from app.versions import watch
from ml.inference import Square
from tests.app.sending import TAXA, row, submissions, submit
from tests.app.upkeep.examining import found, repaired
from tests.finding import lies_on, meadow
from tests.people import make_user
from tests.reviewing import decide, taxon
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version, put_into_service

HERE, THERE = (0.2, 0.3), (0.75, 0.6)
DRAWN = Square(0.65, 0.45, 0.225, 0.3)

pytestmark = pytest.mark.usefixtures("finder")


@pytest.fixture
def serve(service, tmp_path):
    def put(version, **policy):
        put_into_service(service.sessions, service.settings, make_version(tmp_path, version, **policy))
        service.worker.classifiers._checked = 0.0

    return put


@pytest.fixture
def anna(service):
    return make_user(service.sessions, name="Anna")


def squares(service):
    return Squares(service.sessions, service.worker.dispatcher.send)


def screened(service, *pictures, **values):
    token = submit(service, *(pictures or (meadow(HERE),)), **values).token
    service.work()
    return row(service, token)


def task_of(service, kept):
    with reading(service.sessions) as session:
        return session.get(ReviewTask, kept.id)


def jobs_of(service):
    with reading(service.sessions) as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


def accept_by_machine(service, name=TAXA[0]):
    with transaction(service.sessions) as session:
        found = session.scalars(select(Taxon).where(Taxon.scientific_name == name)).one()
        found.policy = TaxonPolicy(machine_acceptance=True)


# --- by the volunteer ------------------------------------------------------------------------------------------------


def test_a_square_that_is_drawn_afterwards_makes_another_prediction_and_verdict_and_both_are_kept(service):
    before = screened(service)
    squares(service).of_volunteer(before.token, 1, DRAWN)
    waiting = row(service, before.token)
    assert waiting.verdict is None
    assert waiting.photos[0].prediction() is None
    assert service.work() == 1
    kept = row(service, before.token)
    assert [made.square_origin for made in kept.photos[0].predictions] == [SquareOrigin.FOUND, SquareOrigin.GIVEN]
    assert kept.photos[0].square == kept.photos[0].prediction().square == list(astuple(DRAWN))
    assert [made.square_changes for made in kept.verdicts] == [0, 1]
    assert kept.verdict is kept.verdicts[1]
    assert kept.verdicts[0].support == before.verdict.support
    assert [(line.event, line.actor) for line in kept.log if line.event == "square_moved"] == [
        ("square_moved", "volunteer")
    ]
    assert {job.status for job in jobs_of(service)} == {JobStatus.DONE}


def test_a_square_that_is_taken_away_lets_the_version_search_again(service):
    kept = screened(service)
    for square in (DRAWN, None):
        squares(service).of_volunteer(kept.token, 1, square)
        service.work()
    [photo] = row(service, kept.token).photos
    assert (photo.square, photo.square_changes) == (None, 2)
    assert [made.square_origin.value for made in photo.predictions] == ["found", "given", "found"]
    assert lies_on(photo.animal, HERE)


def test_the_same_square_again_is_no_change(service):
    kept = screened(service)
    for _ in range(2):
        squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.work()
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    assert service.work() == 0
    again = row(service, kept.token)
    assert (again.square_changes, len(again.verdicts), len(jobs_of(service))) == (1, 2, 2)


def test_the_other_photos_keep_their_predictions(service):
    kept = screened(service, meadow(HERE), meadow(THERE))
    squares(service).of_volunteer(kept.token, 2, DRAWN)
    service.work()
    again = row(service, kept.token)
    assert [len(photo.predictions) for photo in again.photos] == [1, 2]
    assert len(again.verdicts) == 2


def test_screening_twice_after_a_move_changes_nothing(service):
    kept = screened(service)
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.worker.dispatcher.send(jobs_of(service)[-1].id)
    assert service.work() == 2
    again = row(service, kept.token)
    assert (len(again.photos[0].predictions), len(again.verdicts)) == (2, 2)


def test_a_square_that_moves_while_the_version_looks_is_left_to_its_own_job(service, monkeypatch):
    token = submit(service, meadow(HERE)).token
    answer = service.worker.classifiers.answer

    def moved_meanwhile(*arguments):
        monkeypatch.undo()
        squares(service).of_volunteer(token, 1, DRAWN)
        return answer(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(service.worker.classifiers, "answer", moved_meanwhile)
        service.worker.dispatcher.huey.execute(service.worker.dispatcher.huey.dequeue())
    assert row(service, token).verdicts == []
    service.work()
    kept = row(service, token)
    [[made]] = [photo.predictions for photo in kept.photos]
    assert (made.square_origin, kept.verdict.square_changes) == (SquareOrigin.GIVEN, 1)


def test_what_can_not_be_moved(service, anna):
    kept = screened(service)
    for number in (0, 2, -1):
        with pytest.raises(NotFound, match="no photo with this number"):
            squares(service).of_volunteer(kept.token, number, DRAWN)
    with pytest.raises(NotFound, match="no submission at this link"):
        squares(service).of_volunteer("nothing", 1, DRAWN)
    decide(service, anna, kept.id, taxon(TAXA[0]))
    with pytest.raises(Conflict, match="can no longer be changed"):
        squares(service).of_volunteer(kept.token, 1, DRAWN)
    gone = screened(service, idempotency_key="another", note="another")
    submissions(service).withdraw(gone.token)
    with pytest.raises(Conflict, match="can no longer be changed"):
        squares(service).of_volunteer(gone.token, 1, DRAWN)
    assert row(service, kept.token).square_changes == row(service, gone.token).square_changes == 0


# --- the status follows ----------------------------------------------------------------------------------------------


def test_what_the_machine_accepted_goes_to_an_expert_where_it_agrees_no_more(service, serve):
    serve("98.0.0", **BELIEVES_THE_CLAIM)
    accept_by_machine(service)
    kept = screened(service)
    assert kept.status is SubmissionStatus.AUTO_ACCEPTED
    serve("99.0.0", **NEVER_IN_SCOPE)
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.work()
    again = row(service, kept.token)
    assert (again.status, again.verification_status) == (SubmissionStatus.FLAGGED, VerificationStatus.PENDING)
    assert task_of(service, kept).state is TaskState.OPEN


def test_what_the_machine_accepted_and_agrees_on_again_stays_accepted(service, serve):
    serve("98.0.0", **BELIEVES_THE_CLAIM)
    accept_by_machine(service)
    kept = screened(service)
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.work()
    again = row(service, kept.token)
    assert (again.status, again.verification_status, again.verdict.machine_accepted) == (
        SubmissionStatus.AUTO_ACCEPTED,
        VerificationStatus.ACCEPTED_BY_MACHINE,
        True,
    )
    assert again.verdict is again.verdicts[1]


def test_a_question_goes_on_waiting_for_its_answer(service, serve, anna):
    serve("98.0.0", **BELIEVES_THE_CLAIM)
    kept = screened(service)
    accept_by_machine(service)
    Questions(service.sessions).ask(anna.id, kept.id, task_of(service, kept).revision, "Where is it?")
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.work()
    again = row(service, kept.token)
    assert (again.status, again.verdict.outcome, again.verdict.machine_accepted) == (
        SubmissionStatus.QUERIED,
        Outcome.AGREE,
        False,
    )
    assert task_of(service, kept).state is TaskState.ASKED
    submissions(service).answer(kept.token, "In the square.")
    squares(service).of_volunteer(kept.token, 1, None)
    service.work()
    task = task_of(service, kept)
    assert (task.state, task.reason, task.assigned_user_id) == (TaskState.OPEN, ReviewReason.ANSWERED, anna.id)
    assert not row(service, kept.token).verdict.machine_accepted


def test_what_a_person_decides_before_the_version_has_looked_again_stands(service, anna):
    kept = screened(service)
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    identified = decide(service, anna, kept.id, taxon(TAXA[1]))
    decided = task_of(service, kept)
    service.work()
    again = row(service, kept.token)
    assert (again.status, again.verification_status) == (SubmissionStatus.VERIFIED, VerificationStatus.V1)
    assert (again.verdict.square_changes, again.verdict.machine_accepted) == (1, False)
    assert (task_of(service, kept).revision, task_of(service, kept).state) == (decided.revision, TaskState.DECIDED)
    Decisions(service.sessions).undo(anna.id, identified)
    assert row(service, kept.token).status in {SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED}


# --- from the desk ---------------------------------------------------------------------------------------------------


def test_a_reviewer_draws_and_the_item_is_another_one_then(service, anna):
    kept = screened(service)
    revision = Desk(service.sessions).open(anna.id, kept.id).revision
    squares(service).of_reviewer(anna.id, kept.id, revision, 1, DRAWN)
    moved = row(service, kept.token)
    assert (moved.log[-1].event, moved.log[-1].actor) == ("square_moved", f"user:{anna.id}")
    with pytest.raises(Stale) as refused:
        squares(service).of_reviewer(anna.id, kept.id, revision, 1, None)
    assert [what.what for what in refused.value.happened] == ["square_moved"]
    service.work()
    assert len(row(service, kept.token).verdicts) == 2


def test_an_item_that_another_reviewer_has_open_is_left_alone(service, anna):
    kept = screened(service)
    revision = Desk(service.sessions).open(make_user(service.sessions).id, kept.id).revision
    with pytest.raises(Stale, match="has this submission open"):
        squares(service).of_reviewer(anna.id, kept.id, revision, 1, DRAWN)
    assert row(service, kept.token).square_changes == 0


def test_the_machine_accepts_nothing_that_a_reviewer_has_open(service, serve, anna):
    serve("98.0.0", **NEVER_IN_SCOPE)
    accept_by_machine(service)
    kept = screened(service)
    serve("99.0.0", **BELIEVES_THE_CLAIM)
    revision = Desk(service.sessions).open(anna.id, kept.id).revision
    squares(service).of_reviewer(anna.id, kept.id, revision, 1, DRAWN)
    service.work()
    again = row(service, kept.token)
    assert (again.verdict.outcome, again.verdict.machine_accepted) == (Outcome.AGREE, False)
    assert (again.status, task_of(service, kept).state) == (SubmissionStatus.SCREENED, TaskState.OPEN)
    squares(service).of_volunteer(kept.token, 1, None)
    Desk(service.sessions).release(anna.id, kept.id)
    service.work()
    assert row(service, kept.token).verdict.machine_accepted


# --- where the newest counts -----------------------------------------------------------------------------------------


def test_figures_count_a_photo_once_by_its_newest_square(service):
    kept = screened(service)
    with reading(service.sessions) as session:
        claimed = session.scalars(select(Taxon).where(Taxon.scientific_name == TAXA[0])).one()
        version = session.scalars(select(ModelVersion)).one()
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    service.work()
    newest = row(service, kept.token).photos[0].prediction()
    with reading(service.sessions) as session:
        [week] = watch.weeks(session, version, 0.0)
        [past] = judging.past_claims(session, claimed, kept.created_at)
    assert week.photos == 1
    assert newest.square_origin is SquareOrigin.GIVEN
    assert past.opinions == [newest.opinion]


def test_the_doctor_finds_a_moved_square_that_nobody_is_going_to_look_at(service):
    kept = screened(service)
    squares(service).of_volunteer(kept.token, 1, DRAWN)
    with transaction(service.sessions) as session:
        session.delete(session.get_one(Job, jobs_of(service)[-1].id))
    service.worker.dispatcher.flush()  # its message went with it
    assert found(service) == {("forgotten submissions", f"submission {kept.id}")}
    assert repaired(service) == set()
