"""The desk in figures: how much was decided, how quickly, how far people and model agree, and what waits since when."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.review.judging import season_start
from app.review.rules import ANSWERS, IdentificationKind, Rate, ReviewReason, TaskState, cohens_kappa
from app.review.tables import Identification, ReviewTask
from app.submissions.rules import VerificationStatus
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class Work:
    """``decisions`` that stand, and the ``timed`` ones among them, which took ``seconds`` together."""

    decisions: int = 0
    timed: int = 0
    seconds: float = 0.0

    @property
    def per_minute(self) -> float | None:
        """Decisions a minute of those that were timed; None where none was."""
        return 60 * self.timed / self.seconds if self.seconds > 0 else None

    def __add__(self, other: "Work") -> "Work":
        return Work(self.decisions + other.decisions, self.timed + other.timed, self.seconds + other.seconds)


@dataclass(frozen=True)
class ReviewerFigures:
    """One reviewer. ``with_model``: answers of a species where the model had one too, and how many were the same."""

    user_id: int
    name: str
    today: Work
    season: Work
    with_model: Rate


@dataclass(frozen=True)
class SpeciesFigures:
    """The decisions on claims of one species (None: no species was claimed). ``unable``: nobody could identify it.

    ``right``: claims confirmed; ``model_right``: the model named the same as the experts, where it named anything.
    """

    taxon: Taxon | None
    decided: int
    unable: int
    right: Rate
    model_right: Rate
    codes: dict[VerificationStatus, int]


@dataclass(frozen=True)
class PairFigures:
    """Two reviewers on the ``items`` that both answered; ``kappa``: Cohen's, None where it is undefined."""

    names: tuple[str, str]
    items: int
    same: Rate
    kappa: float | None


@dataclass(frozen=True)
class Waiting:
    """Open items of one reason, and since when the oldest waits. ``reason`` None: questions that wait for volunteers."""

    reason: ReviewReason | None
    count: int
    oldest: datetime


@dataclass(frozen=True)
class Figures:
    """All figures. ``with_model_blind``: of answers given without seeing the prediction, so not influenced by it."""

    since: datetime
    today: Work
    season: Work
    reviewers: list[ReviewerFigures]
    species: list[SpeciesFigures]
    pairs: list[PairFigures]
    kappa: float | None
    with_model: Rate
    with_model_blind: Rate
    waiting: list[Waiting] = field(default_factory=list)


def figures(session: Session, now: datetime) -> Figures:
    """All figures as of ``now``. The season starts on 1 January UTC, the day at midnight of the server's time zone."""
    since, today = season_start(now), now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    by_user = {row.user_id: row for row in session.execute(_work(since, today))}
    names = {row[0]: row[1] for row in session.execute(select(User.id, User.name).where(User.id.in_(by_user)))}
    reviewers = [
        ReviewerFigures(
            user_id,
            names[user_id],
            Work(row.today, row.today_timed, row.today_seconds),
            Work(row.season, row.season_timed, row.season_seconds),
            Rate(row.same, row.compared),
        )
        for user_id, row in by_user.items()
    ]
    reviewers.sort(key=lambda reviewer: (-reviewer.season.decisions, reviewer.name))
    pairs, kappa = _pairs(session, since)
    rows = list(by_user.values())
    return Figures(
        since=since,
        today=sum((reviewer.today for reviewer in reviewers), Work()),
        season=sum((reviewer.season for reviewer in reviewers), Work()),
        reviewers=reviewers,
        species=_species(session, since),
        pairs=pairs,
        kappa=kappa,
        with_model=Rate(sum(row.same for row in rows), sum(row.compared for row in rows)),
        with_model_blind=Rate(sum(row.same_blind for row in rows), sum(row.compared_blind for row in rows)),
        waiting=_waiting(session),
    )


def _count(condition: ColumnElement[bool]) -> Any:
    return func.count().filter(condition)


def _seconds(condition: ColumnElement[bool]) -> Any:
    return func.coalesce(func.sum(Identification.seconds).filter(condition), 0.0)


def _work(since: datetime, today: datetime) -> Select[Any]:
    row = Identification
    timed, in_day = row.seconds.is_not(None), row.created_at >= today
    compared = and_(row.kind == IdentificationKind.TAXON, row.predicted_taxon_id.is_not(None))
    same, blind = and_(compared, row.taxon_id == row.predicted_taxon_id), row.model_shown.is_(False)
    return (
        select(
            row.user_id,
            func.count().label("season"),
            _count(timed).label("season_timed"),
            _seconds(timed).label("season_seconds"),
            _count(in_day).label("today"),
            _count(and_(in_day, timed)).label("today_timed"),
            _seconds(and_(in_day, timed)).label("today_seconds"),
            _count(compared).label("compared"),
            _count(same).label("same"),
            _count(and_(compared, blind)).label("compared_blind"),
            _count(and_(same, blind)).label("same_blind"),
        )
        .where(row.is_standing_answer(), row.created_at >= since)
        .group_by(row.user_id)
    )


def _species(session: Session, since: datetime) -> list[SpeciesFigures]:
    query = (
        select(
            ReviewTask.claimed_taxon_id.label("claimed"),
            ReviewTask.outcome_kind.label("kind"),
            ReviewTask.outcome_code.label("code"),
            func.count().label("count"),
            _count(ReviewTask.outcome_taxon_id == ReviewTask.claimed_taxon_id).label("right"),
            _count(ReviewTask.predicted_taxon_id.is_not(None)).label("predicted"),
            _count(ReviewTask.outcome_taxon_id == ReviewTask.predicted_taxon_id).label("model_right"),
        )
        .where(ReviewTask.state == TaskState.DECIDED, ReviewTask.closed_at >= since)
        .group_by(ReviewTask.claimed_taxon_id, ReviewTask.outcome_kind, ReviewTask.outcome_code)
    )
    grouped: dict[int | None, list[Any]] = defaultdict(list)
    for row in session.execute(query):
        grouped[row.claimed].append(row)
    ids = [number for number in grouped if number is not None]
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(ids)))}
    result = [_species_figures(taxa.get(claimed or 0), rows) for claimed, rows in grouped.items()]
    return sorted(result, key=lambda f: (-f.decided, f.taxon.scientific_name if f.taxon else ""))


def _species_figures(taxon: Taxon | None, rows: list[Any]) -> SpeciesFigures:
    identified = [row for row in rows if row.kind is not IdentificationKind.UNABLE]
    codes: Counter[VerificationStatus] = Counter()
    for row in rows:
        codes[row.code] += row.count
    decided = sum(row.count for row in rows)
    total = sum(row.count for row in identified)
    return SpeciesFigures(
        taxon=taxon,
        decided=decided,
        unable=decided - total,
        right=Rate(sum(row.right for row in identified), total if taxon else 0),
        model_right=Rate(sum(row.model_right for row in identified), sum(row.predicted for row in identified)),
        codes=dict(codes),
    )


def _pairs(session: Session, since: datetime) -> tuple[list[PairFigures], float | None]:
    """Every two reviewers who answered the same items, by their latest answer to each; and all pairs taken together."""
    several = (
        select(Identification.submission_id)
        .where(Identification.kind.in_(ANSWERS), Identification.created_at >= since)
        .group_by(Identification.submission_id)
        .having(func.count(func.distinct(Identification.user_id)) > 1)
    )
    query = (
        select(
            Identification.submission_id,
            Identification.user_id,
            Identification.kind,
            Identification.taxon_id,
            User.name,
        )
        .join(User, User.id == Identification.user_id)
        .where(Identification.is_standing_answer(), Identification.submission_id.in_(several))
        .order_by(Identification.id)
    )
    answers: dict[int, dict[tuple[str, int], tuple[Any, Any]]] = defaultdict(dict)
    for submission_id, user_id, kind, taxon_id, name in session.execute(query):
        answers[submission_id][name, user_id] = (kind, taxon_id)
    shared: dict[tuple[tuple[str, int], tuple[str, int]], list[Any]] = defaultdict(list)
    for by_reviewer in answers.values():
        for first, second in combinations(sorted(by_reviewer), 2):
            shared[first, second].append((by_reviewer[first], by_reviewer[second]))
    pairs = [
        PairFigures(
            names=(first[0], second[0]),
            items=len(items),
            same=Rate(sum(a == b for a, b in items), len(items)),
            kappa=cohens_kappa(items),
        )
        for (first, second), items in sorted(shared.items())
    ]
    return pairs, cohens_kappa([item for items in shared.values() for item in items])


def _waiting(session: Session) -> list[Waiting]:
    query = (
        select(ReviewTask.state, ReviewTask.reason, func.count(), func.min(ReviewTask.waiting_since))
        .where(or_(ReviewTask.state == TaskState.OPEN, ReviewTask.state == TaskState.ASKED))
        .group_by(ReviewTask.state, ReviewTask.reason)
    )
    open_items, asked, oldest = [], 0, None
    for state, reason, count, since in session.execute(query):
        if state is TaskState.OPEN:
            open_items.append(Waiting(reason, count, since))
        else:
            asked, oldest = asked + count, since if oldest is None else min(oldest, since)
    order = list(ReviewReason)
    open_items.sort(key=lambda item: order.index(item.reason or ReviewReason.ANSWERED))
    return [*open_items, Waiting(None, asked, oldest)] if oldest is not None else open_items
