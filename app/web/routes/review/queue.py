"""The queue: what waits, narrowed by filters that stand in the address."""

from fastapi import APIRouter, Request, Response

from app.services.review import people, queue
from app.services.review.filters import SavedFilters
from app.web.auth import Reviewer
from app.web.dependencies import ReadSession
from app.web.review.queue_views import QueueViews
from app.web.routes.review.shared import Sessions, WantedDep, WordsDep, desk_page

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
    views = QueueViews(words, people.names(session), user.user_id)
    page = views.page(
        wanted,
        queue.page(session, wanted, user.user_id, after or None),
        queue.counts(session, wanted, user.user_id),
        queue.count(session, wanted, user.user_id),
        SavedFilters(sessions).of(session, user.user_id),
    )
    return desk_page(request, "queue.html", words.language, queue=page)
