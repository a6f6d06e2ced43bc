"""Mails to admins: figures of the version in service past their limits, and training runs that failed."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.accounts import mails
from app.core.roles import Role
from app.core.web.i18n import Language
from app.core.web.words import job_message
from app.mail.rendering import AllContents, Contents, Part
from app.mail.rules import MailKind
from app.mail.tables import Mail
from app.versions.tables import TrainingRun, WatchAlert


def figures_crossed(session: Session, alerts: Sequence[WatchAlert]) -> None:
    """Tell the admins of new alerts."""
    for alert in alerts:
        mails.alert(session, MailKind.WATCH, f"{alert.id}", alert.id, Role.ADMIN)


def run_failed(session: Session, run: TrainingRun) -> None:
    """Tell the admins. A run that was tried again and fails again is told again."""
    mails.alert(session, MailKind.RUN, f"{run.id}.{run.revision}", run.id, Role.ADMIN)


def _alert(session: Session, mail: Mail, _language: Language) -> Part | None:
    alert = session.get(WatchAlert, mail.subject_id)
    if alert is None or alert.seen_at is not None or mails.reader(session, mail) is None:
        return None
    return {"alert": alert}


def _run(session: Session, mail: Mail, language: Language) -> Part | None:
    run = session.get(TrainingRun, mail.subject_id)
    if run is None or run.phase != "failed" or mails.reader(session, mail) is None:
        return None
    return {"run": run, "reason": job_message(language, run.job)}


CONTENTS: AllContents = {
    MailKind.WATCH: Contents("versions/mail/watch.html", _alert),
    MailKind.RUN: Contents("versions/mail/run.html", _run),
}
