"""What waits for an expert stands in the queue, and nothing else does: the doctor sees to it."""

import pytest
from sqlalchemy import delete, select, update

from app.core.db import reading, transaction
from app.review import questions
from app.review.rules import TaskState
from app.review.tables import QuestionTemplate, ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from tests.app.sending import row, submit
from tests.app.upkeep.examining import found, repaired
from tests.desk import task_of
from tests.factories import photo
from tests.versions import NEVER_IN_SCOPE, make_version, put_into_service


@pytest.fixture
def flagged(service, tmp_path):
    """A service with one submission that waits for an expert."""
    put_into_service(service.sessions, service.settings, make_version(tmp_path, **NEVER_IN_SCOPE))
    service.token = submit(service).token
    service.work()
    return service


@pytest.mark.parametrize("how", ["missing", "closed"])
def test_a_submission_that_nobody_would_see_gets_its_item(flagged, how):
    number = row(flagged, flagged.token).id
    with transaction(flagged.sessions) as session:
        if how == "missing":
            session.execute(delete(ReviewTask))
        else:
            session.execute(update(ReviewTask).values(state=TaskState.GONE))
    assert found(flagged) == {("forgotten items", f"submission {number}")}
    assert repaired(flagged) == set()
    assert task_of(flagged.sessions, number).state is TaskState.OPEN


def test_one_of_several_items_is_told_apart(flagged):
    others = [submit(flagged, photo(n), idempotency_key=f"k{n}").token for n in (2, 3)]
    flagged.work()
    assert found(flagged) == set()
    unseen, gone = row(flagged, others[0]).id, row(flagged, others[1]).id
    with transaction(flagged.sessions) as session:
        session.execute(delete(ReviewTask).where(ReviewTask.submission_id == unseen))
        session.execute(update(Submission).where(Submission.id == gone).values(status=SubmissionStatus.WITHDRAWN))
    items = {(check, subject) for check, subject in found(flagged) if "items" in check}
    assert items == {
        ("forgotten items", f"submission {unseen}"),
        ("items of withdrawn submissions", f"submission {gone}"),
    }


def test_an_item_of_a_withdrawn_submission_is_closed(flagged):
    number = row(flagged, flagged.token).id
    with transaction(flagged.sessions) as session:
        session.execute(update(Submission).values(status=SubmissionStatus.WITHDRAWN))
    assert ("items of withdrawn submissions", f"submission {number}") in found(flagged)
    assert repaired(flagged) == set()
    assert task_of(flagged.sessions, number).state is TaskState.GONE


def test_a_new_desk_has_questions_to_begin_with_and_keeps_its_own(lite):
    def bodies():
        with reading(lite.sessions) as session:
            return set(session.scalars(select(QuestionTemplate.body)))

    with transaction(lite.sessions) as session:
        questions.add_first_templates(session)
    assert len(bodies()) == 10
    with transaction(lite.sessions) as session:
        session.execute(delete(QuestionTemplate))
        session.add(QuestionTemplate(language="en", body="Our own?"))
    with transaction(lite.sessions) as session:
        questions.add_first_templates(session)
    assert bodies() == {"Our own?"}
