"""The queue over JSON: pages, counts, saved filters, figures."""

from datetime import date, datetime
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.domain.review import IdentificationKind, PhotoQuality, ReviewReason, TaskState
from app.domain.verification import VerificationStatus
from app.models import SavedFilter
from app.services.review import queue
from app.services.review.filters import MAX_NAME, Filter, SavedFilters
from app.services.review.queue import QueueItem
from app.web.api.review.shared import FilterDep, Id, Sessions, TaxonOut, refusals, taxon_out, words
from app.web.auth import Reviewer
from app.web.dependencies import LanguageDep, ReadSession
from app.web.i18n import Language

router = APIRouter(prefix="/api/v1/review", tags=["review"])


class QueueItemOut(BaseModel):
    """A line of the queue. What a blind item hides is null."""

    submission_id: int
    revision: int
    state: TaskState
    reason: ReviewReason | None
    blind: bool
    claimed: TaxonOut | None
    predicted: TaxonOut | None
    thumb_url: str | None
    photos: int
    event_date: date | None
    place: str
    quality: PhotoQuality
    waiting_since: datetime
    answers: int = Field(description="Experts whose answer stands.")
    needed: int = Field(description="Experts who must agree.")
    disputed: bool
    outcome_kind: IdentificationKind | None
    outcome_taxon: TaxonOut | None
    outcome_code: VerificationStatus | None
    last_user_name: str | None
    leased_by_name: str | None = Field(description="Who has it open now.")


class QueuePageOut(BaseModel):
    items: list[QueueItemOut]
    next: str | None = Field(description="`after` of the following page; null: the last.")
    previous: str | None
    count: int = Field(description="How many the filter leaves; 1001 means more than a thousand.")


class CountsOut(BaseModel):
    """How many each value of each filter leaves by itself; 1001 means more than a thousand."""

    state: dict[str, int]
    reason: dict[str, int]
    quality: dict[str, int]
    claimed: dict[str, int]
    predicted: dict[str, int]
    reviewer: dict[str, int] = Field(description="By the number of the user.")


class FilterIn(BaseModel):
    name: Annotated[str, words(MAX_NAME)]


class FilterOut(BaseModel):
    """A filter that its user gave a name."""

    id: int
    name: str
    query: str = Field(description="As in the address of the queue.")


def item_out(item: QueueItem, language: Language) -> QueueItemOut:
    """A line in one language."""
    plain = {name: getattr(item, name) for name in QueueItemOut.model_fields if hasattr(item, name)}
    return QueueItemOut(
        **plain
        | {
            "claimed": taxon_out(item.claimed, language),
            "predicted": taxon_out(item.predicted, language),
            "outcome_taxon": taxon_out(item.outcome_taxon, language),
            "thumb_url": f"/photos/{item.thumb_token}/thumb.jpg" if item.thumb_token else None,
        }
    )


@router.get("/queue", summary="A page of the queue", response_model=QueuePageOut, responses=refusals())
def page(
    user: Reviewer,
    session: ReadSession,
    language: LanguageDep,
    wanted: FilterDep,
    after: Annotated[str | None, Query(pattern=r"^[np]\.-?[0-9]{1,10}\.[0-9]{1,10}$")] = None,
    limit: Annotated[int, Query(ge=1, le=queue.LARGEST_PAGE)] = queue.PAGE,
) -> QueuePageOut:
    """In the order of expected worth: disagreement with a confident model first, then uncertainty, then age."""
    found = queue.page(session, wanted, user.user_id, after, limit)
    return QueuePageOut(
        items=[item_out(item, language) for item in found.items],
        next=found.next,
        previous=found.previous,
        count=queue.count(session, wanted, user.user_id),
    )


@router.get("/queue/counts", summary="Counts per filter", response_model=CountsOut, responses=refusals())
def counts(user: Reviewer, session: ReadSession, wanted: FilterDep) -> CountsOut:
    """Of everything in the list that `state` names."""
    return CountsOut(**vars(queue.counts(session, wanted, user.user_id)))


@router.get("/filters", summary="Your saved filters", response_model=list[FilterOut], responses=refusals())
def list_filters(user: Reviewer, session: ReadSession, sessions: Sessions) -> list[FilterOut]:
    """By name."""
    return [_filter_out(row) for row in SavedFilters(sessions).of(session, user.user_id)]


@router.post(
    "/filters",
    status_code=201,
    summary="Save a filter",
    response_model=FilterOut,
    responses=refusals(_409="There are too many already."),
)
def save_filter(user: Reviewer, sessions: Sessions, wanted: FilterDep, new: FilterIn) -> FilterOut:
    """The filter stands in the query, as for the queue. A name that is there already gets the new filter."""
    return _filter_out(SavedFilters(sessions).save(user.user_id, new.name, wanted))


@router.patch(
    "/filters/{filter_id}",
    status_code=204,
    summary="Rename a filter",
    response_class=Response,
    responses=refusals(_404="No such filter of yours.", _409="Another one has this name."),
)
def rename_filter(user: Reviewer, sessions: Sessions, filter_id: Id, new: FilterIn) -> None:
    """The filter itself stays as it is."""
    SavedFilters(sessions).rename(user.user_id, filter_id, new.name)


@router.delete(
    "/filters/{filter_id}",
    status_code=204,
    summary="Delete a filter",
    response_class=Response,
    responses=refusals(),
)
def delete_filter(user: Reviewer, sessions: Sessions, filter_id: Id) -> None:
    """Deleting twice is once."""
    SavedFilters(sessions).delete(user.user_id, filter_id)


def _filter_out(row: SavedFilter) -> FilterOut:
    query = Filter.parse(dict(parse_qsl(row.query))).to_query()
    return FilterOut(id=row.id, name=row.name, query=query)
