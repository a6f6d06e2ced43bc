"""Forty people at the same moment: everybody is answered, and nobody waits for what another holds."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from app.core.tables import Job
from app.submissions.tables import Submission
from tests.app.sending import post
from tests.conftest import running
from tests.factories import photo

PEOPLE = 40


def all_at_once(call):
    """What each of forty gets. With too few connections all wait for each other, and then get a 500."""
    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(call, range(PEOPLE)))


@pytest.fixture
def fresh(service):
    """A service whose model is not loaded yet and must be asked for by everybody."""
    with running(service.settings) as found:
        yield found


def statuses(answers):
    return {answer.status_code for answer in answers}


def test_all_of_them_open_the_form(fresh):
    assert statuses(all_at_once(lambda n: fresh.client.get("/"))) == {200}


def test_all_of_them_send_a_photo(fresh):
    answers = all_at_once(lambda n: post(fresh.client, photo(n), idempotency_key=f"key-number-{n}"))
    assert statuses(answers) == {303}
    with fresh.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == PEOPLE
        assert session.scalar(select(func.count()).select_from(Job)) == PEOPLE


def test_all_of_them_ask_for_a_prediction(fresh):
    ask = {"files": {"file": ("a.jpg", photo(1))}}
    assert statuses(all_at_once(lambda n: fresh.client.post("/predict", **ask))) <= {200, 503}


def test_the_worker_gets_through_all_of_them(fresh):
    all_at_once(lambda n: post(fresh.client, photo(n), idempotency_key=f"key-number-{n}"))
    assert fresh.work() == PEOPLE
    with fresh.sessions() as session:
        done = session.scalar(select(func.count()).select_from(Job).where(Job.status == "done"))
    assert done == PEOPLE
