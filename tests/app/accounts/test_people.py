"""Accounts on both databases: links that work once, an admin that always is, and what two people do at the same moment."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from app.accounts import api_keys, audit, people, users
from app.accounts import links as account_links
from app.accounts.api_keys import ApiKeys
from app.accounts.links import JOINING, RESETTING, Links
from app.accounts.sessions import Device, UserSessions, revoke
from app.accounts.tables import AccountLink, ApiKey, AuditEntry, LinkKind, User, UserSession
from app.accounts.users import Passwords
from app.core.db import reading, transaction, utcnow
from app.core.errors import Clash, Conflict, InvalidInput, NotFound
from app.core.roles import Role, Scope
from app.core.secret_tokens import hash_of
from tests.people import make_user, session_token

# For what both databases do alike, one of them is enough.
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
QUICK = Passwords(memory_kib=8, passes=1)
GOOD = "brown wings over a gate in july"


@pytest.fixture
def user_sessions(service):
    return UserSessions(service.sessions, days=30, idle_days=7)


@pytest.fixture
def links(service, user_sessions):
    return Links(service.sessions, QUICK, user_sessions)


def token_of(link):
    return link.path.rpartition("/")[2]


def first_link(service):
    with transaction(service.sessions) as session:
        return token_of(account_links.make_first_admin(session))


def invite(service, email="", role=Role.REVIEWER, by=None):
    with transaction(service.sessions) as session:
        return token_of(account_links.invite(session, by, email, role))


def join(links, token, email="new@example.org", **values):
    values = {"name": "New", "password": GOOD} | values
    return links.join(token, User(email=email, name=values["name"], language="en"), values["password"], Device())


def at_once(*deeds):
    """Do all of it at the same moment; what each gave or raised."""
    results: list[Any] = [None] * len(deeds)
    barrier = threading.Barrier(len(deeds))

    def run(number):
        barrier.wait()
        try:
            results[number] = deeds[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def log(service):
    with reading(service.sessions) as session:
        return [(entry.user_id, entry.action, entry.subject) for entry in session.query(AuditEntry).order_by("id")]


# --- links -----------------------------------------------------------------------------------------------------------


def test_the_first_admin_comes_by_a_link_that_works_once(service, links):
    token, other = first_link(service), first_link(service)
    admin, _ = join(links, token, "Ada@Example.org")
    assert (admin.role, admin.email, admin.active) == (Role.ADMIN, "ada@example.org", True)
    for used in (token, other):
        with pytest.raises(NotFound):
            join(links, used, "second@example.org")
    with transaction(service.sessions) as session, pytest.raises(Conflict):
        account_links.make_first_admin(session)
    assert log(service) == [(admin.id, "user.joined", f"user:{admin.id}")]


def test_two_first_admins_at_once_are_one(service, links):
    tokens = [first_link(service) for _ in range(4)]
    found = at_once(*(lambda n=n, t=t: join(links, t, f"a{n}@example.org") for n, t in enumerate(tokens)))
    assert sum(isinstance(each, tuple) for each in found) == 1
    assert sum(isinstance(each, NotFound) for each in found) == 3


def test_one_invitation_used_by_two_at_once_makes_one_account(service, links):
    token = invite(service)
    found = at_once(*(lambda n=n: join(links, token, f"b{n}@example.org") for n in range(4)))
    assert sum(isinstance(each, tuple) for each in found) == 1
    with reading(service.sessions) as session:
        link = session.query(AccountLink).one()
        assert (session.query(User).count(), link.user_id, link.used_at is not None) == (1, found_user(found), True)


def found_user(found):
    return next(each[0].id for each in found if isinstance(each, tuple))


@ONE_DATABASE
def test_an_invitation_for_an_address_is_for_no_other(service, links):
    token = invite(service, " Bea@Example.ORG ", Role.COORDINATOR)
    user, _ = join(links, token, "somebody.else@example.org")
    assert (user.email, user.role) == ("bea@example.org", Role.COORDINATOR)


@ONE_DATABASE
def test_a_newer_invitation_of_an_address_replaces_the_older(service, links):
    old, new = invite(service, "c@example.org"), invite(service, "C@example.org")
    with pytest.raises(NotFound):
        links.find(old, JOINING)
    assert links.find(new, JOINING).email == "c@example.org"


@ONE_DATABASE
def test_who_has_an_account_is_not_invited_again(service):
    user = make_user(service.sessions)
    with pytest.raises(Clash):
        invite(service, user.email.upper())


@ONE_DATABASE
@pytest.mark.parametrize("column", ["used_at", "revoked_at", "expires_at"])
def test_a_link_that_is_over_leads_nowhere(service, links, column):
    token = invite(service)
    with transaction(service.sessions) as session:
        setattr(session.query(AccountLink).one(), column, utcnow() - timedelta(seconds=1))
    with pytest.raises(NotFound):
        links.find(token, JOINING)
    with pytest.raises(NotFound):
        join(links, token)


@ONE_DATABASE
def test_a_link_is_good_for_its_own_purpose_only(service, links):
    user = make_user(service.sessions)
    with transaction(service.sessions) as session:
        reset = token_of(account_links.make_password_reset(session, None, user.id))
    for token, kinds in ((reset, JOINING), (invite(service), RESETTING), ("", JOINING), ("x" * 3000, RESETTING)):
        with pytest.raises(NotFound):
            links.find(token, kinds)


@ONE_DATABASE
def test_only_hashes_of_secrets_are_kept(service, links, user_sessions):
    token = invite(service)
    user, session_token_ = join(links, token)
    with transaction(service.sessions) as session:
        key = api_keys.make(session, user.id, new_key(user, Scope.PREDICT))
    with reading(service.sessions) as session:
        assert session.query(AccountLink).one().token_hash == hash_of(token) != token
        assert session.query(UserSession).one().token_hash == hash_of(session_token_) != session_token_
        assert session.query(ApiKey).one().key_hash == hash_of(key) != key
        kept = session.get_one(User, user.id).password_hash
        assert kept.startswith("$argon2id$")
        assert GOOD not in kept


def test_a_new_password_by_link_ends_every_session(service, links, user_sessions):
    user = make_user(service.sessions, must_change_password=True)
    old = session_token(service.sessions, user)
    with transaction(service.sessions) as session:
        first = token_of(account_links.make_password_reset(session, None, user.id))
        second = token_of(account_links.make_password_reset(session, None, user.id))
    with pytest.raises(NotFound):
        links.reset_password(first, GOOD, Device())
    _, fresh = links.reset_password(second, GOOD, Device())
    assert user_sessions.find(old) is None
    assert user_sessions.find(fresh).user_id == user.id
    with reading(service.sessions) as session:
        now = session.get_one(User, user.id)
        assert QUICK.matches(now.password_hash, GOOD)
        assert not now.must_change_password
    with pytest.raises(NotFound):
        links.reset_password(second, GOOD, Device())


@ONE_DATABASE
def test_what_is_wrong_with_a_new_account_is_told_all_together(service, links):
    token = invite(service)
    with pytest.raises(InvalidInput) as caught:
        join(links, token, "no address", name="  ", password="short")
    assert {(e.field, e.code) for e in caught.value.errors} == {
        ("email", "email_invalid"),
        ("name", "name_missing"),
        ("password", "password_short"),
    }
    assert links.find(token, JOINING)  # a mistake does not use it up


# --- roles -----------------------------------------------------------------------------------------------------------


@ONE_DATABASE
def test_the_last_admin_stays(service, user_sessions):
    admin = make_user(service.sessions, Role.ADMIN)
    make_user(service.sessions, Role.ADMIN, active=False)
    with transaction(service.sessions) as session, pytest.raises(Conflict):
        people.change_role(session, admin.id, admin.id, Role.REVIEWER)
    with transaction(service.sessions) as session, pytest.raises(Conflict):
        people.deactivate(session, admin.id, admin.id)


def test_two_admins_who_demote_each_other_at_once_leave_one(service):
    one, other = (make_user(service.sessions, Role.ADMIN) for _ in range(2))

    def demote(by, whom):
        with transaction(service.sessions) as session:
            people.change_role(session, by.id, whom.id, Role.REVIEWER)

    found = at_once(lambda: demote(one, other), lambda: demote(other, one))
    assert sum(isinstance(each, Conflict) for each in found) == 1
    with reading(service.sessions) as session:
        assert session.query(User).filter_by(role=Role.ADMIN).count() == 1


def test_who_is_deactivated_keeps_nothing_that_opens_a_door(service, links, user_sessions):
    make_user(service.sessions, Role.ADMIN)
    admin = make_user(service.sessions, Role.ADMIN)
    token, invitation = session_token(service.sessions, admin), invite(service, by=admin.id)
    with transaction(service.sessions) as session:
        key = api_keys.make(session, None, new_key(admin, *Scope))
        people.deactivate(session, None, admin.id)
    assert user_sessions.find(token) is None
    assert ApiKeys(service.sessions).find(key) is None
    with pytest.raises(NotFound):
        links.find(invitation, JOINING)
    with transaction(service.sessions) as session:
        people.activate(session, None, admin.id)
    assert user_sessions.find(token) is None
    found = ApiKeys(service.sessions).find(key)
    assert found is not None
    assert found.user_id == admin.id


@ONE_DATABASE
def test_a_first_password_is_good_once(service):
    with transaction(service.sessions) as session:
        user = User(email="d@example.org", name="Dee", role=Role.REVIEWER)
        password = people.add(session, None, user, QUICK)
    assert user.must_change_password
    assert QUICK.matches(user.password_hash, password)
    users.check_password(password, user)


# --- keys ------------------------------------------------------------------------------------------------------------

WRONG_KEYS = [
    ({"name": " "}, "key_name_missing"),
    ({"name": "x" * 101}, "text_too_long"),
    ({"scopes": []}, "scopes_missing"),
    ({"requests_per_minute": 0}, "number_range"),
    ({"expires_at": utcnow() - timedelta(days=1)}, "date_in_past"),
    ({"scopes": [Scope.MODELS]}, "scope_above_role"),
]


def new_key(user, *scopes, **values):
    return ApiKey(**({"name": "k", "user_id": user.id, "scopes": list(scopes), "requests_per_minute": 5} | values))


@ONE_DATABASE
@pytest.mark.parametrize(("values", "code"), WRONG_KEYS)
def test_a_key_that_makes_no_sense_is_refused(service, values, code):
    key = new_key(make_user(service.sessions), Scope.PREDICT, **values)
    with transaction(service.sessions) as session, pytest.raises(InvalidInput) as caught:
        api_keys.make(session, None, key)
    assert [e.code for e in caught.value.errors] == [code]


@ONE_DATABASE
@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_key_that_is_over_opens_nothing(service, column):
    user = make_user(service.sessions)
    with transaction(service.sessions) as session:
        row = new_key(user, Scope.PREDICT)
        key = api_keys.make(session, None, row)
    keys = ApiKeys(service.sessions)
    assert keys.find(key) is not None
    found = keys.find(key)
    assert found is not None
    assert (found.id, found.last_used_at is not None) == (row.id, True)
    with transaction(service.sessions) as session:
        setattr(session.get_one(ApiKey, row.id), column, utcnow() - timedelta(seconds=1))
    assert keys.find(key) is None


@ONE_DATABASE
@pytest.mark.parametrize("key", ["", "wck_", "wck_nothing", "\x00", "wck_é", "x" * 5000])
def test_what_is_no_key_opens_nothing(service, key):
    assert ApiKeys(service.sessions).find(key) is None


# --- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_is_read_page_by_page_and_filtered(service):
    one, other = (make_user(service.sessions, Role.ADMIN) for _ in range(2))
    with transaction(service.sessions) as session:
        for number in range(7):
            audit.record(session, (one, other)[number % 2].id, "thing.done", f"thing:{number}", {"number": number})
        audit.record(session, None, "thing.undone", "thing:1")
    with reading(service.sessions) as session:
        seen, before = [], None
        while True:
            page = audit.page(session, audit.LogFilter(action="thing.done", before=before), size=3)
            seen += [entry.details["number"] for entry in page.entries]
            before = page.next_before
            if before is None:
                break
        assert seen == [6, 5, 4, 3, 2, 1, 0]
        assert [e.subject for e in audit.page(session, audit.LogFilter(user_id=other.id)).entries] == [
            "thing:5",
            "thing:3",
            "thing:1",
        ]
        assert [e.user_id for e in audit.page(session, audit.LogFilter(subject="thing:1")).entries] == [None, other.id]
        assert audit.actions(session) == ["thing.done", "thing.undone"]


@ONE_DATABASE
def test_what_fails_is_not_in_the_log(service):
    admin = make_user(service.sessions, Role.ADMIN)

    def fail():
        with transaction(service.sessions) as session:
            audit.record(session, admin.id, "thing.done", "thing:1")
            people.change_role(session, admin.id, admin.id, Role.REVIEWER)

    with pytest.raises(Conflict):
        fail()
    assert log(service) == []


# --- sessions --------------------------------------------------------------------------------------------------------


@ONE_DATABASE
def test_a_session_is_ended_by_its_own_user_only(service, user_sessions):
    user, stranger = make_user(service.sessions), make_user(service.sessions)
    session_token(service.sessions, user)
    with transaction(service.sessions) as session:
        row = user_sessions.of(session, user.id)[0]
        with pytest.raises(NotFound):
            revoke(session, stranger.id, row.id)
        revoke(session, user.id, row.id)
        assert user_sessions.of(session, user.id) == []


def test_when_somebody_else_writes_a_request_does_not_wait_to_note_that_it_came(service, user_sessions):
    token = session_token(service.sessions, make_user(service.sessions))
    with transaction(service.sessions) as session:
        session.execute(AccountLink.__table__.select())  # on SQLite this holds the lock for writing
        found = user_sessions.find(token)
        assert found is not None
        if session.get_bind().dialect.name == "sqlite":
            assert found.user.last_seen_at is None
    user_sessions.find(token)
    with reading(service.sessions) as session:
        assert session.query(User).one().last_seen_at is not None


def test_kinds_of_links_all_have_a_lifetime():
    assert set(account_links.LIFETIMES) == set(LinkKind)
