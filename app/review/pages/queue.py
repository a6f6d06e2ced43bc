"""The queue: what waits, narrowed by filters that stand in the address."""

from fastapi import APIRouter, Request, Response

from app.core.web.auth import Reviewer
from app.core.web.dependencies import ReadSession, Sessions
from app.review import queue
from app.review.filters import SavedFilters
from app.review.pages.queue_views import QueueViews
from app.review.pages.shared import WantedDep, WordsDep, desk_page

router = APIRouter(include_in_schema=False)


@router.get("/review")
def show(
    request: Request,
    user: Reviewer,
    session: ReadSession,
    sessions: Sessions,
    words: WordsDep,
    wanted: WantedDep,
    after: str | None = None,
) -> Response:
    """A page of the queue, with counts for every filter."""
    views = QueueViews(words, queue.user_names(session), user.user_id)
    page = views.page(
        wanted,
        queue.page(session, wanted, user.user_id, after or None),
        queue.counts(session, wanted, user.user_id),
        queue.count(session, wanted, user.user_id),
        SavedFilters(sessions).of(session, user.user_id),
    )
    return desk_page(request, "review/queue.html", words.language, queue=page)
