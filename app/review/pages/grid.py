"""Look-alike batches: many of one (claimed, predicted) pair, one decision for all but the exceptions, one action to undo it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from pydantic import BaseModel, Field

from app.core.db import reading, utcnow
from app.core.errors import FieldError, InvalidInput
from app.review import batches, queue, settings
from app.review.batches import Batches, BatchResult
from app.review.desk import Desk
from app.review.filters import NO_TAXON
from app.review.pages.shared import AnswerForm, DeskContext, ReviewerContext, to

router = APIRouter(include_in_schema=False)
SIZE = 24


@router.get("/review/grid")
def pairs(context: ReviewerContext) -> Response:
    """Every pair that waits, the most frequent first."""
    with reading(context.sessions) as session:
        return context.page("review/grids.html", pairs=batches.pairs(session))


@dataclass(frozen=True)
class _Pair:
    """The pair in an address: scientific names with underscores for spaces, or "none"."""

    claimed: str
    predicted: str

    @property
    def url(self) -> str:
        return f"/review/grid/{self.claimed}/{self.predicted}"

    @property
    def names(self) -> tuple[str, str]:
        """Scientific names, or "none"."""
        return self.claimed.replace("_", " "), self.predicted.replace("_", " ")


async def _pair(claimed: str, predicted: str) -> _Pair:
    return _Pair(claimed, predicted)


_PairDep = Annotated[_Pair, Depends(_pair)]


@router.get("/review/grid/{claimed}/{predicted}")
def grid(context: ReviewerContext, pair: _PairDep) -> Response:
    """The first of a pair, now on this reviewer's desk."""
    items = Batches(context.sessions).grid(context.user_id, *pair.names, SIZE)
    claimed, predicted = (None if name == NO_TAXON else name for name in pair.names)
    with reading(context.sessions) as session:
        renew_seconds = settings.current(session).lease_minutes * 60 // 3
    return context.page(
        "review/grid.html",
        url=pair.url,
        claimed=claimed,
        predicted=predicted,
        title=context.words.pair(claimed, predicted),
        items=items,
        opened=int(time.time()),
        renew_seconds=renew_seconds,
    )


class _BatchForm(AnswerForm):
    """``item``: "submission:revision" of each photo; ``exceptions``: submissions that are left out."""

    item: list[str]
    exceptions: list[int] = Field(default_factory=list, alias="except")


@router.post("/review/grid/{claimed}/{predicted}")
def decide(context: ReviewerContext, pair: _PairDep, form: Annotated[_BatchForm, Form()]) -> Response:
    """One answer for all but the exceptions."""
    decision = form.read(context.words)
    result = Batches(context.sessions).decide(context.user_id, _revisions(form.item), set(form.exceptions), decision)
    if result.batch_id is None and not result.items:
        return to(pair.url)
    if result.batch_id is not None and result.decided == len(result.items):
        return to(f"/review/batches/{result.batch_id}")
    return _batch_page(context, result, pair)


def _revisions(items: Sequence[str]) -> dict[int, int]:
    """Submission → revision, of fields such as "12:3". Raises InvalidInput."""
    revisions = {}
    for text in items:
        number, _, revision = text.partition(":")
        if not (number.isdecimal() and revision.isdecimal() and len(text) < 22):
            raise InvalidInput([FieldError("item", "filter_invalid")])
        revisions[int(number)] = int(revision)
    return revisions


def _batch_page(context: DeskContext, result: BatchResult, pair: _Pair | None = None) -> Response:
    """What became of a batch, with the items that were left as they are, and why."""
    refused = {item.submission_id: item.happened for item in result.items if item.outcome is None}
    with reading(context.sessions) as session:
        return context.page(
            "review/batch.html",
            record=batches.read(session, context.user_id, result.batch_id) if result.batch_id else None,
            pair_url=pair.url if pair else "",
            refused=queue.items_of(session, list(refused), context.user_id, utcnow()),
            happened=refused,
        )


class _SkipForm(BaseModel):
    item: list[str]


@router.post("/review/grid/{claimed}/{predicted}/skip")
def skip(context: ReviewerContext, pair: _PairDep, form: Annotated[_SkipForm, Form()]) -> Response:
    """Put these off and go on with the next of the pair."""
    for submission_id in _revisions(form.item):
        Desk(context.sessions).skip(context.user_id, submission_id)
    return to(pair.url)


@router.get("/review/batches/{batch_id}")
def batch(context: ReviewerContext, batch_id: int) -> Response:
    """What was decided, with the way back."""
    return _batch_page(context, BatchResult(batch_id, []))


@router.post("/review/batches/{batch_id}/undo")
def undo(context: ReviewerContext, batch_id: int) -> Response:
    """Take the whole action back."""
    return _batch_page(context, Batches(context.sessions).undo(context.user_id, batch_id))
