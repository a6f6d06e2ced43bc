"""Models and runs for programs: a run is started and followed, its version promoted, and another one gone back to."""

import pytest
from sqlalchemy import update

from app.core.db import reading, transaction
from app.core.roles import Role, Scope
from app.core.tables import Job, JobStatus
from app.predictions import registry
from app.versions import promotion
from app.versions.runs import get
from ml.datasets.synthetic import write_drawn_folder
from tests.conftest import copy_of, make_settings, running
from tests.people import with_key
from tests.versions import make_version

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
def program(service):
    return with_key(service, Role.ADMIN, Scope.MODELS)


@pytest.fixture
def register(service, tmp_path):
    def add(number):
        with transaction(service.sessions) as session:
            return registry.import_version(session, make_version(tmp_path, number), service.settings).id

    return add


def serving(program):
    return [each["version"] for each in program.get(f"{API}/models").json() if each["active"]]


def test_promoting_and_going_back(service, program, register):
    version = register("6.0.0")
    done = program.post(f"{API}/models/{version}/promote", json={})
    assert (done.status_code, done.json()["kind"]) == (200, "promoted")
    assert (done.json()["model_version_id"], done.json()["user_id"]) == (version, program.user.id)
    assert done.json()["gate"]["passed"]
    assert serving(program) == ["6.0.0"]
    before = done.json()["replaced_id"]
    back = program.post(f"{API}/models/{before}/rollback", json={"reason": "slow"})
    assert (back.json()["kind"], back.json()["reason"]) == ("rolled_back", "slow")
    assert program.post(f"{API}/models/{before}/rollback", json={}).status_code == 409
    with reading(service.sessions) as session:
        assert [row.model_version_id for row in promotion.history(session)] == [before, version, before]


def test_what_the_gate_refuses_is_told_check_by_check_and_takes_a_reason(service, program, register):
    service.settings.gate_margin = 0.0
    version = register("6.0.0")
    refused = program.post(f"{API}/models/{version}/promote", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:wingcheck:gate-closed")
    assert [check["name"] for check in refused.json()["checks"] if not check["passed"]] == ["accuracy"]
    assert program.post(f"{API}/models/{version}/promote", json={"overrule": "why"}).status_code == 409
    done = program.post(f"{API}/models/{version}/promote", json={"overrule": "The same network, a new number."})
    assert done.json()["kind"] == "overruled"
    assert program.post(f"{API}/models/{version}/promote", json={}).status_code == 409


def test_a_run_is_started_and_followed(service, program):
    wanted = {"epochs": 3, "values": {"optimisation.batch": "4"}, "since": "2026-07-01T02:00:00+02:00"}
    started = program.post(f"{API}/runs", json=wanted)
    assert started.status_code == 202
    path = f"{API}/runs/{started.json()['id']}"
    run = program.get(path).json()
    assert (run["state"], run["trigger"], run["user_id"]) == ("waiting", "person", program.user.id)
    assert run["options"] == {"epochs": 3, "values": {"optimisation.batch": "4"}}
    assert run["wanted"]["since"] == "2026-07-01T00:00:00+00:00"
    with transaction(service.sessions) as session:
        row = get(session, run["id"])
        row.phase, row.model_version_id = "done", 1
        session.execute(update(Job).where(Job.id == row.job_id).values(status=JobStatus.DONE))
    run = program.get(path).json()
    assert (run["state"], run["phase"], run["model_version_id"]) == ("done", "done", 1)
    assert program.get(f"{API}/runs/99").status_code == 404


@pytest.mark.parametrize("key", ["species.folder", "outsiders", "architecture_options.weights", "optimisation"])
def test_how_a_run_learns_may_be_set_and_never_from_what(program, key):
    assert program.post(f"{API}/runs", json={"values": {key: "/etc"}}).status_code == 409


@pytest.mark.parametrize("moment", [0, "0", "2026-07-01", "2026-07-01T12:00:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_is_one_with_a_time_zone(program, moment):
    assert program.post(f"{API}/runs", json={"since": moment}).status_code == 400
