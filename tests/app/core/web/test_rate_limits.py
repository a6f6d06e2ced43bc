"""Requests per client: what is counted, what is told, and where it is counted."""

import re
import subprocess
import time

import pytest
import redis

from app.core.db import make_engine, make_session_factory, transaction
from app.core.rate_limits import RateLimits
from app.core.tables import RateLimitWindow
from app.core.web.limits import group_of
from tests.app.sending import post
from tests.conftest import copy_of, make_settings, running, skip_or_fail
from tests.factories import photo
from tests.people import signed_in
from tests.running import eventually, free_port

GROUPS = [
    ("POST", "/predict", "predict"),
    ("POST", "/find", "predict"),
    ("POST", "/submissions", "submissions"),
    ("POST", "/api/v1/submissions", "submissions"),
    ("POST", "/mine/email", "writes"),
    ("DELETE", "/whatever", "writes"),
    ("GET", "/predict", None),
    ("HEAD", "/", None),
]


@pytest.mark.parametrize(("method", "path", "group"), GROUPS)
def test_each_request_counts_in_its_group(method, path, group):
    assert group_of(method, path) == group


@pytest.fixture
def limited(tmp_path, sqlite_template):
    settings = make_settings(
        tmp_path,
        database_url=copy_of(sqlite_template, tmp_path),
        rate_limit_predict="2/minute",
        rate_limit_submissions="1/minute;5/hour",
    )
    with running(settings) as service:
        yield service.client


def predict(client):
    return client.post("/predict", files={"file": ("a.jpg", photo(1), "image/jpeg")})


def test_a_program_is_told_what_is_left_and_when_to_come_back(limited):
    first, second, third = predict(limited), predict(limited), predict(limited)
    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert first.headers["ratelimit-policy"] == '"predict";q=2;w=60'
    assert re.fullmatch(r'"predict";r=1;t=\d+', first.headers["ratelimit"])
    assert third.headers["content-type"] == "application/problem+json"
    assert third.json()["type"] == "urn:wingcheck:too-many-requests"
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert third.headers["ratelimit"].startswith('"predict";r=0;')


def test_a_volunteer_is_told_on_a_page(limited):
    assert post(limited, photo(1)).status_code == 303
    answer = post(limited, photo(2))
    assert answer.status_code == 429
    assert "Too many requests" in answer.text
    assert "retry-after" in answer.headers


def test_groups_are_counted_apart_and_reading_is_free(limited):
    assert [predict(limited).status_code for _ in range(3)][-1] == 429
    assert post(limited, photo(1)).status_code == 303
    assert all(limited.get("/species").status_code == 200 for _ in range(5))


def test_the_tightest_limit_is_told(limited):
    assert post(limited, photo(1)).headers["ratelimit-policy"] == '"submissions";q=1;w=60'


def test_users_at_one_address_are_counted_apart(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), rate_limit_writes="1/minute")
    with running(settings) as service:
        for browser in (signed_in(service), signed_in(service)):
            answers = [browser.post("/account", data={"name": "Ada", "language": "en"}) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [303, 429]


def test_without_a_limit_nothing_is_told(lite):
    assert "ratelimit" not in predict(lite.client).headers


def test_the_machine_itself_is_not_limited(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), rate_limit_predict="1/minute")
    with running(settings) as service:
        service.client._transport.client = ("127.0.0.1", 1)  # type: ignore[attr-defined]
        assert [predict(service.client).status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate_limit_predict", "often"), ("rate_limit_writes", "5/fortnight"), ("rate_limit_url", "mongodb://x")],
)
def test_a_setting_that_can_not_be_read_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        make_settings(tmp_path, **{name: value})


# --- where it is counted ---------------------------------------------------------------------------------------------


@pytest.fixture
def redis_url(tmp_path):
    port = free_port()
    try:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL
        )
    except FileNotFoundError:
        skip_or_fail("no redis-server here")
    url = f"redis://127.0.0.1:{port}/0"
    eventually(lambda: _answers(url), "Redis answers")
    yield url
    server.terminate()
    server.wait()


def _answers(url):
    try:
        return redis.from_url(url).ping()
    except redis.ConnectionError:
        return False


def two_processes(settings):
    """As two web processes would count: two objects that share nothing but the place."""
    engines = [make_engine(settings.database_url) for _ in range(2)]
    return [RateLimits(settings, make_session_factory(engine), "secret") for engine in engines]


def counted(settings):
    one, other = two_processes(settings)
    return [limits.hit("predict", "192.0.2.1").allowed for limits in (one, other, one, other)]


def test_in_memory_each_process_counts_for_itself(settings):
    assert counted(settings.model_copy(update={"rate_limit_predict": "1/minute"})) == [True, True, False, False]


def test_in_the_database_they_count_together(settings):
    values = {"rate_limit_predict": "3/minute", "rate_limit_url": "database"}
    assert counted(settings.model_copy(update=values)) == [True, True, True, False]


def test_the_web_processes_of_one_machine_count_in_a_file(lite, tmp_path):
    shared = lite.settings.model_copy(update={"rate_limit_predict": "3/minute"}).shared_out(2, str(tmp_path))
    assert counted(shared) == [True, True, True, False]
    one, other = two_processes(shared)
    one.forget("predict", "192.0.2.1")
    assert other.hit("predict", "192.0.2.1").remaining == 2


def test_in_redis_too(lite, redis_url):
    values = {"rate_limit_predict": "3/minute", "rate_limit_url": redis_url}
    assert counted(lite.settings.model_copy(update=values)) == [True, True, True, False]


def test_a_window_that_is_over_begins_anew_and_old_ones_are_swept(settings):
    values = {"rate_limit_predict": "1/second", "rate_limit_url": "database"}
    limits, _ = two_processes(settings.model_copy(update=values))
    assert [limits.hit("predict", "a").allowed, limits.hit("predict", "a").allowed] == [True, False]
    time.sleep(1.1)
    limits._storage._swept = -1e9
    usage = limits.hit("predict", "a")
    assert (usage.allowed, usage.remaining, usage.limit) == (True, 0, 1)
    with transaction(make_session_factory(make_engine(settings.database_url))) as session:
        [row] = session.query(RateLimitWindow).all()
    assert "a" not in row.key.split("/")  # no address is kept
    assert row.count == 1


def test_when_the_counter_is_away_nobody_is_refused(lite, caplog):
    values = {"rate_limit_predict": "1/minute", "rate_limit_url": f"redis://127.0.0.1:{free_port()}/0"}
    limits, _ = two_processes(lite.settings.model_copy(update=values))
    assert [limits.hit("predict", "a"), limits.hit("predict", "a")] == [None, None]
    assert [r.message for r in caplog.records if "counted" in r.message] == [
        "requests can't be counted, so nobody is limited: ConnectionError"
    ]
