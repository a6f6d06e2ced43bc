"""Two versions side by side."""

import pytest

from app.core.db import reading, transaction
from app.core.roles import Role
from app.core.tables import Job, JobKind
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.submissions.tables import Photo
from app.versions.rules import Part, Start, Trigger
from app.versions.tables import PhotoPart, Snapshot, TrainingRun
from tests.app.sending import submit
from tests.factories import photo
from tests.people import make_user, signed_in
from tests.reviewing import decide, send, taxon
from tests.versions import make_version

LABELS = ["Maniola jurtina", "Pyronia tithonus"]


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


@pytest.fixture
def other(lite, tmp_path):
    """A second version; its number."""
    with transaction(lite.sessions) as session:
        return registry.import_version(session, make_version(tmp_path, "2.0.0"), lite.settings).id


@pytest.fixture
def service_with_measuring(lite, admin):
    """An expert decided on one photo, which measures models from now on."""
    expert = make_user(lite.sessions)
    decide(lite, expert, send(lite, photo(1), 1), taxon(LABELS[0]))
    with transaction(lite.sessions) as session:
        session.add(PhotoPart(sha256=session.query(Photo.sha256).scalar(), part=Part.TEST))
    return lite, admin


def compared(service, version_id, sha256):
    """A run made the version, and found it better than the bundled one; they differ on one photo."""
    with transaction(service.sessions) as session:
        bundled = session.get_one(ModelVersion, 1)
        job = Job(kind=JobKind.TRAINING, subject_id=1)
        snapshot = Snapshot(fingerprint="sha256:0", bases=[], counts={})
        session.add_all([job, snapshot])
        session.flush()
        session.add(
            TrainingRun(
                task=bundled.task, job_id=job.id, snapshot_id=snapshot.id, cause=Trigger.PERSON, config="tiny",
                start=Start.SCRATCH, options={}, labels=LABELS, wanted={}, model_name=bundled.name, time_limit_minutes=1,
                memory_limit_megabytes=1, model_version_id=version_id,
                comparison={
                    "against": {"name": bundled.name, "version": bundled.version},
                    "accuracy": {"value": 0.04, "low": 0.02, "high": 0.06, "photos": 300},
                    "per_label": {LABELS[0]: {"recall": {"value": 0.05, "low": 0.01, "high": 0.09}}},
                    "mcnemar": {"only_this_right": 14, "only_other_right": 2},
                    "differing": [
                        {"path": f"photos/{sha256}.jpg", "label": LABELS[0], "this": LABELS[0], "other": LABELS[1],
                         "this_probability": 0.91, "other_probability": 0.64}
                    ],
                },
            )
        )  # fmt: skip


def test_on_the_same_photos_with_the_photos_on_which_they_differ(lite, admin, other):
    sent = submit(lite, photo(1))
    with reading(lite.sessions) as session:
        row = session.query(Photo).join(Photo.submission).filter_by(token=sent.token).one()
        sha256, token = row.sha256, row.token
    compared(lite, other, sha256)
    page = admin.get(f"/admin/models/compare?a={other}&b=1").text
    for said in (
        "gets 4.0 in 100 more right",
        "+5.0 (+1.0 … +9.0)",
        "on 14 of them",
        f"/photos/{token}/thumb.jpg",
        "91%",
    ):
        assert said in page
    turned = admin.get(f"/admin/models/compare?a=1&b={other}").text
    for said in ("gets 4.0 in 100 fewer right", "-5.0 (-9.0 … -1.0)", "on 2 of them"):
        assert said in turned


def test_without_the_same_photos_it_says_so_and_shows_the_figures_of_each(admin, other):
    page = admin.get(f"/admin/models/compare?a={other}&b=1").text
    assert "These versions were not tested on the same photos" in page
    assert "Accuracy" in page


def test_a_version_is_let_look_at_the_photos_that_measure(service_with_measuring, other):
    lite, admin = service_with_measuring
    page = admin.get(f"/admin/models/compare?a={other}&b=1").text
    assert "Check these photos" in page
    asked = admin.post("/admin/models/compare", data={"a": str(other), "b": "1"})
    assert "The photos are being checked." in admin.get(asked.headers["location"]).text
    lite.work()
    page = admin.get(f"/admin/models/compare?a={other}&b=1").text
    assert "Check these photos" not in page
    assert "On the same 1 photos" in page


def test_it_asks_which_and_refuses_what_is_not_there(admin):
    assert "<select" in admin.get("/admin/models/compare").text
    assert "Choose two different versions" in admin.get("/admin/models/compare?a=1&b=1").text
    assert admin.get("/admin/models/compare?a=1&b=99").status_code == 404
