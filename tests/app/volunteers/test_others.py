"""What one volunteer sent is for that volunteer and the desk: nobody else finds it, whatever they know of it but the link."""

import hashlib
import io
import json
import zipfile

import pytest
from sqlalchemy import select

from app.core.db import reading
from app.core.roles import Role
from app.submissions.tables import Submission
from app.volunteers.dependencies import VOLUNTEER_COOKIE
from tests.app.sending import TAXA, post, row, token_of
from tests.factories import photo
from tests.people import PASSWORD, make_user, signed_in

PLACE, ADDRESS = "behind the shed", "anna@example.org"
KEY = "0123456789abcdef-of-anna"


@pytest.fixture
def annas(lite):
    """What Anna sent; the browser is Ben's from now on, who sent something himself."""
    lite.client.get("/")
    token = token_of(post(lite.client, photo(1), place=PLACE, email=ADDRESS, idempotency_key=KEY))
    lite.work()
    lite.client.cookies.clear()
    lite.client.get("/")
    lite.ben = token_of(post(lite.client, photo(2), idempotency_key=KEY))
    return row(lite, token)


def test_the_browser_of_another_finds_nothing_of_it(lite, annas):
    pages = [lite.client.get(path).text for path in ("/", "/mine", "/mine/delete", f"/s/{lite.ben}", "/species")]
    archive = zipfile.ZipFile(io.BytesIO(lite.client.get("/mine/download").content))
    pages.append(archive.read("my-data.json").decode())
    picture = annas.photos[0]
    for secret in (annas.token, picture.token, picture.sha256, PLACE, ADDRESS, annas.volunteer.key):
        assert [page for page in pages if secret in page] == []
    [volunteer] = json.loads(pages[-1])["volunteers"]
    assert [submission["token"] for submission in volunteer["submissions"]] == [lite.ben]
    lite.client.post("/mine/delete")
    assert row(lite, annas.token).place == PLACE


def test_nothing_that_others_may_know_opens_it(lite, annas):
    """Numbers, hashes, the key of the form, and what is published of it: only the link itself does."""
    picture = annas.photos[0]
    published = (
        signed_in(lite, Role.COORDINATOR)
        .get("/api/v1/review/records?standing=undecided&standing=machine")
        .json()["records"]
    )
    known = {annas.id, picture.id, picture.sha256, picture.sha256[:24], KEY, annas.volunteer_id, annas.volunteer.key}
    known |= {record["occurrenceID"] for record in published} | {record["occurrenceID"][9:] for record in published}
    known |= {annas.token[:-1], annas.token + "A", annas.token.swapcase(), "%", "_" * len(annas.token), "1 OR 1=1"}
    assert len(published) == 2
    for guess in known - {annas.token}:
        for path in (f"/s/{guess}", f"/s/{guess}/verdict", f"/s/{guess}/withdraw", f"/api/v1/submissions/{guess}"):
            assert lite.client.get(path).status_code == 404, path
        for variant in ("thumb", "display", "cut", "original"):
            assert lite.client.get(f"/photos/{guess}/{variant}.jpg").status_code == 404
        for act in ("claim", "answer", "withdraw", "photos/1/square"):
            sent = lite.client.post(f"/s/{guess}/{act}", data={"claim": TAXA[0], "body": "x", "square": "0,0,1,1"})
            assert sent.status_code == 404, act
    assert lite.client.get(f"/s/{picture.token}").status_code == 404
    assert lite.client.get(f"/photos/{annas.token}/thumb.jpg").status_code == 404


def test_the_same_photo_and_key_from_another_is_another_submission(lite, annas):
    receipt = token_of(post(lite.client, photo(1), place=PLACE, idempotency_key=KEY))
    assert receipt not in {annas.token, lite.ben}
    program = {"claim": "unknown"}
    sent = {"file": ("a.jpg", photo(1))}
    answers = [
        lite.client.post("/api/v1/submissions", files=sent, data=program, headers={"Idempotency-Key": key})
        for key in (KEY + "-1", KEY + "-2")
    ]
    assert annas.token not in {answer.json()["token"] for answer in answers}
    with reading(lite.sessions) as session:
        owners = session.scalars(select(Submission.volunteer_id).where(Submission.token == annas.token)).all()
    assert owners == [annas.volunteer_id]


def test_cookies_of_another_kind_make_nobody_a_volunteer(lite, annas):
    """Each kind is signed for its own purpose, so none can be passed off as another."""
    user = make_user(lite.sessions)
    lite.client.post("/sign-in", data={"email": user.email, "password": PASSWORD})
    known, session = lite.client.cookies["wingcheck_known"], lite.client.cookies["wingcheck_session"]
    volunteer = lite.client.cookies[VOLUNTEER_COOKIE]
    unsigned = hashlib.sha256(annas.volunteer.key.encode()).hexdigest()
    for forged in (known, session, annas.volunteer.key, f'"{annas.volunteer.key}"', unsigned):
        lite.client.cookies.clear()
        page = lite.client.get("/mine", headers={"Cookie": f"{VOLUNTEER_COOKIE}={forged}"}).text
        assert annas.token not in page
    for forged in (volunteer, known):
        lite.client.cookies.clear()
        answer = lite.client.get("/account", headers={"Cookie": f"wingcheck_session={forged}"}, follow_redirects=False)
        assert answer.status_code == 303
