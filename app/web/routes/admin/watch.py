"""The version in service week by week, and the alerts about it."""

from fastapi import APIRouter, Request, Response

from app.db import reading
from app.domain.drift import FEWEST
from app.domain.errors import ModelUnavailable
from app.services import promotion, watch
from app.web.auth import Admin
from app.web.dependencies import ClassifiersDep
from app.web.model_pages.alerts import alert_view
from app.web.model_pages.versions import title
from app.web.model_pages.watch import WatchViews
from app.web.routes.admin.models_shared import Sessions, SettingsDep, WordsDep, model_page

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
    return model_page(
        request,
        "watch.html",
        version=version,
        title=title(version) if version else "",
        watch=WatchViews(words, settings, found) if found else None,
        alerts=alerts,
        seen=seen,
        webhook=bool(settings.watch_webhook_url),
        reference=watch.REFERENCE,
        fewest=FEWEST,
    )
