"""Withdrawing asks first, and then the photos are gone."""

from app.submissions.rules import SubmissionStatus
from tests.app.sending import post, row, token_of
from tests.factories import photo


def test_the_page_asks_first_and_changes_nothing(lite):
    token = token_of(post(lite.client, photo(1)))
    page = lite.client.get(f"/s/{token}/withdraw")
    assert page.status_code == 200
    assert f'action="/s/{token}/withdraw"' in page.text
    assert row(lite, token).status is SubmissionStatus.RECEIVED


def test_confirmed_the_page_shows_what_is_left(lite):
    token = token_of(post(lite.client, photo(1), place="My garden"))
    answer = lite.client.post(f"/s/{token}/withdraw", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/s/{token}")
    html = lite.client.get(f"/s/{token}").text
    assert "You withdrew this submission" in html
    assert "My garden" not in html
    assert "You withdrew it" in html


def test_its_photos_are_not_found_any_more(lite):
    token = token_of(post(lite.client, photo(1)))
    link = f"/photos/{row(lite, token).photos[0].token}/display.jpg"
    etag = lite.client.get(link).headers["etag"]
    lite.client.post(f"/s/{token}/withdraw")
    assert lite.client.get(link).status_code == 404
    assert lite.client.get(link, headers={"If-None-Match": etag}).status_code == 404


def test_withdrawing_again_is_no_error(lite):
    token = token_of(post(lite.client, photo(1)))
    for _ in range(2):
        assert lite.client.post(f"/s/{token}/withdraw", follow_redirects=False).status_code == 303


def test_another_site_can_not_withdraw(lite):
    token = token_of(post(lite.client, photo(1)))
    answer = lite.client.post(f"/s/{token}/withdraw", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert row(lite, token).status is SubmissionStatus.RECEIVED


def test_an_unknown_link_is_not_found(lite):
    assert lite.client.post("/s/nothing/withdraw").status_code == 404
