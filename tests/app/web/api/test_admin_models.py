"""Models and runs over JSON: what an admin's program can do, and what it is told."""

import json

import pytest
from sqlalchemy import update

from app.db import transaction
from app.domain.accounts import Role
from app.models import Job, JobStatus
from app.services import registry
from app.services.training.runs import get
from ml.datasets.synthetic import write_drawn_folder
from tests.conftest import copy_of, make_settings, running
from tests.factories import butterfly, encode
from tests.people import signed_in
from tests.reviewing import send
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version

API = "/api/v1/admin"


@pytest.fixture
def service(tmp_path, sqlite_template):
    drawn = write_drawn_folder(tmp_path / "drawn", per_label=2, outsiders=1)
    values = {
        "training_root": str(drawn),
        "gate_margin": 0.1,
        "gate_max_milliseconds": 10_000,
        "retrain_config": "tiny",
    }
    with running(make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **values)) as found:
        yield found


@pytest.fixture
def admin(service):
    return signed_in(service, Role.ADMIN)


@pytest.fixture
def register(service, tmp_path):
    def add(number, **policy):
        with transaction(service.sessions) as session:
            return registry.import_version(session, make_version(tmp_path, number, **policy), service.settings).id

    return add


def serving(admin):
    return [each["version"] for each in admin.get(f"{API}/models").json() if each["active"]]


def test_promoting_and_going_back(admin, register):
    version = register("6.0.0")
    gate = admin.get(f"{API}/models/{version}/gate").json()
    assert gate["passed"], gate
    done = admin.post(f"{API}/models/{version}/promote", json={})
    assert (done.status_code, done.json()["kind"]) == (200, "promoted")
    assert serving(admin) == ["6.0.0"]
    assert admin.get(f"{API}/models/{version}").json()["metrics"]["species"]
    [newest, oldest] = admin.get(f"{API}/activations").json()
    assert (newest["model_version_id"], newest["replaced_id"]) == (version, oldest["model_version_id"])
    assert newest["user_id"] == admin.user.id
    assert newest["gate"]["passed"]
    back = admin.post(f"{API}/models/{oldest['model_version_id']}/rollback", json={"reason": "slow"})
    assert (back.json()["kind"], back.json()["reason"]) == ("rolled_back", "slow")
    assert admin.get(f"{API}/activations?before={newest['id']}").json() == [oldest]


def test_what_the_gate_refuses_is_told_check_by_check_and_takes_a_reason(service, admin, register):
    service.settings.gate_margin = 0.0
    version = register("6.0.0")
    refused = admin.post(f"{API}/models/{version}/promote", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:wingcheck:gate-closed")
    assert [check["name"] for check in refused.json()["checks"] if not check["passed"]] == ["accuracy"]
    assert admin.post(f"{API}/models/{version}/promote", json={"overrule": "why"}).status_code == 409
    done = admin.post(f"{API}/models/{version}/promote", json={"overrule": "The same network, a new number."})
    assert done.json()["kind"] == "overruled"
    assert admin.post(f"{API}/models/{version}/promote", json={}).status_code == 409


def test_a_candidate_in_the_shadow_replayed_and_compared(service, admin, register):
    version = register("6.0.0", **NEVER_IN_SCOPE)
    assert admin.put(f"{API}/models/{version}/shadow").status_code == 204
    assert [each["id"] for each in admin.get(f"{API}/models").json() if each["shadow"]] == [version]
    first = admin.post(f"{API}/models/{register('7.0.0', **BELIEVES_THE_CLAIM)}/promote", json={})
    assert first.status_code == 200
    seen = send(service, encode(butterfly(1, (120, 90))), 1)
    number = admin.post(f"{API}/models/{version}/replays", json={}).json()["id"]
    service.work()
    found = admin.get(f"{API}/replays/{number}").json()
    assert (found["submissions"], found["done"], found["queue_before"], found["queue_after"]) == (1, 1, 0, 1)
    assert found["flips"] == [{"before": "agree", "after": "out_of_scope", "submissions": 1}]
    [line] = admin.get(f"{API}/replays/{number}/submissions").json()
    assert (line["submission_id"], line["decided"]) == (seen, False)
    assert admin.get(f"{API}/replays/{number}/submissions?disputed=true").json() == []
    assert admin.get(f"{API}/models/{version}/comparison").status_code == 409
    assert admin.delete(f"{API}/models/{version}/shadow").status_code == 204


def test_a_run_is_planned_started_followed_and_cancelled(service, admin):
    plan = admin.post(f"{API}/run-plans", json={"epochs": 3}).json()
    assert (plan["pointless"], len(plan["bases"]), plan["counts"]) == ("", 1, {"train": {}, "test": {}})
    started = admin.post(f"{API}/runs", json={"epochs": 3, "values": {"optimisation.batch": "4"}})
    assert started.status_code == 202
    number = started.json()["id"]
    run = admin.get(f"{API}/runs/{number}").json()
    assert (run["state"], run["trigger"], run["user_id"]) == ("waiting", "person", admin.user.id)
    assert run["options"] == {"epochs": 3, "values": {"optimisation.batch": "4"}}
    assert [each["id"] for each in admin.get(f"{API}/runs").json()] == [number]
    assert admin.post(f"{API}/runs/{number}/retry").status_code == 409
    assert admin.post(f"{API}/runs/{number}/cancel").status_code == 202
    assert admin.get(f"{API}/runs/{number}").json()["state"] == "cancelled"
    assert admin.post(f"{API}/runs/{number}/cancel").status_code == 202
    assert admin.post(f"{API}/runs/{number}/retry").status_code == 202
    assert admin.get(f"{API}/runs/{number}").json()["state"] == "waiting"


@pytest.mark.parametrize("key", ["species.folder", "outsiders", "architecture_options.weights", "optimisation"])
def test_how_a_run_learns_may_be_set_and_never_from_what(admin, key):
    answer = admin.post(f"{API}/runs", json={"values": {key: "/etc"}})
    assert answer.status_code == 409


def test_events_tell_every_state_once_and_end_with_the_run(service, admin):
    number = admin.post(f"{API}/runs", json={"epochs": 1}).json()["id"]
    admin.post(f"{API}/runs/{number}/cancel")
    answer = admin.get(f"{API}/runs/{number}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    [event] = events(answer.text)
    assert (event["event"], json.loads(event["data"])["state"]) == ("run", "cancelled")

    again = admin.get(f"{API}/runs/{number}/events", headers={"Last-Event-ID": event["id"]})
    assert events(again.text) == []
    with transaction(service.sessions) as session:
        run = get(session, number)
        run.revision += 1
        session.execute(update(Job).where(Job.id == run.job_id).values(status=JobStatus.FAILED))
    [later] = events(admin.get(f"{API}/runs/{number}/events", headers={"Last-Event-ID": event["id"]}).text)
    assert json.loads(later["data"])["state"] == "failed"


def events(text):
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append(lines)
    return found
