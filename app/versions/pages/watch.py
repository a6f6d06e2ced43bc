"""The version in service week by week, and the alerts about it."""

from fastapi import APIRouter, Request, Response

from app.core.db import reading
from app.core.errors import ModelUnavailable
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.pages import uncached_page
from app.predictions.dependencies import ClassifiersDep
from app.review.pages.shared import WordsDep
from app.versions import promotion, watch
from app.versions.pages.alerts import alert_view
from app.versions.pages.version_views import title
from app.versions.pages.watch_views import WatchViews
from app.versions.rules import FEWEST

router = APIRouter(prefix="/admin/watch", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    sessions: Sessions,
    words: WordsDep,
    classifiers: ClassifiersDep,
    settings: SettingsDep,
) -> Response:
    """The last weeks, the newest first."""
    try:
        served = classifiers.current()
    except ModelUnavailable:
        served = None
    with reading(sessions) as session:
        version = promotion.get(session, served.id) if served else None
        threshold = served.info.policy.in_scope_threshold if served else 0.0
        found = watch.weeks(session, version, threshold) if version else []
        alerts = [alert_view(row, words.language) for row in watch.open_alerts(session)]
        seen = [alert_view(row, words.language) for row in watch.seen_alerts(session)]
    return uncached_page(
        request,
        "versions/watch.html",
        version=version,
        title=title(version) if version else "",
        watch=WatchViews(words, settings, found) if found else None,
        alerts=alerts,
        seen=seen,
        webhook=bool(settings.watch_webhook_url),
        reference=watch.REFERENCE,
        fewest=FEWEST,
    )
