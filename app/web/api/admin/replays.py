"""Replays over JSON: a candidate asked about the season."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.domain.verdict import Outcome
from app.models import ReplayVerdict
from app.services import promotion, replay_results
from app.services.replay_results import Summary, Wanted
from app.services.replays import Replays
from app.web import openapi
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession

router = APIRouter(prefix="/api/v1/admin", tags=["models"])
_LARGEST = 2**31 - 1


class ReplayIn(BaseModel):
    since: AwareDatetime | None = Field(None, description="Submissions sent then or later; left out: all.")
    only_measuring: bool = Field(False, description="Only photos that measure models and never teach them.")


class ReplayStarted(BaseModel):
    id: int


class Flip(BaseModel):
    """How many verdicts would be another one."""

    before: Outcome
    after: Outcome
    submissions: int


class ReplayOut(BaseModel):
    """What a replay found so far. Submissions that a person decided on count in neither queue."""

    id: int
    model_version_id: int
    against_id: int
    only_measuring: bool
    live: bool = Field(description="Made of what comes in while the version stands in the shadow.")
    since: datetime | None
    created_at: datetime
    submissions: int
    done: int
    waiting_parts: int
    failed_parts: int
    flips: list[Flip]
    queue_before: int
    queue_after: int
    accepted_before: int
    accepted_after: int
    disputed: int = Field(description="Standing acceptances by the machine that the candidate would not make.")


class VerdictOut(BaseModel):
    """What either version makes of one submission."""

    submission_id: int
    before: Outcome
    after: Outcome
    accepted_now: bool
    decided: bool


@router.post(
    "/models/{version_id}/replays",
    status_code=202,
    summary="Replay the season with a version",
    response_model=ReplayStarted,
    responses=openapi.WRITING | refusals(_404="No such version.", _409="It serves, or there is nothing to look at."),
)
def start_replay(request: Request, user: Admin, version_id: Id, wanted: ReplayIn) -> ReplayStarted:
    """Workers share it; nothing of what stands is changed."""
    use_cases = Replays(request.app.state.sessions, request.app.state.send_message)
    number = use_cases.start(version_id, user.user_id, since=wanted.since, only_measuring=wanted.only_measuring)
    return ReplayStarted(id=number)


@router.get(
    "/models/{version_id}/replays",
    summary="Replays of a version",
    response_model=list[ReplayOut],
    responses=refusals(_404="No such version."),
)
def list_replays(_user: Admin, session: ReadSession, version_id: Id) -> list[ReplayOut]:
    """The newest first, those made in the shadow among them."""
    promotion.get(session, version_id)
    return [_out(replay_results.summary(session, row.id)) for row in replay_results.page(session, version_id)]


@router.post(
    "/replays/{replay_id}/retry",
    status_code=204,
    summary="Try the failed parts of a replay again",
    response_class=Response,
    responses=openapi.WRITING | refusals(_404="No such replay.", _409="No part of it has failed."),
)
def retry_replay(request: Request, user: Admin, replay_id: Id) -> None:
    """What was looked at already stays."""
    Replays(request.app.state.sessions, request.app.state.send_message).retry(replay_id, user.user_id)


@router.get(
    "/replays/{replay_id}",
    summary="What a replay found",
    response_model=ReplayOut,
    responses=refusals(_404="No such replay."),
)
def read_replay(_user: Admin, session: ReadSession, replay_id: Id) -> ReplayOut:
    """How far it is, and how many verdicts would be others."""
    return _out(replay_results.summary(session, replay_id))


@router.get(
    "/replays/{replay_id}/submissions",
    summary="Submissions that would get another verdict",
    response_model=list[VerdictOut],
    responses=refusals(_404="No such replay."),
)
def read_flips(
    _user: Admin,
    session: ReadSession,
    replay_id: Id,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    disputed: Annotated[bool, Query(description="Only standing acceptances that the candidate disputes.")] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = replay_results.PAGE,
) -> list[ReplayVerdict]:
    """By number; the following page comes `after` the last."""
    replay_results.summary(session, replay_id)
    return replay_results.flipped(session, replay_id, after, wanted=Wanted(disputed), size=limit)


def _out(found: Summary) -> ReplayOut:
    flips = [
        Flip(before=before, after=after, submissions=count) for (before, after), count in sorted(found.flips.items())
    ]
    row = found.replay
    return ReplayOut(
        id=row.id,
        model_version_id=row.model_version_id,
        against_id=row.against_id,
        only_measuring=row.only_measuring,
        live=row.live,
        since=row.since,
        created_at=row.created_at,
        submissions=found.submissions,
        done=found.done,
        waiting_parts=found.waiting,
        failed_parts=found.failed,
        flips=flips,
        queue_before=found.queue_before,
        queue_after=found.queue_after,
        accepted_before=found.accepted_before,
        accepted_after=found.accepted_after,
        disputed=found.disputed,
    )
