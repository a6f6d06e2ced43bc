"""The worker's part: one job sends one mail, once.

Before its text leaves, the row says SENDING, committed. Whoever finds it so after a crash can't know whether the text
arrived, and does not send it again: at most once, at the price of a mail that may be missing. Every other failure is known
to have sent nothing, and is tried again with growing pauses, until the server refuses the mail for good or its time is over.
"""

import logging
import time
from collections.abc import Sequence
from email.message import EmailMessage

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.settings import Settings
from app.core.tables import Job
from app.core.web.i18n import Language
from app.mail import outbox
from app.mail.rendering import AllContents, Writer
from app.mail.rules import GATHERED, MailState, pause_after
from app.mail.smtp import NotNow, Refused, Unclear, connected
from app.mail.tables import Mail

log = logging.getLogger(__name__)
# While the server as a whole fails, only one mail tries it at a time, so that other work need not wait for it.
_SHORTEST_REST, _LONGEST_REST = 15.0, 900.0
_MOST_GATHERED = 50


class Changed(Exception):
    """Another worker was quicker, or the mail was taken back."""


class Mailing:
    """Handles MAIL jobs."""

    def __init__(self, sessions: SessionFactory, settings: Settings, contents: AllContents) -> None:
        self._sessions = sessions
        self._settings = settings
        self._contents = contents
        self._writer = Writer(settings)
        self._rest = 0.0
        self._rests_until = 0.0

    def look(self) -> None:
        """Make jobs for the mails that are due; nothing without a mail server."""
        if not self._settings.sends_mail or time.monotonic() < self._rests_until:
            return
        with reading(self._sessions) as session:
            if outbox.is_idle(session):
                return
        outbox.give_up_lost(self._sessions)
        outbox.make_jobs(self._sessions)

    def run(self, job_id: int, mail_id: int) -> None:
        """Send the mail, if it is still due and true, and finish the job."""
        with transaction(self._sessions) as session:
            prepared = self._prepare(session, job_id, mail_id)
            if prepared is None:
                jobs.finish(session, session.get_one(Job, job_id))
                return
        ids, recipient, message = prepared
        reach("mail-written")
        try:
            self._send(job_id, ids, recipient, message)
        except Changed:
            self._settle(job_id, [])
        except Refused as error:
            self._settle(job_id, ids, MailState.REFUSED, error.detail)
        except Unclear as error:
            self._settle(job_id, ids, MailState.UNKNOWN, error.detail)
        except NotNow as error:
            self._put_off(job_id, ids, error)
        else:
            self._rest = 0.0
            self._settle(job_id, ids, MailState.SENT)

    def _prepare(self, session: Session, job_id: int, mail_id: int) -> tuple[list[int], str, EmailMessage] | None:
        """Ids of what is sent together, its reader, its text; None where there is nothing to send (any more)."""
        mail = session.get(Mail, mail_id, with_for_update=True)
        if mail is None or not self._settings.sends_mail or time.monotonic() < self._rests_until:
            return None
        if mail.state is MailState.SENDING and mail.job_id == job_id:  # this job lost its worker at that very moment
            lost = (Mail.job_id == job_id, Mail.state == MailState.SENDING)
            session.execute(update(Mail).where(*lost).values(state=MailState.UNKNOWN))
            return None
        now = utcnow()
        if mail.state is not MailState.PENDING or mail.next_try_at > now:
            return None
        if mail.expires_at < now:
            mail.state = MailState.EXPIRED
            return None
        contents, language = self._contents[mail.kind], Language(mail.language)
        kept, parts = [], []
        for row in _together(session, mail):
            part = contents.part(session, row, language)
            if part is None:
                row.state = MailState.DROPPED
            else:
                kept.append(row)
                parts.append(part)
        if not kept:
            return None
        return [row.id for row in kept], mail.recipient, self._writer.message(contents.template, kept, parts)

    def _send(self, job_id: int, ids: Sequence[int], recipient: str, message: EmailMessage) -> None:
        with connected(self._settings) as server:
            server.begin(recipient)
            self._claim(job_id, ids)
            reach("mail-claimed")
            server.deliver(message)
            reach("mail-accepted")

    def _claim(self, job_id: int, ids: Sequence[int]) -> None:
        """Write down that the text is about to leave. Raises Changed."""
        with transaction(self._sessions) as session:
            pending = update(Mail).where(Mail.id.in_(ids), Mail.state == MailState.PENDING)
            claimed = pending.values(state=MailState.SENDING, job_id=job_id).returning(Mail.id)
            if len(session.scalars(claimed).all()) != len(ids):
                raise Changed

    def _settle(self, job_id: int, ids: Sequence[int], state: MailState = MailState.PENDING, error: str = "") -> None:
        if error:
            log.warning("mail %s is %s: %s", list(ids), state.value, error)
        sent_at = utcnow() if state is MailState.SENT else None
        values = {"state": state, "error": error, "sent_at": sent_at, "attempts": Mail.attempts + 1, "job_id": job_id}
        with transaction(self._sessions) as session:
            if ids:
                session.execute(update(Mail).where(Mail.id.in_(ids)).values(values))
            jobs.finish(session, session.get_one(Job, job_id))

    def _put_off(self, job_id: int, ids: Sequence[int], error: NotNow) -> None:
        log.warning("mail %s waits: %s", list(ids), error.detail)
        if error.whole_server:
            self._rest = min(max(self._rest * 2, _SHORTEST_REST), _LONGEST_REST)
            self._rests_until = time.monotonic() + self._rest
        with transaction(self._sessions) as session:
            for mail in session.scalars(select(Mail).where(Mail.id.in_(ids)).with_for_update()):
                mail.state, mail.error = MailState.PENDING, error.detail
                mail.attempts += 1
                mail.next_try_at = utcnow() + pause_after(mail.attempts)
            jobs.finish(session, session.get_one(Job, job_id))


def _together(session: Session, mail: Mail) -> list[Mail]:
    """The mail, and what else its reader is told at once with it."""
    if mail.kind not in GATHERED:
        return [mail]
    query = select(Mail).where(
        Mail.kind == mail.kind,
        Mail.recipient == mail.recipient,
        Mail.language == mail.language,
        Mail.volunteer_id.is_not_distinct_from(mail.volunteer_id),
        Mail.state == MailState.PENDING,
        Mail.next_try_at <= utcnow(),
        Mail.id != mail.id,
    )
    return [mail, *session.scalars(query.order_by(Mail.id).limit(_MOST_GATHERED).with_for_update())]
