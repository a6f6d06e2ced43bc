"""Screening: predictions, verdict and status, in one transaction, however often it runs."""

import pytest
from sqlalchemy import select, update

from app.core import jobs
from app.core.db import transaction, utcnow
from app.core.storage import LocalStorage
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.rules import ClaimKind, Outcome, Reason
from app.predictions.tables import ModelVersion
from app.review.tables import ReviewTask
from app.submissions import photos
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.taxa.tables import Taxon, TaxonPolicy
from ml.inference import Square
from tests.app.sending import TAXA, files, row, submissions, submit
from tests.factories import photo
from tests.versions import (
    ALWAYS_IN_SCOPE,
    BELIEVES_THE_CLAIM,
    BELIEVES_THE_MODEL,
    NEVER_IN_SCOPE,
    make_version,
    put_into_service,
)


@pytest.fixture
def serve(service, tmp_path):
    """Put the bundled network into service under another policy."""
    return lambda version="99.0.0", **policy: put_into_service(
        service.sessions, service.settings, make_version(tmp_path, version, **policy)
    )


def screened(service, *pictures, **values):
    token = submit(service, *pictures, **values).token
    service.work()
    return row(service, token)


def set_policy(service, taxon, **values):
    with transaction(service.sessions) as session:
        found = session.scalars(select(Taxon).where(Taxon.scientific_name == taxon)).one()
        found.policy = TaxonPolicy(**({"machine_acceptance": False} | values))


def tasks_of(service):
    with service.sessions() as session:
        return list(session.scalars(select(ReviewTask)))


def jobs_of(service):
    with service.sessions() as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


# --- what is written -------------------------------------------------------------------------------------------------


def test_the_bundled_model_gives_a_verdict_on_every_submission(service):
    kept = screened(service, photo(1), photo(2))
    assert kept.status in {SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED}
    assert kept.verdict is not None
    assert [job.status for job in jobs_of(service)] == [JobStatus.DONE]


def test_each_photo_gets_a_prediction_with_the_version_that_made_it(service):
    kept = screened(service, photo(1), photo(2))
    for each in kept.photos:
        [prediction] = each.predictions
        assert set(prediction.probabilities) == set(TAXA)
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert prediction.model_version_id == kept.verdict.model_version_id


def test_the_numbers_in_force_are_kept_with_the_verdict(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    verdict = screened(service).verdict
    assert verdict.policy["wanted_error"] == 0.05
    assert verdict.policy["in_scope_threshold"] == 0.0
    assert verdict.model_version.version == "99.0.0"


def test_the_square_is_what_the_model_looks_at(lite):
    token = submit(lite, photos=[*files(photo(1)), *files(photo(1), square=Square(0, 0, 0.2, 0.25))]).token
    lite.work()
    whole, corner = (p.predictions[0].probabilities for p in row(lite, token).photos)
    assert whole != corner


OUTCOMES = [
    # policy of the version, claim, outcome, reason, status afterwards
    (BELIEVES_THE_CLAIM, {}, Outcome.AGREE, Reason.AGREES, SubmissionStatus.SCREENED),
    (NEVER_IN_SCOPE, {}, Outcome.OUT_OF_SCOPE, Reason.OUT_OF_SCOPE, SubmissionStatus.FLAGGED),
    (
        NEVER_IN_SCOPE,
        {"claim_kind": ClaimKind.OTHER},
        Outcome.OUT_OF_SCOPE,
        Reason.OUT_OF_SCOPE_AS_CLAIMED,
        SubmissionStatus.FLAGGED,
    ),
    (
        ALWAYS_IN_SCOPE,
        {"claim_kind": ClaimKind.UNKNOWN},
        Outcome.UNCERTAIN,
        Reason.NO_CLAIM,
        SubmissionStatus.FLAGGED,
    ),
    (
        BELIEVES_THE_CLAIM,
        {"claim_kind": ClaimKind.OTHER},
        Outcome.DISAGREE,
        Reason.OTHER_CLAIMED,
        SubmissionStatus.FLAGGED,
    ),
]


@pytest.mark.parametrize(("policy", "claim", "outcome", "reason", "status"), OUTCOMES)
def test_the_status_follows_the_verdict(service, serve, policy, claim, outcome, reason, status):
    serve(**policy)
    kept = screened(service, **claim)
    assert (kept.verdict.outcome, kept.verdict.reason, kept.status) == (outcome, reason, status)
    assert kept.verification_status is VerificationStatus.PENDING


def test_a_claim_that_the_model_contradicts_is_flagged_with_what_it_sees(service, serve):
    serve(**BELIEVES_THE_MODEL)
    [seen] = service.client.post("/predict", files=[("file", ("a.jpg", photo(1)))]).json()["results"]
    top, other = (p["scientific_name"] for p in seen["predictions"])
    kept = screened(service, claimed_name=other)
    assert (kept.verdict.outcome, kept.verdict.suggested) == (Outcome.DISAGREE, top)
    assert kept.status is SubmissionStatus.FLAGGED


def test_every_step_is_in_the_log(service, serve):
    serve(**NEVER_IN_SCOPE)
    log = [(e.event, e.actor, e.from_status, e.to_status) for e in screened(service).log]
    assert log == [
        ("received", "volunteer", SubmissionStatus.RECEIVED, SubmissionStatus.RECEIVED),
        ("screened", "machine", SubmissionStatus.RECEIVED, SubmissionStatus.SCREENED),
        ("screened", "machine", SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED),
    ]


def test_the_log_names_the_version_of_a_machine_decision(service):
    kept = screened(service)
    assert {e.model_version_id for e in kept.log if e.actor == "machine"} == {kept.verdict.model_version_id}


# --- machine acceptance ----------------------------------------------------------------------------------------------


def test_agreement_alone_accepts_nothing(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    kept = screened(service)
    assert (kept.verdict.within_error_bound, kept.verdict.machine_accepted) == (True, False)
    assert kept.status is SubmissionStatus.SCREENED


def test_where_the_coordinator_turned_it_on_the_machine_accepts_and_says_so(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    set_policy(service, TAXA[0], machine_acceptance=True)
    kept = screened(service)
    assert kept.status is SubmissionStatus.AUTO_ACCEPTED
    assert kept.verification_status is VerificationStatus.ACCEPTED_BY_MACHINE
    assert kept.verdict.machine_accepted
    last = kept.log[-1]
    assert (last.actor, last.to_status, last.verification_status) == (
        "machine",
        SubmissionStatus.AUTO_ACCEPTED,
        VerificationStatus.ACCEPTED_BY_MACHINE,
    )


def test_it_is_on_for_that_species_only(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    set_policy(service, TAXA[1], machine_acceptance=True)
    assert screened(service).status is SubmissionStatus.SCREENED


@pytest.mark.parametrize(
    "policy",
    [
        NEVER_IN_SCOPE,
        # agreement beyond what calibration photos support
        BELIEVES_THE_CLAIM
        | {"thresholds": [{"error_rate": 0.05, "probability": None, "supported": False, "coverage": 0, "photos": 9}]},
    ],
    ids=["out of scope", "unsupported"],
)
def test_what_data_do_not_support_is_not_accepted_either(service, serve, policy):
    serve(**policy)
    set_policy(service, TAXA[0], machine_acceptance=True)
    kept = screened(service)
    assert kept.verification_status is VerificationStatus.PENDING
    assert not kept.verdict.machine_accepted


def test_not_knowing_is_never_accepted(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    set_policy(service, TAXA[0], machine_acceptance=True)
    assert screened(service, claim_kind=ClaimKind.UNKNOWN).status is SubmissionStatus.FLAGGED


def test_the_wanted_error_of_a_species_is_used(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    set_policy(service, TAXA[0], machine_acceptance=True, wanted_error=0.01)
    kept = screened(service)
    assert kept.verdict.policy["wanted_error"] == 0.01
    assert kept.status is SubmissionStatus.SCREENED  # the version has no threshold as strict as that


def test_the_reliability_of_a_species_is_used(service, serve):
    serve(**BELIEVES_THE_CLAIM)
    set_policy(service, TAXA[0], claim_reliability=1e-9)
    assert screened(service).verdict.outcome is Outcome.DISAGREE


# --- again -----------------------------------------------------------------------------------------------------------


def test_screening_twice_changes_nothing(service):
    kept = screened(service)
    with transaction(service.sessions) as session:
        jobs.create(session, JobKind.SCREENING, kept.id)
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    assert service.work() == 1
    again = row(service, kept.token)
    assert len(again.verdicts) == len(kept.verdicts) == 1
    assert [len(p.predictions) for p in again.photos] == [1]
    assert [(e.event, e.to_status) for e in again.log] == [(e.event, e.to_status) for e in kept.log]
    assert [job.status for job in jobs_of(service)] == [JobStatus.DONE] * 2


def test_a_message_that_comes_twice_is_one_screening(service):
    submit(service)
    [job] = jobs_of(service)
    service.worker.dispatcher.send(job.id)
    assert service.work() == 2
    [job] = jobs_of(service)
    assert (job.status, job.attempts) == (JobStatus.DONE, 1)


def test_another_version_appends_and_never_edits(service, serve):
    kept = screened(service)
    serve(**NEVER_IN_SCOPE)
    with transaction(service.sessions) as session:
        jobs.create(session, JobKind.SCREENING, kept.id)
    service.worker.classifiers._checked = 0.0
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    again = row(service, kept.token)
    assert again.verdicts[0].model_version_id == kept.verdicts[0].model_version_id
    assert len(again.verdicts) == 2
    assert [len(p.predictions) for p in again.photos] == [2]


def test_what_was_withdrawn_meanwhile_is_left_alone(service):
    token = submit(service).token
    submissions(service).withdraw(token)
    service.work()
    kept = row(service, token)
    assert (kept.status, kept.verdicts) == (SubmissionStatus.WITHDRAWN, [])
    assert {job.status for job in jobs_of(service)} == {JobStatus.DONE}


def test_what_an_expert_verified_meanwhile_stays_verified_and_gets_its_verdict_all_the_same(service):
    token = submit(service).token
    with transaction(service.sessions) as session:
        submissions(service).get(session, token).status = SubmissionStatus.VERIFIED
    service.work()
    kept = row(service, token)
    assert (kept.status, len(kept.verdicts), kept.verdict.machine_accepted) == (SubmissionStatus.VERIFIED, 1, False)
    assert [entry.event for entry in kept.log] == ["received"]
    assert tasks_of(service) == []


# --- when it can't ---------------------------------------------------------------------------------------------------


def test_without_a_model_the_job_waits(service):
    token = submit(service).token
    with transaction(service.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    service.work()
    [job] = jobs_of(service)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)  # an outage is no attempt
    assert "No model version is active" in job.error
    assert row(service, token).status is SubmissionStatus.RECEIVED


def test_a_kept_photo_that_is_damaged_is_given_up_at_once(service):
    token = submit(service).token
    storage = LocalStorage(service.settings.photo_dir)
    key = photos.key_of(row(service, token).photos[0].sha256, "original")
    storage.delete(key)
    storage.put(key, b"rot")
    service.work()
    [job] = jobs_of(service)
    assert job.status is JobStatus.FAILED
    assert job.error.startswith(f"photo {key}: ")


def test_a_kept_photo_that_is_missing_is_tried_again(service):
    token = submit(service).token
    LocalStorage(service.settings.photo_dir).delete(photos.key_of(row(service, token).photos[0].sha256, "original"))
    service.work()
    [job] = jobs_of(service)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 1)
    assert job.not_before > utcnow()
