"""`POST /find`: where the animals of a photo are, for the form. Nothing is kept."""

import pytest
from sqlalchemy import func, select

from app.core.db import reading
from app.submissions.tables import Photo, Submission
from tests import factories

MIDDLE, SIDE = (740, 420), 230


@pytest.fixture(scope="module")
def meadow():
    """As the form sends it: 1,024 pixels with a small animal."""
    return factories.encode(factories.meadow(MIDDLE, side=SIDE, size=(1024, 768)))


def find(client, data, **headers):
    return client.post("/find", files={"file": ("photo.jpg", data, "image/jpeg")}, headers=headers)


def test_the_square_lies_on_the_animal(lite, meadow):
    answer = find(lite.client, meadow)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"searched", "squares"}
    assert body["searched"] is True
    first, *others = body["squares"]
    assert set(first) == {"x", "y", "width", "height", "score"}
    assert first["x"] < MIDDLE[0] / 1024 < first["x"] + first["width"]
    assert first["y"] < MIDDLE[1] / 768 < first["y"] + first["height"]
    assert first["width"] * 1024 == pytest.approx(first["height"] * 768, rel=0.01)
    assert SIDE / 3 < first["width"] * 1024 < 2 * SIDE
    assert all(0 <= each["x"] <= each["x"] + each["width"] <= 1.001 for each in [first, *others])
    scores = [each["score"] for each in body["squares"]]
    assert scores == sorted(scores, reverse=True)


def test_nothing_is_kept(lite, meadow):
    find(lite.client, meadow)
    with reading(lite.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == 0
        assert session.scalar(select(func.count()).select_from(Photo)) == 0
    assert not [path for path in lite.settings.photo_dir.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("data", "status", "name"),
    [(b"Dear diary", 415, "photo-unsupported"), (factories.photo(1)[:900], 422, "photo-undecodable")],
)
def test_what_is_no_photo_is_a_problem(lite, data, status, name):
    answer = find(lite.client, data)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:wingcheck:{name}")


def test_a_photo_with_too_many_bytes_is_refused(lite, monkeypatch, meadow):
    monkeypatch.setattr(lite.settings, "max_file_megabytes", 0.01)
    answer = find(lite.client, meadow)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:wingcheck:photo-too-large")


def test_without_a_photo_it_is_a_bad_request(lite):
    answer = lite.client.post("/find", headers={"Accept": "application/json"})
    assert answer.status_code == 400


def test_other_sites_may_not_ask(lite, meadow):
    assert find(lite.client, meadow, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
