"""The pages about training runs: what is told before one starts, what it shows as it goes on, and how it is ended."""

import pytest

from app.core.db import reading, transaction, utcnow
from app.core.roles import Role
from app.core.tables import Job, JobStatus
from app.versions.tables import TrainingRun
from ml.datasets.synthetic import write_drawn_folder
from tests.people import signed_in

FORM = {"config": "tiny", "codes": ["V1"], "epochs": "3", "start": "scratch"}


@pytest.fixture
def admin(lite, tmp_path):
    lite.settings.training_root = str(write_drawn_folder(tmp_path / "drawn", per_label=2, outsiders=1))
    lite.settings.retrain_config = "tiny"
    return signed_in(lite, Role.ADMIN)


@pytest.fixture
def form(lite):
    return FORM | {"bases": [lite.settings.training_root]}


def start(admin, form):
    answer = admin.post("/admin/runs", data=form)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rsplit("/", 1)[1])


def change(service, number, **values):
    with transaction(service.sessions) as session:
        run = session.get_one(TrainingRun, number)
        run.revision += 1
        for name, value in values.items():
            setattr(run.job if hasattr(Job, name) else run, name, value)


def test_what_it_would_learn_is_told_before_it_starts(lite, admin, form):
    page = admin.get("/admin/runs/new").text
    assert lite.settings.training_root in page
    planned = admin.post("/admin/runs/plan", data=form).text
    assert "Training plan" in planned
    assert " files<" in planned
    with reading(lite.sessions) as session:
        assert session.query(TrainingRun).count() == 0
    number = start(admin, form)
    with reading(lite.sessions) as session:
        run = session.get_one(TrainingRun, number)
        assert (run.config, run.options, run.user_id) == ("tiny", {"epochs": 3}, admin.user.id)


def test_starting_it_again_with_nothing_new_is_said_to_be_pointless_unless_one_insists(lite, admin, form):
    change(lite, start(admin, form), model_version_id=1, status=JobStatus.DONE, phase="done")
    planned = admin.post("/admin/runs/plan", data=form).text
    assert "No new training data" in planned
    assert "Start anyway" in planned
    refused = admin.post("/admin/runs", data=form)
    assert refused.status_code == 409
    assert "Nothing is new" in refused.text
    start(admin, form | {"insist": "true"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", "many"),
        ("epochs", "0"),
        ("agreement", "101"),
        ("since", "yesterday"),
        ("codes", "R5"),
        ("start", "nowhere"),
        ("config", "../../elsewhere.py"),
        ("values", "version=1.0.0"),
        ("values", "optimisation.epochs"),
    ],
)
def test_what_can_not_be_read_is_told_by_its_field_and_nothing_starts(lite, admin, form, field, value):
    for path in ("/admin/runs/plan", "/admin/runs"):
        refused = admin.post(path, data=form | {field: value})
        assert refused.status_code == 422
        error = refused.text.split(f'id="error-{field}"')[1].split("</p>")[0]
        assert "hidden" not in error
    with reading(lite.sessions) as session:
        assert session.query(TrainingRun).count() == 0


def test_without_a_version_in_service_or_data_it_says_what_is_missing(lite, admin, form):
    lite.settings.training_root = ""
    assert "No training data" in admin.post("/admin/runs/plan", data=FORM).text
    assert "/etc is no known base data set" in admin.post("/admin/runs/plan", data=FORM | {"bases": ["/etc"]}).text


def test_each_run_tells_which_photos_it_was_to_take_even_of_one_snapshot(lite, admin, form):
    whole = {"since": "2026-05-03", "until": "2026-05-31", "experts": "2", "agreement": "80"}
    plain, chosen = start(admin, form), start(admin, form | whole | {"insist": "true"})
    with reading(lite.sessions) as session:
        assert len({session.get_one(TrainingRun, number).snapshot_id for number in (plain, chosen)}) == 1
    assert "Decided as accepted, correct</dd>" in admin.get(f"/admin/runs/{plain}").text
    said = (
        "Decided as accepted, correct · from 3 May 2026 · until 31 May 2026"
        " · by at least 2 experts · with at least 80% agreement</dd>"
    )
    assert said in admin.get(f"/admin/runs/{chosen}").text
    with reading(lite.sessions) as session:
        kept = session.get_one(TrainingRun, chosen).wanted
    assert (kept["codes"], kept["least_experts"], kept["until"]) == (["V1"], 2, "2026-06-01T00:00:00+00:00")


def test_a_run_shows_how_it_goes_on(lite, admin, form):
    first, second = start(admin, form), start(admin, form | {"insist": "true", "epochs": "4"})
    assert "One run is ahead of it." in admin.get(f"/admin/runs/{second}").text
    curves = [
        {"epoch": 1, "loss": 0.9, "accuracy": 0.6, "calibration_loss": 0.8, "calibration_accuracy": 0.7},
        {"epoch": 2, "loss": 0.5, "accuracy": 0.8, "calibration_loss": 0.4, "calibration_accuracy": 0.9},
    ]
    values = {"phase": "training", "epoch": 2, "epochs": 3, "curves": curves, "log": "Epoch 2 <of 3>"}
    change(lite, first, status=JobStatus.RUNNING, heartbeat_at=utcnow(), seconds_left=200.0, **values)
    page = admin.get(f"/admin/runs/{first}").text
    for said in (
        "Training",
        "Epoch 2 of 3",
        "about 3 minutes left",
        "Epoch 2 &lt;of 3&gt;",
        "<noscript>",
        "Cancel run",
    ):
        assert said in page
    assert page.count("<polyline") == 4
    listed = admin.get("/admin/runs").text
    assert "running" in listed
    assert "queued" in listed


def test_a_run_is_cancelled_and_tried_again(lite, admin, form):
    number = start(admin, form)
    assert admin.post(f"/admin/runs/{number}/cancel").headers["location"] == f"/admin/runs/{number}"
    assert "Try again" in admin.get(f"/admin/runs/{number}").text
    assert admin.post(f"/admin/runs/{number}/retry").headers["location"] == f"/admin/runs/{number}"
    refused = admin.post(f"/admin/runs/{number}/retry")
    assert "No longer possible" in admin.get(refused.headers["location"]).text
    assert admin.get("/admin/runs/99").status_code == 404


def test_events_tell_what_is_different_and_end_with_the_run(lite, admin, form):
    number = start(admin, form)
    change(lite, number, status=JobStatus.FAILED, error="No photo can be read.", phase="failed")
    answer = admin.get(f"/admin/runs/{number}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    first, last = answer.text.strip().split("\n\n")
    assert "event: run" in first
    assert "No photo can be read." in first
    assert "event: over" in last
    number_of = next(line.removeprefix("id: ") for line in first.splitlines() if line.startswith("id: "))
    again = admin.get(f"/admin/runs/{number}/events", headers={"Last-Event-ID": number_of})
    assert "event: run" not in again.text
    assert admin.get("/admin/runs/99/events").status_code == 404


def test_a_version_that_a_run_made_says_so_and_how_it_compares(lite, admin, form):
    number = start(admin, form)
    with reading(lite.sessions) as session:
        name, version = session.get_one(TrainingRun, number).model_name, "9.9.9"
    accuracy = {"value": 0.03, "low": 0.01, "high": 0.05, "photos": 400}
    comparison = {"against": {"name": name, "version": version}, "accuracy": accuracy}
    change(lite, number, model_version_id=1, status=JobStatus.DONE, phase="done", comparison=comparison)
    page = admin.get(f"/admin/runs/{number}").text
    assert f"gets 3.0 in 100 more right than {name} 9.9.9" in page
    assert "The difference is statistically significant." in page
    assert f"rained in run {number}" in admin.get("/admin/models/1").text
