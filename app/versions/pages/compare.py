"""Two versions side by side: on the same photos where a run measured that, else by the figures that each brings."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.pages import uncached_page
from app.predictions.tables import ModelVersion
from app.review.pages.shared import WordsDep
from app.versions import comparisons, model_versions, promotion
from app.versions.pages.comparison_views import Comparison
from app.versions.pages.version_views import title
from app.versions.replays import Replays

router = APIRouter(prefix="/admin/models/compare", include_in_schema=False)
_Number = Annotated[int | None, Query(ge=1, le=2**31)]


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    words: WordsDep,
    a: _Number = None,
    b: _Number = None,
    asked: bool = False,
) -> Response:
    """The comparison of two versions, or the question which."""
    with reading(sessions) as session:
        versions = [each.version for each in model_versions.everything(session)]
        chosen = [promotion.get(session, number) if number is not None else None for number in (a, b)]
        comparison, photos, waiting = None, {}, 0
        one, other = chosen
        if one is not None and other is not None and one.id != other.id:
            found = model_versions.paired(session, one, other)
            here = comparisons.compare(session, one, other)
            comparison = Comparison(words, one, other, found, here)
            photos = model_versions.photos_named(session, found.found.get("differing") if found else None)
            photos |= model_versions.photos_numbered(
                session, [each.photo_id for each in here.differing] if here else []
            )
            waiting = here.unanswered if here else len(comparisons.measuring_photos(session))
    return uncached_page(
        request,
        "versions/compare.html",
        versions=[(version.id, title(version)) for version in versions],
        a=a,
        b=b,
        same=one is not None and other is not None and one.id == other.id,
        comparison=comparison,
        photos=photos,
        waiting=waiting,
        candidate=_candidate(one, other),
        flash=words.t("The photos are being checked. Reload this page later.") if asked else None,
    )


def _candidate(one: ModelVersion | None, other: ModelVersion | None) -> int | None:
    """The number of the one that does not serve, where the other does: it may be let look at photos."""
    if one is None or other is None or one.active == other.active:
        return None
    return other.id if one.active else one.id


@router.post("")
def look(
    request: Request,
    user: Admin,
    sessions: Sessions,
    a: Annotated[int, Form(ge=1, le=2**31)],
    b: Annotated[int, Form(ge=1, le=2**31)],
) -> Response:
    """Let the one that does not serve look at the photos that measure."""
    with reading(sessions) as session:
        candidate = _candidate(promotion.get(session, a), promotion.get(session, b))
    Replays(sessions, request.app.state.send_message).start(candidate or a, user.user_id, only_measuring=True)
    return RedirectResponse(f"/admin/models/compare?a={a}&b={b}&asked=true", 303)
