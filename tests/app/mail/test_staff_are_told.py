"""What users are mailed: invitations, new passwords, digests, alerts."""

import re
from datetime import timedelta

from sqlalchemy import select, update

from app.accounts.tables import AccountLink, DigestMails, User
from app.core import jobs
from app.core.db import reading, transaction, utcnow
from app.core.roles import Role
from app.core.tables import JobKind
from app.mail.tables import Mail
from app.review import mails
from app.review.tables import AcceptanceSuspension
from app.taxa.tables import Taxon
from tests.desk import waiting
from tests.mailbox import deliver
from tests.people import make_user, signed_in


def link_in(mail):
    found = re.search(r"https://count\.example\.org(/\S+)", mail.get_body(("plain",)).get_content())
    assert found
    return found[1]


def test_an_invitation_is_mailed_and_shown(posting, mailbox):
    admin = signed_in(posting, Role.ADMIN)
    shown = admin.post("/admin/people/invite", data={"email": "new@example.org", "role": "reviewer"}).text
    assert "It is on its way to new@example.org." in shown
    copied = re.search(r'value="https://count\.example\.org(/invitation/[\w-]+)"', shown)
    assert copied
    deliver(posting)
    [mail] = mailbox.mails
    mailed = link_in(mail)
    assert mailed != copied[1]
    assert admin.user.name in mail.get_body(("plain",)).get_content()
    assert [posting.client.get(path).status_code for path in (mailed, copied[1])] == [200, 200]
    form = {"name": "New", "password": "nine grey moths beneath the lamp"}
    assert posting.client.post(mailed, data=form, follow_redirects=False).status_code == 303
    assert [posting.client.get(path).status_code for path in (mailed, copied[1])] == [404, 404]


def test_a_forgotten_password_tells_nobody_who_has_an_account(posting, mailbox):
    user = make_user(posting.sessions, language="nl")
    assert 'href="/forgot"' in posting.client.get("/sign-in").text
    answers = [
        posting.client.post("/forgot", data={"email": email}) for email in ("x@example.org", user.email.upper(), "")
    ]
    assert len({(answer.status_code, re.sub(r"\s+", " ", answer.text)) for answer in answers}) == 1
    for _ in range(4):
        posting.client.post("/forgot", data={"email": user.email})
    deliver(posting)
    [mail] = mailbox.mails  # the earlier links are void, so they are not sent
    assert mail["Subject"] == "Kies een nieuw wachtwoord voor Wingcheck"
    with reading(posting.sessions) as session:
        rows = session.scalars(select(Mail)).all()
        assert len(rows) == 3
        secret = link_in(mail).rpartition("/")[2]
        assert secret not in str([vars(row) for row in [*rows, *session.scalars(select(AccountLink))]])
    password = "nine grey moths beneath the lamp"
    assert posting.client.post(link_in(mail), data={"password": password}, follow_redirects=False).status_code == 303


def test_digests_and_alerts_as_each_user_chose(posting, mailbox):
    admin, coordinator = signed_in(posting, Role.ADMIN), make_user(posting.sessions, Role.COORDINATOR)
    reviewer = signed_in(posting)
    assert reviewer.post("/account/mail", data={"digest": "daily"}).status_code == 303
    assert admin.post("/account/mail", data={"digest": "never"}).status_code == 303  # no alerts any more
    with transaction(posting.sessions) as session:
        mails.plan_digests(session)
    deliver(posting)
    assert mailbox.mails == []  # nothing waits
    waiting(posting.sessions, 2)
    with transaction(posting.sessions) as session:
        session.execute(update(Mail).values(key="an earlier day"))
        mails.plan_digests(session)
        mails.plan_digests(session)
        taxon = session.scalars(select(Taxon)).first()
        assert taxon is not None
        suspension = AcceptanceSuspension(taxon_id=taxon.id, wrong=3, audits=9, upper_bound=0.4, wrong_limit=0.1)
        session.add(suspension)
        session.flush()
        mails.species_suspended(session, suspension)
    deliver(posting)
    assert {(mail["To"], mail["Subject"]) for mail in mailbox.mails} == {
        (reviewer.user.email, "2 submissions wait for a decision"),
        (coordinator.email, "The computer may no longer accept meadow brown"),
    }
    path = mailbox.to(coordinator.email)[0]["List-Unsubscribe"].strip("<>").removeprefix("https://count.example.org")
    assert "Stopped: mails about alerts" in posting.client.post(path).text
    with reading(posting.sessions) as session:
        assert session.get_one(User, coordinator.id).alert_mails is False
        assert session.get_one(User, reviewer.user.id).digest_mails is DigestMails.DAILY


def test_once_a_day_old_mails_are_forgotten(posting, mailbox):
    make_user(posting.sessions, digest_mails=DigestMails.DAILY)
    signed_in(posting, Role.ADMIN).post("/admin/people/invite", data={"email": "new@example.org", "role": "reviewer"})
    deliver(posting)
    with transaction(posting.sessions) as session:
        session.execute(update(Mail).values(created_at=utcnow() - timedelta(days=31)))
        job_id = jobs.create(session, JobKind.MAIL_CARE, 0).id
    posting.worker.handle(job_id)
    with reading(posting.sessions) as session:
        [digest] = session.scalars(select(Mail)).all()
    assert digest.next_try_at.hour == 6
    assert len(mailbox.mails) == 1
