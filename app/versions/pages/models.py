"""Every model version, which one serves, and who put it there and why; and the way back to one that served before."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.core.db import reading
from app.core.errors import Conflict, ModelUnavailable
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.review.pages.shared import WordsDep
from app.review.words import Words
from app.versions import model_versions, promotion, watch
from app.versions.pages.alerts import alert_view
from app.versions.pages.shared import PromotionDep
from app.versions.pages.version_views import VersionViews

router = APIRouter(prefix="/admin/models", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    words: WordsDep,
    done: str = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """All versions, and the history of what served."""
    messages = {
        "promoted": words.t("Version switched. All running servers follow within seconds."),
        "rolled_back": words.t("Rolled back. All running servers follow within seconds."),
    }
    return _page(request, sessions, words, before=before, flash=messages.get(done))


def _page(
    request: Request,
    sessions: Sessions,
    words: Words,
    *,
    before: int | None = None,
    flash: str | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    views = VersionViews(words)
    with reading(sessions) as session:
        listed = [views.listed(each) for each in model_versions.everything(session)]
        rows = promotion.history(session, before, promotion.PAGE + 1)
        serving = next((row for row in rows if before is None and row.model_version.active), None)
        return uncached_page(
            request,
            "versions/list.html",
            status,
            serving=[each for each in listed if each.serves],
            others=[each for each in listed if not each.serves],
            several_tasks=len({each.task for each in listed}) > 1,
            history=[views.activation(row) for row in rows[: promotion.PAGE]],
            back_to=serving.replaced if serving else None,
            alerts=[alert_view(row, words.language) for row in watch.open_alerts(session)],
            older=rows[promotion.PAGE - 1].id if len(rows) > promotion.PAGE else None,
            newest=before is not None,
            flash=flash,
            problem=problem,
        )


@router.post("/{version_id}/roll-back")
def roll_back(
    request: Request,
    user: Admin,
    version_id: int,
    sessions: Sessions,
    words: WordsDep,
    promotions: PromotionDep,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Go back to a version that served before. No gate is asked: it was good enough once, and time matters."""
    try:
        promotions.roll_back(version_id, user.user_id, reason)
    except Conflict:
        problem = words.t(
            "Nothing was changed: this version is in service, was never in service, or somebody has just switched versions."
        )
        return _page(request, sessions, words, problem=problem, status=409)
    except ModelUnavailable as error:
        problem = words.t(
            "Nothing was changed: that version can’t be loaded. %(why)s", why=error_message(words.language, error)
        )
        return _page(request, sessions, words, problem=problem, status=409)
    return RedirectResponse("/admin/models?done=rolled_back", 303)


@router.post("/alerts/{alert_id}/seen")
def mark_seen(
    user: Admin, alert_id: int, sessions: Sessions, page: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """The alert is told no more. ``page``: where the button stood."""
    watch.mark_seen(sessions, alert_id, user.user_id)
    return RedirectResponse("/admin/watch" if page == "watch" else "/admin/models", 303)
