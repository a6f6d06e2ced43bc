"""The decision policy of a species: tried on the season before it is saved."""

import pytest
from sqlalchemy import select, update

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.errors import InvalidInput, NotFound
from app.predictions.rules import Outcome
from app.review.judging import policy_then
from app.review.rules import Rate
from app.submissions.tables import PredictionRecord
from app.taxa.tables import Taxon, TaxonPolicy
from app.versions import policies
from app.versions.policies import Terms
from tests.app.sending import TAXA
from tests.factories import butterfly, encode
from tests.people import make_user
from tests.reviewing import decide, send, taxon
from tests.versions import ALWAYS_IN_SCOPE, make_version, put_into_service

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
# Claims say nothing by themselves; from 0.9 on the calibration photos promise five mistakes in a hundred.
CAREFUL = ALWAYS_IN_SCOPE | {
    "default_error_rate": 0.05,
    "default_claim_reliability": 0.5,
    "disagree_below": 0.1,
    "thresholds": [{"error_rate": 0.05, "probability": 0.9, "supported": True, "coverage": 1.0, "photos": 300}],
}


def test_the_policy_of_an_old_verdict_is_read_with_or_without_a_second_threshold():
    kept = {"in_scope_threshold": 0.4, "disagree_below": 0.5, "thresholds": [{"error_rate": 0.05, "probability": 0.8}]}
    for more, confident in (({}, 0.4), ({"confident_in_scope_threshold": 0.7}, 0.7)):
        policy = policy_then(kept | more, 0.01)
        assert policy is not None
        assert (policy.in_scope_threshold, policy.confident_in_scope_threshold) == (0.4, confident)
        assert (policy.wanted_error, policy.threshold_for(0.05)) == (0.01, 0.8)
    assert policy_then({"in_scope_threshold": 0.4}, 0.01) is None


def claimed(session):
    return session.scalars(select(Taxon).where(Taxon.scientific_name == TAXA[0])).one()


def test_another_policy_is_tried_on_the_season_and_changes_nothing(service, tmp_path):
    put_into_service(service.sessions, service.settings, make_version(tmp_path, "5.0.0", **CAREFUL))
    expert = make_user(service.sessions)
    numbers = [send(service, encode(butterfly(who, (120, 90)), quality=60), who) for who in range(3)]
    for number, answer in zip(numbers, (TAXA[0], TAXA[1]), strict=False):
        decide(service, expert, number, taxon(answer))
    with transaction(service.sessions) as session:
        session.add(TaxonPolicy(taxon_id=claimed(session).id, machine_acceptance=True))
        for row, right in zip(session.scalars(select(PredictionRecord)), (0.97, 0.8, 0.8), strict=True):
            row.probabilities = {TAXA[0]: right, TAXA[1]: 1 - right}
    served = service.worker.classifiers.current()
    with reading(service.sessions) as session:
        species = claimed(session)
        found = policies.effect(session, species, Terms(claim_reliability=0.9), served)
        assert (found.submissions, found.looked_at) == (3, 3)
        # Nine claims in ten are right, so 0.8 by itself becomes 0.97 together with the claim.
        assert found.pairs == {
            (Outcome.AGREE, Outcome.AGREE): 1,
            (Outcome.UNCERTAIN, Outcome.AGREE): 2,
        }
        assert (found.accepted_before, found.accepted_after) == (1, 1)
        assert (found.wrong_before, found.wrong_after) == (Rate(0, 1), Rate(1, 2))
        strict = policies.effect(session, species, Terms(wanted_error=0.01), served)
        assert (strict.pairs, strict.accepted_after) == (
            {(Outcome.AGREE, Outcome.UNCERTAIN): 1, (Outcome.UNCERTAIN, Outcome.UNCERTAIN): 2},
            0,
        )
        assert policies.terms_of(species) == Terms()


@SQLITE
def test_a_policy_is_saved_with_what_it_was_and_acceptance_stays(service):
    with reading(service.sessions) as session:
        number = claimed(session).id
    user = make_user(service.sessions)
    assert policies.save(service.sessions, user.id, number, Terms(0.02, 0.7)) == Terms()
    with transaction(service.sessions) as session:
        session.execute(update(TaxonPolicy).values(machine_acceptance=True))
    assert policies.save(service.sessions, user.id, number, Terms(0.02, None)) == Terms(0.02, 0.7)
    assert policies.save(service.sessions, user.id, number, Terms(0.02, None)) == Terms(0.02, None)
    with reading(service.sessions) as session:
        policy = claimed(session).policy
        assert (policy.wanted_error, policy.claim_reliability, policy.machine_acceptance) == (0.02, None, True)
        first, second = session.scalars(select(AuditEntry).where(AuditEntry.action == "policy.changed"))
        assert first.details == {"wanted_error": [None, 0.02], "claim_reliability": [None, 0.7]}
        assert second.details == {"claim_reliability": [0.7, None]}
    for terms in (Terms(wanted_error=0.9), Terms(claim_reliability=1.0)):
        with pytest.raises(InvalidInput):
            policies.save(service.sessions, user.id, number, terms)
    with pytest.raises(NotFound):
        policies.save(service.sessions, user.id, 999, Terms())
