"""What admins do on their pages: people, links to hand over, API keys, the log."""

import re

import pytest

from app.accounts import audit
from app.accounts import links as account_links
from app.accounts.tables import AccountLink, ApiKey, AuditEntry, User
from app.core.db import reading, transaction
from app.core.roles import Role, Scope
from tests.app.sending import begun
from tests.people import make_user, session_token, signed_in, with_key


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


def get(lite, model, key):
    with reading(lite.sessions) as session:
        return session.get_one(model, key)


def actions(lite):
    with reading(lite.sessions) as session:
        return [entry.action for entry in session.query(AuditEntry).order_by(AuditEntry.id)]


def shown(page):
    """What a page shows once."""
    return re.findall(r'input--code"[^>]*value="([^"]+)"', page)


# --- people ----------------------------------------------------------------------------------------------------------


def test_everybody_is_listed_with_role_and_standing(lite, admin):
    make_user(lite.sessions, Role.COORDINATOR, name="Carl", must_change_password=True)
    make_user(lite.sessions, name="Dora", active=False)
    page = admin.get("/admin/people").text
    for text in (admin.user.name, "Carl", "Coordinator", "must choose a new password", "Dora", "deactivated", "you"):
        assert text in page


def test_an_invitation_is_shown_once_listed_and_taken_back(lite, admin):
    answer = admin.post("/admin/people/invite", data={"email": "Eva@example.org", "role": "reviewer"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    [address] = shown(answer.text)
    assert address.startswith("http://testserver/invitation/")
    page = admin.get("/admin/people").text
    assert "eva@example.org" in page
    assert address not in page
    with reading(lite.sessions) as session:
        number = session.query(AccountLink).one().id
    revoked = admin.post(f"/admin/people/invitations/{number}/revoke")
    assert "The invitation was withdrawn." in admin.get(revoked.headers["location"]).text
    assert lite.client.get(address.removeprefix("http://testserver")).status_code == 404
    assert actions(lite) == ["user.invited", "invitation.revoked"]


def test_an_address_behind_a_proxy_is_the_one_of_the_setting(lite, admin):
    lite.client.app.state.settings.public_url = "https://count.example.org/"
    [address] = shown(admin.post("/admin/people/invite", data={"role": "admin"}).text)
    assert address.startswith("https://count.example.org/invitation/")


@pytest.mark.parametrize(
    ("email", "said"), [("nobody", "Please enter a valid e-mail address."), ("{taken}", "already")]
)
def test_an_invitation_that_can_t_be_made_says_why(lite, admin, email, said):
    email = email.format(taken=admin.user.email)
    answer = admin.post("/admin/people/invite", data={"email": email, "role": "coordinator"})
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{email}"' in answer.text
    assert re.search(r'value="coordinator" checked', answer.text)


@pytest.mark.parametrize("role", ["", "king", "ADMIN"])
def test_a_role_that_there_is_not_is_refused(admin, role):
    assert admin.post("/admin/people/invite", data={"role": role}).status_code == 400


def test_an_account_with_a_first_password(lite, admin):
    answer = admin.post("/admin/people/add", data={"email": "f@example.org", "name": "Finn", "role": "reviewer"})
    email, password = shown(answer.text)
    form = {"email": email, "password": password}
    signed = lite.client.post("/sign-in", data=form, follow_redirects=False)
    assert signed.status_code == 303
    assert lite.client.get("/account", follow_redirects=False).headers["location"] == "/account/password"
    again = admin.post("/admin/people/add", data={"email": "F@example.org", "name": "", "role": "reviewer"})
    assert again.status_code == 422


def test_name_and_role_are_changed_and_noted(lite, admin):
    user = make_user(lite.sessions, name="Gil")
    answer = admin.post(f"/admin/people/{user.id}", data={"name": "Gilda", "role": "coordinator"})
    assert "The account was saved." in admin.get(answer.headers["location"]).text
    now = get(lite, User, user.id)
    assert (now.name, now.role) == ("Gilda", Role.COORDINATOR)
    admin.post(f"/admin/people/{user.id}", data={"name": "Gilda", "role": "coordinator"})
    assert actions(lite) == ["user.renamed", "user.role_changed"]  # the same again is nothing to note


def test_a_user_of_a_smaller_role_sees_at_once_less(lite, admin):
    other = signed_in(lite, Role.ADMIN)
    assert other.get("/admin/people").status_code == 200
    admin.post(f"/admin/people/{other.user.id}", data={"name": "H", "role": "reviewer"})
    assert other.get("/admin/people").status_code == 403


@pytest.mark.parametrize(("path", "data"), [("", {"name": "Me", "role": "reviewer"}), ("/deactivate", {})])
def test_the_last_admin_is_told_so_and_nothing_is_changed(lite, admin, path, data):
    with begun(lite) as transactions:
        answer = admin.post(f"/admin/people/{admin.user.id}{path}", data=data)
    assert answer.status_code == 409
    assert "This is the last admin." in answer.text
    assert transactions[-1] == "BEGIN", "the page is made without the write lock"
    now = get(lite, User, admin.user.id)
    assert (now.name, now.role, now.active) == (admin.user.name, Role.ADMIN, True)
    assert actions(lite) == []


def test_deactivating_can_be_undone_from_the_page_that_follows(lite, admin):
    other = signed_in(lite)
    answer = admin.post(f"/admin/people/{other.user.id}/deactivate")
    page = admin.get(answer.headers["location"]).text
    assert "was deactivated and signed out everywhere" in page
    assert "Undo" in page
    assert other.get("/account").status_code == 303
    undone = admin.post(f"/admin/people/{other.user.id}/activate")
    page = admin.get(undone.headers["location"]).text
    assert "can sign in again" in page
    assert "Undo" not in page
    assert actions(lite) == ["user.deactivated", "user.activated"]


def test_a_link_for_a_new_password_is_shown_once(lite, admin):
    user = make_user(lite.sessions)
    [address] = shown(admin.post(f"/admin/people/{user.id}/password-link").text)
    assert lite.client.get(address.removeprefix("http://testserver")).status_code == 200
    admin.post(f"/admin/people/{user.id}/deactivate")
    assert lite.client.get(address.removeprefix("http://testserver")).status_code == 404
    assert admin.post(f"/admin/people/{user.id}/password-link").status_code == 409


def test_a_new_password_is_required(lite, admin):
    other = signed_in(lite)
    answer = admin.post(f"/admin/people/{other.user.id}/new-password")
    assert "must choose a new password" in admin.get(answer.headers["location"]).text
    assert other.get("/account").headers["location"] == "/account/password"


def test_an_admin_sees_and_ends_the_sessions_of_others(lite, admin):
    user = make_user(lite.sessions)
    one, other = signed_in(lite, user=user), signed_in(lite, user=user)
    page = admin.get(f"/admin/people/{user.id}").text
    numbers = re.findall(rf"/admin/people/{user.id}/sessions/(\d+)/end", page)
    assert len(numbers) == 2
    admin.post(f"/admin/people/{user.id}/sessions/{numbers[0]}/end")
    assert sorted([one.get("/account").status_code, other.get("/account").status_code]) == [200, 303]
    session_token(lite.sessions, user)
    admin.post(f"/admin/people/{user.id}/sign-out-everywhere")
    assert {one.get("/account").status_code, other.get("/account").status_code} == {303}
    assert actions(lite) == ["user.session_ended", "user.session_ended"]


@pytest.mark.parametrize("path", ["", "/deactivate", "/activate", "/password-link", "/sessions/1/end"])
def test_nobody_is_not_found(admin, path):
    answer = admin.post(f"/admin/people/999{path}", data={"name": "x", "role": "reviewer"})
    assert answer.status_code == 404


# --- keys ------------------------------------------------------------------------------------------------------------

KEY = {"name": "our export", "scopes": ["predict", "records"], "requests_per_minute": "7", "expires_on": ""}


def test_a_key_is_shown_once_works_and_is_revoked(lite, admin):
    answer = admin.post("/admin/api-keys", data=KEY | {"scopes": ["models"], "user_id": str(admin.user.id)})
    [secret] = shown(answer.text)
    program = {"Authorization": f"Bearer {secret}"}
    assert lite.client.get("/api/v1/admin/models", headers=program).status_code == 200
    page = admin.get("/admin/api-keys").text
    assert secret not in page
    assert secret[:12] in page
    assert "our export" in page
    with reading(lite.sessions) as session:
        key = session.query(ApiKey).one()
        assert key.last_used_at is not None
    admin.post(f"/admin/api-keys/{key.id}/revoke")
    assert lite.client.get("/api/v1/admin/models", headers=program).status_code == 401
    assert actions(lite) == ["api_key.made", "api_key.revoked"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "Please enter what this key is for."),
        ({"scopes": []}, "Please choose at least one permission"),
        ({"requests_per_minute": "0"}, "Please enter a whole number from 1"),
        ({"requests_per_minute": "many"}, "Please enter a whole number from 1"),
        ({"expires_on": "2020-01-01"}, "This date is in the past."),
        ({"expires_on": "soon"}, "Please enter a valid date."),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_the_form_kept(admin, values, said):
    answer = admin.post("/admin/api-keys", data=KEY | {"user_id": str(admin.user.id)} | values)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="our export"' in answer.text or values.get("name") == ""


def test_a_key_reaches_no_further_than_its_owner(lite, admin):
    reviewer = make_user(lite.sessions)
    answer = admin.post("/admin/api-keys", data=KEY | {"scopes": ["models"], "user_id": str(reviewer.id)})
    assert answer.status_code == 422
    program = with_key(lite, Role.ADMIN, Scope.MODELS)
    assert program.get("/api/v1/admin/models").status_code == 200
    with transaction(lite.sessions) as session:
        session.get_one(User, program.user.id).role = Role.COORDINATOR
    assert program.get("/api/v1/admin/models").status_code == 403


def test_a_key_has_a_limit_of_its_own(lite):
    program = with_key(lite, Role.ADMIN, Scope.MODELS, requests_per_minute=3)
    answers = [program.get("/api/v1/admin/models") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"api_key";q=3;w=60'
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert with_key(lite, Role.ADMIN, Scope.MODELS).get("/api/v1/admin/models").status_code == 200


@pytest.mark.parametrize("scope", Scope)
def test_predictions_by_key_need_the_scope_and_without_a_key_none(lite, scope):
    answer = with_key(lite, Role.ADMIN, scope).post("/predict", files={"other": b""})
    assert (answer.status_code == 403) is (scope is not Scope.PREDICT)
    assert lite.client.post("/predict", files={"other": b""}).status_code == 400


@pytest.mark.parametrize("page", ["/account", "/review", "/review/records", "/admin/people", "/admin/models"])
def test_a_key_opens_no_page(lite, page):
    assert with_key(lite, Role.ADMIN, *Scope).get(page).status_code == 403


def test_a_key_of_a_coordinator_downloads_records(lite):
    answer = with_key(lite, Role.COORDINATOR, Scope.RECORDS).get("/review/records/download?file=csv")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")


def test_a_key_of_which_no_scope_is_left_does_nothing_and_the_page_says_so(lite, admin):
    program = with_key(lite, Role.ADMIN)
    for path in ("/api/v1/admin/models", "/api/v1/review/records", "/review/records/download"):
        assert program.get(path).status_code == 403, path
    assert program.post("/predict", files={"other": b""}).status_code == 403
    page = admin.get("/admin/api-keys").text
    for text in ("can do nothing", "nothing any more", "What this key was for is now done on the pages"):
        assert text in page


def test_a_scope_that_the_owners_role_does_not_reach_is_worth_nothing(lite, admin):
    with_key(lite, Role.REVIEWER, Scope.RECORDS)
    page = admin.get("/admin/api-keys").text
    assert "can do nothing" in page
    assert "read records" in page


@pytest.mark.parametrize("header", ["Bearer wck_wrong", "bearer  wck_wrong"])
def test_a_wrong_key_is_refused_even_where_none_is_needed(lite, header):
    answer = lite.client.get("/api/v1/taxa", headers={"Authorization": header})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("header", ["Basic d2NrXw==", "Bearer of-somebody-else", "wck_wrong", "Bearer"])
def test_what_a_proxy_asks_for_is_none_of_our_business(lite, header):
    assert lite.client.get("/api/v1/taxa", headers={"Authorization": header}).status_code == 200


# --- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_says_who_did_what_to_whom(lite, admin):
    user = make_user(lite.sessions, name="Ida")
    admin.post(f"/admin/people/{user.id}", data={"name": "Ida", "role": "coordinator"})
    with transaction(lite.sessions) as session:
        account_links.invite(session, None, "j@example.org", Role.REVIEWER)
    page = admin.get("/admin/log").text
    for text in (admin.user.name, "changed a role", "Ida", "reviewer", "coordinator", "Command line", "invited"):
        assert text in page
    assert f'<a href="/admin/people/{user.id}">Open' in page
    only = admin.get("/admin/log", params={"user": admin.user.id}).text
    assert "changed a role" in only
    assert "j@example.org" not in only
    assert "No matching entries" in admin.get("/admin/log?action=thing.done").text
    assert admin.get("/admin/log?user=x&before=-1").status_code == 400


def test_a_long_log_has_pages(lite, admin):
    with transaction(lite.sessions) as session:
        for number in range(52):
            audit.record(session, admin.user.id, "thing.done", f"thing:{number}")
        audit.record(session, admin.user.id, "thing.undone", "thing:1")
    first = admin.get("/admin/log?action=thing.done").text
    assert first.count("log__subject") == 50
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older is not None
    second = admin.get(older[1].replace("&amp;", "&")).text
    assert second.count("log__subject") == 2
    assert 'rel="next"' not in second
