"""An erased account: nothing tells who it was, and what its holder decided stays."""

import json

import pytest
from sqlalchemy import select

from app.accounts import audit, erasure, people
from app.accounts.tables import ApiKey, AuditEntry, User, UserSession
from app.core.db import Base, reading, transaction
from app.core.errors import Conflict, NotFound
from app.core.roles import Role, Scope
from app.review.tables import Identification, ReviewerPreference
from tests.app.sending import TAXA
from tests.factories import photo
from tests.people import PASSWORD, make_key, make_user, session_token, signed_in
from tests.reviewing import decide, send, taxon

WHO = {"email": "kim.jansen@example.org", "name": "Kim “Kø” Jansen"}


@pytest.fixture
def kim(service):
    """A reviewer who has decided, has a session, a key, preferences, and stands in the log under two names."""
    admin = make_user(service.sessions, Role.ADMIN)
    kim = make_user(service.sessions, **WHO | {"name": "Kim Before"})
    number = send(service, photo(1), 1)
    decide(service, kim, number, taxon(TAXA[0]))
    session_token(service.sessions, kim)
    make_key(service.sessions, kim, Scope.PREDICT)
    with transaction(service.sessions) as session:
        session.add(ReviewerPreference(user_id=kim.id, blind=False, options={}))
        people.rename(session, admin.id, kim.id, WHO["name"])
        audit.record(session, admin.id, "user.invited", "link:1", {"email": WHO["email"], "role": "reviewer"})
        audit.record(session, admin.id, "taxon.edited", "taxon:1", {"names": ["Kim's butterfly", WHO["name"]]})
    return kim


def everything(service):
    """All text in the database, as one string."""
    with reading(service.sessions) as session:
        return "\n".join(
            json.dumps([str(value) for value in line], ensure_ascii=False)
            for table in Base.metadata.sorted_tables
            for line in session.execute(select(table))
        )


def test_everything_that_tells_who_it_was_goes_and_decisions_stay(service, kim):
    assert WHO["email"] in everything(service)
    with transaction(service.sessions) as session:
        with pytest.raises(Conflict):
            erasure.erase(session, None, kim.id, None)
        people.deactivate(session, None, kim.id)
        former = erasure.erase(session, None, kim.id, None)
    text = everything(service)
    for secret in (WHO["email"], WHO["name"], "Kim Before"):
        assert secret not in text
    assert "Kim's butterfly" in text
    with reading(service.sessions) as session:
        assert session.get_one(User, kim.id).password_hash == ""
        assert session.query(Identification).one().user.name == former == f"former reviewer {kim.id}"
        assert [
            session.query(table).filter_by(user_id=kim.id).count()
            for table in (UserSession, ApiKey, ReviewerPreference)
        ] == [0] * 3
        actions = [entry.action for entry in session.query(AuditEntry).filter_by(subject=f"user:{kim.id}")]
        assert actions[-1] == "user.erased"
        assert [user.id for user in people.everybody(session)].count(kim.id) == 0
        with pytest.raises(NotFound):
            people.activate(session, None, kim.id)
    service.client.post("/sign-in", data={"email": WHO["email"], "password": PASSWORD})
    assert service.client.get("/account", follow_redirects=False).status_code == 303


def test_an_admin_erases_a_deactivated_account(service, kim):
    admin = signed_in(service, Role.ADMIN)
    page = f"/admin/people/{kim.id}"
    assert "Erase account" not in admin.get(page).text
    assert admin.post(f"{page}/erase").status_code == 200  # still active: nothing happens
    admin.post(f"{page}/deactivate")
    assert "Erase account" in admin.get(page).text
    assert admin.post(f"{page}/erase").headers["location"] == "/admin/people?done=erased"
    assert admin.get(page).status_code == 404
    assert WHO["email"] not in admin.get("/admin/people?done=erased").text
    log = admin.get("/admin/log").text
    assert f"former reviewer {kim.id}" in log
    assert "Kim" not in log.replace("Kim&#39;s butterfly", "")


def test_somebody_leaves_but_not_the_last_admin(service):
    admin = signed_in(service, Role.ADMIN)
    assert admin.post("/account/leave", data={"present": "wrong"}).status_code == 422
    refused = admin.post("/account/leave", data={"present": PASSWORD})
    assert refused.status_code == 409
    assert "You are the last admin." in refused.text
    reviewer = signed_in(service)
    assert "Erase my account" in reviewer.get("/account").text
    assert reviewer.get("/account/leave").status_code == 200
    assert reviewer.post("/account/leave", data={"present": PASSWORD}).headers["location"] == "/"
    assert reviewer.get("/account").status_code == 303
    with reading(service.sessions) as session:
        assert session.get_one(User, reviewer.user.id).erased_at is not None


def test_the_command_asks_for_deactivation_first(wingcheck, database):
    user = make_user(database, **WHO)
    code, _, err = wingcheck("users", "erase", WHO["email"], "--yes")
    assert (code, "Deactivate it first" in err) == (1, True)
    wingcheck("users", "deactivate", WHO["email"])
    code, out, _ = wingcheck("users", "erase", WHO["email"], "--yes")
    assert (code, f"former reviewer {user.id}" in out) == (0, True)
    assert wingcheck("users", "activate", WHO["email"])[0] == 1
    assert WHO["email"] not in wingcheck("users", "list")[1]
