"""The privacy notice, for everybody; what is kept and for how long, for admins."""

from fastapi import APIRouter, Request, Response

from app.core.db import reading
from app.core.web.auth import Admin
from app.core.web.dependencies import ReadSession, Sessions, SettingsDep, StorageDep
from app.core.web.pages import render, uncached_page
from app.privacy.notice import notice
from app.privacy.retention import Retention, next_run, setting_of
from app.volunteers.dependencies import COOKIE_DAYS

router = APIRouter(include_in_schema=False)


@router.get("/privacy")
def privacy(request: Request, session: ReadSession, settings: SettingsDep) -> Response:
    """Who runs this, what is kept, why, for how long, and what everybody can do about it."""
    return render(
        request,
        "privacy/notice.html",
        notice=notice(session, settings),
        cookie_days=COOKIE_DAYS,
        limits=bool(settings.rate_limit_predict or settings.rate_limit_submissions or settings.rate_limit_writes),
    )


@router.get("/admin/kept")
def kept(request: Request, _user: Admin, sessions: Sessions, settings: SettingsDep, storage: StorageDep) -> Response:
    """Every kind with its period, how much of it is due, and when it is dealt with."""
    kinds = Retention(sessions, storage, settings).plan()
    with reading(sessions) as session:
        following = next_run(session)
    return uncached_page(
        request,
        "privacy/kept.html",
        kinds=kinds,
        next_run=following,
        settings_of={kind.name: setting_of(kind.name) for kind in kinds},
    )
