"""Model versions over JSON: which there are, what the gate says, which serves, and what a candidate would do."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.domain.errors import Conflict
from app.domain.gate import GateReport
from app.models import ModelActivation, ModelVersion
from app.services import comparisons, promotion, registry
from app.services.promotion import GateClosed, Promotion
from app.services.shadow import set_shadow
from app.web import openapi, problems
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession

router = APIRouter(prefix="/api/v1/admin", tags=["models"])
_LARGEST = 2**31 - 1
Reason = Annotated[str, Field(max_length=2000)]


class VersionOut(BaseModel):
    """A model version: an immutable folder."""

    id: int
    task: str
    name: str
    version: str
    labels: list[str] = Field(description="Scientific names in class-index order.")
    active: bool = Field(description="Whether it serves its task.")
    shadow: bool = Field(description="Whether it looks at live photos beside the one that serves.")
    registered_at: datetime
    activated_at: datetime | None


class VersionWithFigures(VersionOut):
    metrics: dict[str, Any] = Field(description="As the version's metrics.json has them.")


class CheckOut(BaseModel):
    """One thing that the gate looked at; `value` against `limit`, null where there is no number."""

    name: str = Field(examples=["accuracy"])
    passed: bool
    value: float | None
    limit: float | None
    detail: str


class GateOut(BaseModel):
    """What the gate says of a version now."""

    passed: bool
    checks: list[CheckOut]


class ActivationOut(BaseModel):
    """One switch of what serves."""

    id: int
    created_at: datetime
    task: str
    model_version_id: int
    replaced_id: int | None
    kind: str = Field(examples=["promoted"])
    user_id: int | None = Field(description="null: the command line, or an upgrade.")
    reason: str
    gate: dict[str, Any] | None = Field(description="What the gate said then; null: it was not asked.")


class PromotionIn(BaseModel):
    overrule: Reason | None = Field(None, description="Promote it against the gate, for this reason; it is kept.")


class RollbackIn(BaseModel):
    reason: Reason = ""


class ScoresOut(BaseModel):
    """Weighted shares right of the version and of the one that serves, and the difference with its 95 % interval."""

    photos: int
    accuracy: float
    other_accuracy: float
    difference: float
    low: float
    high: float


class DifferingOut(BaseModel):
    """A photo that the two name differently."""

    photo_id: int
    submission_id: int
    scientific_name: str = Field(description="What persons decided.")
    named: str
    probability: float
    other_named: str
    other_probability: float


class ComparisonOut(BaseModel):
    """A version beside the one that serves, on verified photos that measure models and never teach them."""

    overall: ScoresOut
    per_species: dict[str, ScoresOut]
    differing: list[DifferingOut]
    unanswered: int = Field(description="Photos that one of the two has not looked at.")


def _promotion(request: Request) -> Promotion:
    return Promotion(request.app.state.sessions, request.app.state.settings)


def _gate_out(report: GateReport) -> GateOut:
    checks = [CheckOut.model_validate(check, from_attributes=True) for check in report.checks]
    return GateOut(passed=report.passed, checks=checks)


def _activation_out(row: ModelActivation) -> ActivationOut:
    return ActivationOut.model_validate(row, from_attributes=True)


@router.get("/models", summary="List model versions", response_model=list[VersionOut], responses=refusals())
def list_versions(_user: Admin, session: ReadSession) -> list[VersionOut]:
    """The newest first."""
    rows = session.scalars(select(ModelVersion).order_by(ModelVersion.id.desc()))
    return [VersionOut.model_validate(row, from_attributes=True) for row in rows]


@router.get(
    "/models/{version_id}",
    summary="A model version with its figures",
    response_model=VersionWithFigures,
    responses=refusals(_404="No such version."),
)
def read_version(_user: Admin, session: ReadSession, version_id: Id) -> VersionWithFigures:
    """Also how it came to serve, and whose photos its figures are of."""
    return VersionWithFigures.model_validate(promotion.get(session, version_id), from_attributes=True)


@router.get(
    "/models/{version_id}/gate",
    summary="Whether a version may be promoted",
    response_model=GateOut,
    responses=refusals(_404="No such version."),
)
def read_gate(request: Request, _user: Admin, version_id: Id) -> GateOut:
    """Loads the version to see whether it answers, and how fast."""
    return _gate_out(_promotion(request).gate(version_id).report)


@router.post(
    "/models/{version_id}/promote",
    summary="Put a version into service",
    response_model=ActivationOut,
    responses=openapi.WRITING
    | refusals(
        _404="No such version.",
        _409="The gate refuses it (`checks` says why), it serves already, or another was promoted meanwhile.",
    ),
)
def promote(request: Request, user: Admin, version_id: Id, wanted: PromotionIn) -> Response | ActivationOut:
    """Servers and workers follow within seconds; no request fails meanwhile."""
    return _switched(lambda use_cases: use_cases.promote(version_id, user.user_id, overrule=wanted.overrule), request)


@router.post(
    "/models/{version_id}/rollback",
    summary="Go back to a version",
    response_model=ActivationOut,
    responses=openapi.WRITING | refusals(_404="No such version.", _409="It never served, or serves already."),
)
def roll_back(request: Request, user: Admin, version_id: Id, wanted: RollbackIn) -> Response | ActivationOut:
    """To any version that served before; the gate is not asked."""
    return _switched(lambda use_cases: use_cases.roll_back(version_id, user.user_id, wanted.reason), request)


def _switched(do: Callable[[Promotion], ModelActivation], request: Request) -> Response | ActivationOut:
    try:
        return _activation_out(do(_promotion(request)))
    except GateClosed as closed:
        checks = [check.model_dump() for check in _gate_out(closed.report).checks]
        return problems.response("gate-closed", 409, closed.detail, checks=checks)


@router.get(
    "/activations", summary="What served when, and why", response_model=list[ActivationOut], responses=refusals()
)
def list_activations(
    _user: Admin,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = promotion.PAGE,
) -> list[ActivationOut]:
    """The newest first; the following page begins `before` the last id."""
    return [_activation_out(row) for row in promotion.history(session, before, limit)]


@router.put(
    "/models/{version_id}/shadow",
    status_code=204,
    summary="Let a version look at live photos",
    response_class=Response,
    responses=openapi.WRITING | refusals(_404="No such version.", _409="It serves."),
)
def begin_shadow(request: Request, user: Admin, version_id: Id) -> None:
    """Beside the one that serves, in place of whichever did; nobody is shown what it says."""
    set_shadow(request.app.state.sessions, version_id, user.user_id, on=True)


@router.delete(
    "/models/{version_id}/shadow",
    status_code=204,
    summary="End a version's shadow",
    response_class=Response,
    responses=openapi.WRITING | refusals(_404="No such version."),
)
def end_shadow(request: Request, user: Admin, version_id: Id) -> None:
    """Ending it twice is once."""
    set_shadow(request.app.state.sessions, version_id, user.user_id, on=False)


@router.get(
    "/models/{version_id}/comparison",
    summary="Compare a version with the one that serves",
    response_model=ComparisonOut,
    responses=refusals(_404="No such version.", _409="There are no photos that both have looked at."),
)
def read_comparison(_user: Admin, session: ReadSession, version_id: Id) -> ComparisonOut:
    """A replay of the measuring photos lets a version look at them; a training run starts one by itself."""
    version = promotion.get(session, version_id)
    serving = registry.serving_for(session, version.task)
    found = comparisons.compare(session, version, serving) if serving is not None else None
    if found is None:
        raise Conflict("There are no photos that both have looked at.")
    return ComparisonOut.model_validate(found, from_attributes=True)
