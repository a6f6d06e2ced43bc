"""Machine acceptance of species: where it is on, how often it turns out wrong, and taking it away from a species.

Audits of a species count from the last time its suspension was lifted: whoever lifts it has a reason to think that the
cause is mended, and the old mistakes would suspend it again at the next audit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound
from app.core.texts import one_form
from app.review import mails, settings
from app.review.rules import IdentificationKind, Rate, TaskState, must_suspend
from app.review.tables import AcceptanceSuspension, ReviewTask
from app.taxa import names as taxa
from app.taxa.tables import Taxon, TaxonPolicy

LEAST_ERROR, LARGEST_ERROR = 0.001, 0.5
DEFAULT_WANTED = 0.05


@dataclass(frozen=True)
class AcceptanceStatus:
    """How machine acceptance of a species does. ``wrong``: of the audits an expert could identify; ``undecided``: the others.

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


def accepted_taxa(session: Session) -> set[int]:
    """Ids of the taxa that the machine may accept: a coordinator has turned it on, and it is not suspended."""
    suspended = select(AcceptanceSuspension.taxon_id).where(AcceptanceSuspension.lifted_at.is_(None))
    query = select(TaxonPolicy.taxon_id).where(TaxonPolicy.machine_acceptance, TaxonPolicy.taxon_id.not_in(suspended))
    return set(session.scalars(query))


def check_error(wanted_error: float) -> None:
    """Raise InvalidInput for an error rate outside 0.1 % to 50 %."""
    if not LEAST_ERROR <= wanted_error <= LARGEST_ERROR:
        limits = (("min", str(LEAST_ERROR)), ("max", str(LARGEST_ERROR)))
        raise InvalidInput([FieldError("wanted_error", "number_range", limits)])


def known_taxon(session: Session, scientific_name: str) -> Taxon:
    """The active taxon of that name. Raises NotFound."""
    taxon = taxa.find(session, scientific_name)
    if taxon is None:
        raise NotFound("There is no such species.")
    return taxon


def after_decision(session: Session, task: ReviewTask) -> None:
    """If the task was an audit, suspend the species where its acceptances are wrong too often."""
    if not task.audit or task.state is not TaskState.DECIDED or task.claimed_taxon_id is None:
        return
    session.flush()
    taxon = session.get_one(Taxon, task.claimed_taxon_id, with_for_update={"of": Taxon})
    if _open_suspension(session, taxon.id) is not None:
        return
    limits = settings.current(session)
    wrong, _ = wrong_acceptances(session, taxon.id)
    if not must_suspend(wrong, wanted_error(taxon), limits.wrong_limit, limits.minimum_audits):
        return
    suspension = AcceptanceSuspension(
        taxon_id=taxon.id,
        wrong=wrong.count,
        audits=wrong.total,
        upper_bound=wrong.upper,
        wrong_limit=limits.wrong_limit,
    )
    session.add(suspension)
    session.flush()
    mails.species_suspended(session, suspension)
    details = {"wrong": wrong.count, "audits": wrong.total, "upper_bound": round(wrong.upper, 4)}
    audit.record(session, None, "acceptance.suspended", f"taxon:{taxon.scientific_name}", details)


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
    """How many audits of a species turned out wrong, of those an expert could identify; and how many nobody could."""
    lifted = select(func.max(AcceptanceSuspension.lifted_at)).where(AcceptanceSuspension.taxon_id == taxon_id)
    since = session.scalar(lifted)
    identified = ReviewTask.outcome_kind != IdentificationKind.UNABLE
    wrong = or_(ReviewTask.outcome_taxon_id.is_(None), ReviewTask.outcome_taxon_id != ReviewTask.claimed_taxon_id)
    query = select(
        func.count().filter(identified),
        func.count().filter(identified & wrong),
        func.count(),
    ).where(
        ReviewTask.audit,
        ReviewTask.claimed_taxon_id == taxon_id,
        ReviewTask.state == TaskState.DECIDED,
    )
    if since is not None:
        query = query.where(ReviewTask.closed_at > since)
    total, count, audits = session.execute(query).one()
    return Rate(count, total), audits - total


def status_of(session: Session, taxon: Taxon, default_wanted: float = DEFAULT_WANTED) -> AcceptanceStatus:
    """How machine acceptance of one species does."""
    wrong, undecided = wrong_acceptances(session, taxon.id)
    waiting = session.scalar(
        select(func.count())
        .select_from(ReviewTask)
        .where(ReviewTask.audit, ReviewTask.claimed_taxon_id == taxon.id, ReviewTask.state == TaskState.OPEN)
    )
    return AcceptanceStatus(
        taxon=taxon,
        accepts=bool(taxon.policy and taxon.policy.machine_acceptance),
        wanted=wanted_error(taxon, default_wanted),
        limit=settings.current(session).wrong_limit,
        wrong=wrong,
        undecided=undecided,
        waiting=waiting or 0,
        suspension=_open_suspension(session, taxon.id),
    )


def statuses_of(
    session: Session, species: Sequence[Taxon], default_wanted: float = DEFAULT_WANTED
) -> list[AcceptanceStatus]:
    """The same of several species, in their order. Their policies are read anew: the classifiers cache taxa."""
    names = [taxon.scientific_name for taxon in species]
    return [status_of(session, taxon, default_wanted) for taxon in taxa.by_names(session, names)]


def past_suspensions(session: Session, taxon_id: int) -> list[AcceptanceSuspension]:
    """Every suspension of a species, the latest first."""
    query = select(AcceptanceSuspension).where(AcceptanceSuspension.taxon_id == taxon_id)
    return list(session.scalars(query.order_by(AcceptanceSuspension.id.desc())))


class Acceptance:
    """Turning machine acceptance on and off, and lifting a suspension."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def set(self, user_id: int, scientific_name: str, *, accepts: bool, wanted_error: float | None) -> None:
        """Set whether the machine may accept a species, and at which error rate (None: the model version's own).

        Applies to what is screened from now on. Raises NotFound, InvalidInput.
        """
        if wanted_error is not None:
            check_error(wanted_error)
        with transaction(self._sessions) as session:
            taxon = known_taxon(session, scientific_name)
            policy = taxon.policy
            before = (policy.machine_acceptance, policy.wanted_error) if policy else (False, None)
            if policy is None:
                policy = TaxonPolicy(taxon_id=taxon.id)
                session.add(policy)
            policy.machine_acceptance, policy.wanted_error = accepts, wanted_error
            if before != (accepts, wanted_error):
                details = {"accepts": [before[0], accepts], "wanted_error": [before[1], wanted_error]}
                audit.record(session, user_id, "acceptance.changed", f"taxon:{scientific_name}", details)

    def lift(self, user_id: int, scientific_name: str, remark: str) -> None:
        """Let the machine accept the species again. Raises NotFound where it is not suspended."""
        with transaction(self._sessions) as session:
            taxon = taxa.find(session, scientific_name)
            suspension = _open_suspension(session, taxon.id) if taxon else None
            if suspension is None:
                raise NotFound("This species is not suspended.")
            suspension.lifted_by, suspension.lifted_at = user_id, utcnow()
            suspension.remark = one_form(remark).strip()[:2000]
            details = {"remark": suspension.remark, "wrong": suspension.wrong, "audits": suspension.audits}
            audit.record(session, user_id, "acceptance.lifted", f"taxon:{scientific_name}", details)
