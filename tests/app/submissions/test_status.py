"""One door for every status change: it checks the transition and writes the log."""

import pytest

from app.core.db import transaction
from app.core.errors import Conflict
from app.submissions import status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from tests.app.sending import row, submissions, submit

S = SubmissionStatus


def change(service, token, new, **values):
    with transaction(service.sessions) as session:
        found = submissions(service).get(session, token)
        status.change_status(found, new, event="test", actor="user:7", **values)


def test_a_change_is_logged_with_where_from_who_and_what_it_means(service):
    token = submit(service).token
    change(service, token, S.SCREENED)
    change(service, token, S.VERIFIED, verification_status=VerificationStatus.V1)
    kept = row(service, token)
    assert (kept.status, kept.verification_status) == (S.VERIFIED, VerificationStatus.V1)
    assert [(e.event, e.actor, e.from_status, e.to_status, e.verification_status) for e in kept.log[1:]] == [
        ("test", "user:7", S.RECEIVED, S.SCREENED, VerificationStatus.PENDING),
        ("test", "user:7", S.SCREENED, S.VERIFIED, VerificationStatus.V1),
    ]


def test_a_transition_that_is_not_allowed_leaves_everything_as_it_was(service):
    token = submit(service).token
    with pytest.raises(Conflict):
        change(service, token, S.VERIFIED)
    kept = row(service, token)
    assert kept.status is S.RECEIVED
    assert len(kept.log) == 1


def test_a_withdrawn_submission_never_comes_back(service):
    token = submit(service).token
    submissions(service).withdraw(token)
    for new in S:
        with pytest.raises(Conflict):
            change(service, token, new)
