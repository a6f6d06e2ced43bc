"""What the routes about models share."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from app.db import reading
from app.services.collecting import data_sets
from app.services.promotion import Promotion
from app.services.training.runs import Runs
from app.web.dependencies import SettingsDep
from app.web.model_pages.run_views import RunViews
from app.web.pages import render
from app.web.routes.admin.people import NO_STORE
from app.web.routes.review.shared import Sessions, WordsDep

__all__ = ["PromotionDep", "RunViewsDep", "RunsDep", "Sessions", "SettingsDep", "WordsDep", "model_page"]


def _promotion(sessions: Sessions, settings: SettingsDep) -> Promotion:
    return Promotion(sessions, settings)


PromotionDep = Annotated[Promotion, Depends(_promotion)]


def _runs(request: Request) -> Runs:
    return request.app.state.runs


RunsDep = Annotated[Runs, Depends(_runs)]


def _run_views(words: WordsDep, settings: SettingsDep, sessions: Sessions) -> RunViews:
    with reading(sessions) as session:
        numbers = data_sets.numbers_by_path(session, settings)
    return RunViews(words, timedelta(seconds=settings.job_lost_seconds), numbers)


RunViewsDep = Annotated[RunViews, Depends(_run_views)]


def model_page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page about models; never kept by a browser, because what it says changes."""
    page = render(request, f"admin/models/{template}", status, **context)
    page.headers.update(NO_STORE)
    return page
