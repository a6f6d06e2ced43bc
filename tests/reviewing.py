"""Submissions that experts decided on, for tests: sent, screened and reviewed as people do."""

from app.accounts.tables import User
from app.core.db import reading, transaction
from app.review.decisions import Decision, Decisions
from app.review.rules import IdentificationKind
from app.review.tables import ReviewTask
from app.submissions.tables import Submission
from tests.app.sending import submit
from tests.conftest import Service

NO_BUTTERFLY = Decision(IdentificationKind.NO_BUTTERFLY)


def taxon(name: str) -> Decision:
    """The answer that it is this species."""
    return Decision(IdentificationKind.TAXON, name)


def send(service: Service, picture: bytes, who: int, number: object = 1, **values: object) -> int:
    """A submission of the volunteer with this number, screened; its id."""
    token = submit(service, picture, key=f"volunteer-{who}", idempotency_key=f"{who}-{number}", **values).token
    service.work()
    with reading(service.sessions) as session:
        return session.query(Submission.id).filter_by(token=token).scalar()


def decide(service: Service, expert: User, submission_id: int, decision: Decision) -> int:
    """An expert's answer; the number of the identification."""
    with reading(service.sessions) as session:
        revision = session.get_one(ReviewTask, submission_id).revision
    return Decisions(service.sessions).decide(expert.id, submission_id, revision, decision).identification_id


def as_audit(service: Service, submission_id: int) -> None:
    """As if it had been drawn from what the machine accepted."""
    with transaction(service.sessions) as session:
        session.get_one(ReviewTask, submission_id).audit = True
