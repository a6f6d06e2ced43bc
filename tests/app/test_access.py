"""Every route × every role × (signed out, wrong CSRF token, right): who gets past the door, and what the others are told."""

import re

import pytest

from app.core.roles import LEAST_ROLE, Role, Scope
from app.core.web.errors import routes_of
from app.main import create_app
from tests.app.access_table import ANY_USER, EVERYBODY, SAFE, TABLE, Access
from tests.conftest import copy_of, make_settings, running
from tests.people import Browser, make_key, make_user, signed_in

ROUTES = pytest.mark.parametrize("access", TABLE, ids=lambda access: f"{access.method} {access.path}")
ENDS_SESSIONS = re.compile("sign-out|sessions|password")
CHANGING = pytest.mark.parametrize("access", [a for a in TABLE if a.who != EVERYBODY and a.method not in SAFE], ids=str)


@pytest.fixture(scope="module")
def service(tmp_path_factory, sqlite_template):
    folder = tmp_path_factory.mktemp("access")
    with running(make_settings(folder, database_url=copy_of(sqlite_template, folder))) as found:
        yield found


@pytest.fixture(scope="module")
def users(service):
    make_user(service.sessions, name="Number one, to whom the requests below do what they do")
    return {role: make_user(service.sessions, role) for role in Role}


@pytest.fixture(scope="module")
def browsers():
    return {}


@pytest.fixture
def browser(service, users, browsers):
    """Browsers by role; made anew after a route that ends sessions."""

    def get(role: Role, access: Access) -> Browser:
        if role not in browsers or ENDS_SESSIONS.search(access.path):
            browsers[role] = signed_in(service, user=users[role])
        found = browsers[role]
        if ENDS_SESSIONS.search(access.path):
            del browsers[role]
        return found

    return get


@pytest.fixture(scope="module")
def keys(service, users):
    """A program for every scope, with a key of a user whose role is just large enough."""
    make_key(service.sessions, users[Role.ADMIN], Scope.PREDICT)  # number one, which the requests below revoke
    return {
        scope: Browser(
            service,
            users[LEAST_ROLE[scope]],
            {"Authorization": f"Bearer {make_key(service.sessions, users[LEAST_ROLE[scope]], scope)}"},
        )
        for scope in Scope
    }


def ask(client, access: Access, **headers: str):
    """A request that carries nothing; the parts of its path are those of nobody and nothing."""
    path = re.sub(r"{\w+(:\w+)?}", "1", access.path)
    headers = {"Referer": "http://testserver/from-here"} | headers
    return client.request(access.method, path, headers=headers, follow_redirects=False)


def is_door(answer):
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")


def may(role: Role, access: Access) -> bool:
    return access.who in {EVERYBODY, ANY_USER} or role.includes(access.least_role)


def test_every_route_has_a_line_in_the_table(tmp_path):
    app = create_app(make_settings(tmp_path))
    listed = [(access.method, access.path) for access in TABLE]
    declared = [(method, path) for path, methods in routes_of(app) for method in methods - {"HEAD", "OPTIONS"}]
    assert sorted(declared) == sorted(listed)


@ROUTES
def test_signed_out(service, access):
    service.client.cookies.clear()
    answer = ask(service.client, access)
    if access.who == EVERYBODY:
        assert answer.status_code not in {401, 403, 500} or access.path == "/sign-in"
    elif access.answers_json:
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
    else:
        assert is_door(answer)


@ROUTES
def test_signed_in(browser, access):
    told = {role: ask(browser(role, access), access) for role in Role}
    for role, answer in told.items():
        if may(role, access):
            assert not is_door(answer), role
            assert answer.status_code not in {401, 403, 500} or access.path == "/sign-in", role
        else:
            assert answer.status_code == 403, role
            assert ("problem+json" in answer.headers["content-type"]) == access.answers_json, role


@CHANGING
def test_the_wrong_csrf_token(browser, access):
    for token in (b"", b"0" * 64, "é".encode()):
        assert ask(browser(Role.ADMIN, access), access, **{"X-CSRF-Token": token}).status_code == 403, token


@CHANGING
def test_the_right_csrf_token_from_another_site(browser, access):
    assert ask(browser(Role.ADMIN, access), access, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("access", [a for a in TABLE if a.who != EVERYBODY], ids=str)
def test_an_api_key_opens_what_its_scope_names_and_no_more(keys, access):
    for scope in Scope:
        answer = ask(keys[scope], access)
        assert answer.status_code not in {401, 500}, scope
        assert (answer.status_code == 403) is not access.is_within(scope), scope


def test_what_an_address_does_not_take_is_told_with_all_that_it_takes(service, users):
    answer = signed_in(service, user=users[Role.ADMIN]).put("/admin/api-keys")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
