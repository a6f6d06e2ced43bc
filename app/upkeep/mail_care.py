"""What is done once a day about mails and questions: digests, reminders, questions that nobody answered, old rows."""

from app.core import jobs
from app.core.db import SessionFactory, transaction
from app.core.settings import Settings
from app.core.tables import Job
from app.mail import outbox
from app.review import mails
from app.review.questions import Questions


class MailCare:
    """Handles MAIL_CARE jobs. Every part is idempotent."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def run(self, job_id: int, _subject_id: int) -> None:
        """Do all of it and finish the job. Questions are closed with or without mail."""
        settings, questions = self._settings, Questions(self._sessions)
        if settings.question_timeout_days:
            questions.time_out(settings.question_timeout_days)
        if settings.sends_mail and settings.question_reminder_days:
            questions.remind(settings.question_reminder_days)
        with transaction(self._sessions) as session:
            if settings.sends_mail:
                mails.plan_digests(session)
            outbox.tidy(session, settings.mail_keep_days)
            jobs.finish(session, session.get_one(Job, job_id))
