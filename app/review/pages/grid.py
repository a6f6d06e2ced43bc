"""Look-alike batches: many of one (claimed, predicted) pair, one decision for all but the exceptions, one action to undo it."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from app.core.db import reading, utcnow
from app.core.web.auth import Reviewer
from app.core.web.dependencies import Sessions
from app.review import batches, queue, settings
from app.review.batches import Batches, BatchResult
from app.review.desk import Desk
from app.review.pages.batch_views import BatchViews, refused_tiles
from app.review.pages.forms import read_decision, read_revisions
from app.review.pages.grid_views import GridViews, grid_url, named
from app.review.pages.shared import WordsDep, desk_page, to

router = APIRouter(include_in_schema=False)
SIZE = 24


@router.get("/review/grid")
def pairs(request: Request, _user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """Every pair that waits, the most frequent first."""
    views = GridViews(words)
    with reading(sessions) as session:
        found = [views.pair(pair) for pair in batches.pairs(session)]
    return desk_page(request, "review/grids.html", words.language, pairs=found)


@dataclass(frozen=True)
class _Pair:
    claimed: str
    predicted: str

    @property
    def url(self) -> str:
        return grid_url(self.claimed, self.predicted)


def _pair(claimed: str, predicted: str) -> _Pair:
    return _Pair(named(claimed), named(predicted))


@router.get("/review/grid/{claimed}/{predicted}")
def grid(
    request: Request, claimed: str, predicted: str, user: Reviewer, sessions: Sessions, words: WordsDep
) -> Response:
    """The first of a pair, now on this reviewer's desk."""
    pair = _pair(claimed, predicted)
    items = Batches(sessions).grid(user.user_id, pair.claimed, pair.predicted, SIZE)
    with reading(sessions) as session:
        renew = settings.current(session).lease_minutes * 60 // 3
    view = GridViews(words).grid(pair.claimed, pair.predicted, items)
    return desk_page(request, "review/grid.html", words.language, grid=view, renew_seconds=renew)


@router.post("/review/grid/{claimed}/{predicted}")
def decide(
    request: Request,
    claimed: str,
    predicted: str,
    user: Reviewer,
    sessions: Sessions,
    words: WordsDep,
    item: Annotated[list[str], Form()],
    decision: Annotated[str, Form()],
    exceptions: Annotated[list[int] | None, Form(alias="except")] = None,
    status_code: Annotated[str, Form()] = "",
    opened: Annotated[int, Form()] = 0,
) -> Response:
    """One answer for all but the exceptions."""
    wanted = read_decision(words, decision, "", status_code, seconds=time.time() - opened if opened else None)
    result = Batches(sessions).decide(user.user_id, read_revisions(item), set(exceptions or []), wanted)
    if result.batch_id is None and not result.items:
        return to(_pair(claimed, predicted).url)
    return _told(request, sessions, words, user.user_id, _pair(claimed, predicted), result)


def _told(
    request: Request, sessions: Sessions, words: WordsDep, user_id: int, pair: _Pair, result: BatchResult
) -> Response:
    refused = {item.submission_id: item for item in result.items if item.outcome is None}
    if result.batch_id is not None and not refused:
        return to(f"/review/batches/{result.batch_id}")
    views = BatchViews(words)
    with reading(sessions) as session:
        rows = queue.items_of(session, list(refused), user_id, utcnow())
        lines = refused_tiles(words, rows, refused)
        if result.batch_id is None:
            view = views.nothing_kept(pair.url, lines)
        else:
            view = views.batch(batches.read(session, user_id, result.batch_id), lines)
    return desk_page(request, "review/batch.html", words.language, batch=view)


@router.post("/review/grid/{claimed}/{predicted}/skip")
def skip(
    claimed: str, predicted: str, user: Reviewer, sessions: Sessions, item: Annotated[list[str], Form()]
) -> Response:
    """Put these off and go on with the next of the pair."""
    for number in read_revisions(item):
        Desk(sessions).skip(user.user_id, number)
    return to(_pair(claimed, predicted).url)


@router.get("/review/batches/{batch_id}")
def batch(request: Request, batch_id: int, user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """What was decided, with the way back."""
    with reading(sessions) as session:
        view = BatchViews(words).batch(batches.read(session, user.user_id, batch_id), [])
    return desk_page(request, "review/batch.html", words.language, batch=view)


@router.post("/review/batches/{batch_id}/undo")
def undo(request: Request, batch_id: int, user: Reviewer, sessions: Sessions, words: WordsDep) -> Response:
    """Take the whole action back."""
    result = Batches(sessions).undo(user.user_id, batch_id)
    kept = {item.submission_id: item for item in result.items if item.outcome is None}
    with reading(sessions) as session:
        rows = queue.items_of(session, list(kept), user.user_id, utcnow())
        record = batches.read(session, user.user_id, batch_id)
        view = BatchViews(words).batch(record, refused_tiles(words, rows, kept))
    return desk_page(request, "review/batch.html", words.language, batch=view)
