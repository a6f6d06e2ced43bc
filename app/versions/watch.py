"""Watching the version in service, week by week: what it says, whether experts agree, and whether it still sees the same.

The reference are the first photos that the version screened. Drift of what it says is told by its probabilities and in-scope
scores; drift of what it sees by a sketch of the embedding, which is kept with each prediction (see inference.py).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import NotFound
from app.core.settings import Settings
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import ReviewTask
from app.submissions.tables import Photo, PredictionRecord, VerdictRecord
from app.versions.rules import population_stability
from app.versions.tables import WatchAlert

WEEKS = 12
REFERENCE = 500
SEEN_SHOWN = 20
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Seen:
    """What is kept of one photo's prediction: when, the top probability, the in-scope score, the sketch of its embedding."""

    at: datetime
    confidence: float
    in_scope: float
    sketch: tuple[float, ...]


@dataclass(frozen=True)
class Week:
    """A week of the version in service, from Monday (UTC). None where there is too little to say."""

    begins: date
    photos: int
    outcomes: dict[Outcome, int]
    confidence: float | None
    in_scope: float | None
    decided: int
    agreement: float | None
    drift_of_confidence: float | None
    drift_of_scope: float | None
    drift_of_embedding: float | None


def weeks(session: Session, version: ModelVersion, threshold: float, now: datetime | None = None) -> list[Week]:
    """The last weeks of a version, the newest first. ``threshold``: of its in-scope score."""
    now = now or utcnow()
    reference = _seen(session, version.id, limit=REFERENCE)
    first = _monday(now) - (WEEKS - 1) * _WEEK
    by_week: dict[date, list[Seen]] = defaultdict(list)
    for seen in _seen(session, version.id, since=first):
        by_week[_monday(seen.at).date()].append(seen)
    outcomes, agreed = _outcomes(session, version.id, first), _agreed(session, version.id, first)
    found = []
    for number in range(WEEKS):
        begins = (_monday(now) - number * _WEEK).date()
        here = by_week.get(begins, [])
        if here or outcomes[begins]:
            found.append(_week(begins, here, reference, outcomes[begins], agreed[begins], threshold))
    return found


def _week(
    begins: date,
    here: Sequence[Seen],
    reference: Sequence[Seen],
    outcomes: Counter[Outcome],
    agreed: list[bool],
    threshold: float,
) -> Week:
    # What the reference itself was taken from is like it by necessity.
    last = reference[-1].at if reference else None
    later = [seen for seen in here if last is not None and seen.at > last]
    return Week(
        begins=begins,
        photos=len(here),
        outcomes={outcome: outcomes[outcome] for outcome in Outcome},
        confidence=sum(seen.confidence for seen in here) / len(here) if here else None,
        in_scope=sum(seen.in_scope >= threshold for seen in here) / len(here) if here else None,
        decided=len(agreed),
        agreement=sum(agreed) / len(agreed) if agreed else None,
        drift_of_confidence=population_stability([s.confidence for s in reference], [s.confidence for s in later]),
        drift_of_scope=population_stability([s.in_scope for s in reference], [s.in_scope for s in later]),
        drift_of_embedding=_drift_of_embedding(reference, later),
    )


def _drift_of_embedding(reference: Sequence[Seen], later: Sequence[Seen]) -> float | None:
    """The largest over the directions of the sketch."""
    then, now = ([seen.sketch for seen in group if seen.sketch] for group in (reference, later))
    found = [
        population_stability(old, new)
        for old, new in zip(zip(*then, strict=False), zip(*now, strict=False), strict=False)
    ]
    return max((value for value in found if value is not None), default=None)


def _monday(moment: datetime) -> datetime:
    return datetime.combine((moment - timedelta(days=moment.weekday())).date(), datetime.min.time(), moment.tzinfo)


def _seen(session: Session, version_id: int, *, since: datetime | None = None, limit: int | None = None) -> list[Seen]:
    row = PredictionRecord
    query = select(row.created_at, row.probabilities, row.in_scope, row.sketch).where(
        row.model_version_id == version_id
    )
    # A photo whose square was moved counts once.
    query = query.join(Photo, (Photo.id == row.photo_id) & (Photo.square_changes == row.square_changes))
    if since is not None:
        query = query.where(row.created_at >= since)
    query = query.order_by(row.created_at, row.id).limit(limit)
    return [
        Seen(at, max(probabilities.values()), scope, tuple(sketch or ()))
        for at, probabilities, scope, sketch in session.execute(query)
    ]


def _outcomes(session: Session, version_id: int, since: datetime) -> dict[date, Counter[Outcome]]:
    row = VerdictRecord
    query = select(row.created_at, row.outcome).where(row.model_version_id == version_id, row.created_at >= since)
    found: dict[date, Counter[Outcome]] = defaultdict(Counter)
    for at, outcome in session.execute(query):
        found[_monday(at).date()][outcome] += 1
    return found


def _agreed(session: Session, version_id: int, since: datetime) -> dict[date, list[bool]]:
    """Whether experts named the species that the model had named, for what they decided in each week."""
    row = ReviewTask
    query = select(row.closed_at, row.outcome_taxon_id == row.predicted_taxon_id).where(
        row.model_version_id == version_id,
        row.state == TaskState.DECIDED,
        row.outcome_kind == IdentificationKind.TAXON,
        row.predicted_taxon_id.is_not(None),
        row.closed_at >= since,
    )
    found: dict[date, list[bool]] = defaultdict(list)
    for at, same in session.execute(query):
        if at is not None:
            found[_monday(at).date()].append(bool(same))
    return found


# --- alerts -----------------------------------------------------------------------------------------------------------


def crossed(week: Week, settings: Settings) -> dict[str, tuple[float, float]]:
    """The figures of a week that are past their limits, each with its value and the limit."""
    drift = settings.watch_max_drift
    most = {
        "drift_of_confidence": (week.drift_of_confidence, drift),
        "drift_of_scope": (week.drift_of_scope, drift),
        "drift_of_embedding": (week.drift_of_embedding, drift),
    }
    agreement = week.agreement if week.decided >= settings.watch_least_photos else None
    in_scope = week.in_scope if week.photos >= settings.watch_least_photos else None
    least = {
        "agreement": (agreement, settings.watch_least_agreement),
        "in_scope": (in_scope, settings.watch_least_in_scope),
    }
    found = {name: (value, limit) for name, (value, limit) in most.items() if value is not None and value > limit}
    return found | {
        name: (value, limit) for name, (value, limit) in least.items() if value is not None and value < limit
    }


def open_alerts(session: Session) -> list[WatchAlert]:
    """What nobody has seen yet, the newest week first."""
    query = select(WatchAlert).where(WatchAlert.seen_at.is_(None))
    return list(session.scalars(query.order_by(WatchAlert.week.desc(), WatchAlert.id)))


def seen_alerts(session: Session, most: int = SEEN_SHOWN) -> list[WatchAlert]:
    """What somebody has seen, the latest first."""
    query = select(WatchAlert).where(WatchAlert.seen_at.is_not(None)).order_by(WatchAlert.seen_at.desc(), WatchAlert.id)
    return list(session.scalars(query.limit(most)))


def mark_seen(sessions: SessionFactory, alert_id: int, user_id: int | None) -> None:
    """Somebody has seen it. Twice is once. Raises NotFound."""
    with transaction(sessions) as session:
        alert = session.get(WatchAlert, alert_id)
        if alert is None:
            raise NotFound("There is no such alert.")
        if alert.seen_at is None:
            alert.seen_at, alert.seen_by = utcnow(), user_id
            audit.record(session, user_id, "watch.seen", f"alert:{alert.id}", {"figure": alert.figure})


def note_alerts(
    sessions: SessionFactory, version: ModelVersion, found: Sequence[Week], settings: Settings
) -> list[WatchAlert]:
    """Write down what is past a limit, each figure of a week once. Returns what the webhook has not been told."""
    with transaction(sessions) as session:
        query = select(WatchAlert).where(WatchAlert.model_version_id == version.id)
        known = {(row.week, row.figure) for row in session.scalars(query)}
        for week in found:
            for name, (value, limit) in crossed(week, settings).items():
                if (week.begins, name) not in known:
                    values = {"week": week.begins, "figure": name, "value": value, "limit": limit}
                    session.add(WatchAlert(model_version_id=version.id, **values))
        session.flush()
        return list(session.scalars(query.where(WatchAlert.sent_at.is_(None))))


def told(sessions: SessionFactory, alerts: Sequence[WatchAlert]) -> None:
    """The webhook took these."""
    with transaction(sessions) as session:
        for alert in alerts:
            session.get_one(WatchAlert, alert.id).sent_at = utcnow()


def of_serving(sessions: SessionFactory, version: ModelVersion, threshold: float) -> list[Week]:
    """The weeks of a version, in a session of their own."""
    with reading(sessions) as session:
        return weeks(session, version, threshold)
