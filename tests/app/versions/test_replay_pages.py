"""The pages on which a version is tried before it serves: replays, the shadow, its worst mistakes with maps."""

import io

import pytest
from PIL import Image
from sqlalchemy import select, update

from app.core.db import reading, transaction
from app.core.roles import Role
from app.core.tables import Job, JobKind, JobStatus
from app.predictions import registry
from app.submissions.tables import Photo
from app.versions import replays
from app.versions.rules import Part
from app.versions.tables import CandidatePrediction, PhotoPart
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user, signed_in
from tests.reviewing import decide, send, taxon
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


@pytest.fixture
def candidate(lite, tmp_path, serve):
    """A version that takes everything for something else, beside one that agrees with every claim; its number."""
    serve("5.0.0", **BELIEVES_THE_CLAIM)
    with transaction(lite.sessions) as session:
        folder = make_version(tmp_path, "6.0.0", **NEVER_IN_SCOPE)
        return registry.import_version(session, folder, lite.settings).id


def picture(seed):
    return encode(butterfly(seed, (120, 90)), quality=60)


def replayed(lite, admin, candidate, **form):
    answer = admin.post(f"/admin/models/{candidate}/replays", data={"what": "season", **form})
    assert answer.status_code == 303
    lite.work()
    return answer.headers["location"]


def test_a_replay_is_started_and_says_what_would_flip(lite, admin, candidate, monkeypatch):
    numbers = [send(lite, picture(who), who) for who in range(3)]
    decide(lite, make_user(lite.sessions), numbers[0], taxon(TAXA[0]))
    assert "None yet." in admin.get(f"/admin/models/{candidate}/replays").text
    where = replayed(lite, admin, candidate)
    page = admin.get(where).text
    for said in (
        "3 of 3 submissions",
        "Of 3 submissions, 3 would get a different verdict (100.0%).",
        "Decisions made by people never change.",
        "One has already been decided by a person",
        "0 → 2",
        "decided by a person: no change",
        f'href="/review/{numbers[2]}"',
        "/thumb.jpg",
        "data-events",
    ):
        assert said in page
    assert "run.js" not in page  # it is over: nothing more to follow
    only = admin.get(f"{where}?before=agree&verdict=out_of_scope").text
    assert "agrees → out of scope" in only
    assert "None: no verdict would change." in admin.get(f"{where}?before=agree&verdict=uncertain").text
    assert "None: this version would accept" in admin.get(f"{where}?disputed=true").text
    monkeypatch.setattr("app.versions.replays.PAGE", 2)
    first = admin.get(where).text
    assert f"after={numbers[1]}#list" in first
    assert f'href="/review/{numbers[2]}"' not in first
    assert f'href="/review/{numbers[2]}"' in admin.get(f"{where}?after={numbers[1]}").text
    assert "Replay 1" in admin.get(f"/admin/models/{candidate}").text


def test_what_can_not_be_replayed_is_said_and_what_was_typed_stays(lite, admin, candidate):
    wrong = admin.post(f"/admin/models/{candidate}/replays", data={"what": "season", "since": "soon"})
    assert (wrong.status_code, "Please enter a valid date." in wrong.text, 'value="soon"' in wrong.text) == (
        422,
        True,
        True,
    )
    nothing = admin.post(f"/admin/models/{candidate}/replays", data={"what": "measuring"})
    assert (nothing.status_code, "Nothing was started" in nothing.text) == (409, True)
    assert admin.get("/admin/replays/99").status_code == 404
    assert admin.get("/admin/replays/99/events").status_code == 404


def test_parts_that_failed_are_shown_and_tried_again(lite, admin, candidate, monkeypatch):
    monkeypatch.setattr(replays, "CHUNK", 1)
    for who in range(2):
        send(lite, picture(who), who)
    where = admin.post(f"/admin/models/{candidate}/replays").headers["location"]
    assert "run.js" in admin.get(where).text
    with transaction(lite.sessions) as session:
        session.execute(update(Job).where(Job.kind == JobKind.REPLAY).values(status=JobStatus.FAILED))
    page = admin.get(where).text
    assert "2 parts failed." in page
    assert "Retry failed parts" in page
    admin.post(f"{where}/retry")
    lite.work()
    assert "2 of 2 submissions" in admin.get(where).text
    refused = admin.post(f"{where}/retry")
    assert "nothing to retry" in admin.get(refused.headers["location"]).text


def test_the_changing_part_of_a_replay_is_sent_and_ends(lite, admin, candidate):
    send(lite, picture(1), 1)
    where = replayed(lite, admin, candidate)
    answer = admin.get(f"{where}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: run" in answer.text
    assert "1 of 1 submissions" in answer.text
    assert "event: over" in answer.text


def test_the_shadow_is_put_on_watched_and_taken_off(lite, admin, candidate):
    on = admin.post(f"/admin/models/{candidate}/shadow", data={"on": "true"})
    assert on.headers["location"] == f"/admin/models/{candidate}#shadow"
    assert "shadow mode</span>" in admin.get("/admin/models").text
    assert "It will check every new photo." in admin.get(f"/admin/models/{candidate}").text
    token_seen = send(lite, picture(1), 1)
    page = admin.get(f"/admin/models/{candidate}").text
    assert "The verdict of the one submission would change." in page
    assert "Stop shadow mode" in page
    assert f'href="/review/{token_seen}"' in admin.get("/admin/replays/1").text
    admin.post(f"/admin/models/{candidate}/shadow", data={"on": "false"})
    assert "Start shadow mode" in admin.get(f"/admin/models/{candidate}").text
    with reading(lite.sessions) as session:
        serving = session.scalars(select(Photo)).one().predictions[0].model_version_id
    assert admin.post(f"/admin/models/{serving}/shadow", data={"on": "true"}).status_code == 303
    assert "Shadow mode</h2>" not in admin.get(f"/admin/models/{serving}").text


def test_the_worst_mistakes_stand_beside_where_it_looked(lite, admin, candidate):
    page = admin.get(f"/admin/models/{candidate}").text
    assert "None yet. When a training run starts" in page
    decide(lite, make_user(lite.sessions), send(lite, picture(1), 1), taxon(TAXA[0]))
    with transaction(lite.sessions) as session:
        photo = session.scalars(select(Photo)).one()
        session.add(PhotoPart(sha256=photo.sha256, part=Part.TEST, volunteer_id=photo.submission.volunteer_id))
        token, photo_id, shape = photo.token, photo.id, (photo.width, photo.height)
    page = admin.get(f"/admin/models/{candidate}").text
    assert "One evaluation photo has not been checked." in page
    assert 'value="measuring"' in page
    with transaction(lite.sessions) as session:
        values = {TAXA[0]: 0.1, TAXA[1]: 0.9}
        session.add(
            CandidatePrediction(model_version_id=candidate, photo_id=photo_id, probabilities=values, in_scope=1.0)
        )
    page = admin.get(f"/admin/models/{candidate}").text
    assert "Model: gatekeeper (90.0%)" in page
    assert "Experts: meadow brown" in page
    address = f"/admin/models/{candidate}/photos/{token}/attention.png"
    picture_of = admin.get(address, params={"taxon": TAXA[1]})
    assert picture_of.headers["content-type"] == "image/png"
    seen = Image.open(io.BytesIO(picture_of.content))
    assert (seen.mode, seen.size) == ("RGBA", shape)
    other = admin.get(address, params={"taxon": TAXA[0]})
    assert other.content != picture_of.content
    assert admin.get(address, params={"taxon": "Aglais io"}).status_code == 404
    assert admin.get(f"/admin/models/99/photos/{token}/attention.png?taxon=x").status_code == 404
