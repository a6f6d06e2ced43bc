"""Squares on the pages: suggested before anything is sent, and drawn afterwards by volunteers and reviewers."""

import pytest

from tests.app.sending import row
from tests.factories import photo
from tests.finding import lies_on, meadow
from tests.people import signed_in
from tests.versions import NEVER_IN_SCOPE

HERE, THERE = (0.2, 0.3), (0.75, 0.6)
DRAWN = "0.65,0.45,0.225,0.3"
JSON = {"Accept": "application/json"}


def find(lite, data, **headers):
    return lite.client.post("/find", files={"file": ("a.jpg", data, "image/jpeg")}, headers=JSON | headers)


def test_the_animals_of_a_photo_are_found_before_it_is_sent(finder, lite):
    squares = find(lite, meadow(HERE, THERE)).json()["squares"]
    assert list(squares[0]) == ["x", "y", "width", "height", "score"]
    assert {lies_on(list(square.values())[:4], HERE) for square in squares} == {True, False}
    assert squares[0]["score"] >= squares[1]["score"]
    assert find(lite, meadow()).json()["squares"] == []


@pytest.mark.parametrize(("data", "status"), [(b"words", 415), (photo(1)[:500], 422), (b"", 415)])
def test_what_can_not_be_searched_is_a_problem(lite, data, status):
    answer = find(lite, data)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_too_large_a_photo_is_not_searched(lite, monkeypatch):
    monkeypatch.setattr(lite.client.app.state.settings, "max_file_megabytes", 1)
    assert find(lite, photo(1) + bytes(1_000_000)).status_code == 413


def test_another_site_can_not_have_photos_searched(lite):
    assert find(lite, photo(1), **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_volunteer_draws_on_the_page_of_a_submission(finder, lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    kept = screened(meadow(HERE))
    path = f"/s/{kept.token}/photos/1/square"
    answer = lite.client.post(path, data={"square": DRAWN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/s/{kept.token}")
    lite.work()
    assert row(lite, kept.token).photos[0].square == [0.65, 0.45, 0.225, 0.3]
    assert "The square around the butterfly was changed" in lite.client.get(f"/s/{kept.token}").text
    assert lite.client.post(path, data={"square": ""}, headers=JSON).status_code == 204
    assert row(lite, kept.token).photos[0].square is None
    refused = lite.client.post(path, data={"square": "1,1,1,1"})
    assert refused.status_code == 422
    assert "could not be read" in refused.text
    assert lite.client.post(path, data={"square": "x"}, headers=JSON).json()["errors"][0]["field"] == "square"
    other_site = lite.client.post(path, data={"square": DRAWN}, headers={"Sec-Fetch-Site": "cross-site"})
    assert other_site.status_code == 403


def test_a_reviewer_draws_at_the_desk(finder, lite, serve, screened):
    serve(**NEVER_IN_SCOPE)
    kept, anna = screened(meadow(HERE)), signed_in(lite)
    path = f"/review/{kept.id}/photos/1/square"
    sent = {"revision": "1", "square": DRAWN, "filter": "place=By the pond"}
    answer = anna.post(path, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{kept.id}?place=By+the+pond")
    lite.work()
    page = anna.get(f"/review/{kept.id}").text
    assert "The square around the butterfly was changed" in page
    assert "but more like ringlet." in page
    old = anna.post(path, data=sent, headers=JSON)
    assert (old.status_code, "The computer checked it again" in old.json()["detail"]) == (409, True)
    assert anna.post(path, data={"revision": "3", "square": "x"}).status_code == 422
    assert anna.post(path, data={"revision": "3", "square": ""}, headers=JSON).status_code == 204
