"""A body that is too large is refused while it arrives."""

import anyio
import pytest

from tests.app.sending import post
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo

MEGABYTE = bytes(1_000_000)


@pytest.fixture
def service(tmp_path, sqlite_template):
    url = copy_of(sqlite_template, tmp_path)
    with running(make_settings(tmp_path, database_url=url, max_request_megabytes=3)) as service:
        yield service


def status_of(service, pieces, *headers):
    """The answer's status for a body in pieces, and how many of them were taken from the wire."""
    taken, statuses = 0, []

    async def receive():
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": pieces[taken - 1], "more_body": taken < len(pieces)}

    async def send(message):
        statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

    kind, host = (b"content-type", b"multipart/form-data; boundary=x"), (b"host", b"testserver")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "headers": [host, kind, *headers],
        "query_string": b"",
    }
    anyio.run(service.client.app, scope, receive, send)
    return statuses, taken


def test_reading_stops_as_soon_as_it_is_too_much(service):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    assert status_of(service, [head, *[MEGABYTE] * 100]) == ([413], 4)


def test_a_body_announced_as_too_large_is_not_read_at_all(service):
    assert status_of(service, [MEGABYTE] * 100, (b"content-length", b"100000000")) == ([413], 0)


@pytest.mark.parametrize("announced", [b"0", b"-1", b"x"])
def test_a_false_announcement_does_not_help(service, announced):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    [status], taken = status_of(service, [head, *[MEGABYTE] * 100], (b"content-length", announced))
    assert status == 413
    assert taken <= 4


def test_a_form_that_is_too_large_is_told_on_a_page(service):
    answer = post(service.client, photo(1) + 3 * MEGABYTE)
    assert answer.status_code == 413
    assert "That is too much at once" in answer.text


def test_a_program_is_told_how_much_is_allowed(service):
    answer = post(service.client, photo(1) + 3 * MEGABYTE, headers={"Accept": "application/json"})
    assert answer.json()["type"] == "urn:wingcheck:request-too-large"
    assert "3 MB" in answer.json()["detail"]
