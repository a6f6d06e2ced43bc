"""What mails to volunteers say, found out when they are sent: nothing is told that is no longer so."""

from sqlalchemy.orm import Session

from app.core.web.i18n import Language
from app.mail.rendering import AllContents, Contents, Part
from app.mail.rules import MailKind
from app.mail.tables import Mail
from app.mail.tokens import MailTokens
from app.review.tables import ReviewQuestion
from app.submissions import mails
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, Volunteer
from app.volunteers.views import SubmissionOut, view_of


def contents(tokens: MailTokens) -> AllContents:
    """Every kind that volunteers get."""

    def confirm(session: Session, mail: Mail, _language: Language) -> Part | None:
        volunteer = session.get(Volunteer, mail.subject_id)
        if volunteer is None or volunteer.email != mail.recipient or volunteer.email_confirmed_at is not None:
            return None
        return {"path": f"/mail/confirm/{tokens.make('confirm', volunteer.id, tokens.digest(mail.recipient))}"}

    def join(session: Session, mail: Mail, _language: Language) -> Part | None:
        volunteer = session.get(Volunteer, mail.subject_id)
        if volunteer is None or volunteer.email != mail.recipient or volunteer.email_confirmed_at is None:
            return None
        return {"path": f"/mail/join/{tokens.make('join', volunteer.id, tokens.digest(mail.recipient))}"}

    return {
        MailKind.CONFIRM: Contents("volunteers/mail/confirm.html", confirm),
        MailKind.JOIN: Contents("volunteers/mail/join.html", join),
        MailKind.RECEIPT: Contents("volunteers/mail/receipt.html", _receipt),
        MailKind.QUESTION: Contents("volunteers/mail/question.html", _question),
        MailKind.REMINDER: Contents("volunteers/mail/reminder.html", _question),
        MailKind.TIME_OUT: Contents("volunteers/mail/time_out.html", _time_out),
        MailKind.OUTCOME: Contents("volunteers/mail/outcome.html", _outcome),
    }


def _receipt(session: Session, mail: Mail, language: Language) -> Part | None:
    submission = _submission(session, mail, language)
    return None if submission is None else {"submission": submission}


def _question(session: Session, mail: Mail, language: Language) -> Part | None:
    """None once it is answered, undone or closed, or another one has taken its place."""
    submission = _submission(session, mail, language)
    question = session.get(ReviewQuestion, mail.subject_id)
    waits = question is not None and question.answered_at is None and question.withdrawn_at is None
    if submission is None or submission.question is None or not waits:
        return None
    return {"submission": submission, "question": submission.question}


def _time_out(session: Session, mail: Mail, language: Language) -> Part | None:
    submission = _submission(session, mail, language)
    question = session.get(ReviewQuestion, mail.subject_id)
    return {"submission": submission} if submission and question is not None and question.lapsed_at else None


def _outcome(session: Session, mail: Mail, language: Language) -> Part | None:
    submission = _submission(session, mail, language)
    return {"submission": submission, "review": submission.review} if submission and submission.review else None


def _submission(session: Session, mail: Mail, language: Language) -> SubmissionOut | None:
    """What a mail is about, as its volunteer sees it; None where nothing may be mailed about it (any more)."""
    row = session.get(Submission, mail.submission_id)
    if row is None or row.status is SubmissionStatus.WITHDRAWN or not mails.is_still_for(row.volunteer, mail):
        return None
    return view_of(session, row, language)
