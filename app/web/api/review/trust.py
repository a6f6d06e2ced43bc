"""Figures, machine acceptance and the desk's settings over JSON."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.db import utcnow
from app.domain.agreement import Rate
from app.domain.review import ReviewReason
from app.services.inference import policy_of
from app.services.review import acceptance, figures, trust
from app.services.review.acceptance import LARGEST_ERROR, LEAST_ERROR, Acceptance
from app.services.review.trust import Trust
from app.web.api.review.shared import NUMBER, Sessions, TaxonName, TaxonOut, YesNo, named, refusals, taxon_out
from app.web.auth import Coordinator, Reviewer
from app.web.dependencies import ClassifiersDep, LanguageDep, ReadSession
from app.web.i18n import Language

router = APIRouter(prefix="/api/v1/review", tags=["review"])
_Error = Annotated[
    float, Field(ge=LEAST_ERROR, le=LARGEST_ERROR, description="Wrong ones among what is accepted."), NUMBER
]
_NO_SPECIES = "There is no such species."


class RateOut(BaseModel):
    """A share with its 95 % Wilson interval; `value` null: nothing was observed."""

    count: int
    total: int
    value: float | None
    lower: float
    upper: float


class WorkOut(BaseModel):
    decisions: int
    per_minute: float | None = Field(description="Of those that were timed.")


class ReviewerOut(BaseModel):
    name: str
    today: WorkOut
    season: WorkOut
    with_model: RateOut


class SpeciesOut(BaseModel):
    """What became of the claims of a species; null: no species was claimed."""

    taxon: TaxonOut | None
    decided: int
    unable: int
    right: RateOut
    model_right: RateOut
    codes: dict[str, int]


class PairOfReviewersOut(BaseModel):
    names: list[str]
    items: int
    same: RateOut
    kappa: float | None


class WaitingOut(BaseModel):
    """`reason` null: questions that volunteers have."""

    reason: ReviewReason | None
    count: int
    oldest: datetime


class FiguresOut(BaseModel):
    since: datetime
    today: WorkOut
    season: WorkOut
    reviewers: list[ReviewerOut]
    species: list[SpeciesOut]
    pairs: list[PairOfReviewersOut]
    kappa: float | None = Field(description="Agreement of all pairs of reviewers beyond chance.")
    with_model: RateOut
    with_model_blind: RateOut = Field(description="Of answers given without seeing what the model said.")
    waiting: list[WaitingOut]


class AcceptanceOut(BaseModel):
    """How machine acceptance of a species does."""

    taxon: TaxonOut
    accepts: bool
    suspended: bool
    suspended_at: datetime | None
    wanted_error: float
    limit: float = Field(description="Upper bound of wrong acceptances that suspends it.")
    wrong: RateOut = Field(description="Of the audits that an expert could tell.")
    undecided: int
    waiting: int = Field(description="Audits that nobody has looked at yet.")


class PreviewOut(BaseModel):
    """What acceptance would have done this season."""

    taxon: TaxonOut
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
    known_wrong: RateOut
    supported: bool = Field(description="Calibration photos support this error rate; otherwise nothing passes.")


class AcceptanceIn(BaseModel):
    accepts: YesNo
    wanted_error: _Error | None = Field(None, description="Left out: the model version's own.")


class LiftIn(BaseModel):
    remark: Annotated[str, Field(max_length=2000)] = ""


def _rate(rate: Rate) -> RateOut:
    return RateOut(count=rate.count, total=rate.total, value=rate.value, lower=rate.lower, upper=rate.upper)


def _work(work: figures.Work) -> WorkOut:
    return WorkOut(decisions=work.decisions, per_minute=work.per_minute)


@router.get("/figures", summary="The desk in figures", response_model=FiguresOut, responses=refusals())
def show_figures(_user: Reviewer, session: ReadSession, language: LanguageDep) -> FiguresOut:
    """Today's and this season's."""
    found = figures.figures(session, utcnow())
    return FiguresOut(
        since=found.since,
        today=_work(found.today),
        season=_work(found.season),
        reviewers=[
            ReviewerOut(name=r.name, today=_work(r.today), season=_work(r.season), with_model=_rate(r.with_model))
            for r in found.reviewers
        ],
        species=[
            SpeciesOut(
                taxon=taxon_out(s.taxon, language),
                decided=s.decided,
                unable=s.unable,
                right=_rate(s.right),
                model_right=_rate(s.model_right),
                codes={code.value: count for code, count in s.codes.items()},
            )
            for s in found.species
        ],
        pairs=[
            PairOfReviewersOut(names=list(p.names), items=p.items, same=_rate(p.same), kappa=p.kappa)
            for p in found.pairs
        ],
        kappa=found.kappa,
        with_model=_rate(found.with_model),
        with_model_blind=_rate(found.with_model_blind),
        waiting=[WaitingOut(**vars(w)) for w in found.waiting],
    )


# --- acceptance ----------------------------------------------------------------------------------------------------------


@router.get(
    "/acceptance", summary="Machine acceptance by species", response_model=list[AcceptanceOut], responses=refusals()
)
def list_acceptance(
    _user: Coordinator, session: ReadSession, classifiers: ClassifiersDep, language: LanguageDep
) -> list[AcceptanceOut]:
    """Those that the active model version knows."""
    served = classifiers.current()
    default = policy_of(served.info).wanted_error
    return [_standing(one, language) for one in trust.standings_of(session, served.taxa, default)]


def _standing(one: trust.Standing, language: Language) -> AcceptanceOut:
    return AcceptanceOut(
        taxon=named(one.taxon, language),
        accepts=one.accepts,
        suspended=one.suspension is not None,
        suspended_at=one.suspension.suspended_at if one.suspension else None,
        wanted_error=one.wanted,
        limit=one.limit,
        wrong=_rate(one.wrong),
        undecided=one.undecided,
        waiting=one.waiting,
    )


@router.get(
    "/acceptance/{scientific_name}/preview",
    summary="What acceptance would have done this season",
    response_model=PreviewOut,
    responses=refusals(_404=_NO_SPECIES),
)
def preview(
    _user: Coordinator,
    session: ReadSession,
    classifiers: ClassifiersDep,
    language: LanguageDep,
    scientific_name: TaxonName,
    wanted_error: Annotated[float, Query(ge=LEAST_ERROR, le=LARGEST_ERROR)],
) -> PreviewOut:
    """Nothing is changed."""
    found = acceptance.preview(session, scientific_name, wanted_error, classifiers.current())
    shown = {"taxon": named(found.taxon, language), "known_wrong": _rate(found.known_wrong)}
    return PreviewOut(**vars(found) | shown)


@router.put(
    "/acceptance/{scientific_name}",
    status_code=204,
    summary="Turn machine acceptance on or off",
    response_class=Response,
    responses=refusals(_404=_NO_SPECIES),
)
def set_acceptance(user: Coordinator, sessions: Sessions, scientific_name: TaxonName, wanted: AcceptanceIn) -> None:
    """Holds for what is screened from now on."""
    Acceptance(sessions).set(user.user_id, scientific_name, accepts=wanted.accepts, wanted_error=wanted.wanted_error)


@router.post(
    "/acceptance/{scientific_name}/lift",
    status_code=204,
    summary="Lift a suspension",
    response_class=Response,
    responses=refusals(_404="This species is not suspended."),
)
def lift(user: Coordinator, sessions: Sessions, scientific_name: TaxonName, why: LiftIn) -> None:
    """Its audits count anew from now on."""
    Trust(sessions).lift(user.user_id, scientific_name, why.remark)
