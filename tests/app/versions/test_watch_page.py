"""The pages on the version in service week by week, and on the decision policy of each species."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from app.core.db import reading, transaction, utcnow
from app.core.roles import Role
from app.core.web.i18n import Language
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.submissions.tables import PredictionRecord, VerdictRecord
from app.taxa.tables import Taxon
from app.versions import watch
from app.versions.pages.watch import charts
from app.versions.tables import WatchAlert
from app.versions.watch import Week
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import signed_in
from tests.reviewing import send


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


def picture(seed):
    return encode(butterfly(seed, (240, 180)), quality=60)


def test_a_new_service_has_nothing_to_watch_yet(lite, admin):
    assert "No data yet" in admin.get("/admin/watch").text
    with transaction(lite.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    lite.client.app.state.classifiers._served = None
    assert "No version is in service." in admin.get("/admin/watch").text
    assert "No species yet" in admin.get("/admin/policies").text


def test_weeks_with_what_is_past_a_limit_in_words(lite, admin):
    lite.settings.watch_least_photos = 1
    for who in range(2):
        send(lite, picture(who), who)
    page = admin.get("/admin/watch").text
    assert "it checked 2 photos. One figure is over its limit." in page
    assert "<b>0%</b> <span>below 50%</span>" in page  # drawn photos are out of scope
    assert "Charts appear after the second week." in page
    with transaction(lite.sessions) as session:
        for table in (PredictionRecord, VerdictRecord):
            session.execute(update(table).where(table.id == 1).values(created_at=utcnow() - timedelta(weeks=2)))
    page = admin.get("/admin/watch").text
    assert page.count('class="chart__svg"') == 2
    assert page.count("below 50%") == 2


def test_drift_is_drawn_beside_its_limit_and_said_where_it_is_past_it(lite, admin, monkeypatch):
    def week(day, drift):
        outcomes = dict.fromkeys(Outcome, 1)
        return Week(date(2026, 7, day), 300, outcomes, 0.9, 1.0, 10, 0.9, drift, 0.01, None)

    weeks = [week(13, 0.4), week(6, 0.1)]
    drawn = charts(Language("en"), lite.settings, weeks)
    assert [name for name, _ in drawn] == ["Verdicts", "Confidence and agreement", "Drift"]
    drift = drawn[2][1]
    assert [(line.name, line.style) for line in drift.lines] == [
        ("confidence", "first"),
        ("scope", "second"),
        ("limit", "ideal"),
    ]
    assert [text for _, text in drift.x_ticks] == ["6 Jul", "13 Jul"]
    monkeypatch.setattr(watch, "weeks", lambda *_: weeks)
    page = admin.get("/admin/watch").text
    assert "it checked 300 photos. One figure is over its limit." in page
    assert page.count("<b>0.40</b> <span>above 0.25</span>") == 1
    assert page.count("over the limit</span>") == 1


def test_an_alert_is_seen_where_it_stands_and_who_saw_it_is_kept(lite, admin):
    with transaction(lite.sessions) as session:
        values = {"week": date(2026, 7, 6), "figure": "agreement", "value": 0.5, "limit": 0.8, "sent_at": utcnow()}
        session.add(WatchAlert(model_version_id=1, **values))
    assert "Sent to the webhook on" in admin.get("/admin/watch").text
    done = admin.post("/admin/models/alerts/1/seen", data={"page": "watch"})
    assert done.headers["location"] == "/admin/watch"
    page = admin.get("/admin/watch").text
    assert "One dismissed alert" in page
    assert f"Dismissed by {admin.user.name}" in page
    assert "notice--alert" not in page


def test_a_policy_is_tried_saved_and_taken_back(lite, admin):
    send(lite, picture(1), 1)
    with reading(lite.sessions) as session:
        number = session.scalars(select(Taxon.id).where(Taxon.scientific_name == TAXA[0])).one()
    assert "the version’s default" in admin.get("/admin/policies").text
    tried = admin.get(f"/admin/policies/{number}?error=0.1&reliability=60").text
    assert "Of one submission claiming this species since" in tried
    assert "Save this policy" in tried
    assert "Save this policy" not in admin.get(f"/admin/policies/{number}?error=&reliability=").text
    saved = admin.post(f"/admin/policies/{number}", data={"error": "0.1", "reliability": "60"})
    page = admin.get(saved.headers["location"]).text
    assert "At most 10%, set for this species" in page
    assert "60% correct, set for this species" in page
    assert '<option value="0.1" selected>' in page
    assert 'name="error" value=""' in page  # what undoing sends
    assert "set for this species" in admin.get("/admin/policies").text
    admin.post(f"/admin/policies/{number}", data={"error": "", "reliability": ""})
    assert "set for this species" not in admin.get(f"/admin/policies/{number}").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"error": "0.05", "reliability": "often"}, "Please enter a number"),
        ({"error": "0.05", "reliability": "nan"}, "Please enter a number"),
        ({"error": "0.9", "reliability": ""}, "Choose one of these."),
    ],
)
def test_a_policy_that_can_not_be_is_refused_and_stays_typed(admin, form, said):
    for answer in (admin.get("/admin/policies/1", params=form), admin.post("/admin/policies/1", data=form)):
        assert answer.status_code == 422
        assert said in answer.text
        assert f'value="{form["reliability"]}"' in answer.text
    assert admin.get("/admin/policies/99").status_code == 404
