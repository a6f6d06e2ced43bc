"""Verdicts on claims: of one submission, and of all claims of a species in a season."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Self

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.predictions.classifiers import Served
from app.predictions.inference import policy_of
from app.predictions.rules import Claim, ClaimKind, ErrorThreshold, Opinion, Policy, Verdict, judge
from app.predictions.tables import opinion_of
from app.review import acceptance, settings
from app.review.rules import IdentificationKind, Rate, TaskState
from app.review.tables import Identification, ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, PredictionRecord, Submission, VerdictRecord
from app.taxa.tables import Taxon

# Of a larger season, only the latest submissions are judged.
MOST_LOOKED_AT = 20_000
_MOST_TIMES = 2000


class Judge:
    """Judges claims with the thresholds of ``served``; what the coordinator leaves open (None) is the version's own.

    The machine may accept a claim whose verdict is ``within_error_bound``, if it may accept the taxon: see
    ``acceptance.accepted_taxa``.
    """

    def __init__(
        self, served: Served, wanted_error: float | None = None, claim_reliability: float | None = None
    ) -> None:
        default = served.info.policy.default_claim_reliability
        self.policy = policy_of(served.info, wanted_error)
        self._version_id = served.id
        self._reliability = default if claim_reliability is None else claim_reliability

    @classmethod
    def of_taxon(cls, taxon: Taxon | None, served: Served) -> Self:
        """For claims of ``taxon`` under its policy; None: of no species, or of one that is not listed."""
        policy = taxon.policy if taxon is not None else None
        return cls(served, policy.wanted_error, policy.claim_reliability) if policy else cls(served)

    def verdict(self, claim: ClaimRecord, opinions: Sequence[Opinion]) -> Verdict:
        """The verdict on a claim. ``opinions``: one for each photo, in their order."""
        name = claim.taxon.scientific_name if claim.kind is ClaimKind.TAXON and claim.taxon else None
        return judge(Claim(claim.kind, name, self._reliability, claim.informed), opinions, self.policy)

    def verdict_on_past(self, claim: "PastClaim") -> Verdict | None:
        """The verdict from stored predictions; None where an earlier version made them and its policy is unreadable."""
        own = claim.model_version_id == self._version_id
        policy = self.policy if own else policy_then(claim.policy, self.policy.wanted_error)
        if policy is None:
            return None
        name = claim.scientific_name
        return judge(Claim(ClaimKind.TAXON, name, self._reliability, claim.informed), claim.opinions, policy)


def policy_then(stored: Mapping[str, Any], wanted_error: float) -> Policy | None:
    """The policy of a version that no longer serves, as it was stored with the verdict; None where it is unreadable."""
    try:
        thresholds = tuple(ErrorThreshold(t["error_rate"], t["probability"]) for t in stored["thresholds"])
        # Early versions had one threshold for both.
        confident = stored.get("confident_in_scope_threshold", stored["in_scope_threshold"])
        return Policy(stored["in_scope_threshold"], stored["disagree_below"], thresholds, wanted_error, confident)
    except (KeyError, TypeError):
        return None


# --- a season ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PastClaim:
    """A current claim of a species, with what its verdict was made of. ``policy``: as it was stored with the verdict.

    ``right``: whether experts confirmed it; None where they have not decided, or could not identify it.
    """

    scientific_name: str
    informed: bool
    model_version_id: int
    policy: dict[str, Any]
    opinions: list[Opinion]
    right: bool | None


def season_start(now: datetime) -> datetime:
    """The first of January, UTC: garden counts don't run over the turn of the year."""
    return now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


def past_claims(session: Session, taxon: Taxon, since: datetime) -> Iterator[PastClaim]:
    """The claims of a species that were sent since then and screened: at most the latest 20,000."""
    photos = session.execute(_predictions(taxon.id, since))
    for _submission, rows in groupby(photos, key=lambda row: row.submission_id):
        first, *others = rows
        identified = first.state is TaskState.DECIDED and first.outcome_kind is not IdentificationKind.UNABLE
        yield PastClaim(
            scientific_name=taxon.scientific_name,
            informed=first.informed,
            model_version_id=first.model_version_id,
            policy=first.policy,
            opinions=[opinion_of(row) for row in (first, *others)],
            right=first.outcome_taxon_id == taxon.id if identified else None,
        )


def _claims(taxon_id: int, since: datetime, *columns: Any) -> Select[Any]:
    """``columns`` of the current claims of a species, of submissions since then that were not withdrawn."""
    return (
        select(*columns)
        .select_from(Submission)
        .join(ClaimRecord, ClaimRecord.id == Submission.latest_claim_id())
        .where(
            Submission.created_at >= since,
            Submission.status != SubmissionStatus.WITHDRAWN,
            ClaimRecord.kind == ClaimKind.TAXON,
            ClaimRecord.taxon_id == taxon_id,
        )
    )


def _predictions(taxon_id: int, since: datetime) -> Select[Any]:
    """The predictions behind the latest verdict on each current claim of the species, a row per photo."""
    latest_verdict = select(func.max(VerdictRecord.id)).where(VerdictRecord.claim_id == ClaimRecord.id)
    verdict_id = latest_verdict.correlate(ClaimRecord).scalar_subquery().label("verdict_id")
    claims = _claims(taxon_id, since, Submission.id.label("submission_id"), ClaimRecord.informed, verdict_id)
    claim = claims.order_by(Submission.id.desc()).limit(MOST_LOOKED_AT).subquery().c
    # Of the present square; of the one before where that was moved a moment ago.
    latest_prediction = select(func.max(PredictionRecord.id)).where(
        PredictionRecord.photo_id == Photo.id,
        PredictionRecord.model_version_id == VerdictRecord.model_version_id,
    )
    return (
        select(
            claim.submission_id,
            claim.informed,
            VerdictRecord.model_version_id,
            VerdictRecord.policy,
            PredictionRecord.probabilities,
            PredictionRecord.in_scope,
            PredictionRecord.others,
            PredictionRecord.searched,
            PredictionRecord.square_origin,
            ReviewTask.state,
            ReviewTask.outcome_kind,
            ReviewTask.outcome_taxon_id,
        )
        .join(VerdictRecord, VerdictRecord.id == claim.verdict_id)
        .join(Photo, (Photo.submission_id == claim.submission_id) & Photo.removed_at.is_(None))
        .join(
            PredictionRecord,
            PredictionRecord.id == latest_prediction.correlate(Photo, VerdictRecord).scalar_subquery(),
        )
        .outerjoin(ReviewTask, ReviewTask.submission_id == claim.submission_id)
        .order_by(claim.submission_id, Photo.position)
    )


def claimed_since(session: Session, taxon_id: int, since: datetime) -> int:
    """How many submissions since then claim the species."""
    return session.scalar(_claims(taxon_id, since, func.count())) or 0


def seconds_per_decision(session: Session, since: datetime, taxon_id: int | None = None) -> float | None:
    """The median time of a decision, on claims of a species where there are any; None where nothing was measured."""
    measured = (
        select(Identification.seconds)
        .where(Identification.seconds.is_not(None), Identification.created_at >= since)
        .order_by(Identification.created_at.desc())
        .limit(_MOST_TIMES)
    )
    own = list(session.scalars(measured.where(Identification.claimed_taxon_id == taxon_id))) if taxon_id else []
    times = [seconds for seconds in own or session.scalars(measured) if seconds is not None]
    return statistics.median(times) if times else None


# --- a preview of acceptance ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What accepting a species by machine would have done since ``since``.

    ``submissions`` claimed it; of the latest ``looked_at`` of them ``passed`` would have been accepted, and ``audits`` of
    these audited. ``wrong_expected``: by the verdicts' own probabilities; ``wrong_at_most``: what the wanted
    error rate allows. ``known_wrong``: of those that experts have decided meanwhile. ``seconds_per_decision``: the median
    this season, None where nobody has decided anything yet; then there are no ``hours_saved`` either.
    """

    taxon: Taxon
    wanted_error: float
    since: datetime
    submissions: int
    looked_at: int
    passed: int
    audits: float
    seconds_per_decision: float | None
    hours_saved: float | None
    wrong_expected: float
    wrong_at_most: float
    known_wrong: Rate
    supported: bool


def preview(session: Session, scientific_name: str, wanted_error: float, served: Served) -> Preview:
    """Judge this season's claims of a species anew, at another error rate. Nothing is changed.

    Raises NotFound for a species nobody knows, InvalidInput for an error rate outside 0.1 % to 50 %.
    """
    taxon = acceptance.known_taxon(session, scientific_name)
    acceptance.check_error(wanted_error)
    since = season_start(utcnow())
    judge = Judge(served, wanted_error, taxon.policy.claim_reliability if taxon.policy else None)
    looked_at, wrong_expected = 0, 0.0
    accepted: list[PastClaim] = []
    for claim in past_claims(session, taxon, since):
        looked_at += 1
        verdict = judge.verdict_on_past(claim)
        if verdict is not None and verdict.within_error_bound:
            accepted.append(claim)
            wrong_expected += 1 - (verdict.support or 0.0)
    passed = len(accepted)
    share = settings.current(session).audit_share
    seconds = seconds_per_decision(session, since, taxon.id)
    return Preview(
        taxon=taxon,
        wanted_error=wanted_error,
        since=since,
        submissions=claimed_since(session, taxon.id, since),
        looked_at=looked_at,
        passed=passed,
        audits=passed * share,
        seconds_per_decision=seconds,
        hours_saved=None if seconds is None else passed * (1 - share) * seconds / 3600,
        wrong_expected=wrong_expected,
        wrong_at_most=passed * wanted_error,
        known_wrong=Rate(
            sum(claim.right is False for claim in accepted), sum(claim.right is not None for claim in accepted)
        ),
        supported=judge.policy.threshold_for(wanted_error) is not None,
    )
