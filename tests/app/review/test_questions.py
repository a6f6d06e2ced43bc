"""A question goes to the volunteer, and its answer back to whoever asked."""

import pytest

from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput, NotFound
from app.review import questions
from app.review.filters import Filter
from app.review.questions import Questions
from app.review.rules import ReviewReason, Stale, TaskState
from app.submissions.rules import SubmissionStatus
from app.submissions.rules import VerificationStatus as V
from tests.app.sending import TAXA
from tests.app.volunteers.test_submitting_twice import at_the_same_moment
from tests.desk import it_is, submission_of, task_of, waiting


def ask(review, number, body="Is there another photo?", user=None):
    return Questions(review.sessions).ask(user or review.anna, number, task_of(review.sessions, number).revision, body)


def answer(review, number, text="No, it flew away."):
    with transaction(review.sessions) as session:
        questions.take_answer(session, submission_of(review.sessions, number).token, text)


def told(review, number):
    with reading(review.sessions) as session:
        return questions.report_for_volunteer(session, submission_of(review.sessions, number))


def test_the_way_of_a_question(review):
    [number] = waiting(review.sessions)
    ask(review, number)
    row, task = submission_of(review.sessions, number), task_of(review.sessions, number)
    assert (row.status, row.verification_status, task.state) == (SubmissionStatus.QUERIED, V.D, TaskState.ASKED)
    assert told(review, number).question.body == "Is there another photo?"
    assert review.desk.next(review.anna, Filter()) is None
    answer(review, number)
    row, task = submission_of(review.sessions, number), task_of(review.sessions, number)
    assert (row.status, row.verification_status) == (SubmissionStatus.FLAGGED, V.A)
    assert (task.state, task.reason, task.assigned_user_id) == (TaskState.OPEN, ReviewReason.ANSWERED, review.anna)
    assert told(review, number).question is None
    assert [one.answer for one in told(review, number).answered] == ["No, it flew away."]
    waiting(review.sessions, support=0.0)
    assert review.desk.next(review.anna, Filter()) == number  # before everything else
    assert review.decisions.decide(review.anna, number, task.revision, it_is()).settled.code is V.V1
    assert [(line.event, line.actor) for line in row.log][-2:] == [
        ("asked", f"user:{review.anna}"),
        ("answered", "volunteer"),
    ]


def test_an_answer_that_is_sent_twice_is_kept_once(review):
    [number] = waiting(review.sessions)
    ask(review, number)
    results = at_the_same_moment(*[lambda: answer(review, number)] * 3)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 2


def test_deciding_needs_no_answer_and_undoing_brings_the_question_back(review):
    [number] = waiting(review.sessions)
    ask(review, number)
    done = review.decisions.decide(review.ben, number, 2, it_is())
    assert told(review, number).question is None
    with pytest.raises(Conflict):
        answer(review, number)
    review.decisions.undo(review.ben, done.identification_id)
    assert told(review, number).question is not None
    assert task_of(review.sessions, number).state is TaskState.ASKED


def test_a_question_can_be_taken_back_until_it_is_answered(review):
    one, other = waiting(review.sessions, 2)
    asked = ask(review, one)
    review.decisions.undo(review.anna, asked.identification_id)
    assert (task_of(review.sessions, one).state, told(review, one).question) == (TaskState.OPEN, None)
    assert submission_of(review.sessions, one).verification_status is V.PENDING
    asked = ask(review, other)
    answer(review, other)
    with pytest.raises(Conflict):
        review.decisions.undo(review.anna, asked.identification_id)


def test_undoing_what_followed_an_answer_gives_it_back_to_whoever_asked(review):
    [number] = waiting(review.sessions)
    ask(review, number)
    answer(review, number)
    done = review.decisions.decide(review.anna, number, 3, it_is())
    review.decisions.undo(review.anna, done.identification_id)
    task = task_of(review.sessions, number)
    assert (task.reason, task.assigned_user_id) == (ReviewReason.ANSWERED, review.anna)
    assert submission_of(review.sessions, number).verification_status is V.A


def test_one_question_at_a_time_and_none_about_what_is_decided(review):
    one, other = waiting(review.sessions, 2)
    ask(review, one)
    with pytest.raises(Conflict):
        ask(review, one)
    review.decisions.decide(review.anna, other, 1, it_is())
    with pytest.raises(Conflict):
        ask(review, other)
    with pytest.raises(Stale):
        Questions(review.sessions).ask(review.anna, other, 1, "Why?")


@pytest.mark.parametrize("text", ["", "  \n", "\0", "x" * 2001])
def test_an_answer_says_something_and_not_too_much(review, text):
    [number] = waiting(review.sessions)
    ask(review, number)
    with pytest.raises(InvalidInput):
        answer(review, number, text)


def test_an_unknown_link_is_not_found(review):
    with pytest.raises(NotFound), transaction(review.sessions) as session:
        questions.take_answer(session, "nothing", "text")


def test_what_a_volunteer_is_told_of_a_decision(review):
    right, wrong, unclear = waiting(review.sessions, 3, claimed=TAXA[0])
    review.decisions.decide(review.anna, right, 1, it_is(TAXA[0]))
    review.decisions.decide(review.anna, wrong, 1, it_is(TAXA[1]))
    assert told(review, unclear).told is None
    assert not told(review, right).told.differs
    found = told(review, wrong).told
    assert (found.differs, found.taxon.scientific_name, found.claimed.scientific_name) == (True, TAXA[1], TAXA[0])


# --- templates -----------------------------------------------------------------------------------------------------------


def test_templates_per_species_and_language(review):
    service = Questions(review.sessions)
    general = service.save_template(review.anna, "From below, please?", "en")
    own = service.save_template(review.anna, "How many pupils?", "en", TAXA[0])
    service.save_template(review.anna, "Van onderen?", "nl")
    with reading(review.sessions) as session:
        assert [t.id for t in questions.templates(session, "en", [TAXA[0]])] == [own.id, general.id]
        assert [t.id for t in questions.templates(session, "en", [TAXA[1]])] == [general.id]
        assert len(questions.templates(session)) == 3
    service.save_template(review.ben, "And from above?", "en", template_id=general.id)
    service.delete_template(review.ben, own.id)
    service.delete_template(review.ben, own.id)
    with reading(review.sessions) as session:
        assert [t.body for t in questions.templates(session, "en")] == ["And from above?"]


def test_a_template_for_nobody_knows_which_species_is_refused(review):
    with pytest.raises(InvalidInput):
        Questions(review.sessions).save_template(review.anna, "?a", "en", "Nemo nescitus")
    with pytest.raises(NotFound):
        Questions(review.sessions).save_template(review.anna, "?a", "en", template_id=4711)
