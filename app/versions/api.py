"""Model versions for programs: which there are, and which one serves."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.core.roles import Scope
from app.core.web import openapi, problems
from app.core.web.auth import ModelKeeper
from app.core.web.dependencies import ReadSession
from app.core.web.openapi import Id, refusals
from app.predictions.tables import ModelActivation, ModelVersion
from app.versions.promotion import GateClosed, Promotion

router = APIRouter(prefix="/api/v1/admin", tags=["models"])
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


class CheckOut(BaseModel):
    """One thing that the gate looked at; `value` against `limit`, null where there is no number."""

    name: str = Field(examples=["accuracy"])
    passed: bool
    value: float | None
    limit: float | None
    detail: str


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


@router.get("/models", summary="List model versions", response_model=list[VersionOut], responses=refusals(Scope.MODELS))
def list_versions(_user: ModelKeeper, session: ReadSession) -> list[VersionOut]:
    """The newest first."""
    rows = session.scalars(select(ModelVersion).order_by(ModelVersion.id.desc()))
    return [VersionOut.model_validate(row, from_attributes=True) for row in rows]


@router.post(
    "/models/{version_id}/promote",
    summary="Put a version into service",
    response_model=ActivationOut,
    responses=openapi.WRITING
    | refusals(
        Scope.MODELS,
        _404="No such version.",
        _409="The gate refuses it (`checks` says why), it serves already, or another was promoted meanwhile.",
    ),
)
def promote(request: Request, user: ModelKeeper, version_id: Id, body: PromotionIn) -> Response | ActivationOut:
    """Servers and workers follow within seconds; no request fails meanwhile."""
    return _answer(request, lambda use_cases: use_cases.promote(version_id, user.user_id, overrule=body.overrule))


@router.post(
    "/models/{version_id}/rollback",
    summary="Go back to a version",
    response_model=ActivationOut,
    responses=openapi.WRITING
    | refusals(Scope.MODELS, _404="No such version.", _409="It never served, or serves already."),
)
def roll_back(request: Request, user: ModelKeeper, version_id: Id, body: RollbackIn) -> Response | ActivationOut:
    """To any version that served before; the gate is not asked."""
    return _answer(request, lambda use_cases: use_cases.roll_back(version_id, user.user_id, body.reason))


def _answer(request: Request, switch: Callable[[Promotion], ModelActivation]) -> Response | ActivationOut:
    use_cases = Promotion(request.app.state.sessions, request.app.state.settings)
    try:
        return ActivationOut.model_validate(switch(use_cases), from_attributes=True)
    except GateClosed as closed:
        checks = [CheckOut.model_validate(check, from_attributes=True).model_dump() for check in closed.report.checks]
        return problems.response("gate-closed", 409, closed.detail, checks=checks)
