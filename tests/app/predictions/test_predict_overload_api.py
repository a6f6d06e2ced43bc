"""A bounded queue: too much at once is refused at once, and told when to come back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import copy_of, make_settings, running
from tests.factories import photo


@pytest.fixture
def service(sqlite_template, tmp_path):
    url = copy_of(sqlite_template, tmp_path)
    with running(make_settings(tmp_path, database_url=url, prediction_queue=4, prediction_threads=2)) as service:
        yield service


@contextmanager
def waiting(service, count):
    """So many photos in the queue, which wait until the block ends."""
    classifiers = service.client.app.state.classifiers
    go_on, arrived = threading.Event(), threading.Event()

    def slow():
        arrived.set()
        go_on.wait(30)
        return photo()

    thread = threading.Thread(target=classifiers.answer, args=(classifiers.current(), [(slow, None)] * count))
    thread.start()
    try:
        assert arrived.wait(30)
        yield
    finally:
        go_on.set()
        thread.join(30)


def ask(client, count=1):
    return client.post("/predict", files=[("file", (f"{n}.jpg", photo(n))) for n in range(count)])


def test_a_full_queue_answers_503_with_retry_after(service):
    with waiting(service, 4):
        answer = ask(service.client)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:wingcheck:overloaded"


def test_a_request_that_does_not_fit_is_refused_whole(service):
    with waiting(service, 3):
        assert ask(service.client, 2).status_code == 503


def test_afterwards_everything_is_answered_again(service):
    with waiting(service, 4):
        ask(service.client)
    assert ask(service.client, 3).status_code == 200
    assert service.client.app.state.classifiers.line.waiting == 0


def test_a_request_larger_than_the_queue_is_answered_when_nothing_else_waits(service):
    assert ask(service.client, 6).status_code == 200


def test_the_queue_shows_in_the_metrics(service):
    with waiting(service, 3):
        assert "wingcheck_prediction_queue 3.0" in service.client.get("/metrics").text


def test_forty_at_once_are_all_answered_or_told_to_come_back(service):
    with ThreadPoolExecutor(40) as pool:
        statuses = [answer.status_code for answer in pool.map(lambda _: ask(service.client), range(40))]
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
