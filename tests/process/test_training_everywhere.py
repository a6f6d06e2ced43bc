"""Two web servers, two workers, PostgreSQL and Redis: a run started on one is followed on the other, and serves on both."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.accounts.api_keys import MOST_REQUESTS
from app.core.roles import Role, Scope
from app.core.settings import Settings
from app.versions.runs import Runs
from ml.datasets.synthetic import write_drawn_folder
from tests.conftest import empty, skip_or_fail
from tests.factories import photo
from tests.parts import Site
from tests.people import make_key, make_user
from tests.running import alive, eventually, free_port

REDIS = os.environ.get("WINGCHECK_TEST_REDIS", "redis://127.0.0.1:6379/9")
API = "/api/v1/admin"
REASON = "Drawn pictures, to see whether the switch works."


@pytest.fixture
def site(tmp_path: Path, postgresql_url: str) -> Iterator[Site]:
    redis = pytest.importorskip("redis")
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=3).flushdb()
    except redis.exceptions.RedisError as error:
        skip_or_fail(f"no Redis at {REDIS}: {error}")
    empty(postgresql_url)
    drawn = write_drawn_folder(tmp_path / "drawn", per_label=24, outsiders=30)
    settings = {"QUEUE_URL": REDIS, "TRAINING_ROOT": str(drawn), "RETRAIN_CONFIG": "tiny"}
    site = Site(tmp_path, postgresql_url, **{f"WINGCHECK_{name}": value for name, value in settings.items()})
    try:
        yield site
    finally:
        site.close()


def test_a_run_from_its_start_to_the_answers_of_its_version(site: Site):
    admin = make_user(site.sessions, Role.ADMIN)
    key = make_key(site.sessions, admin, Scope.MODELS, Scope.PREDICT, requests_per_minute=MOST_REQUESTS)
    ports = [site.port, free_port()]
    webs = [site.web(port=port) for port in ports]
    workers = [site.worker() for _ in range(2)]
    first, second = (
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60
        )
        for port in ports
    )
    started = first.post(f"{API}/runs", json={"epochs": 3}).raise_for_status().json()
    behind = second.post(f"{API}/runs", json={"epochs": 1}).raise_for_status().json()

    def state(number: int) -> str:
        return str(second.get(f"{API}/runs/{number}").raise_for_status().json()["state"])

    def running() -> list[str]:
        return [state(each["id"]) for each in (started, behind)]

    eventually(lambda: "running" in running(), f"one of them runs\n{site.log[-2000:]}", 120)
    assert running().count("running") <= 1, "one run at a time on a machine"
    webs[0].send_signal(signal.SIGKILL)
    eventually(lambda: not alive(webs[0].pid), "the web server has gone")
    Runs(site.sessions, Settings(), lambda _: False).cancel(behind["id"], admin.id)
    eventually(lambda: state(started["id"]) == "done", f"the run is done\n{site.log[-3000:]}", 240)
    site.web()

    run = first.get(f"{API}/runs/{started['id']}").json()
    wanted = {"overrule": REASON}
    first.post(f"{API}/models/{run['model_version_id']}/promote", json=wanted).raise_for_status()
    for client in (first, second):

        def follows(client: httpx2.Client = client) -> bool:
            answer = client.post("/predict", files={"file": ("a.jpg", photo(1))}).raise_for_status().json()
            return bool(answer["model"]["version"].endswith(f"run{started['id']}"))

        eventually(follows, "it answers with the new version", 30)
    assert [worker.poll() for worker in workers] == [None, None]
