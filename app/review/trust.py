"""Trust, measured: how often what the machine accepted turns out wrong, and taking acceptance away from a species.

Audits of a species count from the last time its suspension was lifted: whoever lifts it has a reason to think that what
was wrong is mended, and the old mistakes would suspend it again at the next audit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import NotFound
from app.review import desk_settings
from app.review.rules import IdentificationKind, Rate, TaskState, must_suspend
from app.review.tables import AcceptanceSuspension, ReviewTask
from app.taxa import names as taxa
from app.taxa.tables import Taxon

DEFAULT_WANTED = 0.05


@dataclass(frozen=True)
class Standing:
    """How machine acceptance of one species does. ``wrong``: of the audits an expert could tell; ``undecided``: the others.

    ``wanted`` is the error rate that the coordinator wants, ``limit`` the upper bound that suspends.
    """

    taxon: Taxon
    accepts: bool
    wanted: float
    limit: float
    wrong: Rate
    undecided: int
    waiting: int
    suspension: AcceptanceSuspension | None


def after_decision(session: Session, task: ReviewTask) -> None:
    """An audit was settled: suspend the species where its acceptances are wrong too often."""
    if not task.audit or task.state is not TaskState.DECIDED or task.claimed_taxon_id is None:
        return
    session.flush()
    taxon = session.get_one(Taxon, task.claimed_taxon_id, with_for_update={"of": Taxon})
    if is_suspended(session, taxon.id):
        return
    settings = desk_settings.current(session)
    wrong, _ = wrong_acceptances(session, taxon.id)
    if not must_suspend(wrong, wanted_error(taxon), settings.wrong_limit, settings.minimum_audits):
        return
    session.add(
        AcceptanceSuspension(
            taxon_id=taxon.id,
            wrong=wrong.count,
            audits=wrong.total,
            upper_bound=wrong.upper,
            wrong_limit=settings.wrong_limit,
        )
    )
    details = {"wrong": wrong.count, "audits": wrong.total, "upper_bound": round(wrong.upper, 4)}
    audit.record(session, None, "acceptance.suspended", f"taxon:{taxon.scientific_name}", details)


def is_suspended(session: Session, taxon_id: int) -> bool:
    """Whether the machine may not accept this species now, whatever its policy says."""
    return _open_suspension(session, taxon_id) is not None


def _open_suspension(session: Session, taxon_id: int) -> AcceptanceSuspension | None:
    query = select(AcceptanceSuspension).where(
        AcceptanceSuspension.taxon_id == taxon_id, AcceptanceSuspension.lifted_at.is_(None)
    )
    return session.scalar(query)


def wanted_error(taxon: Taxon, default: float = DEFAULT_WANTED) -> float:
    """The error rate wanted for a species; ``default`` where the coordinator has set none."""
    own = taxon.policy.wanted_error if taxon.policy else None
    return default if own is None else own


def wrong_acceptances(session: Session, taxon_id: int) -> tuple[Rate, int]:
    """Wrong ones among the audits of a species that an expert could tell, and how many could not be told."""
    lifted = select(func.max(AcceptanceSuspension.lifted_at)).where(AcceptanceSuspension.taxon_id == taxon_id)
    since = session.scalar(lifted)
    told = ReviewTask.outcome_kind != IdentificationKind.UNABLE
    wrong = or_(ReviewTask.outcome_taxon_id.is_(None), ReviewTask.outcome_taxon_id != ReviewTask.claimed_taxon_id)
    query = select(
        func.coalesce(func.sum(case((told, 1), else_=0)), 0),
        func.coalesce(func.sum(case((told & wrong, 1), else_=0)), 0),
        func.count(),
    ).where(
        ReviewTask.audit,
        ReviewTask.claimed_taxon_id == taxon_id,
        ReviewTask.state == TaskState.DECIDED,
    )
    if since is not None:
        query = query.where(ReviewTask.closed_at > since)
    total, count, looked = session.execute(query).one()
    return Rate(int(count), int(total)), int(looked) - int(total)


def standing_of(session: Session, taxon: Taxon, default_wanted: float = DEFAULT_WANTED) -> Standing:
    """How one species does."""
    wrong, undecided = wrong_acceptances(session, taxon.id)
    waiting = session.scalar(
        select(func.count())
        .select_from(ReviewTask)
        .where(ReviewTask.audit, ReviewTask.claimed_taxon_id == taxon.id, ReviewTask.state == TaskState.OPEN)
    )
    return Standing(
        taxon=taxon,
        accepts=bool(taxon.policy and taxon.policy.machine_acceptance),
        wanted=wanted_error(taxon, default_wanted),
        limit=desk_settings.current(session).wrong_limit,
        wrong=wrong,
        undecided=undecided,
        waiting=waiting or 0,
        suspension=_open_suspension(session, taxon.id),
    )


def standings_of(session: Session, known: Sequence[Taxon], default_wanted: float = DEFAULT_WANTED) -> list[Standing]:
    """How several species do, in the order given. Their policies are read anew: whoever serves keeps taxa for a while."""
    fresh = taxa.by_names(session, [taxon.scientific_name for taxon in known])
    return [standing_of(session, taxon, default_wanted) for taxon in fresh]


def past_suspensions(session: Session, taxon_id: int) -> list[AcceptanceSuspension]:
    """Every suspension of a species, the latest first."""
    query = select(AcceptanceSuspension).where(AcceptanceSuspension.taxon_id == taxon_id)
    return list(session.scalars(query.order_by(AcceptanceSuspension.id.desc())))


class Trust:
    """What a coordinator does about it."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def lift(self, user_id: int, scientific_name: str, remark: str) -> None:
        """Let the machine accept the species again. Raises NotFound where it is not suspended."""
        with transaction(self._sessions) as session:
            taxon = taxa.find(session, scientific_name)
            found = _open_suspension(session, taxon.id) if taxon else None
            if found is None:
                raise NotFound("This species is not suspended.")
            found.lifted_by, found.lifted_at, found.remark = user_id, utcnow(), remark.strip()[:2000]
            details = {"remark": found.remark, "wrong": found.wrong, "audits": found.audits}
            audit.record(session, user_id, "acceptance.lifted", f"taxon:{scientific_name}", details)
