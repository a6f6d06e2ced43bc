"""Machine acceptance of a species: what turning it on would have done this season, and turning it on."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound
from app.predictions.classifiers import Served
from app.predictions.inference import policy_of
from app.predictions.rules import Claim, ClaimKind, ErrorThreshold, Outcome, Policy, judge
from app.predictions.tables import opinion_of
from app.review import desk_settings
from app.review.rules import IdentificationKind, Rate, TaskState
from app.review.tables import Identification, ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, PredictionRecord, Submission, VerdictRecord
from app.taxa import names as taxa
from app.taxa.tables import Taxon, TaxonPolicy

# A season that is larger is judged by its latest ones.
MOST_LOOKED_AT = 20_000
_MOST_TIMES = 2000
LEAST_ERROR, LARGEST_ERROR = 0.001, 0.5


@dataclass(frozen=True)
class Preview:
    """What accepting a species by machine would have done since ``since``.

    ``submissions`` claimed it; of the latest ``looked_at`` of them ``passed`` would have been accepted, ``audits`` of these
    been looked at all the same. ``wrong_expected``: by the verdicts' own probabilities; ``wrong_at_most``: what the wanted
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


def season_start(now: datetime) -> datetime:
    """The first of January, UTC: garden counts don't run over the turn of the year."""
    return now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


def preview(session: Session, scientific_name: str, wanted_error: float, served: Served) -> Preview:
    """Judge this season's submissions of a species anew, at another error rate. Nothing is changed.

    Raises NotFound for a species nobody knows, InvalidInput for an error rate outside 0.1 % to 50 %.
    """
    taxon = taxa.find(session, scientific_name)
    if taxon is None:
        raise NotFound("There is no such species.")
    check_error(wanted_error)
    since = season_start(utcnow())
    reliability = reliability_of(taxon, served)
    passed, wrong_expected, known, known_wrong, looked_at = 0, 0.0, 0, 0, 0
    for rows in by_submission(session.execute(stored(taxon.id, since))):
        looked_at += 1
        support = _support_if_accepted(rows, taxon.scientific_name, reliability, wanted_error, served)
        if support is None:
            continue
        passed += 1
        wrong_expected += 1 - support
        first = rows[0]
        if first.state is TaskState.DECIDED and first.outcome_kind is not IdentificationKind.UNABLE:
            known += 1
            known_wrong += first.outcome_taxon_id != taxon.id
    share = desk_settings.current(session).audit_share
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
        known_wrong=Rate(known_wrong, known),
        supported=policy_of(served.info, wanted_error).threshold_for(wanted_error) is not None,
    )


def check_error(wanted_error: float) -> None:
    """Raise InvalidInput unless an error rate can be wanted."""
    if not LEAST_ERROR <= wanted_error <= LARGEST_ERROR:
        limits = (("min", str(LEAST_ERROR)), ("max", str(LARGEST_ERROR)))
        raise InvalidInput([FieldError("wanted_error", "number_range", limits)])


def reliability_of(taxon: Taxon, served: Served) -> float:
    """How often claims of the species are right, as far as anybody said: the coordinator, else the version."""
    own = taxon.policy.claim_reliability if taxon.policy else None
    return served.info.policy.default_claim_reliability if own is None else own


def stored(taxon_id: int, since: datetime) -> Select[Any]:
    """Predictions behind the latest verdict on each claim of the species that stands, a row per photo."""
    later = (
        select(func.max(ClaimRecord.id))
        .where(ClaimRecord.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    newest = (
        select(func.max(VerdictRecord.id))
        .where(VerdictRecord.claim_id == ClaimRecord.id)
        .correlate(ClaimRecord)
        .scalar_subquery()
    )
    chosen = (
        select(
            Submission.id.label("submission_id"),
            ClaimRecord.informed,
            newest.label("verdict_id"),
        )
        .join(ClaimRecord, ClaimRecord.id == later)
        .where(
            Submission.created_at >= since,
            Submission.status != SubmissionStatus.WITHDRAWN,
            ClaimRecord.kind == ClaimKind.TAXON,
            ClaimRecord.taxon_id == taxon_id,
        )
        .order_by(Submission.id.desc())
        .limit(MOST_LOOKED_AT)
        .subquery()
    )
    # Of the square as it stands; of the one before where that was moved a moment ago.
    seen = (
        select(func.max(PredictionRecord.id))
        .where(
            PredictionRecord.photo_id == Photo.id,
            PredictionRecord.model_version_id == VerdictRecord.model_version_id,
        )
        .correlate(Photo, VerdictRecord)
        .scalar_subquery()
    )
    return (
        select(
            chosen.c.submission_id,
            chosen.c.informed,
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
        .join(VerdictRecord, VerdictRecord.id == chosen.c.verdict_id)
        .join(Photo, (Photo.submission_id == chosen.c.submission_id) & Photo.removed_at.is_(None))
        .join(PredictionRecord, PredictionRecord.id == seen)
        .outerjoin(ReviewTask, ReviewTask.submission_id == chosen.c.submission_id)
        .order_by(chosen.c.submission_id, Photo.position)
    )


def by_submission(rows: Iterable[Row[Any]]) -> Iterable[list[Row[Any]]]:
    """The rows of each submission together."""
    grouped: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.submission_id].append(row)
    return grouped.values()


def _support_if_accepted(
    rows: list[Row[Any]], name: str, reliability: float, wanted_error: float, served: Served
) -> float | None:
    """The probability that the claim is right, where the machine would accept it; else None."""
    first = rows[0]
    own = first.model_version_id == served.id
    policy = policy_of(served.info, wanted_error) if own else policy_then(first.policy, wanted_error)
    if policy is None:
        return None
    claim = Claim(ClaimKind.TAXON, name, reliability, first.informed)
    verdict = judge(claim, [opinion_of(row) for row in rows], policy)
    accepted = verdict.outcome is Outcome.AGREE and verdict.within_error_bound
    return verdict.support if accepted else None


def policy_then(kept: Mapping[str, Any], wanted_error: float) -> Policy | None:
    """The policy of a version that serves no more, as it was kept with the verdict; None where it can't be read."""
    try:
        thresholds = tuple(ErrorThreshold(t["error_rate"], t["probability"]) for t in kept["thresholds"])
        # Verdicts of before there were two thresholds were made with one.
        confident = kept.get("confident_in_scope_threshold", kept["in_scope_threshold"])
        return Policy(kept["in_scope_threshold"], kept["disagree_below"], thresholds, wanted_error, confident)
    except (KeyError, TypeError):
        return None


def claimed_since(session: Session, taxon_id: int, since: datetime) -> int:
    """How many submissions claim the species."""
    later = (
        select(func.max(ClaimRecord.id))
        .where(ClaimRecord.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    query = (
        select(func.count())
        .select_from(Submission)
        .join(ClaimRecord, ClaimRecord.id == later)
        .where(
            Submission.created_at >= since,
            Submission.status != SubmissionStatus.WITHDRAWN,
            ClaimRecord.taxon_id == taxon_id,
        )
    )
    return session.scalar(query) or 0


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


class Acceptance:
    """Turning machine acceptance on and off."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def set(self, user_id: int, scientific_name: str, *, accepts: bool, wanted_error: float | None) -> None:
        """Whether the machine may accept a species, and at which error rate (None: the model version's own).

        Holds for what is screened from now on. Raises NotFound, InvalidInput.
        """
        if wanted_error is not None:
            check_error(wanted_error)
        with transaction(self._sessions) as session:
            taxon = taxa.find(session, scientific_name)
            if taxon is None:
                raise NotFound("There is no such species.")
            policy = taxon.policy
            before = (policy.machine_acceptance, policy.wanted_error) if policy else (False, None)
            if policy is None:
                policy = TaxonPolicy(taxon_id=taxon.id)
                session.add(policy)
            policy.machine_acceptance, policy.wanted_error = accepts, wanted_error
            if before != (accepts, wanted_error):
                details = {"accepts": [before[0], accepts], "wanted_error": [before[1], wanted_error]}
                audit.record(session, user_id, "acceptance.changed", f"taxon:{scientific_name}", details)
