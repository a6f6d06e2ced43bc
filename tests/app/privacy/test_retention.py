"""What has been kept long enough goes, on both databases; nothing else does, and what went is in the log."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.accounts import links
from app.accounts.tables import AccountLink, AuditEntry, User, UserSession
from app.core import jobs
from app.core.db import reading, transaction, utcnow
from app.core.roles import Role, Scope
from app.core.storage import make_storage
from app.core.tables import Job, JobKind, JobStatus
from app.privacy.retention import Kept, Retention
from app.review.tables import ReviewTask
from app.submissions.tables import StatusLog, Submission, Volunteer
from tests.app.sending import TAXA, row, submit
from tests.conftest import make_settings
from tests.mailbox import AWAY
from tests.people import make_key, make_user, session_token, signed_in
from tests.reviewing import decide, taxon

LONG = timedelta(days=40)
PERIODS = dict.fromkeys(("place", "volunteer", "session", "account", "audit"), 30)


@pytest.fixture
def settings(tmp_path, database_url):
    """Of a service that asks for addresses."""
    return make_settings(tmp_path, database_url=database_url, **AWAY)


def retention(service, **days):
    given = {f"{name}_retention_days": value for name, value in (PERIODS | days).items()}
    return Retention(service.sessions, make_storage(service.settings), service.settings.model_copy(update=given))


def rows(kinds):
    return {kept.name: kept.due for kept in kinds if kept.due}


def age(service, *tables, by=LONG):
    """Let everything in these tables be as old."""
    moment = utcnow() - by
    with transaction(service.sessions) as session:
        for table, column in tables:
            session.execute(update(table).values({column: moment}))


@pytest.fixture
def sent(service):
    """A decided submission with a place, its volunteer known by e-mail and cookie."""
    token = submit(
        service,
        place="Door 5, Lane",
        note="by the gate",
        email="a@example.org",
        latitude="52.09072",
        longitude="5.12142",
    ).token
    service.work()
    submission = row(service, token)
    decide(service, make_user(service.sessions), submission.id, taxon(TAXA[0]))
    return token


def test_places_are_rounded_and_typed_words_go_once_the_record_is_decided(service, sent):
    undecided = submit(service, place="Elsewhere", key="other", idempotency_key="2").token
    assert rows(retention(service).apply()) == {}
    age(service, (StatusLog, "created_at"))
    assert rows(retention(service, place=0).plan()) == {}
    assert rows(retention(service).plan()) == {"place": 1}
    assert rows(retention(service).apply()) == {"place": 1}
    assert rows(retention(service).apply()) == {}
    found = row(service, sent)
    assert (found.latitude, found.longitude, found.place, found.note) == (52.09, 5.12, "", "")
    assert (found.content_digest, found.photos[0].filename, found.event_date_source) == (
        "",
        "",
        row(service, sent).event_date_source,
    )
    assert found.volunteer.email == "a@example.org"
    assert row(service, undecided).place == "Elsewhere"
    with reading(service.sessions) as session:
        task = session.get_one(ReviewTask, found.id)
        assert (task.place_key, task.search_text) == ("", "")
    assert service.client.get(f"/s/{sent}").status_code == 200


def test_who_sent_it_is_forgotten_long_after_the_last_submission(service, sent):
    age(service, (Submission, "created_at"), (Volunteer, "created_at"))
    submit(service, key="recent", idempotency_key="2", email="b@example.org")
    age(service, (Volunteer, "created_at"))  # one who was here before and sends again is kept
    assert rows(retention(service).apply()) == {"volunteer": 1}
    assert rows(retention(service).apply()) == {}
    found = row(service, sent)
    assert found.volunteer.email is None
    assert found.volunteer.key.startswith("deleted-")
    assert found.place == "Door 5, Lane"
    with reading(service.sessions) as session:
        assert session.query(Volunteer).filter_by(email="b@example.org").count() == 1


def test_of_sessions_links_and_the_log_only_the_recent_stay(service):
    user = make_user(service.sessions)
    for _ in range(3):
        session_token(service.sessions, user)
    with transaction(service.sessions) as session:
        for number in range(2):
            links.invite(session, user.id, f"{number}@example.org", Role.REVIEWER)
        ended, expired, _open = session.query(UserSession).order_by(UserSession.id)
        ended.revoked_at = expired.expires_at = utcnow() - LONG
        session.query(AccountLink).order_by(AccountLink.id)[0].expires_at = utcnow() - LONG
        session.query(AuditEntry).order_by(AuditEntry.id)[0].created_at = utcnow() - LONG
    assert rows(retention(service).apply()) == {"session": 2, "link": 1, "audit": 1}
    with reading(service.sessions) as session:
        left = [session.query(table).count() for table in (UserSession, AccountLink, AuditEntry)]
        noted = session.query(AuditEntry).filter_by(action="retention.applied").order_by(AuditEntry.id).all()
    assert left == [1, 1, 1 + 3]
    assert [(entry.subject, entry.details) for entry in noted] == [
        ("kept:session", {"rows": 2, "days": 30}),
        ("kept:link", {"rows": 1, "days": 30}),
        ("kept:audit", {"rows": 1, "days": 30}),
    ]


def test_accounts_that_nobody_uses_are_erased_but_never_the_last_admin(service):
    admins = [make_user(service.sessions, Role.ADMIN) for _ in range(2)]
    idle, by_key, recent = (make_user(service.sessions) for _ in range(3))
    make_key(service.sessions, by_key, Scope.PREDICT, last_used_at=utcnow())
    age(service, (User, "created_at"), (User, "last_seen_at"))
    with transaction(service.sessions) as session:
        session.get_one(User, recent.id).last_seen_at = utcnow()
    assert rows(retention(service).apply()) == {"account": 2}
    assert rows(retention(service).apply()) == {}
    with reading(service.sessions) as session:
        erased = {user.id for user in session.query(User) if user.erased_at}
    assert erased == {idle.id, admins[0].id}


def test_the_worker_does_it_daily_and_the_page_tells_when(service):
    admin = signed_in(service, Role.ADMIN)
    assert "Not run yet" in admin.get("/admin/kept").text
    make_user(service.sessions)
    age(service, (User, "created_at"), by=timedelta(days=731))
    assert "1 row is due now" in admin.get("/admin/kept").text
    for _ in range(2):
        jobs.create_daily(service.sessions, JobKind.RETENTION)
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    with reading(service.sessions) as session:
        [job] = session.query(Job).filter_by(kind=JobKind.RETENTION)
        assert (job.status, job.error) == (JobStatus.DONE, "")
    page = admin.get("/admin/kept").text
    assert "Next run:" in page
    assert "due now" in page
    assert "1 row is due now" not in page
    assert "The daily clean-up" in admin.get("/admin/log?action=retention.applied").text


def test_the_command_lists_first_and_deletes_then(wingcheck, database):
    make_user(database)
    with transaction(database) as session:
        session.execute(update(User).values(created_at=utcnow() - timedelta(days=731)))
    code, out, _ = wingcheck("retention", "apply", "--dry-run")
    assert (code, "would be deleted" in out, "WINGCHECK_ACCOUNT_RETENTION_DAYS" in out) == (0, True, True)
    with reading(database) as session:
        assert session.query(User).filter(User.erased_at.is_not(None)).count() == 0
    assert wingcheck("retention", "apply")[0] == 0
    with reading(database) as session:
        assert session.query(User).filter(User.erased_at.is_not(None)).count() == 1


def test_with_every_period_at_0_nothing_is_ever_deleted(service, sent):
    age(
        service,
        (StatusLog, "created_at"),
        (Submission, "created_at"),
        (Volunteer, "created_at"),
        by=timedelta(days=9999),
    )
    kept = retention(service, **dict.fromkeys(PERIODS, 0)).apply()
    assert kept == [
        Kept(name, 0, 0) for name in ("place", "volunteer", "session", "link", "account", "audit", "originals")
    ]
