"""My submissions: whoever holds the cookie sees them, nobody else."""

import pytest
from sqlalchemy import select

from app.submissions.tables import Volunteer
from app.volunteers.dependencies import VOLUNTEER_COOKIE
from tests.app.sending import post, token_of
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo


def addresses(service):
    with service.sessions() as session:
        return list(session.scalars(select(Volunteer.email)))


def test_what_this_browser_sent_is_listed_newest_first(lite):
    lite.client.get("/")
    first, second = (token_of(post(lite.client, photo(n), idempotency_key=f"key-{n}")) for n in (1, 2))
    html = lite.client.get("/mine").text
    assert html.index(f'href="/s/{second}"') < html.index(f'href="/s/{first}"')


def test_another_browser_sees_nothing_of_it(lite):
    token = token_of(post(lite.client, photo(1)))
    lite.client.cookies.clear()
    lite.client.get("/")
    html = lite.client.get("/mine").text
    assert token not in html
    assert "Nothing here yet" in html


def test_without_a_cookie_the_list_is_empty(lite):
    assert "Nothing here yet" in lite.client.get("/mine").text


def _with_another_signature(cookie: str) -> str:
    """Its first letter, not the last: that one carries bits that mean nothing."""
    told, _dot, signature = cookie.rpartition(".")
    return f"{told}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize("forge", [_with_another_signature, lambda c: "x", lambda c: "", lambda c: c + ".x"])
def test_a_forged_cookie_is_ignored(lite, forge):
    token = token_of(post(lite.client, photo(1)))
    forged = forge(lite.client.cookies[VOLUNTEER_COOKIE])
    lite.client.cookies.clear()
    html = lite.client.get("/mine", headers={"Cookie": f"{VOLUNTEER_COOKIE}={forged}"}).text
    assert token not in html


def test_a_withdrawn_submission_stays_in_the_list(lite):
    token = token_of(post(lite.client, photo(1)))
    lite.client.post(f"/s/{token}/withdraw")
    html = lite.client.get("/mine").text
    assert token in html
    assert "Withdrawn" in html


def test_an_address_is_kept_shown_and_forgotten(lite):
    lite.client.get("/")
    lite.client.post("/mine/email", data={"email": "A@Example.org"})
    assert addresses(lite) == ["A@example.org"]
    assert 'value="A@example.org"' in lite.client.get("/mine").text
    assert 'value="A@example.org"' in lite.client.get("/").text
    lite.client.post("/mine/email", data={"email": ""})
    assert addresses(lite) == [None]


def test_a_wrong_address_is_told_and_stays_in_the_field(lite):
    answer = lite.client.post("/mine/email", data={"email": "nobody"})
    assert answer.status_code == 422
    assert "Please enter a valid e-mail address." in answer.text
    assert 'value="nobody"' in answer.text
    assert "[&#39;" not in answer.text


def test_the_list_is_private(lite):
    page = lite.client.get("/mine")
    assert page.headers["cache-control"] == "private, no-store"


def test_another_site_can_not_set_an_address(lite):
    answer = lite.client.post(
        "/mine/email", data={"email": "a@example.org"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_behind_tls_the_cookie_belongs_to_this_host_alone(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), secure_cookies=True)
    with running(settings) as service:
        cookie = service.client.get("/").headers["set-cookie"]
        name, _, value = cookie.partition(";")[0].partition("=")
        assert name == f"__Host-{VOLUNTEER_COOKIE}"
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        answer = service.client.get(
            "/", headers={"Cookie": f"{VOLUNTEER_COOKIE}={value}"}
        )  # as earlier versions gave it
        assert answer.headers["set-cookie"].startswith(f"{name}={value};")
