"""The second look: keep the claim or change it. Both claims stay on record; a changed one is no independent witness."""

import pytest
from sqlalchemy import func, select

from app.core.db import transaction
from app.core.errors import Conflict, InvalidSubmission, NotFound
from app.core.tables import Job
from app.predictions.rules import ClaimKind, Outcome
from app.submissions import status
from app.submissions.rules import SubmissionStatus
from tests.app.sending import TAXA, row, submissions, submit
from tests.app.volunteers.test_submitting_twice import at_the_same_moment
from tests.versions import BELIEVES_THE_CLAIM, NEVER_IN_SCOPE, make_version, put_into_service

TAXON, OTHER, UNKNOWN = ClaimKind.TAXON, ClaimKind.OTHER, ClaimKind.UNKNOWN


@pytest.fixture
def flagged(service, tmp_path):
    """The token of a submission that waits for an expert; the first taxon was claimed."""
    put_into_service(service.sessions, service.settings, make_version(tmp_path, **NEVER_IN_SCOPE))
    token = submit(service).token
    service.work()
    return token


def job_count(service):
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(Job))


def test_a_kept_claim_is_noted_and_nothing_else_changes(service, flagged):
    submissions(service).reconsider(flagged, TAXON, TAXA[0])
    kept = row(service, flagged)
    assert len(kept.claims) == 1
    assert kept.claim.confirmed_at is not None
    assert kept.claim.informed is False
    assert kept.status is SubmissionStatus.FLAGGED
    assert kept.log[-1].event == "claim_kept"
    assert job_count(service) == 1


def test_keeping_twice_is_noted_once(service, flagged):
    submissions(service).reconsider(flagged, TAXON, TAXA[0])
    first = row(service, flagged).claim.confirmed_at
    submissions(service).reconsider(flagged, TAXON, TAXA[0])
    kept = row(service, flagged)
    assert kept.claim.confirmed_at == first
    assert [e.event for e in kept.log].count("claim_kept") == 1


@pytest.mark.parametrize(("kind", "name"), [(TAXON, TAXA[1]), (OTHER, None), (UNKNOWN, None)])
def test_a_changed_claim_stands_beside_the_first_and_is_screened_again(service, flagged, kind, name):
    submissions(service).reconsider(flagged, kind, name)
    kept = row(service, flagged)
    assert [claim.informed for claim in kept.claims] == [False, True]
    assert kept.claims[0].taxon.scientific_name == TAXA[0]
    assert kept.claim.kind is kind
    assert (kept.claim.taxon.scientific_name if kept.claim.taxon else None) == name
    assert kept.verdict is None  # the claim that stands waits for its own
    service.work()
    kept = row(service, flagged)
    assert [verdict.claim_id for verdict in kept.verdicts] == [claim.id for claim in kept.claims]
    assert [e.event for e in kept.log][:4] == ["received", "screened", "screened", "claim_changed"]


def test_an_informed_claim_carries_no_weight(service, tmp_path, flagged):
    """Under a policy that takes every independent claim for the truth, one made after seeing the verdict is none."""
    put_into_service(service.sessions, service.settings, make_version(tmp_path, "99.1.0", **BELIEVES_THE_CLAIM))
    service.worker.classifiers._checked = 0.0
    submissions(service).reconsider(flagged, TAXON, TAXA[1])
    service.work()
    kept = row(service, flagged)
    shares = kept.photos[0].predictions[-1].probabilities
    assert kept.verdict.model_version.version == "99.1.0"
    assert kept.verdict.support == pytest.approx(shares[TAXA[1]], abs=1e-5)


def test_changing_back_is_a_third_claim(service, flagged):
    submissions(service).reconsider(flagged, UNKNOWN, None)
    service.work()
    submissions(service).reconsider(flagged, TAXON, TAXA[0])
    assert [claim.informed for claim in row(service, flagged).claims] == [False, True, True]


def test_a_double_click_on_a_changed_answer_is_one_change(service, flagged):
    results = at_the_same_moment(*[lambda: submissions(service).reconsider(flagged, TAXON, TAXA[1])] * 4)
    assert results == [None] * 4
    assert len(row(service, flagged).claims) == 2


def test_an_unknown_species_is_refused(service, flagged):
    with pytest.raises(InvalidSubmission):
        submissions(service).reconsider(flagged, TAXON, "Nemo nescitus")
    assert len(row(service, flagged).claims) == 1


def test_while_it_waits_for_its_verdict_nothing_can_be_changed(service):
    token = submit(service).token
    with pytest.raises(Conflict):
        submissions(service).reconsider(token, TAXON, TAXA[1])


@pytest.mark.parametrize("state", [SubmissionStatus.VERIFIED, SubmissionStatus.QUERIED, SubmissionStatus.WITHDRAWN])
def test_once_a_person_has_it_nothing_can_be_changed(service, flagged, state):
    with transaction(service.sessions) as session:
        found = submissions(service).get(session, flagged)
        status.change_status(found, state, event="test", actor="user:1")
    with pytest.raises(Conflict):
        submissions(service).reconsider(flagged, TAXON, TAXA[1])


def test_an_agreed_submission_can_not_be_changed(service, tmp_path):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, **BELIEVES_THE_CLAIM))
    token = submit(service).token
    service.work()
    assert row(service, token).verdict.outcome is Outcome.AGREE
    with pytest.raises(Conflict):
        submissions(service).reconsider(token, TAXON, TAXA[1])


def test_an_unknown_link_is_not_found(service):
    with pytest.raises(NotFound):
        submissions(service).reconsider("nothing", TAXON, TAXA[1])
