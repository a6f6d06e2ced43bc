"""The decision policy of a species: which error rate is acceptable, and how far claims of it are believed.

Nobody types a threshold: the error rate picks the one that the version's calibration photos support. Before a policy is saved,
its effect on this season's submissions is shown.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, get_or_not_found, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.predictions.classifiers import Served
from app.predictions.rules import Outcome
from app.review import acceptance
from app.review.judging import Judge, claimed_since, past_claims, season_start
from app.review.rules import Rate
from app.taxa.tables import Taxon, TaxonPolicy

LEAST_RELIABILITY, LARGEST_RELIABILITY = 0.01, 0.999


@dataclass(frozen=True)
class Terms:
    """The terms of a policy; None: the default of the model version."""

    wanted_error: float | None = None
    claim_reliability: float | None = None

    def check(self) -> None:
        """Raise InvalidInput unless both are possible."""
        errors = []
        limits = {
            "wanted_error": (acceptance.LEAST_ERROR, acceptance.LARGEST_ERROR),
            "claim_reliability": (LEAST_RELIABILITY, LARGEST_RELIABILITY),
        }
        for name, (least, largest) in limits.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= largest:
                errors.append(FieldError(name, "number_range", (("min", str(least)), ("max", str(largest)))))
        if errors:
            raise InvalidInput(errors)


@dataclass(frozen=True)
class Effect:
    """This season's submissions that claim a species, judged under its policy as it is and under another one.

    ``pairs``: how many have which verdict now and then; ``accepted_…``: those that the machine would accept;
    ``wrong_…``: of the verdicts "agrees" that experts decided on, those in which the claim was wrong.
    """

    since: datetime
    submissions: int
    looked_at: int
    pairs: dict[tuple[Outcome, Outcome], int]
    accepted_before: int
    accepted_after: int
    wrong_before: Rate
    wrong_after: Rate

    @property
    def flipped(self) -> int:
        """How many would get another verdict."""
        return sum(number for (before, after), number in self.pairs.items() if before is not after)

    def not_agreeing(self, side: int) -> int:
        """With how many the computer does not agree: 0: as it is, 1: under the other policy."""
        return sum(number for pair, number in self.pairs.items() if pair[side] is not Outcome.AGREE)


def terms_of(taxon: Taxon) -> Terms:
    """The policy of a species as it is."""
    policy = taxon.policy
    return Terms(policy.wanted_error, policy.claim_reliability) if policy else Terms()


def get(session: Session, taxon_id: int) -> Taxon:
    """The species. Raises NotFound."""
    return get_or_not_found(session, Taxon, taxon_id, "There is no such species.")


def effect(session: Session, taxon: Taxon, terms: Terms, served: Served) -> Effect:
    """What another policy would mean. Nothing is changed. Raises InvalidInput for terms that can't be."""
    terms.check()
    since = season_start(utcnow())
    accepts = taxon.id in acceptance.accepted_taxa(session)
    judges = [Judge(served, t.wanted_error, t.claim_reliability) for t in (terms_of(taxon), terms)]
    pairs: Counter[tuple[Outcome, Outcome]] = Counter()
    accepted, wrong, known = [0, 0], [0, 0], [0, 0]
    for claim in past_claims(session, taxon, since):
        before, after = (judge.verdict_on_past(claim) for judge in judges)
        if before is None or after is None:
            continue
        pairs[before.outcome, after.outcome] += 1
        for number, verdict in enumerate((before, after)):
            accepted[number] += accepts and verdict.within_error_bound
            if verdict.outcome is Outcome.AGREE and claim.right is not None:
                known[number] += 1
                wrong[number] += not claim.right
    return Effect(
        since=since,
        submissions=claimed_since(session, taxon.id, since),
        looked_at=sum(pairs.values()),
        pairs=dict(pairs),
        accepted_before=accepted[0],
        accepted_after=accepted[1],
        wrong_before=Rate(wrong[0], known[0]),
        wrong_after=Rate(wrong[1], known[1]),
    )


def save(sessions: SessionFactory, user_id: int | None, taxon_id: int, terms: Terms) -> Terms:
    """Save the policy of a species; returns what it was before. It applies to what is screened from now on.

    Whether the machine may accept the species stays as it is. Raises NotFound, InvalidInput.
    """
    terms.check()
    with transaction(sessions) as session:
        taxon = get(session, taxon_id)
        before = terms_of(taxon)
        if before == terms:
            return before
        if taxon.policy is None:
            taxon.policy = TaxonPolicy(machine_acceptance=False)
        taxon.policy.wanted_error = terms.wanted_error
        taxon.policy.claim_reliability = terms.claim_reliability
        details = {
            name: [getattr(before, name), getattr(terms, name)]
            for name in ("wanted_error", "claim_reliability")
            if getattr(before, name) != getattr(terms, name)
        }
        audit.record(session, user_id, "policy.changed", f"taxon:{taxon.scientific_name}", details)
        return before
