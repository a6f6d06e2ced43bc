"""The version in service week by week, and alerts, over JSON."""

from datetime import date, datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.domain.verdict import Outcome
from app.services import promotion, watch
from app.web import openapi
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ClassifiersDep, ReadSession

router = APIRouter(prefix="/api/v1/admin/watch", tags=["models"])


class WeekOut(BaseModel):
    """A week from Monday (UTC); null where there is too little to say. Drift is a population stability index."""

    begins: date
    photos: int
    outcomes: dict[Outcome, int] = Field(description="Verdicts.")
    confidence: float | None = Field(description="Mean top probability.")
    in_scope: float | None = Field(description="Share of photos in scope.")
    decided: int = Field(description="Decisions of experts on what it had named.")
    agreement: float | None = Field(description="Share of them that name the same.")
    drift_of_confidence: float | None
    drift_of_scope: float | None
    drift_of_embedding: float | None


class AlertOut(BaseModel):
    """A figure of a week past its limit, that nobody has seen yet."""

    id: int
    model_version_id: int
    week: date
    figure: str = Field(examples=["agreement"])
    value: float
    limit: float
    created_at: datetime


class WatchOut(BaseModel):
    model_version_id: int
    weeks: list[WeekOut]
    alerts: list[AlertOut]


@router.get(
    "",
    summary="How the version in service does, week by week",
    response_model=WatchOut,
    responses=refusals(_404="No version serves."),
)
def read_watch(_user: Admin, session: ReadSession, classifiers: ClassifiersDep) -> WatchOut:
    """The newest week first. Alerts are those of every version that nobody has seen."""
    served = classifiers.current()
    version = promotion.get(session, served.id)
    found = watch.weeks(session, version, served.info.policy.in_scope_threshold)
    return WatchOut(
        model_version_id=version.id,
        weeks=[WeekOut.model_validate(week, from_attributes=True) for week in found],
        alerts=[AlertOut.model_validate(alert, from_attributes=True) for alert in watch.open_alerts(session)],
    )


@router.post(
    "/alerts/{alert_id}/seen",
    status_code=204,
    summary="Say that an alert was seen",
    response_class=Response,
    responses=openapi.WRITING | refusals(_404="No such alert."),
)
def mark_seen(request: Request, user: Admin, alert_id: Id) -> None:
    """It is told no more. Twice is once."""
    watch.mark_seen(request.app.state.sessions, alert_id, user.user_id)
