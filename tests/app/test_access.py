"""Every route × everybody who may ask: who gets past the door, what the others are told, and what other sites can't do.

Each test asks all routes of access_table.py, so that a new route is held to all of it by its one line there.
"""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import update

from app.accounts.tables import User, UserSession
from app.core.db import transaction, utcnow
from app.core.roles import LEAST_ROLE, Role, Scope
from app.core.web.errors import routes_of
from app.main import create_app
from app.review.tables import ReviewerPreference
from tests.app.access_table import ANY_USER, EVERYBODY, SAFE, TABLE, Access
from tests.conftest import copy_of, make_settings, running
from tests.people import Browser, make_key, make_user, signed_in

ENDS_SESSIONS = re.compile("sign-out|sessions|password")
FOR_USERS = [access for access in TABLE if access.who != EVERYBODY]
CHANGING = [access for access in TABLE if access.method not in SAFE]
JSON = {"Accept": "application/json"}  # a refusal in few words is made sooner than a page
NEVER_SENT = ("access-control-allow-origin", "access-control-allow-credentials", "server", "x-powered-by")


@pytest.fixture(scope="module")
def service(tmp_path_factory, sqlite_template):
    folder = tmp_path_factory.mktemp("access")
    with running(make_settings(folder, database_url=copy_of(sqlite_template, folder))) as found:
        yield found


@pytest.fixture(scope="module")
def users(service):
    make_user(service.sessions, name="Number one, to whom the requests below do what they do")
    return {role: make_user(service.sessions, role) for role in Role}


@pytest.fixture
def stranger(service):
    """Somebody with the cookies of a volunteer and of nobody else."""
    service.client.cookies.clear()
    service.client.get("/")
    return service.client


class Person:
    """A user who signs in again after each route that ends sessions."""

    def __init__(self, service, user):
        self._service, self._user = service, user
        self._browser = None

    def browser(self, access: Access) -> Browser:
        if self._browser is None or ENDS_SESSIONS.search(access.path):
            self._browser = signed_in(self._service, user=self._user)
        found = self._browser
        if ENDS_SESSIONS.search(access.path):
            self._browser = None
        return found


def ask(client, access: Access, **more):
    """A request to a route; the parts of its path are those of nobody and nothing. Whatever the answer, it is guarded."""
    path = re.sub(r"{\w+(:\w+)?}", "1", access.path)
    headers = {"Referer": "http://testserver/from-here"} | more.pop("headers", {})
    answer = client.request(more.pop("method", access.method), path, headers=headers, follow_redirects=False, **more)
    assert unguarded(answer, access) == [], access
    return answer


def unguarded(answer, access: Access) -> list[str]:
    """What a browser is not told by this answer though it must be."""
    found = answer.headers
    kept = found["cache-control"]
    promises = {
        "no type of a browser's own guess": found["x-content-type-options"] == "nosniff",
        "in no frame": "frame-ancestors 'none'" in found["content-security-policy"]
        and found["x-frame-options"] == "DENY",
        "only our own scripts": "default-src 'self'" in found["content-security-policy"]
        or "default-src 'none'" in found["content-security-policy"],
        "no link leaks": found["referrer-policy"] in {"same-origin", "no-referrer"},
        "no microphone": "microphone=()" in found["permissions-policy"],
        "kept by no cache": "no-store" in kept or (access.who == EVERYBODY and kept == "private, no-cache"),
        "for no other site, and nothing about the server": not any(name in found for name in NEVER_SENT),
    }
    return [promise for promise, holds in promises.items() if not holds]


def wrong(routes: Iterable[Access], status_of: Callable[[Access], bool]) -> list[Access]:
    """The routes for which it does not hold."""
    return [access for access in routes if not status_of(access)]


def is_door(answer) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")


def is_refused(answer, access: Access) -> bool:
    """Told that somebody must sign in, in the right form."""
    if not access.answers_json:
        return is_door(answer)
    told = answer.headers["content-type"], answer.headers.get("www-authenticate")
    return answer.status_code == 401 and told == ("application/problem+json", "Bearer")


def may(role: Role, access: Access) -> bool:
    return access.who in {EVERYBODY, ANY_USER} or role.includes(access.least_role)


def test_every_route_has_a_line_in_the_table(tmp_path):
    app = create_app(make_settings(tmp_path))
    listed = [(access.method, access.path) for access in TABLE]
    declared = [(method, path) for path, methods in routes_of(app) for method in methods - {"HEAD", "OPTIONS"}]
    assert sorted(declared) == sorted(listed)


# --- who gets past the door -----------------------------------------------------------------------------------------------


def test_signed_out(stranger):
    def is_right(access):
        answer = ask(stranger, access)
        if access.who == EVERYBODY:
            return answer.status_code not in {401, 403, 500} or access.path == "/sign-in"
        return is_refused(answer, access)

    assert wrong(TABLE, is_right) == []


@pytest.mark.parametrize("over", ["expired", "deactivated"])
def test_a_session_that_is_over_opens_nothing(service, over):
    user = make_user(service.sessions, Role.ADMIN)
    browser = signed_in(service, user=user)
    with transaction(service.sessions) as session:
        if over == "expired":
            ended = {"expires_at": utcnow() - timedelta(seconds=1)}
            session.execute(update(UserSession).where(UserSession.user_id == user.id).values(ended))
        else:
            session.get_one(User, user.id).active = False
    assert wrong(FOR_USERS, lambda access: is_refused(ask(browser, access), access)) == []


@pytest.mark.parametrize("role", Role)
def test_signed_in(service, users, role):
    person = Person(service, users[role])

    def is_right(access):
        answer = ask(person.browser(access), access)
        if may(role, access):
            is_let_in = answer.status_code not in {401, 403, 500} or access.path == "/sign-in"
            return is_let_in and not is_door(answer)
        return answer.status_code == 403 and ("problem+json" in answer.headers["content-type"]) == access.answers_json

    assert wrong(TABLE, is_right) == []


def test_who_reviews_blind_gets_no_further_than_other_reviewers(service):
    user = make_user(service.sessions)
    with transaction(service.sessions) as session:
        session.add(ReviewerPreference(user_id=user.id, blind=True))
    person = Person(service, user)

    def is_right(access):
        answer = ask(person.browser(access), access, headers=JSON)
        return (answer.status_code == 403) is not may(Role.REVIEWER, access)

    assert wrong(FOR_USERS, is_right) == []


@pytest.mark.parametrize("scope", Scope)
def test_an_api_key_opens_what_its_scope_names_and_no_more(service, users, scope):
    """It needs no CSRF token, and no header of a browser stops it: no page of another site can send one."""
    if scope is Scope.PREDICT:
        make_key(service.sessions, users[Role.ADMIN], scope)  # number one, which the requests below revoke
    key = make_key(service.sessions, users[LEAST_ROLE[scope]], scope)
    program = Browser(service, users[LEAST_ROLE[scope]], {"Authorization": f"Bearer {key}"})
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}

    def is_right(access):
        answer = ask(program, access, headers=elsewhere)
        return answer.status_code not in {401, 500} and (answer.status_code == 403) is not access.is_within(scope)

    assert wrong(FOR_USERS, is_right) == []


# --- other methods and other addresses ------------------------------------------------------------------------------------


def test_head_finds_the_same_door_as_get(stranger):
    routes = [access for access in FOR_USERS if access.method == "GET"]
    assert wrong(routes, lambda access: is_refused(ask(stranger, access, method="HEAD"), access)) == []


def test_methods_that_no_route_has_do_nothing(service, users):
    admin, methods = signed_in(service, user=users[Role.ADMIN]), cycle(["OPTIONS", "TRACE", "PATCH", "ANYTHING"])
    patched = {access.path for access in TABLE if access.method == "PATCH"}

    def is_right(access):
        method = next(methods)
        method = "ANYTHING" if method == "PATCH" and access.path in patched else method
        return ask(admin, access, method=method, headers=JSON).status_code == 405

    assert wrong(TABLE, is_right) == []


def test_what_a_route_does_by_post_it_does_by_nothing_else(service, users):
    """Not by GET with the same fields, nor by a header that names another method."""
    readable = {access.path for access in TABLE if access.method in SAFE}
    person = Person(service, users[Role.ADMIN])

    def is_right(access):
        browser = person.browser(access)
        fields = {"csrf_token": browser.csrf_token, "_method": "POST"}
        override = {"X-HTTP-Method-Override": access.method, "X-Method-Override": access.method}
        return ask(browser, access, method="GET", params=fields, headers=JSON | override).status_code >= 400

    assert wrong([access for access in CHANGING if access.path not in readable], is_right) == []


def test_what_an_address_does_not_take_is_told_with_all_that_it_takes(service, users):
    answer = signed_in(service, user=users[Role.ADMIN]).put("/admin/api-keys")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


# --- what other sites send ------------------------------------------------------------------------------------------------

ELSEWHERE = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
PLAIN = {"Content-Type": "text/plain"}


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_nothing_is_changed_by_a_page_of_another_site(service, users, headers):
    """Nor anything asked that only programs ask for. Even with the right token, and whether or not it needs an account."""
    admin = signed_in(service, user=users[Role.ADMIN])
    others = [access for access in CHANGING if access.path != "/mail/stop/{token}"]  # one click in a mail program
    assert len(others) == len(CHANGING) - 1
    assert wrong(others, lambda access: ask(admin, access, headers=JSON | headers).status_code == 403) == []


def test_nothing_is_changed_without_the_token_of_the_session(service, users):
    """In a header or a form of any type; neither the token of another session will do, nor the right one in the address."""
    user = users[Role.ADMIN]
    other, browser = signed_in(service, user=user), signed_in(service, user=user, csrf=False)
    right, stolen = browser.csrf_token, other.csrf_token
    trials: list[dict[str, Any]] = [
        {},
        {"headers": {"X-CSRF-Token": "é".encode()}},
        {"headers": {"X-CSRF-Token": stolen}},
        {"headers": {"X-CSRF-Token": stolen}, "data": {"csrf_token": right}},
        {"data": {"csrf_token": stolen}},
        {"data": {"csrf_token": stolen}, "files": {"file": ("a.jpg", b"x")}},
        {"files": {"csrf_token": ("a.txt", right.encode())}},
        {"params": {"csrf_token": right}},
        {"content": f"csrf_token={right}", "headers": PLAIN},
        {"json": {"csrf_token": right}},
    ]
    routes = [access for access in CHANGING if access.who != EVERYBODY]
    for trial in trials:
        request = trial | {"headers": JSON | trial.get("headers", {})}
        assert wrong(routes, partial(forbids, browser, request)) == [], trial
    assert browser.get("/account").status_code == 200  # nothing of it signed anybody out


def forbids(browser: Browser, request: dict[str, Any], access: Access) -> bool:
    return ask(browser, access, **request).status_code == 403
