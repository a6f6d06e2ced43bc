"""Log lines: with an id, in either form, without secrets."""

import json
import logging
import re
import sys
import time

import pytest

from app.core import logs
from tests.app.sending import post, token_of
from tests.conftest import copy_of, make_settings, running
from tests.factories import exif_photo, photo

ID = re.compile(r"[0-9a-f]{16}")


@pytest.fixture
def logging_restored():
    """The loggers as they were, after a test that configures them."""
    names = ("", "app", "ml", "uvicorn.error")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.captureWarnings(False)
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def logged(lite, capsys, logging_restored):
    """Configure, and give what was logged since as lines."""

    def start(**values):
        logs.configure(lite.settings.model_copy(update=values))
        capsys.readouterr()
        return lambda: capsys.readouterr().err.splitlines()

    return start


def access(lines):
    return [json.loads(line) for line in lines if '"app.access"' in line]


def test_each_request_has_one_line_with_its_route_and_no_path(lite, logged):
    lines = logged(log_format="json")
    token = token_of(post(lite.client, photo(1)))
    page = lite.client.get(f"/s/{token}")
    lite.client.get("/static/css/core/base.css")
    lite.client.get("/who/knows")
    found = access(lines())
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("POST", "/submissions", 303),
        ("GET", "/s/{token}", 200),
        ("GET", "/static", 200),
        ("GET", "unknown", 404),
    ]
    assert found[1]["bytes"] == len(page.content)
    assert found[1]["ms"] > 0
    assert found[1]["request_id"] == page.headers["x-request-id"]


def test_a_line_for_people_ends_with_the_id(lite, logged):
    lines = logged()
    answer = lite.client.get("/species")
    [line] = lines()
    assert re.search(r"INFO app\.access: GET /species 200 [\d.]+ ms \d+ bytes \[(\w+)\]$", line)
    assert line.endswith(f"[{answer.headers['x-request-id']}]")


@pytest.mark.parametrize("given", ["a1b2c3d4", "0af7651916cd43dd8448eb211c80319c", "Proxy.request-7_x"])
def test_a_sane_id_of_the_proxy_is_kept(lite, given):
    assert lite.client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with space 1", "line\tbreak", "<script>alert(1)", "-dashfirst"]
)
def test_any_other_is_replaced(lite, given):
    assert ID.fullmatch(lite.client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"])


def test_lines_from_other_threads_carry_the_id_too(lite, logged, monkeypatch):
    lines = logged(log_format="json", log_level="DEBUG")
    served = lite.client.app.state.classifiers
    plain = type(served)._answer_one

    def talking(self, *arguments):
        logging.getLogger("app.test").info("in the thread of a prediction")
        return plain(self, *arguments)

    monkeypatch.setattr(type(served), "_answer_one", talking)
    answer = lite.client.post("/predict", files={"file": ("a.jpg", photo(1), "image/jpeg")})
    [line] = [json.loads(line) for line in lines() if "in the thread" in line]
    assert line["request_id"] == answer.headers["x-request-id"]


def test_an_error_of_ours_is_one_json_line_with_its_traceback_and_id(lite, logged, monkeypatch):
    import app.volunteers.pages.site

    def broken(*_):
        raise RuntimeError("for jan@example.org at /s/abcdefghijklmnopqrstuvwx")

    monkeypatch.setattr(app.volunteers.pages.site, "taxon_view", broken)
    lines = logged(log_format="json")
    answer = lite.client.get("/species")
    assert (answer.status_code, "strict-transport-security" in answer.headers) == (500, False)
    found = [json.loads(line) for line in lines()]
    assert [line["level"] for line in found] == ["ERROR", "INFO"]
    assert "RuntimeError: for [e-mail] at /s/***" in found[0]["exception"]
    assert found[0]["request_id"] == found[1]["request_id"] == answer.headers["x-request-id"]


SECRETS = [
    ("postgresql+psycopg://wingcheck:hunter2@db/x is away", "postgresql+psycopg://wingcheck:***@db/x is away"),
    ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
    ("connection failed: password=hunter2 host=db", "connection failed: password=*** host=db"),
    ("{'Cookie': 'abc'}", "{'Cookie': ***"),
    ("mail to jan.de-vries+test@tuin.example.nl now", "mail to [e-mail] now"),
    ("GET /s/abcdefghijklmnopqrstuvwx/claim", "GET /s/***/claim"),
    ("/api/v1/submissions/abcdefghijklmnop-_xyz", "/api/v1/submissions/***"),
    ("/photos/abcdefghijklmnopqrstuvwx/thumb.jpg", "/photos/***/thumb.jpg"),
    ("GET /invitation/abcdefghijklmnop-_xyz", "GET /invitation/***"),
    ("GET /reset/abcdefghijklmnop-_xyz?a=b", "GET /reset/***?a=b"),
    ("key wck_Zm9vYmFy-_x was used", "key wck_*** was used"),
    ("route /s/{token} took 5 ms", "route /s/{token} took 5 ms"),
]


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_secrets_are_blotted_out(text, shown):
    assert logs.without_secrets(text) == shown


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a.b" * 300_000, "://a" * 200_000, "://" + "a" * 900_000, "token " * 200_000]
)
def test_a_long_line_is_read_once(text):
    started = time.process_time()
    logs.without_secrets(text)
    assert time.process_time() - started < 20  # it took minutes


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_whole_story_at_debug_tells_no_secret(tmp_path, sqlite_template, capsys, logging_restored, log_format):
    email, note, place = "jan.de.vries@tuin.example.nl", "behind the blue shed", "Achter de Kerk 7"
    settings = make_settings(
        tmp_path,
        database_url=copy_of(sqlite_template, tmp_path),
        secret_key="a-key-that-signs-cookies",
        log_level="DEBUG",
        log_format=log_format,
    )
    logs.configure(settings)
    with running(settings) as service:
        client = service.client
        picture = exif_photo(4)
        files = {"file": ("Jan-in-de-tuin.jpg", picture, "image/jpeg")}
        form = {"claim": "unknown", "email": email, "note": note, "place": place, "individual_count": "1"}
        answer = client.post("/submissions", data=form, files=files, follow_redirects=False)
        token = token_of(answer)
        service.work()
        page = client.get(f"/s/{token}").text
        photos = set(re.findall(r"/photos/([\w-]{10,})/", page))
        for path in (
            f"/s/{token}/verdict",
            f"/api/v1/submissions/{token}",
            "/mine",
            f"/photos/{min(photos)}/thumb.jpg",
        ):
            assert client.get(path).status_code == 200
        client.post("/predict", files={"file": ("Jan-in-de-tuin.jpg", b"\xff\xd8\xff broken", "image/jpeg")})
        client.post("/mine/email", data={"email": "no address"}, headers={"Authorization": "Bearer abc.def"})
        client.post(f"/s/{token}/claim", data={"claim": "other"})
        client.post(f"/s/{token}/withdraw")
        service.work()
        client.get(f"/s/{token}x")
        cookie = client.cookies["wingcheck_volunteer"]
    told = capsys.readouterr().err
    print(told, file=sys.stderr)  # shown where the test fails
    assert told.count("app.access") >= 10
    for secret in (
        email,
        "jan.de",
        note,
        place,
        token,
        *photos,
        cookie,
        cookie[:20],
        "Jan-in",
        "a-key-that",
        "abc.def",
    ):
        assert secret not in told


def test_a_database_password_is_in_no_line(tmp_path, capsys, logging_restored):
    url = "postgresql+psycopg://wingcheck:hunter2@127.0.0.1:1/nowhere"
    settings = make_settings(tmp_path, database_url=url, log_level="DEBUG")
    logs.configure(settings)
    with running(settings) as service:
        assert service.client.get("/mine").status_code == 503
        assert service.client.get("/readyz").status_code == 503
    told = capsys.readouterr().err
    assert "ERROR app.core.web.errors: the database" in told
    assert "hunter2" not in told
