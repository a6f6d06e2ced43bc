"""Users for tests, and browsers in which they are signed in."""

from functools import lru_cache
from itertools import count

from fastapi.testclient import TestClient

from app.accounts import links as account_links
from app.accounts import people, visitors
from app.accounts.api_keys import MARK
from app.accounts.sessions import Device, UserSessions
from app.accounts.tables import ApiKey, User, UserSession
from app.accounts.users import Passwords
from app.core.db import SessionFactory, reading, transaction
from app.core.roles import Role, Scope
from app.core.secret_tokens import hash_of, new_token
from app.organisation import details as organisation
from tests.conftest import Service

PASSWORD = "six brown wings over the gate"
_numbers = count(1)


@lru_cache
def password_hash() -> str:
    """The hash of PASSWORD; made once, because making it is slow on purpose."""
    return Passwords().hash(PASSWORD)


def make_user(sessions: SessionFactory, role: Role = Role.REVIEWER, **values: object) -> User:
    """A user with PASSWORD; another one each time."""
    number = next(_numbers)
    defaults = {"email": f"{role.value}{number}@example.org", "name": f"{role.value.title()} {number}"}
    user = User(**(defaults | {"role": role, "password_hash": password_hash()} | values))
    with transaction(sessions) as session:
        session.add(user)
    return user


def session_token(sessions: SessionFactory, user: User) -> str:
    """The token of a new session of the user, as the cookie carries it."""
    with transaction(sessions) as session:
        return UserSessions(sessions, days=30, idle_days=7).begin(session, user, Device("a test", "192.0.2.7"))


def name_organisation(sessions: SessionFactory, name: str = "Charity", **values: object) -> int:
    """An organisation that runs the count; returns the id of the admin who filled it in."""
    admin = make_user(sessions, Role.ADMIN)
    typed = organisation.blank(**{"name": name, "contact_email": "count@example.org"} | values)
    with transaction(sessions) as session:
        organisation.save(session, admin.id, typed)
    return admin.id


class Browser(TestClient):
    """A browser of its own in front of a running service, in which ``user`` is signed in; its forms carry ``csrf_token``.

    Answers that lead elsewhere are not followed.
    """

    def __init__(self, service: Service, user: User, headers: dict[str, str]) -> None:
        super().__init__(service.client.app, headers=headers, follow_redirects=False, raise_server_exceptions=False)
        self.user = user
        self.csrf_token = headers.get("X-CSRF-Token", "")


def signed_in(service: Service, role: Role = Role.REVIEWER, *, user: User | None = None, csrf: bool = True) -> Browser:
    """Somebody of that role at the desk: a new user unless one is given. ``csrf`` False: the token is sent with no request."""
    user = user or make_user(service.sessions, role)
    token = session_token(service.sessions, user)
    with reading(service.sessions) as session:
        row = session.query(UserSession).filter_by(token_hash=hash_of(token)).one()
        csrf_token = visitors.by_session(row, token, service.settings.signing_key()).csrf_token
    browser = Browser(service, user, {"X-CSRF-Token": csrf_token} if csrf else {})
    browser.cookies.set(service.client.app.state.accounts.cookie.name, token)  # type: ignore[attr-defined]
    browser.csrf_token = csrf_token
    return browser


def make_key(
    sessions: SessionFactory, user: User, *scopes: Scope, requests_per_minute: int = 600, **values: object
) -> str:
    """A new API key of the user."""
    key = MARK + new_token()
    with transaction(sessions) as session:
        session.add(
            ApiKey(
                name="a test",
                prefix=key[:12],
                key_hash=hash_of(key),
                user_id=user.id,
                scopes=list(scopes),
                requests_per_minute=requests_per_minute,
                **values,
            )
        )
    return key


def with_key(service: Service, role: Role, *scopes: Scope, requests_per_minute: int = 600) -> Browser:
    """A program with a key for these scopes, of a new user of that role."""
    user = make_user(service.sessions, role)
    key = make_key(service.sessions, user, *scopes, requests_per_minute=requests_per_minute)
    return Browser(service, user, {"Authorization": f"Bearer {key}"})


def write_accounts(sessions: SessionFactory) -> dict[str, str]:
    """Something in every table of accounts. Returns the secrets, of which none may be found anywhere."""
    admin, reviewer = make_user(sessions, Role.ADMIN), make_user(sessions, must_change_password=True, language="nl")
    secrets = {"session": session_token(sessions, reviewer), "key": make_key(sessions, reviewer, Scope.RECORDS)}
    with transaction(sessions) as session:
        invitation = account_links.invite(session, admin.id, "next@example.org", Role.COORDINATOR)
        reset = account_links.make_password_reset(session, admin.id, reviewer.id)
        account_links.revoke_invitation(session, admin.id, invitation.row.id)
        people.rename(session, None, reviewer.id, "Renamed")
    return secrets | {"link": reset.path.rpartition("/")[2], "password": PASSWORD}
