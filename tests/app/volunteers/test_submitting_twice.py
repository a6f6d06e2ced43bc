"""A double click, a page reached by "back", a lost answer: one submission, and never somebody else's."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from app.core.errors import IdempotencyMismatch
from app.core.tables import Job
from app.predictions.rules import ClaimKind
from app.submissions.tables import Submission, Volunteer
from tests.app.sending import submissions, submit
from tests.factories import photo


def count(service, table):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(table))


def at_the_same_moment(*calls):
    """Results of the calls, or what they raised."""
    barrier = Barrier(len(calls))

    def together(call):
        barrier.wait(30)
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(together, calls))


def test_the_same_key_and_content_again_is_the_same_submission(service):
    first, again = submit(service), submit(service)
    assert (again.token, again.duplicate, first.duplicate) == (first.token, True, False)
    assert (count(service, Submission), count(service, Job)) == (1, 1)


def test_the_same_content_under_another_key_is_the_same_submission(service):
    first = submit(service, idempotency_key="k1")
    assert submit(service, idempotency_key="k2").token == first.token
    assert count(service, Submission) == 1


def test_the_same_key_with_another_content_is_refused(service):
    submit(service, photo(1))
    with pytest.raises(IdempotencyMismatch):
        submit(service, photo(2))
    assert count(service, Submission) == 1


DIFFERENT = [
    {"individual_count": 2},
    {"note": "Another one"},
    {"place": "Elsewhere"},
    {"claim_kind": ClaimKind.UNKNOWN, "claimed_name": None},
    {"latitude": 52.0, "longitude": 5.0},
]


@pytest.mark.parametrize("values", DIFFERENT)
def test_another_answer_is_another_submission(lite, values):
    first = submit(lite, idempotency_key="k1")
    assert submit(lite, idempotency_key="k2", **values).token != first.token


def test_the_address_and_the_file_name_make_no_difference(lite):
    first = submit(lite, idempotency_key="k1")
    assert submit(lite, idempotency_key="k2", email="a@example.org").token == first.token


def test_two_volunteers_never_share_a_submission(service):
    assert submit(service, key="one").token != submit(service, key="another").token
    assert count(service, Submission) == 2


def test_after_withdrawing_the_same_photo_can_be_sent_again(service):
    first = submit(service, idempotency_key="k1")
    submissions(service).withdraw(first.token)
    assert submit(service, idempotency_key="k2").token != first.token


def test_a_double_click_at_the_same_moment_is_one_submission(service):
    receipts = at_the_same_moment(*[lambda: submit(service)] * 6)
    assert {type(receipt).__name__ for receipt in receipts} == {"Receipt"}
    assert len({receipt.token for receipt in receipts}) == 1
    assert sorted(receipt.duplicate for receipt in receipts) == [False, True, True, True, True, True]
    assert [count(service, table) for table in (Submission, Job, Volunteer)] == [1, 1, 1]


def test_two_first_submissions_of_one_volunteer_at_the_same_moment_are_both_kept(service):
    receipts = at_the_same_moment(
        lambda: submit(service, photo(1), idempotency_key="k1"),
        lambda: submit(service, photo(2), idempotency_key="k2"),
    )
    assert len({receipt.token for receipt in receipts}) == 2
    assert [count(service, table) for table in (Submission, Job, Volunteer)] == [2, 2, 1]
