"""For machines that watch: alive, ready and why not, measured."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from app.core.db import transaction
from app.core.errors import NotReady
from app.predictions.tables import ModelVersion
from app.upkeep import readiness
from ml.inference import read_version
from tests.app.sending import post, submit, token_of
from tests.conftest import make_settings, running
from tests.factories import photo
from tests.versions import BUNDLED


def samples(client):
    """Every sample of /metrics: name and labels to value."""
    text = client.get("/metrics").text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# --- alive and ready -------------------------------------------------------------------------------------------------


def test_alive(lite):
    answer = lite.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_names_the_model_and_the_runtime(service):
    answer = service.client.get("/readyz")
    info = read_version(BUNDLED)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "model": {"name": info.name, "version": info.version},
        "runtime": "litert",
    }


def assert_not_ready(answer, reason):
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]


def test_not_ready_without_the_schema(tmp_path):
    with running(make_settings(tmp_path, database_url=f"sqlite:///{tmp_path / 'empty.db'}")) as service:
        assert_not_ready(service.client.get("/readyz"), "wingcheck db upgrade")
        assert service.client.get("/healthz").status_code == 200


def test_not_ready_without_a_model(lite):
    with transaction(lite.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    assert_not_ready(lite.client.get("/readyz"), "No model version is active")


def test_not_ready_without_a_place_for_photos(lite):
    shutil.rmtree(lite.settings.photo_dir, ignore_errors=True)
    lite.settings.photo_dir.parent.mkdir(parents=True, exist_ok=True)
    lite.settings.photo_dir.write_text("a file where the folder should be")
    assert_not_ready(lite.client.get("/readyz"), "Photos can't be stored")


@pytest.fixture
def tried(lite, monkeypatch):
    """What was written to see whether it can be."""
    found, store = [], lite.client.app.state.storage
    check = store.check
    monkeypatch.setattr(readiness, "why_not_writable", lambda _engine: found.append("database"))

    def checked():
        found.append("photos")
        check()

    monkeypatch.setattr(store, "check", checked)
    return found


def test_nothing_is_written_again_and_again(lite, tried, monkeypatch):
    assert [lite.client.get("/readyz").status_code for _ in range(5)] == [200] * 5
    assert tried == ["database", "photos"]
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.0)
    assert lite.client.get("/readyz").status_code == 200
    assert tried == ["database", "photos"] * 2


def test_what_only_reads_is_looked_at_each_time(lite):
    assert lite.client.get("/readyz").status_code == 200
    with transaction(lite.sessions) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert_not_ready(lite.client.get("/readyz"), "wingcheck db upgrade")


def test_whoever_asks_while_a_check_is_under_way_gets_its_answer(lite, monkeypatch):
    """Also where that takes long, as with a database that is locked: no more threads wait than one."""
    begun, goes_on, looks = threading.Event(), threading.Event(), []

    def look():
        looks.append(1)
        begun.set()
        goes_on.wait(10)
        raise NotReady("The database can't be written: database is locked.")

    monkeypatch.setattr(lite.client.app.state.readiness, "_look", look)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lite.client.get, "/readyz") for _ in range(8)]
        begun.wait(10)
        time.sleep(0.3)  # the others have come, too
        goes_on.set()
        for each in asked:
            assert_not_ready(each.result(), "database is locked")
    assert len(looks) == 1


def test_nothing_is_written_again_and_again_while_something_else_is_wrong(lite, tried):
    with transaction(lite.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    for _ in range(3):
        assert_not_ready(lite.client.get("/readyz"), "No model version is active")
    assert tried == ["database", "photos"]


@pytest.mark.parametrize("path", ["/readyz", "/", "/predict", "/mine"])
def test_a_database_that_is_away_is_told_with_when_to_come_back(tmp_path, path):
    url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    with running(make_settings(tmp_path, database_url=url)) as service:
        send = service.client.post if path == "/predict" else service.client.get
        answer = send(path, **({"files": {"file": ("a.jpg", photo())}} if path == "/predict" else {}))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert service.client.get("/healthz").status_code == 200


# --- measured --------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_route_and_status(lite):
    lite.client.get("/healthz")
    lite.client.get("/healthz")
    lite.client.get("/species")
    found = samples(lite.client)
    assert found["wingcheck_requests_total", ("method", "GET"), ("route", "/healthz"), ("status", "200")] == 2
    assert found["wingcheck_request_seconds_count", ("route", "/species")] == 1


def test_links_that_nobody_may_guess_stay_out_of_the_metrics(lite):
    token = token_of(post(lite.client, photo(1)))
    lite.client.get(f"/s/{token}")
    lite.client.get("/s/nothing-here")
    lite.client.get("/no/such/page")
    text = lite.client.get("/metrics").text
    assert token not in text
    assert "nothing-here" not in text
    assert 'route="/s/{token}"' in text
    assert 'route="unknown"' in text


def test_predictions_are_counted_by_decision(lite):
    files = [("file", (f"{n}", data)) for n, data in enumerate((photo(1), photo(2), b"no photo"))]
    results = lite.client.post("/predict", files=files).json()["results"]
    found = samples(lite.client)
    for decision in {result.get("decision", "error") for result in results}:
        expected = [result.get("decision", "error") for result in results].count(decision)
        assert found["wingcheck_predictions_total", ("decision", decision)] == expected


def test_jobs_are_counted_by_status(lite):
    submit(lite, photo(1), idempotency_key="1")
    lite.work()
    submit(lite, photo(2), idempotency_key="2")
    found = samples(lite.client)
    assert found["wingcheck_jobs", ("status", "done")] == 1
    assert found["wingcheck_jobs", ("status", "queued")] == 1
    lite.work()
    found = samples(lite.client)
    assert found["wingcheck_jobs", ("status", "done")] == 2
    assert found["wingcheck_jobs", ("status", "queued")] == 0


def test_the_queue_is_empty_when_nobody_asks(lite):
    assert samples(lite.client)[("wingcheck_prediction_queue",)] == 0
