"""The pages about model versions: what they show, and what they refuse to do."""

import json
from datetime import date

import pytest

from app.core.db import reading, transaction
from app.core.roles import Role
from app.predictions import registry
from app.versions import promotion
from app.versions.tables import WatchAlert
from tests.people import signed_in
from tests.versions import BUNDLED, make_version

BUNDLED_NUMBER = json.loads((BUNDLED / "model.json").read_text())["version"]
WORSE = {"value": 0.5, "low": 0.4, "high": 0.6, "photos": 355}
BETTER = {"value": 0.99, "low": 0.985, "high": 0.995, "photos": 355}
REASON = "The field day needs it, and nobody sends the other species."
DETAILS = {
    "per_label": {"Maniola jurtina": {"photos": 185, "recall": {"value": 0.9, "low": 0.85, "high": 0.95}}},
    "confusion": [[170, 15], [4, 165]],
    "calibration": {
        "before": {"bins": [{"promised": 0.7, "held": 0.6, "photos": 9}]},
        "after": {"bins": [{"promised": 0.7, "held": 0.7, "photos": 9}]},
    },
    "coverage": {
        "curve": [[0.5, 0.0], [1.0, 0.06]],
        "thresholds": [
            {
                "error_rate": 0.05,
                "supported": True,
                "on_test": {"coverage": 0.6, "error": 0.02, "photos": 9, "wrong": 1},
            }
        ],
    },
    "mistakes": [
        {"path": "photos/ab/abcd.jpg", "label": "Maniola jurtina", "answered": "Pyronia tithonus", "probability": 0.97}
    ],
}


@pytest.fixture
def admin(lite):
    lite.settings.gate_max_milliseconds = 10_000
    return signed_in(lite, Role.ADMIN)


@pytest.fixture
def add(lite, tmp_path):
    """Register the bundled network under another number, with other figures."""

    def register(number, accuracy=None, **metrics):
        folder = make_version(tmp_path, number)
        found = json.loads((folder / "metrics.json").read_text()) | metrics
        if accuracy:
            found["species"]["accuracy"] = accuracy
        (folder / "metrics.json").write_text(json.dumps(found))
        with transaction(lite.sessions) as session:
            return registry.import_version(session, folder, lite.settings).id

    return register


def serving(service):
    with reading(service.sessions) as session:
        return promotion.history(session)[0].model_version.version


def test_a_version_with_everything_measured_shows_all_of_it(admin, add):
    page = admin.get(f"/admin/models/{add('2.0.0', **DETAILS)}").text
    for said in ("90% (85–95%)", "170", "on the test photos: covers 60%, 2.0% of those wrong", "abcd.jpg"):
        assert said.lower() in page.lower()
    assert page.count("<polyline") == 4
    assert "Show model card" in page


@pytest.mark.parametrize(
    "metrics",
    [
        {"species": {}, "scope": None},
        {"species": {"accuracy": {"value": None}}, "confusion": "none", "calibration": [], "coverage": {}, "photos": 3},
        {
            "per_label": {"x": None},
            "confusion": [[1]],
            "mistakes": [{}],
            "coverage": {"curve": [[1]], "thresholds": [1]},
        },
    ],
)
def test_figures_that_are_missing_or_odd_are_left_out(admin, add, metrics):
    nothing = dict.fromkeys(DETAILS)
    page = admin.get(f"/admin/models/{add('2.0.0', **(nothing | metrics))}")
    assert page.status_code == 200
    assert "<polyline" not in page.text


def test_a_card_brings_no_markup_of_its_own(lite, admin, add):
    number = add("2.0.0")
    card = lite.settings.model_dir / "browns-mobilenetv2-2.0.0" / "MODEL_CARD.md"
    card.write_text(
        "# Title\n\n<script>alert(1)</script>\n\n[here](javascript:alert(2))\n\n![x](https://e.org/x.png)\n\n|a|\n|-|\n|b|\n"
    )
    page = admin.get(f"/admin/models/{number}").text
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert '<img src="https://e.org' not in page
    assert "<td>b</td>" in page


def test_a_version_whose_folder_was_changed_says_so_and_can_not_be_promoted(lite, admin, add):
    number = add("2.0.0", BETTER)
    (lite.settings.model_dir / "browns-mobilenetv2-2.0.0" / "model.tflite").write_bytes(b"not a model")
    assert "its hash differs" in admin.get(f"/admin/models/{number}").text
    page = admin.get(f"/admin/models/{number}/promote").text
    assert "can’t be loaded" in page
    assert "<textarea" not in page
    assert admin.post(f"/admin/models/{number}/promote").status_code == 409
    assert serving(lite) == BUNDLED_NUMBER


def test_the_gate_refuses_and_says_by_how_much_and_an_overruling_takes_a_reason(lite, admin, add):
    number = add("2.0.0", WORSE)
    page = admin.get(f"/admin/models/{number}/promote").text
    assert "failed" in page
    assert "points over the limit" in page
    refused = admin.post(f"/admin/models/{number}/promote")
    assert (refused.status_code, serving(lite)) == (409, BUNDLED_NUMBER)
    empty = admin.post(f"/admin/models/{number}/promote", data={"overrule": "true", "reason": "because"})
    assert (empty.status_code, serving(lite)) == (422, BUNDLED_NUMBER)
    assert "because" in empty.text
    done = admin.post(f"/admin/models/{number}/promote", data={"overrule": "true", "reason": REASON})
    assert (done.status_code, serving(lite)) == (303, "2.0.0")
    listed = admin.get("/admin/models").text
    assert REASON in listed
    assert f"Put into service despite failed checks by {admin.user.name}" in listed
    assert "Checks at the time" in listed


def test_what_passes_is_put_into_service_and_gone_back_from(lite, admin, add):
    number = add("2.0.0", BETTER)
    assert "It passes all checks." in admin.get(f"/admin/models/{number}/promote").text
    assert admin.post(f"/admin/models/{number}/promote").headers["location"].endswith("done=promoted")
    assert "This version is already in service." in admin.get(f"/admin/models/{number}/promote").text
    assert admin.post("/admin/models/1/roll-back", data={"reason": "Fences."}).status_code == 303
    assert serving(lite) == BUNDLED_NUMBER
    assert "Fences." in admin.get("/admin/models").text


def test_nobody_goes_back_to_what_never_served(lite, admin, add):
    refused = admin.post(f"/admin/models/{add('2.0.0')}/roll-back")
    assert refused.status_code == 409
    assert "never in service" in refused.text
    assert admin.post("/admin/models/99/roll-back").status_code == 404
    assert admin.get("/admin/models/99").status_code == 404


def test_without_any_version_in_service_the_page_says_what_to_do(lite, admin):
    with transaction(lite.sessions) as session:
        promotion.get(session, 1).active = False
    assert "nobody gets a second opinion" in admin.get("/admin/models").text


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ("agreement", 0.71, "Experts agree with it in 71%"),
        ("in_scope", 0.4, "Only 40% of the photos"),
        ("drift_of_embedding", 0.31, "drifted by 0.31"),
        ("something_new", 0.5, "something_new: 0.50"),
    ],
)
def test_an_alert_stands_on_the_page_until_somebody_has_seen_it(lite, admin, figure, value, said):
    with transaction(lite.sessions) as session:
        session.add(WatchAlert(model_version_id=1, week=date(2026, 7, 6), figure=figure, value=value, limit=0.8))
    page = admin.get("/admin/models").text
    assert said in page
    assert "6 July 2026" in page
    assert admin.post("/admin/models/alerts/1/seen").status_code == 303
    assert said not in admin.get("/admin/models").text
