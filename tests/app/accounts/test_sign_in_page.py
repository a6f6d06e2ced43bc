"""The door: in, out, what the cookies are, what a stranger learns and can break."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy.exc import OperationalError

from app.accounts.tables import User, UserSession
from app.core.db import reading, transaction, utcnow
from app.core.roles import Role
from app.core.web.navigation import start_of
from tests.conftest import copy_of, make_settings, running
from tests.people import PASSWORD, make_user, password_hash, signed_in


def send(client, email, password=PASSWORD, **more):
    return client.post("/sign-in", data={"email": email, "password": password, **more}, follow_redirects=False)


def has_session(client, service):
    return client.get("/account", follow_redirects=False).status_code == 200


def test_in_and_out(service):
    user = make_user(service.sessions, name="Ada")
    client = service.client
    assert send(client, user.email.upper() + " ").headers["location"] == start_of(user.role)
    assert "Ada" in client.get("/account").text
    token = client.cookies["wingcheck_session"]
    with reading(service.sessions) as session:
        csrf_page = client.get("/account").text
        assert session.get_one(User, user.id).last_seen_at is not None
    csrf = csrf_page.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post("/sign-out", data={"csrf_token": csrf}, follow_redirects=False)
    assert answer.headers["location"] == "/sign-in"
    assert "wingcheck_session" not in client.cookies
    client.cookies.set("wingcheck_session", token)  # whoever kept the token has nothing
    assert not has_session(client, service)


def test_a_form_without_the_token_signs_nobody_out(lite):
    browser = signed_in(lite, csrf=False)
    assert browser.post("/sign-out", data={"csrf_token": "0" * 64}).status_code == 403
    assert browser.post("/sign-out").status_code == 403
    assert has_session(browser, lite)
    assert browser.post("/sign-out", data={"csrf_token": browser.csrf_token}).status_code == 303


@pytest.mark.parametrize("email", ["nobody@example.org", "", "x" * 5000, "\x00", "é@example.org"])
def test_an_address_that_nobody_has_and_a_wrong_password_are_told_the_same(lite, email):
    user = make_user(lite.sessions)
    unknown, wrong = send(lite.client, email), send(lite.client, user.email, "not the password")
    assert unknown.status_code == wrong.status_code == 401
    for answer in (unknown, wrong):
        assert "E-mail address or password is incorrect." in answer.text
        assert "wingcheck_session" not in answer.headers.get("set-cookie", "")


def test_who_was_deactivated_is_told_the_same_and_their_sessions_are_over(lite):
    user = make_user(lite.sessions)
    browser = signed_in(lite, user=user)
    with transaction(lite.sessions) as session:
        session.get_one(User, user.id).active = False
    assert send(lite.client, user.email).status_code == 401
    assert not has_session(browser, lite)


@pytest.mark.parametrize("column", ["expires_at", "last_used_at", "revoked_at"])
def test_a_session_ends(lite, column):
    browser = signed_in(lite)
    assert has_session(browser, lite)
    with transaction(lite.sessions) as session:
        setattr(session.query(UserSession).one(), column, utcnow() - timedelta(days=8))
    assert not has_session(browser, lite)


def test_the_session_is_a_new_one_whatever_the_browser_brought(lite):
    user = make_user(lite.sessions)
    lite.client.cookies.set("wingcheck_session", "chosen-by-somebody-else")
    answer = send(lite.client, user.email)
    first = answer.cookies["wingcheck_session"]
    assert first != "chosen-by-somebody-else"
    second = send(lite.client, user.email).cookies["wingcheck_session"]
    assert second != first
    with reading(lite.sessions) as session:
        rows = session.query(UserSession).order_by(UserSession.id).all()
        assert [row.revoked_at is None for row in rows] == [False, True]
        assert first not in {row.token_hash for row in rows}


@pytest.mark.parametrize("secure", [False, True])
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(tmp_path, sqlite_template, secure):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), secure_cookies=secure)
    with running(settings) as service:
        cookies = send(service.client, make_user(service.sessions).email).headers.get_list("set-cookie")
    ours = [cookie for cookie in cookies if "wingcheck_session" in cookie or "wingcheck_known" in cookie]
    assert len(ours) == 2
    for cookie in ours:
        assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
        assert "Domain" not in cookie
        assert ("Secure" in cookie) is secure
        assert cookie.startswith("__Host-") is secure


@pytest.mark.parametrize(
    ("next_", "to"),
    [
        ("/review?reason=a&x=1", "/review?reason=a&x=1"),
        ("", ""),
        ("https://evil.example/", ""),
        ("//evil.example/", ""),
        ("/\\evil.example", ""),
        ("/ok\r\nSet-Cookie: a=b", ""),
    ],
)
def test_it_leads_on_to_a_page_of_our_own(lite, next_, to):
    user = make_user(lite.sessions)
    to = to or start_of(user.role)
    assert send(lite.client, user.email, next=next_).headers["location"] == to
    assert lite.client.get("/sign-in", params={"next": next_}, follow_redirects=False).headers["location"] == to


def test_the_door_remembers_where_somebody_wanted_to_go(lite):
    answer = lite.client.get("/account?a=1&b=2", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Faccount%3Fa%3D1%26b%3D2")
    form = lite.client.post("/sign-out", headers={"Referer": "http://testserver/review/7"}, follow_redirects=False)
    assert form.headers["location"] == "/sign-in?next=%2Freview%2F7"
    elsewhere = lite.client.post("/sign-out", headers={"Referer": "https://evil.example/x"}, follow_redirects=False)
    assert elsewhere.headers["location"] == "/sign-in"
    nowhere = lite.client.post("/sign-out", headers={"Referer": "http://["}, follow_redirects=False)
    assert nowhere.headers["location"] == "/sign-in"
    fragment = lite.client.get(
        "/account", headers={"HX-Request": "true", "Referer": "http://testserver/review"}, follow_redirects=False
    )
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/sign-in?next=%2Freview")


def test_a_form_of_another_site_signs_nobody_in(lite):
    user = make_user(lite.sessions)
    data = {"email": user.email, "password": PASSWORD}
    assert lite.client.post("/sign-in", data=data, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_language_of_the_account_comes_with_it(lite):
    user = make_user(lite.sessions, language="nl")
    send(lite.client, user.email)
    assert '<html lang="nl"' in lite.client.get("/account", headers={"Accept-Language": "en"}).text


# --- trying it out ---------------------------------------------------------------------------------------------------


def limited(tmp_path, template, **settings):
    folder = tmp_path
    return running(make_settings(folder, database_url=copy_of(template, folder), **settings))


def test_after_too_many_attempts_nobody_is_let_in_for_a_while(tmp_path, sqlite_template):
    with limited(tmp_path, sqlite_template, rate_limit_sign_in="3/15minutes") as service:
        user = make_user(service.sessions)
        statuses = [send(service.client, user.email, "not the password").status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        answer = send(service.client, user.email)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 900
        assert "Too many attempts. Please wait 15 minutes" in answer.text
        assert send(service.client, make_user(service.sessions).email).status_code == 303


def test_an_unknown_address_is_limited_like_any_other(tmp_path, sqlite_template):
    with limited(tmp_path, sqlite_template, rate_limit_sign_in="2/15minutes") as service:
        statuses = [send(service.client, "nobody@example.org").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


def test_a_stranger_locks_nobody_out_of_a_browser_that_they_used(tmp_path, sqlite_template):
    with limited(tmp_path, sqlite_template, rate_limit_sign_in="3/15minutes") as service:
        user = make_user(service.sessions)
        own = signed_in(service, user=user)
        own.cookies.clear()
        assert send(own, user.email).status_code == 303  # from now on this browser is known
        own.cookies.delete("wingcheck_session")
        for _ in range(6):
            send(service.client, user.email, "not the password")
        assert send(service.client, user.email).status_code == 429
        assert send(own, user.email).status_code == 303


def test_what_was_tried_in_vain_is_forgotten_once_somebody_is_in(tmp_path, sqlite_template):
    with limited(tmp_path, sqlite_template, rate_limit_sign_in="3/15minutes") as service:
        user = make_user(service.sessions)
        for _ in range(3):
            assert send(service.client, user.email, "not the password").status_code == 401
            assert send(service.client, user.email, "not the password").status_code == 401
            assert send(service.client, user.email).status_code == 303
            service.client.cookies.clear()


def test_one_address_that_tries_many_accounts_is_stopped(tmp_path, sqlite_template):
    settings = {"rate_limit_sign_in_address": "4/15minutes", "rate_limit_exempt": ""}
    with limited(tmp_path, sqlite_template, **settings) as service:
        statuses = [send(service.client, f"person{n}@example.org").status_code for n in range(6)]
    assert statuses == [401, 401, 401, 401, 429, 429]


# --- a first password ------------------------------------------------------------------------------------------------


def test_who_has_a_first_password_chooses_another_before_anything_else(lite):
    browser = signed_in(lite, user=make_user(lite.sessions, Role.ADMIN, must_change_password=True))
    answer = browser.get("/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/password")
    assert browser.post("/sign-out").status_code == 303


# --- without the database --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"), [("/", 503), ("/account", 503), ("/api/v1/taxa", 503), ("/healthz", 200), ("/nothing", 503)]
)
def test_when_the_database_is_away_whoever_is_signed_in_is_told_so(lite, monkeypatch, path, status):
    browser = signed_in(lite)

    def away(_token):
        raise OperationalError("SELECT", {}, Exception("no route to the database"))

    monkeypatch.setattr(lite.client.app.state.accounts.user_sessions, "find", away)
    answer = browser.get(path)
    assert answer.status_code == status
    assert status == 200 or int(answer.headers["retry-after"]) > 0
    assert lite.client.get("/about").status_code == 200  # volunteers' pages that need no database go on


@pytest.mark.parametrize(
    ("role", "path", "said"),
    [
        (Role.REVIEWER, "/review/settings", "This page is for coordinators."),
        (Role.COORDINATOR, "/admin/people", "This page is for admins."),
    ],
)
def test_a_page_says_whom_it_is_for(lite, role, path, said):
    answer = signed_in(lite, role).get(path)
    assert (answer.status_code, said in answer.text) == (403, True)


# --- what a stranger could learn or lead elsewhere ---------------------------------------------------------------------


def test_an_unknown_address_takes_the_same_way_as_a_known_one(lite, monkeypatch):
    """One password is verified in each case, against a hash of the same cost: how long it takes tells nothing."""
    verified = []

    class Counting(PasswordHasher):
        def verify(self, hash, password):
            verified.append(extract_parameters(hash))
            return super().verify(hash, password)

    passwords = lite.client.app.state.accounts.passwords
    monkeypatch.setattr(passwords, "_hasher", Counting(time_cost=2, memory_cost=19_456, parallelism=1))
    known, gone = make_user(lite.sessions), make_user(lite.sessions, active=False)
    for email in (known.email, gone.email, "nobody@example.org", "", "x" * 5000):
        verified.clear()
        assert send(lite.client, email, "not the password").status_code == 401
        [cost] = verified
        assert cost == extract_parameters(password_hash())


def test_links_and_redirects_name_this_server_whatever_the_headers_say(lite):
    elsewhere = {"X-Forwarded-Host": "evil.example", "X-Host": "evil.example", "Forwarded": "host=evil.example"}
    admin = signed_in(lite, Role.ADMIN)
    person = make_user(lite.sessions)
    answers = [
        admin.post("/admin/people/invite", data={"role": "reviewer"}, headers=elsewhere),
        admin.post(f"/admin/people/{person.id}/password-link", headers=elsewhere),
        admin.get("/admin/people/", headers=elsewhere),
        lite.client.get("/account", headers=elsewhere, follow_redirects=False),
        lite.client.get("/", headers=elsewhere),
    ]
    for answer in answers:
        assert answer.status_code < 400
        assert "evil.example" not in answer.text + str(answer.headers)
    assert "http://testserver/invitation/" in answers[0].text
    assert admin.post("/admin/people/invite", headers={"Host": "evil.example"}).status_code == 400


def test_signing_out_ends_this_session_and_the_copies_of_its_cookie(lite):
    user = make_user(lite.sessions)
    here, copy, there = signed_in(lite, user=user), signed_in(lite, user=user), signed_in(lite, user=user)
    copy.cookies.set("wingcheck_session", here.cookies["wingcheck_session"])
    assert has_session(copy, lite)
    gone = here.post("/sign-out")
    assert 'wingcheck_session=""' in gone.headers["set-cookie"]
    assert [has_session(each, lite) for each in (here, copy, there)] == [False, False, True]
