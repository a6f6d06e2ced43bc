"""A body that is too large is refused while it arrives."""

import time

import anyio
import pytest

from tests.app.sending import post
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo
from tests.mailbox import AWAY

MEGABYTE = bytes(1_000_000)


@pytest.fixture
def service(tmp_path, sqlite_template):
    url = copy_of(sqlite_template, tmp_path)
    with running(make_settings(tmp_path, database_url=url, max_request_megabytes=3, **AWAY)) as service:
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


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/sign-in", "application/x-www-form-urlencoded"),
        ("/api/v1/submissions", "application/x-www-form-urlencoded"),
        ("/api/v1/submissions/none/answer", "application/json"),
        ("/api/v1/admin/runs", "application/json"),
        ("/api/v1/admin/runs", ""),
    ],
)
def test_only_forms_with_files_may_be_large(service, path, kind):
    """Everything else is parsed whole on the event loop, which serves nobody meanwhile, and before it is known who asks."""
    answer = service.client.post(path, content=b"&" * 1_100_000, headers={"content-type": kind})
    assert answer.status_code == 413


def test_a_form_that_is_too_large_is_told_on_a_page(service):
    answer = post(service.client, photo(1) + 3 * MEGABYTE)
    assert answer.status_code == 413
    assert "Upload too large" in answer.text


def test_a_program_is_told_how_much_is_allowed(service):
    answer = post(service.client, photo(1) + 3 * MEGABYTE, headers={"Accept": "application/json"})
    assert answer.json()["type"] == "urn:wingcheck:request-too-large"
    assert "3 MB" in answer.json()["detail"]


# --- time ------------------------------------------------------------------------------------------------------------


def slowly(folder, sqlite_template, pieces, pause, **values):
    """The status, and the seconds until it came, for a body whose pieces arrive with pauses."""
    settings = make_settings(folder, database_url=copy_of(sqlite_template, folder), **values)

    async def receive():
        await anyio.sleep(pause)
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    statuses, headers = [], {}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            headers.update(message["headers"])

    kind, host = (b"content-type", b"multipart/form-data; boundary=x"), (b"host", b"testserver")
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [host, kind], "query_string": b""}
    with running(settings) as service:
        started = time.monotonic()
        anyio.run(service.client.app, scope, receive, send)
    return statuses, time.monotonic() - started, headers


def trickle(size):
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    while True:
        yield bytes(size)


def test_a_body_that_stops_arriving_ends_with_408(tmp_path, sqlite_template):
    statuses, seconds, headers = slowly(tmp_path, sqlite_template, trickle(1), 60, body_grace_seconds=0.5)
    assert statuses == [408]
    assert seconds < 5
    assert headers[b"connection"] == b"close"


def test_so_does_one_that_trickles_in(tmp_path, sqlite_template):
    values = {"body_grace_seconds": 0.5, "min_body_bytes_per_second": 1000}
    statuses, seconds, _ = slowly(tmp_path, sqlite_template, trickle(10), 0.05, **values)
    assert statuses == [408]
    assert seconds < 5


def test_and_one_that_is_fast_enough_but_never_ends(tmp_path, sqlite_template):
    statuses, seconds, _ = slowly(tmp_path, sqlite_template, trickle(10_000), 0.05, body_seconds=1)
    assert statuses == [408]
    assert seconds < 6


# --- head and form ---------------------------------------------------------------------------------------------------


def test_a_long_address_is_414(service):
    assert service.client.get("/species?a=" + "a" * 4000).status_code == 200
    answer = service.client.get("/species?a=" + "a" * 5000)
    assert answer.status_code == 414
    assert "This link is too long" in answer.text


def test_large_headers_are_431(service):
    answer = service.client.get("/api/v1/taxa", headers={f"X-{n}": "a" * 4000 for n in range(9)})
    assert answer.status_code == 431
    assert answer.json()["type"] == "urn:wingcheck:headers-too-large"


def test_a_form_has_a_limited_number_of_fields_and_files(service):
    many = {f"field{n}": "x" for n in range(100)}
    for path in ("/submissions", "/api/v1/submissions", "/predict"):
        assert service.client.post(path, data=many, files={"file": ("a.jpg", b"x")}).status_code == 400
        files = [("file", (f"{n}.jpg", b"x")) for n in range(100)]
        assert service.client.post(path, data={"claim": "other"}, files=files).status_code == 400


def test_a_field_of_a_form_has_a_limited_length(service):
    data = {"claim": "other", "note": "x" * 100_000}
    assert service.client.post("/api/v1/submissions", data=data, files={"file": ("a.jpg", b"x")}).status_code == 400


# --- forms that break off --------------------------------------------------------------------------------------------

PHOTO = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + photo(1)
FIELD = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nanna@exam'
BROKEN_OFF = [
    PHOTO,
    PHOTO + b"\r\n--x\r\n" + FIELD,
    PHOTO + b"\r\n--x-",
    PHOTO + b"\r\n--x\r\n",
    PHOTO[:50],
    FIELD,
    FIELD + b"\r\n--x\r\nContent-Dis",
    b"--x\r\n",
    b"",
]
FORMS = ["/predict", "/find", "/submissions", "/api/v1/submissions", "/mine/email", "/sign-in"]


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_breaks_off_is_refused_whole(service, path):
    """What did not arrive must not be taken for what was left empty."""
    client, room = service.client, service.client.app.state.room_for_photos
    client.post("/mine/email", data={"email": "anna@example.org"})
    before = room.left
    for body in BROKEN_OFF:
        answer = client.post(path, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert (answer.status_code, answer.headers["connection"]) == (400, "close"), body[-60:]
    assert room.left == before
    assert "anna@example.org" in client.get("/mine").text


@pytest.mark.parametrize("end", [b"\r\n--x--", b"\r\n--x--\r\n", b"\r\n--x--\r\nepilogue"])
def test_a_form_may_end_in_any_way_that_is_an_end(service, end):
    headers = {"Content-Type": 'multipart/form-data; boundary="x"'}
    assert service.client.post("/predict", content=PHOTO + end, headers=headers).status_code == 200
