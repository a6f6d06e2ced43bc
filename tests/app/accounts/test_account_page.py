"""A user's own account, and where one-time links lead."""

import pytest

from app.accounts import links as account_links
from app.accounts.tables import User
from app.core.db import reading, transaction
from app.core.roles import Role
from app.core.secret_tokens import hash_of
from tests.app.sending import begun
from tests.people import PASSWORD, make_user, session_token, signed_in

NEW = "orange frames on the forewing"


def user_of(lite, browser):
    with reading(lite.sessions) as session:
        return session.get_one(User, browser.user.id)


def make_link(lite, make, *args):
    with transaction(lite.sessions) as session:
        return make(session, *args).path


# --- the own account -------------------------------------------------------------------------------------------------


def test_name_and_language_are_kept(lite):
    browser = signed_in(lite)
    answer = browser.post("/account", data={"name": "  Ada   Lovelace ", "language": "nl"})
    assert answer.headers["location"] == "/account?done=saved"
    page = browser.get(answer.headers["location"]).text
    assert "Je account is opgeslagen." in page
    assert 'value="Ada Lovelace"' in page
    assert user_of(lite, browser).language == "nl"


@pytest.mark.parametrize(("name", "said"), [(" ", "Please enter your name"), ("x" * 101, "at most 100 characters")])
def test_a_name_that_is_none_is_refused_and_stays_in_the_form(lite, name, said):
    browser = signed_in(lite)
    answer = browser.post("/account", data={"name": name, "language": "en"})
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{name}"' in answer.text


def test_the_page_with_the_mistakes_is_made_without_the_write_lock(lite):
    """What a closed session begins anew would hold it until the answer is sent."""
    browser = signed_in(lite)
    with begun(lite) as transactions:
        assert browser.post("/account", data={"name": " ", "language": "en"}).status_code == 422
    assert transactions[-1] == "BEGIN"


def test_another_language_than_ours_changes_nothing(lite):
    browser = signed_in(lite)
    assert browser.post("/account", data={"name": "Ada", "language": "xx"}).status_code == 303
    assert user_of(lite, browser).language == "en"


def test_sessions_are_listed_and_ended(lite):
    user = make_user(lite.sessions)
    here, there = signed_in(lite, user=user), signed_in(lite, user=user)
    page = here.get("/account").text
    assert page.count("this browser") == 1
    assert page.count("192.0.2.7") == 2
    this, other = ids_of_sessions(page)  # the page begins with this browser
    assert here.post(f"/account/sessions/{other}/end").headers["location"] == "/account?done=session"
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200
    assert here.post(f"/account/sessions/{this}/end").headers["location"] == "/sign-in"
    assert here.get("/account").status_code == 303


def ids_of_sessions(page):
    return [part.split("/")[0] for part in page.split("/account/sessions/")[1:]]


def test_nobody_ends_the_session_of_somebody_else(lite):
    browser, stranger = signed_in(lite), signed_in(lite)
    number = ids_of_sessions(stranger.get("/account").text)[0]
    assert browser.post(f"/account/sessions/{number}/end").status_code == 404
    assert stranger.get("/account").status_code == 200


def test_signing_out_everywhere_ends_this_session_too(lite):
    user = make_user(lite.sessions)
    here, there = signed_in(lite, user=user), signed_in(lite, user=user)
    assert here.post("/account/sign-out-everywhere").headers["location"] == "/sign-in"
    assert {here.get("/account").status_code, there.get("/account").status_code} == {303}


def test_another_password_gives_a_new_session_and_ends_the_others(lite):
    user = make_user(lite.sessions)
    here, there = signed_in(lite, user=user), signed_in(lite, user=user)
    before = here.cookies["wingcheck_session"]
    answer = here.post("/account/password", data={"present": PASSWORD, "password": NEW})
    assert answer.headers["location"] == "/account?done=password"
    assert answer.cookies["wingcheck_session"] != before
    assert there.get("/account").status_code == 303
    form = {"email": user.email, "password": NEW}
    assert lite.client.post("/sign-in", data=form, follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("present", "password", "said"),
    [
        ("not the password at all", NEW, "This is not your current password."),
        (PASSWORD, PASSWORD, "Please choose a password that you have not used before."),
        (PASSWORD, "too short", "At least 15 characters"),
        (PASSWORD, "passwordpassword", "too easy to guess"),
        (PASSWORD, "x" * 1000, "at most 200 characters"),
        ("", "", "This is not your current password."),
    ],
)
def test_a_password_that_can_t_be_taken_is_refused_with_the_reason(lite, present, password, said):
    browser = signed_in(lite)
    answer = browser.post("/account/password", data={"present": present, "password": password})
    assert answer.status_code == 422
    assert said in answer.text
    assert browser.get("/account").status_code == 200


def test_whoever_finds_a_browser_signed_in_can_t_try_passwords_for_long(lite):
    browser = signed_in(lite)
    form = {"present": "not the password at all", "password": NEW}
    statuses = [browser.post("/account/password", data=form).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_a_first_password_is_changed_before_anything_else(lite):
    user = make_user(lite.sessions, Role.ADMIN, must_change_password=True)
    browser = signed_in(lite, user=user)
    for path in ("/account", "/admin/people", "/admin/log"):
        assert browser.get(path).headers["location"] == "/account/password"
    answer = browser.get("/api/v1/admin/models")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:wingcheck:password-change-needed")
    assert "Choose your own password" in browser.get("/account/password").text
    browser.post("/account/password", data={"present": PASSWORD, "password": NEW})
    assert browser.get("/admin/people").status_code == 200


# --- links -----------------------------------------------------------------------------------------------------------


def test_an_invitation_is_looked_at_and_accepted(lite):
    path = make_link(lite, account_links.invite, None, "bea@example.org", Role.COORDINATOR)
    for _ in range(2):  # a preview does not use it up
        answer = lite.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "You are invited as a coordinator" in answer.text
        assert 'value="bea@example.org"' in answer.text
    answer = lite.client.post(path, data={"name": "Bea", "password": NEW}, follow_redirects=False)
    assert answer.status_code == 303
    assert "Bea" in lite.client.get("/account").text
    with reading(lite.sessions) as session:
        user = session.query(User).one()
        assert (user.email, user.role, user.name) == ("bea@example.org", Role.COORDINATOR, "Bea")
    gone = lite.client.get(path)
    assert gone.status_code == 404
    assert "This link no longer works" in gone.text


def test_mistakes_in_an_invitation_are_told_beside_their_fields_and_do_not_use_it_up(lite):
    path = make_link(lite, account_links.invite, None, "", Role.REVIEWER)
    answer = lite.client.post(path, data={"email": "nobody", "name": "", "password": "short"})
    assert answer.status_code == 422
    for said in ("Please enter a valid e-mail address.", "Please enter your name", "at least 15 characters"):
        assert said in answer.text
    taken = make_user(lite.sessions)
    answer = lite.client.post(path, data={"email": taken.email, "name": "A", "password": NEW})
    assert "There is already an account with this e-mail address." in answer.text
    assert lite.client.get(path).status_code == 200


def test_the_first_admin_lands_where_people_are_kept(lite):
    path = make_link(lite, account_links.make_first_admin)
    assert "The first admin" in lite.client.get(path).text
    form = {"email": "ada@example.org", "name": "Ada", "password": NEW}
    lite.client.post(path, data=form, follow_redirects=False)
    assert lite.client.get("/admin/people").status_code == 200


def test_a_link_for_a_new_password_works_once_and_signs_in(lite):
    user = make_user(lite.sessions)
    old = signed_in(lite, user=user)
    path = make_link(lite, account_links.make_password_reset, None, user.id)
    assert user.email in lite.client.get(path).text
    assert lite.client.post(path, data={"password": "short"}).status_code == 422
    assert lite.client.post(path, data={"password": NEW}, follow_redirects=False).status_code == 303
    assert lite.client.get("/account").status_code == 200
    assert old.get("/account").status_code == 303
    assert lite.client.post(path, data={"password": NEW}).status_code == 404


@pytest.mark.parametrize("path", ["/invitation/nothing", "/reset/nothing", "/reset/%20", "/invitation/" + "x" * 3000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_nobody_made_says_so(lite, method, path):
    answer = lite.client.request(method, path)
    assert answer.status_code == 404
    assert "This link no longer works" in answer.text


@pytest.mark.parametrize("path", ["/invitation/nothing", "/reset/nothing"])
def test_a_form_of_another_site_uses_no_link(lite, path):
    assert lite.client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_secrets_stay_out_of_the_log(lite, caplog):
    caplog.set_level("DEBUG")
    path = make_link(lite, account_links.invite, None, "", Role.REVIEWER)
    lite.client.get(path)
    lite.client.post(path, data={"email": "a@example.org", "name": "A", "password": NEW})
    token = session_token(lite.sessions, make_user(lite.sessions))
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("app"))
    assert "/invitation/{token}" in ours
    for secret in (path.rpartition("/")[2], NEW, token, hash_of(token)):
        assert secret not in ours
