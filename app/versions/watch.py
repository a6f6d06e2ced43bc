"""Watching the version in service, week by week: what it says, whether experts agree, and whether it still sees the same.

The reference are the first photos that the version screened. Drift of its answers is measured on probabilities and in-scope
scores; drift of the photos on a sketch of the embedding, which is stored with each prediction (see inference.py).
"""

import json
import logging
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core import jobs
from app.core.db import SessionFactory, get_or_not_found, reading, transaction, utcnow
from app.core.settings import Settings
from app.core.tables import Job
from app.predictions.classifiers import Classifiers
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import ReviewTask
from app.submissions.tables import Photo, PredictionRecord, VerdictRecord
from app.versions import mails
from app.versions.promotion import get
from app.versions.rules import population_stability
from app.versions.tables import WatchAlert

log = logging.getLogger(__name__)
WEEKS = 12
REFERENCE = 500
DISMISSED_SHOWN = 20
DRIFTS = ("drift_of_confidence", "drift_of_scope", "drift_of_embedding")
_WEEK = timedelta(days=7)
_WEBHOOK_SECONDS = 10


@dataclass(frozen=True)
class WatchedPhoto:
    """What is stored of one photo's prediction: when, the top probability, the in-scope score, the sketch of its embedding."""

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

    def share(self, outcome: Outcome) -> float | None:
        """The share of its verdicts that are this one."""
        total = sum(self.outcomes.values())
        return self.outcomes[outcome] / total if total else None


def weeks(session: Session, version: ModelVersion, threshold: float, now: datetime | None = None) -> list[Week]:
    """The last weeks of a version, the newest first. ``threshold``: of its in-scope score."""
    now = now or utcnow()
    reference = _watched(session, version.id, limit=REFERENCE)
    first = _monday(now) - (WEEKS - 1) * _WEEK
    by_week: dict[date, list[WatchedPhoto]] = defaultdict(list)
    for photo in _watched(session, version.id, since=first):
        by_week[_monday(photo.at).date()].append(photo)
    outcomes, agreed = _outcomes(session, version.id, first), _agreed(session, version.id, first)
    mondays = [(_monday(now) - number * _WEEK).date() for number in range(WEEKS)]
    return [
        _week(begins, (by_week[begins], outcomes[begins], agreed[begins]), reference, threshold)
        for begins in mondays
        if by_week[begins] or outcomes[begins]
    ]


def _week(
    begins: date,
    contents: tuple[list[WatchedPhoto], Counter[Outcome], list[bool]],
    reference: Sequence[WatchedPhoto],
    threshold: float,
) -> Week:
    photos, outcomes, agreed = contents
    # The reference's own photos are like it by necessity.
    later = [photo for photo in photos if reference and photo.at > reference[-1].at]
    return Week(
        begins=begins,
        photos=len(photos),
        outcomes={outcome: outcomes[outcome] for outcome in Outcome},
        confidence=sum(photo.confidence for photo in photos) / len(photos) if photos else None,
        in_scope=sum(photo.in_scope >= threshold for photo in photos) / len(photos) if photos else None,
        decided=len(agreed),
        agreement=sum(agreed) / len(agreed) if agreed else None,
        drift_of_confidence=population_stability([s.confidence for s in reference], [s.confidence for s in later]),
        drift_of_scope=population_stability([s.in_scope for s in reference], [s.in_scope for s in later]),
        drift_of_embedding=_drift_of_embedding(reference, later),
    )


def _drift_of_embedding(reference: Sequence[WatchedPhoto], later: Sequence[WatchedPhoto]) -> float | None:
    """The largest over the directions of the sketch."""
    then, now = ([photo.sketch for photo in group if photo.sketch] for group in (reference, later))
    directions = zip(zip(*then, strict=False), zip(*now, strict=False), strict=False)
    drifts = [population_stability(old, new) for old, new in directions]
    return max((drift for drift in drifts if drift is not None), default=None)


def _monday(moment: datetime) -> datetime:
    return datetime.combine((moment - timedelta(days=moment.weekday())).date(), datetime.min.time(), moment.tzinfo)


def _watched(
    session: Session, version_id: int, *, since: datetime | None = None, limit: int | None = None
) -> list[WatchedPhoto]:
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
        WatchedPhoto(at, max(probabilities.values()), scope, tuple(sketch or ()))
        for at, probabilities, scope, sketch in session.execute(query)
    ]


def _outcomes(session: Session, version_id: int, since: datetime) -> dict[date, Counter[Outcome]]:
    row = VerdictRecord
    query = select(row.created_at, row.outcome).where(row.model_version_id == version_id, row.created_at >= since)
    by_week: dict[date, Counter[Outcome]] = defaultdict(Counter)
    for at, outcome in session.execute(query):
        by_week[_monday(at).date()][outcome] += 1
    return by_week


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
    by_week: dict[date, list[bool]] = defaultdict(list)
    for at, same in session.execute(query):
        if at is not None:
            by_week[_monday(at).date()].append(bool(same))
    return by_week


# --- alerts -----------------------------------------------------------------------------------------------------------


def crossed(week: Week, settings: Settings) -> dict[str, tuple[float, float]]:
    """The figures of a week that are past their limits, each with its value and the limit."""
    agreement = week.agreement if week.decided >= settings.watch_least_photos else None
    in_scope = week.in_scope if week.photos >= settings.watch_least_photos else None
    most = {name: (getattr(week, name), settings.watch_max_drift) for name in DRIFTS}
    least = {
        "agreement": (agreement, settings.watch_least_agreement),
        "in_scope": (in_scope, settings.watch_least_in_scope),
    }
    above = {name: pair for name, pair in most.items() if pair[0] is not None and pair[0] > pair[1]}
    return above | {name: pair for name, pair in least.items() if pair[0] is not None and pair[0] < pair[1]}


def open_alerts(session: Session) -> list[WatchAlert]:
    """Those that nobody has dismissed, the newest week first."""
    query = select(WatchAlert).where(WatchAlert.seen_at.is_(None))
    return list(session.scalars(query.order_by(WatchAlert.week.desc(), WatchAlert.id)))


def seen_alerts(session: Session, most: int = DISMISSED_SHOWN) -> list[WatchAlert]:
    """Dismissed ones, the latest first."""
    query = select(WatchAlert).where(WatchAlert.seen_at.is_not(None)).order_by(WatchAlert.seen_at.desc(), WatchAlert.id)
    return list(session.scalars(query.limit(most)))


def mark_seen(sessions: SessionFactory, alert_id: int, user_id: int | None) -> None:
    """Dismiss an alert. Idempotent. Raises NotFound."""
    with transaction(sessions) as session:
        alert = get_or_not_found(session, WatchAlert, alert_id, "There is no such alert.")
        if alert.seen_at is None:
            alert.seen_at, alert.seen_by = utcnow(), user_id
            audit.record(session, user_id, "watch.seen", f"alert:{alert.id}", {"figure": alert.figure})


def note_alerts(
    sessions: SessionFactory, version: ModelVersion, recent: Sequence[Week], settings: Settings
) -> list[WatchAlert]:
    """Write down what is past a limit, each figure of a week once. Returns what the webhook has not been sent."""
    with transaction(sessions) as session:
        query = select(WatchAlert).where(WatchAlert.model_version_id == version.id)
        rows = session.scalars(query).all()
        known, known_ids = {(row.week, row.figure) for row in rows}, [row.id for row in rows]
        for week in recent:
            for name, (value, limit) in crossed(week, settings).items():
                if (week.begins, name) not in known:
                    values = {"week": week.begins, "figure": name, "value": value, "limit": limit}
                    session.add(WatchAlert(model_version_id=version.id, **values))
        session.flush()
        new = query.where(WatchAlert.id.not_in(known_ids))
        mails.figures_crossed(session, session.scalars(new.order_by(WatchAlert.id)).all())
        return list(session.scalars(query.where(WatchAlert.sent_at.is_(None))))


def mark_sent(sessions: SessionFactory, alerts: Sequence[WatchAlert]) -> None:
    """The webhook took these."""
    with transaction(sessions) as session:
        for alert in alerts:
            session.get_one(WatchAlert, alert.id).sent_at = utcnow()


class Watching:
    """Handles WATCH jobs: the worker's daily look at the version in service."""

    def __init__(self, sessions: SessionFactory, classifiers: Classifiers, settings: Settings) -> None:
        self._sessions = sessions
        self._classifiers = classifiers
        self._settings = settings

    def is_worthwhile(self) -> bool:
        """Whether anything was screened more than a day ago."""
        with reading(self._sessions) as session:
            first = session.scalar(select(PredictionRecord.created_at).order_by(PredictionRecord.id).limit(1))
        return first is not None and first < utcnow() - timedelta(days=1)

    def run(self, job_id: int, _subject_id: int) -> None:
        """Write down what is past a limit, send it to the webhook, finish the job. Raises OSError where that is away."""
        served = self._classifiers.current()
        with reading(self._sessions) as session:
            version = get(session, served.id)
            recent = weeks(session, version, served.info.policy.in_scope_threshold)
        unsent = note_alerts(self._sessions, version, recent, self._settings)
        if unsent and self._settings.watch_webhook_url:
            _post(self._settings.watch_webhook_url, unsent)
            mark_sent(self._sessions, unsent)
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))


def _post(url: str, alerts: Sequence[WatchAlert]) -> None:
    """POST the alerts as JSON. Raises OSError."""
    content = {
        "alerts": [
            {
                "week": alert.week.isoformat(),
                "figure": alert.figure,
                "value": alert.value,
                "limit": alert.limit,
                "model": {"name": alert.model_version.name, "version": alert.model_version.version},
            }
            for alert in alerts
        ]
    }
    headers = {"Content-Type": "application/json", "User-Agent": "wingcheck"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="POST")  # noqa: S310 (http, checked)
    with urllib.request.urlopen(request, timeout=_WEBHOOK_SECONDS):  # noqa: S310
        log.info("sent %s alerts to the webhook", len(alerts))
