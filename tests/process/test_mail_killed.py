"""The worker killed while it sends a mail: never twice, and what nobody can know is said."""

from functools import partial

import pytest
from sqlalchemy import select

from app.core.db import reading, transaction
from app.mail import outbox
from app.mail.rules import MailKind, MailState
from app.mail.tables import Mail
from app.submissions.tables import Volunteer
from tests.conftest import copy_of, empty
from tests.mailbox import mail_server
from tests.parts import Site, stop, was_killed
from tests.running import eventually

# How many mails arrive in the end, and what the row says.
MOMENTS = {
    "mail-written": (1, MailState.SENT),
    "mail-claimed": (0, MailState.UNKNOWN),
    "mail-accepted": (1, MailState.UNKNOWN),
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_while_it_sends(request, tmp_path, database):
    if database == "sqlite":
        url = copy_of(request.getfixturevalue("sqlite_template"), tmp_path)
    else:
        url = request.getfixturevalue("postgresql_url")
        empty(url)
    with mail_server() as mailbox:
        settings = {f"WINGCHECK_{name.upper()}": value for name, value in mailbox.settings.items()}
        site = Site(tmp_path, url, **settings)
        try:
            for moment, (arrived, state) in MOMENTS.items():
                address = f"{moment}@example.org"
                number = write(site, address)
                assert was_killed(site.worker(crash_at=moment))
                worker = site.worker()
                eventually(partial(has_ended, site, number), f"the mail of {moment} has an end\n{site.log[-2000:]}")
                site.settle()
                stop(worker)
                assert (len(mailbox.to(address)), state_of(site, number)) == (arrived, state), moment
        finally:
            site.close()


def write(site, address):
    with transaction(site.sessions) as session:
        volunteer = Volunteer(key=address, email=address)
        session.add(volunteer)
        session.flush()
        mail = Mail(
            key=address,
            kind=MailKind.CONFIRM,
            recipient=address,
            language="en",
            subject_id=volunteer.id,
            volunteer_id=volunteer.id,
        )
        assert outbox.add(session, mail)
        return session.scalars(select(Mail.id).where(Mail.key == address)).one()


def has_ended(site, number):
    return state_of(site, number) not in {MailState.PENDING, MailState.SENDING}


def state_of(site, number):
    with reading(site.sessions) as session:
        return session.get_one(Mail, number).state
